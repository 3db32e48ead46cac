"""The fault table: which misfortunes are scripted, and whether one of them strikes an event; pure, and alike for the same seed.

Whether a fault strikes its n-th matching event is drawn from a hash of (seed, fault id, n), so neither the other faults nor the wall
clock change it. Ids count up (`f1`, `f2`, …). Where a fault acts: frames by topic prefix, replies by path prefix, listings by symbol.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

import msgspec

from modules.simulator.filters import STATUSES
from modules.simulator.order_types import Now

Kind = Literal[
    "drop", "delay", "duplicate", "reorder", "cut", "lose_reply", "http_status", "clock_skew", "lose_fill", "price_gap", "liquidate", "adl",
    "half_open", "filters", "maintenance",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)
FRAME_KINDS = frozenset({"drop", "delay", "duplicate", "reorder", "cut"})
"""What can happen to a frame of a stream."""
REPLY_KINDS = frozenset({"drop", "delay", "duplicate", "reorder", "cut", "lose_reply", "http_status"})
"""What can happen to a request and its reply."""
SCRIPTED = frozenset({"price_gap", "liquidate", "adl", "filters"})
"""Done once, at an instant."""
STANDING = frozenset({"clock_skew", "maintenance"})
"""A state of the venue until it is over or taken back."""
AFTER = "after"
"""`value` of an http_status: the request took effect all the same."""
HIDE = "visibility"
"""`value` of a delay on order/create: the reply is prompt, the order is seen only `ms` later."""
FILTER_NAMES = ("tickSize", "qtyStep", "minOrderQty", "maxOrderQty", "minNotionalValue")
STATUS = "status"
"""Beside the filters: what may be done with the instrument."""
EVERYBODYS = frozenset({"clock_skew", "price_gap", "filters"})
"""Cannot happen to one account alone."""
KEEP_SPENT = 500


class FaultError(ValueError):
    """A fault that makes no sense; the text says what is allowed."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scripted misfortune, as it is posted.

    match: prefix of a topic (`kline.5.`, `execution`), of a path (`/v5/order`, `POST /v5/order`) or, for scripted kinds, of
    `category:SYMBOL`; empty = any. account: only what is this account's (in the table always a uid); empty = everybody's and nobody's.
    count: how often it strikes, 0 = without limit. ms: how long (delay, reorder, maintenance) or how far (clock_skew), wall time.
    status: of http_status (value `after`: the request takes effect first). value: fraction of a price_gap (-0.05 = five percent down),
    quantity of an adl, new filters or a new status, or `visibility` for a delay. at_ts: venue time before which it sleeps.
    """

    kind: Kind
    match: str = ""
    symbol: str = ""
    account: str = ""
    count: int = 1
    probability: float = 1.0
    ms: int = 0
    status: int = 0
    value: Any = None
    at_ts: int | None = None


class Entry(msgspec.Struct, kw_only=True):
    """A fault in the table, with what became of it."""

    id: str
    fault: Fault
    seen: int = 0
    """Events that matched."""
    hits: int = 0
    """Events that it struck."""
    began_wall: int | None = None
    """Of a standing fault: when it came into force."""

    @property
    def spent(self) -> bool:
        """Whether it will not strike again."""
        return self.fault.kind not in STANDING and 0 < self.fault.count <= self.hits


def parse(raw: Any) -> Fault:
    """A fault from decoded JSON; FaultError names what is wrong and what is allowed."""
    if not isinstance(raw, dict):
        raise FaultError("a fault is an object with the fields " + ", ".join(Fault.__struct_fields__))
    if unknown := [name for name in raw if name not in Fault.__struct_fields__]:
        raise FaultError(f"unknown field {', '.join(map(str, unknown))}; there are {', '.join(Fault.__struct_fields__)}")
    if raw.get("kind") not in KINDS:
        raise FaultError(f"kind: {raw.get('kind')!r} is none of {', '.join(KINDS)}")
    try:
        fault = msgspec.convert(raw, Fault)
    except msgspec.ValidationError as error:
        raise FaultError(str(error)) from error
    if wrong := _wrong(fault):
        raise FaultError(f"{fault.kind}: {wrong}")
    return fault


def _wrong(fault: Fault) -> str:
    """What is wrong with the figures of a fault; empty when nothing is."""
    kind, value = fault.kind, fault.value
    if not 0 <= fault.probability <= 1:
        return "probability must be from 0 to 1"
    if fault.count < 0:
        return "count must be 0 (no limit) or more"
    if fault.ms < 0 and kind != "clock_skew":
        return "ms must be 0 or more"
    if kind == "delay" and (fault.ms == 0 or value not in (None, HIDE)):
        return f"ms must be above 0, value empty or {HIDE!r}"
    if kind == "http_status" and not 400 <= fault.status <= 599:
        return "status must be from 400 to 599"
    if kind == "http_status" and value not in (None, AFTER):
        return f"value must be empty or {AFTER!r} (the request takes effect all the same)"
    if kind == "clock_skew" and fault.ms == 0:
        return "ms says how far the venue's clock is off; 0 is not"
    if kind in {"price_gap", "liquidate", "adl", "filters"} and not fault.symbol:
        return "symbol is needed"
    if kind == "price_gap" and not (isinstance(value, int | float) and not isinstance(value, bool) and -1 < value < 10 and value):
        return "value must be a fraction between -1 and 10, not 0 (-0.05 = five percent down)"
    if kind == "adl" and not _is_quantity(value):
        return "value must be a quantity above 0, or empty for all"
    if kind in EVERYBODYS and fault.account:
        return "account: this happens to all of them"
    if kind == "filters":
        if not isinstance(value, dict) or not value or any(name not in (*FILTER_NAMES, STATUS) for name in value):
            return f"value must be an object with some of {', '.join(FILTER_NAMES)}, {STATUS}"
        if value.get(STATUS, STATUSES[0]) not in STATUSES:
            return f"{STATUS} must be one of {', '.join(STATUSES)}"
        if not all(one is not None and _is_quantity(one) for name, one in value.items() if name != STATUS):
            return "filters must be decimal numbers above 0"
    return ""


def _fits(fault: Fault, where: str, account: str, method: str) -> bool:
    """Whether a fault is about this place and this account."""
    here = where.startswith(fault.match) or (bool(method) and f"{method} {where}".startswith(fault.match))
    return here and fault.account in {"", account}


def _is_quantity(value: Any) -> bool:
    if value is None:
        return True
    try:
        return math.isfinite(float(value)) and float(value) > 0 and not isinstance(value, bool)
    except (TypeError, ValueError):
        return False


class FaultTable:
    """All faults of one venue. `frames`, `fills`, `sockets` and `replies` say whether anything at all could strike there."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._entries: dict[str, Entry] = {}
        self._count = 0
        self.frames = self.fills = self.sockets = self.replies = False
        self.on_hit: Callable[[Entry], None] = lambda _: None
        """Told of each strike, before it is done."""
        self.on_change: Callable[[], None] = lambda: None
        """Told when `frames`, `fills`, `sockets` or `replies` may have changed."""

    def add(self, fault: Fault, fault_id: str | None = None) -> str:
        """Take a fault in and return its id. One with a given id that is already there is left as it is."""
        if fault_id is None:
            self._count += 1
            fault_id = f"f{self._count}"
        if fault_id not in self._entries:
            self._entries[fault_id] = Entry(id=fault_id, fault=fault)
            spent = [one.id for one in self._entries.values() if one.spent]
            for old in spent[: max(0, len(spent) - KEEP_SPENT)]:
                del self._entries[old]
        self._look()
        return fault_id

    def remove(self, fault_id: str) -> bool:
        """Take a fault back; False when it is not there."""
        gone = self._entries.pop(fault_id, None)
        self._look()
        return gone is not None

    def rows(self) -> list[dict[str, Any]]:
        """Everything in the table, as the control API shows it."""
        return [
            {"id": one.id} | msgspec.to_builtins(one.fault) | {"seen": one.seen, "hits": one.hits, "spent": one.spent}
            for one in self._entries.values()
        ]

    def strike(
        self, kinds: Iterable[str], where: str, symbols: str, now: Now, *, named: bool = False, account: str = "", method: str = ""
    ) -> Entry | None:
        """The first fault of these kinds that strikes this event, with the hit counted.

        `where`: topic or path, with the `method` of a request; `symbols`: text in which the symbol of a fault must occur (a topic, a
        query, a body); `named`: only faults that say where they strike; `account`: whose it is, "" = nobody's.
        """
        for one in self._entries.values():
            fault = one.fault
            if (
                fault.kind in kinds
                and _fits(fault, where, account, method)
                and (fault.match or not named)
                and not one.spent
                and (fault.at_ts is None or fault.at_ts <= now.ts)
                and (not fault.symbol or fault.symbol in symbols)
                and self._draws(one)
            ):
                one.hits += 1
                self.on_hit(one)
                if one.spent:
                    self._look()
                return one
        return None

    def standing(
        self, kind: Literal["clock_skew", "maintenance"], where: str, now: Now, *, account: str = "", method: str = ""
    ) -> Entry | None:
        """The standing fault of this kind that strikes here; it begins when it is first asked for after its time."""
        for one in self._entries.values():
            fault = one.fault
            if fault.kind != kind or (fault.at_ts is not None and fault.at_ts > now.ts) or not _fits(fault, where, account, method):
                continue
            if one.began_wall is None:
                one.began_wall = now.wall
            if kind == "maintenance" and 0 < fault.ms <= now.wall - one.began_wall:
                continue
            if not self._draws(one):
                continue
            one.hits += 1
            if fault.probability < 1:
                self.on_hit(one)  # where the draws stand must be known after a restart
            return one
        return None

    def skew_ms(self, now: Now) -> int:
        """How far the venue's API clock is ahead of the wall."""
        found = self.standing("clock_skew", "/v5", now) if self.replies else None
        return found.fault.ms if found is not None else 0

    def next_ts(self, after_ms: int) -> int | None:
        """The earliest instant after this one at which a scripted fault is due."""
        waiting = [at for one in self._scripted() if (at := one.fault.at_ts) is not None and at > after_ms]
        return min(waiting, default=None)

    def due(self, now_ms: int) -> list[Entry]:
        """Scripted faults whose time has come, hits counted; each is done once, at the chance that it has."""
        found = [one for one in self._scripted() if (one.fault.at_ts or 0) <= now_ms]
        struck = []
        for one in found:
            hit = self._draws(one)
            one.hits = max(1, one.fault.count)
            self.on_hit(one)
            if hit:
                struck.append(one)
        return struck

    def restore(self, id: str, seen: int, hits: int) -> None:  # noqa: A002  the name in the journal
        """Take up what a fault has done (nothing when it is not there)."""
        if (one := self._entries.get(id)) is not None:
            one.seen, one.hits = seen, hits
            self._look()

    def state(self) -> dict[str, Any]:
        """What must survive a restart, JSON-able."""
        return {"count": self._count, "entries": msgspec.to_builtins(list(self._entries.values()))}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a stored state."""
        self._count = state["count"]
        self._entries = {one.id: one for one in msgspec.convert(state["entries"], list[Entry])}
        self._look()

    def _scripted(self) -> list[Entry]:
        return [one for one in self._entries.values() if one.fault.kind in SCRIPTED and not one.hits]

    def _draws(self, one: Entry) -> bool:
        """Whether the fault strikes its next matching event."""
        one.seen += 1
        if one.fault.probability >= 1:
            return True
        digest = hashlib.sha256(f"{self._seed}:{one.id}:{one.seen}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64 < one.fault.probability

    def _look(self) -> None:
        alive = [one.fault for one in self._entries.values() if not one.spent]
        self.frames = any(one.kind in FRAME_KINDS for one in alive)
        self.fills = any(one.kind == "lose_fill" for one in alive)
        self.sockets = any(one.kind == "half_open" for one in alive)
        self.replies = any(one.kind in REPLY_KINDS | STANDING for one in alive)
        self.on_change()
