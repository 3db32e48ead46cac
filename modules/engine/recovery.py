"""Start-up is recovery: the newest snapshot, the journal after it, the ledger brought up to both. A first start is the empty case.

Replaying applies each journalled event to the restored engine and compares its commands, byte for byte, with those recorded: a
difference means that the program changed what it decides, which is said and then lived with (what was done was done).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from modules.engine.adopt import adopt
from modules.engine.core import Engine
from modules.engine.mandate import Mandate, StrategyCard
from modules.engine.migrations import schema
from modules.engine.policies import Policies
from modules.timeframes import BY_DAYS, TimeframeMap, map_of
from state.accounts import Account, Domain
from state.books import ACCT, INST, LIMITS, POS, RULES, natural
from state.chain import Chain
from state.ledger import Ledger, Ref, RowKind
from state.messages import Command, Record, decode_commands, decode_event, encode_commands
from state.observed import OBSERVED, new_observed
from state.rows import MARKET, PARAMS
from state.runtime import BLOBS, freeze, thaw
from state.store import Blob, Snapshot
from strategy.sentiment import SentimentRule
from telemetry.demotion import CanaryConfig, DemotionConfig
from telemetry.gate_config import GateConfig
from utils.errors import ExitCode, Refusal

LAYOUTS: dict[str, Any] = {
    "market": MARKET,
    "observed": OBSERVED,
    "pos": POS,
    "inst": INST,
    "acct": ACCT,
    "spreads": np.dtype(np.int64),
    "spread_n": np.dtype(np.int64),
    "demo_ts": np.dtype(np.int64),
    "rules": RULES,
    "limits": LIMITS,
    "params": PARAMS,
}
"""Every array of a snapshot with its row type."""
ADDED = frozenset({"observed"})
"""Those that snapshots of older versions lack: they start empty and fill with the bars that come."""


class _Terms(msgspec.Struct, kw_only=True):
    """What the engine was told, beside its tables: replaying must decide under the terms of then, not of today."""

    strategies: tuple[StrategyCard, ...]
    allowed: dict[str, list[int]]
    closing_only: list[str] = []
    lives: dict[str, list[int]] = {}
    explores: dict[str, list[int]] = {}
    explore_own: bool = False
    explore_slider: float = 0.10
    explore_seed: str = "1"
    sentiment: SentimentRule = SentimentRule()
    env: str = "simulated"
    gate: dict[str, Any] = {}
    canary: dict[str, Any] = {}
    demotion: dict[str, Any] = {}
    procedures: dict[str, str] = {}
    feed_of: dict[str, str]
    quotes: bool
    max_spread_ratio: float
    demo_every_ms: int
    demo_min_multiple: float
    demo_fraction: float
    option_demo_fraction: float = 0.10
    option_frames: TimeframeMap = map_of(BY_DAYS)


class _Stored(msgspec.Struct, kw_only=True):
    runtime: msgspec.Raw
    terms: _Terms
    ledger_rows: int = 0
    """How many rows the ledger had: fewer at a start means that some were lost."""


def snapshot_of(engine: Engine, seq: int, ledger_rows: int = 0) -> Snapshot:
    """The engine after journal entry `seq` and its `ledger_rows`, ready to be stored (arrays are copied: the engine goes on)."""
    readable, arrays = freeze(engine.state)
    mandate = engine.mandate
    terms = _Terms(
        strategies=mandate.strategies,
        allowed={str(account): sorted(indices) for account, indices in mandate.allowed.items()},
        closing_only=sorted(mandate.closing_only),
        lives={str(domain): sorted(indices) for domain, indices in mandate.lives.items()},
        explores={str(account): sorted(indices) for account, indices in mandate.explores.items()},
        explore_own=mandate.explore_own,
        explore_slider=mandate.explore_slider,
        explore_seed=mandate.explore_seed,
        sentiment=mandate.sentiment,
        env=mandate.env,
        gate=mandate.gate.model_dump(mode="json"),
        canary=mandate.canary.model_dump(mode="json"),
        demotion=mandate.demotion.model_dump(mode="json"),
        procedures=mandate.procedures,
        feed_of=mandate.feed_of,
        quotes=mandate.quotes,
        max_spread_ratio=mandate.max_spread_ratio,
        demo_every_ms=mandate.demo_every_ms,
        demo_min_multiple=mandate.demo_min_multiple,
        demo_fraction=mandate.demo_fraction,
        option_demo_fraction=mandate.option_demo_fraction,
        option_frames=mandate.option_frames,
    )
    arrays |= {"rules": mandate.rules, "limits": mandate.limits, "params": mandate.params}
    blobs = {name: Blob(layout(array), array.tobytes()) for name, array in arrays.items()}
    stored = msgspec.json.encode(_Stored(runtime=msgspec.Raw(readable), terms=terms, ledger_rows=ledger_rows))
    return Snapshot(schema=schema(), seq=seq, ts=engine.state.ts, state=msgspec.Raw(stored), blobs=blobs)


def layout(array: Any) -> str:
    """Shape and type of an array as text; a reader with other rows can tell."""
    return f"{array.shape}|{np.lib.format.dtype_to_descr(array.dtype)}"


def restore(snapshot: Snapshot, policies: Policies | None = None) -> Engine:
    """The engine of a snapshot, under the terms it had; `policies`: where its policies are loaded from.

    Refusal (NO_STATE_CHAIN) when its rows have another layout than this program's and no migration exists.
    """
    arrays: dict[str, Any] = {}
    for name, dtype in LAYOUTS.items():
        blob = snapshot.blobs.get(name)
        if blob is None and name in ADDED:
            continue
        if blob is None:
            raise _foreign(f"rows '{name}'")
        arrays[name] = _adopted(name, blob, dtype)
    arrays["pos"]["paid"][arrays["inst"]["spot"] == 0] = 0
    arrays.setdefault("observed", new_observed(len(arrays["market"])))
    blobs = {name: arrays.pop(name) for name in BLOBS}
    try:
        stored = msgspec.json.decode(bytes(snapshot.state), type=_Stored)
        state = thaw(bytes(stored.runtime), blobs)
    except msgspec.DecodeError as error:  # checked by its sum, so it is whole: another version wrote it
        raise _foreign(f"state ({error})") from error
    terms = stored.terms
    mandate = Mandate(
        rules=arrays.pop("rules"),
        limits=arrays.pop("limits"),
        params=arrays.pop("params"),
        policies=policies or Policies(),
        strategies=terms.strategies,
        allowed={Account.parse(account): frozenset(indices) for account, indices in terms.allowed.items()},
        closing_only=frozenset(terms.closing_only),
        lives={Domain(domain): frozenset(indices) for domain, indices in terms.lives.items()},
        explores={Account.parse(account): frozenset(indices) for account, indices in terms.explores.items()},
        explore_own=terms.explore_own,
        explore_slider=terms.explore_slider,
        explore_seed=terms.explore_seed,
        sentiment=terms.sentiment,
        env=terms.env,
        gate=GateConfig.model_validate(terms.gate),
        canary=CanaryConfig.model_validate(terms.canary),
        demotion=DemotionConfig.model_validate(terms.demotion),
        procedures=terms.procedures,
        feed_of=terms.feed_of,
        quotes=terms.quotes,
        max_spread_ratio=terms.max_spread_ratio,
        demo_every_ms=terms.demo_every_ms,
        demo_min_multiple=terms.demo_min_multiple,
        demo_fraction=terms.demo_fraction,
        option_demo_fraction=terms.option_demo_fraction,
        option_frames=terms.option_frames,
    )
    return Engine(state, mandate)


def _adopted(name: str, blob: Blob, dtype: np.dtype[Any]) -> Any:
    """The stored rows in today's layout: fields that are new since then start neutral; a field that is gone or changed is refused."""
    shape_text, _, found = blob.dtype.partition("|")
    shape = tuple(int(size) for size in shape_text.strip("()").split(",") if size.strip())
    if found == str(np.lib.format.dtype_to_descr(dtype)):
        return np.frombuffer(blob.data, dtype=dtype).reshape(shape).copy()
    try:
        then = np.lib.format.descr_to_dtype(ast.literal_eval(found))
    except (SyntaxError, ValueError, TypeError):
        raise _foreign(f"rows '{name}'") from None
    known: Mapping[str, Any] = dtype.fields or {}
    if not then.fields or not all(field in known and _grew(kind[0], known[field][0]) for field, kind in then.fields.items()):
        raise _foreign(f"rows '{name}'")
    stored = np.frombuffer(blob.data, dtype=then).reshape(shape)
    rows = natural(np.zeros(shape, dtype))
    for field, kind in then.fields.items():
        if kind[0] == known[field][0]:
            rows[field] = stored[field]
        else:
            rows[field][..., : kind[0].shape[0]] = stored[field]
    if "market" in known and "market" not in then.fields:
        rows["market"] = np.arange(len(rows))  # before there were seats every instrument had one account
    if "bought" in known and "bought" not in then.fields:
        # while nothing was converted, what was bought is what was sold less what that gained, and what is still held
        rows["bought"] = rows["value"] + rows["exit_value"] - rows["side"] * rows["realised"]
    if "paid" in known and "paid" not in then.fields:
        rows["paid"] = rows["value"]  # spot was in the account's own currency until then
    return rows


def _grew(then: np.dtype[Any], now: np.dtype[Any]) -> bool:
    """Whether a field of type `then` fits into one of type `now`: the same, or a longer table of the same things."""
    if then == now:
        return True
    return len(then.shape) == 1 == len(now.shape) and then.base == now.base and then.shape[0] < now.shape[0]


def _foreign(what: str) -> Refusal:
    return Refusal(
        f"the stored {what} have another layout than this version of the program; go back to that version, or start anew "
        "with another --state-dir",
        ExitCode.NO_STATE_CHAIN,
    )


def ledger_rows(snapshot: Snapshot) -> int:
    """How many rows the ledger had when `snapshot` was taken; 0 when it does not know."""
    return msgspec.json.decode(bytes(snapshot.state), type=_Stored).ledger_rows


LOST_INDEX = 1 << 30
"""Place of the row that tells of lost ones: after every row of its journal entry."""


def mend(chain: Chain, snapshot: Snapshot, ts: int) -> str:
    """What the ledger lost before `snapshot`, written again from the journal as far back as that goes; what is gone for good, in words.

    Rows that are gone are told of by a row of their own, at `ts`, so that no sample of evidence that began before is ever judged as if
    it were whole. Empty when nothing is missing. It may be done again: a ledger that is whole is left alone.
    """
    known = ledger_rows(snapshot)
    if chain.ledger.count >= known:
        return ""
    for seq, _, commands in chain.journal.entries(max(0, chain.ledger.last_ref.seq - 1)):
        if seq <= snapshot.seq:
            write_rows(chain.ledger, seq, decode_commands(commands))
    missing = known - chain.ledger.count
    if missing <= 0:
        return ""
    text = f"{missing} of {known} rows of the ledger were lost; samples of evidence that began before that are not judged any more"
    row = {"what": "damage", "ts": ts, "text": text}
    chain.ledger.append(RowKind.VERDICT, Ref(snapshot.seq, LOST_INDEX), msgspec.json.encode(row))
    chain.ledger.sync()
    return text


def write_rows(ledger: Ledger, seq: int, commands: list[Command]) -> int:
    """Append the ledger rows among `commands` of journal entry `seq`; returns how many were new."""
    new = 0
    for index, command in enumerate(commands):
        if isinstance(command, Record):
            new += ledger.append(RowKind(command.kind), Ref(seq, index), msgspec.json.encode(command.row))
    return new


class Replayed(msgspec.Struct, frozen=True):
    """What replaying the journal tail did."""

    events: int
    rows: int
    differing: int
    """Events whose commands now would be others than those recorded."""


def replay_tail(engine: Engine, chain: Chain, after_seq: int) -> Replayed:
    """Bring the engine from its snapshot to the end of the journal, and the ledger with it.

    The ledger gets the rows that were recorded, not those a changed program would write.
    """
    events = rows = differing = 0
    for seq, event, commands in chain.journal.entries(after_seq):
        ours, recorded = engine.process(decode_event(event)), decode_commands(commands)
        if encode_commands(ours) != commands:
            differing += 1
            adopt(engine, ours, recorded)
        rows += write_rows(chain.ledger, seq, recorded)
        events += 1
    return Replayed(events, rows, differing)
