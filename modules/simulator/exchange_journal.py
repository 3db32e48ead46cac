"""How the exchange survives its own death: a snapshot now and then, and every command since, written before it is answered.

Market points are not written: they are a function of the market, and `ExchangeFeed.replay` makes them again between the commands.
A line is handed to the system before the command runs, so what a client was told is never lost to a kill (to a power cut it may be).
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from modules.simulator.exchange import Exchange
from modules.simulator.filters import Listing
from modules.simulator.keyring import Holder, Rights
from modules.simulator.order_types import Now
from utils.errors import Refusal
from utils.files import atomic_write

SCHEMA = 1
NAME = "exchange.json"
COMMANDS = (
    "open_account", "transfer", "create_order", "amend_order", "cancel_order", "cancel_all", "set_leverage", "switch_mode",
    "set_margin_mode", "trading_stop", "script_adl", "script_liquidation", "change_filters",
)  # fmt: skip
"""Methods of Exchange that change it by somebody's will."""
Note = Callable[[str, dict[str, Any]], None]


class Line(msgspec.Struct):
    """One line of the journal: at venue time `ts` this was done with these arguments."""

    do: str
    ts: int
    given: dict[str, Any]
    wall: int = 0
    """By the wall clock; 0 in the journal of an older simulator."""


class Gap(msgspec.Struct, frozen=True):
    """A price gap that was scripted: from `ts` on, the prices of a series are `factor` times what they would have been."""

    key: str
    ts: int
    factor: float


class Snapshot(msgspec.Struct, kw_only=True):
    """The exchange and what was done to its market, at venue time `ts`."""

    schema: int = SCHEMA
    number: int
    """The journal that goes on from here is `exchange-NUMBER.log`."""
    ts: int
    uid: str
    api_key: str
    api_secret: str
    balance: str
    exchange: dict[str, Any]
    gaps: list[Gap] = msgspec.field(default_factory=list)
    listings: list[Listing] = msgspec.field(default_factory=list)
    """Those whose filters or status were changed."""
    faults: dict[str, Any] = msgspec.field(default_factory=dict)
    perp: Holder | None = None
    """The second account; None in the state of an older simulator, which had one."""
    wall: int = 0
    """By the wall clock; 0 in an older one."""
    rights: dict[str, Rights] = msgspec.field(default_factory=dict)
    """What was changed about keys, by key."""

    def holders(self) -> list[Holder]:
        """The accounts in it."""
        first = Holder(uid=self.uid, api_key=self.api_key, api_secret=self.api_secret, balance=self.balance)
        return [first] if self.perp is None else [first, self.perp]


class JournalledExchange(Exchange):
    """An exchange that says what it is about to do. `note` is called before each command, None = silently (while repeating)."""

    note: Note | None = None


def _journalled(name: str) -> Callable[..., Any]:
    plain = getattr(Exchange, name)
    signature = inspect.signature(plain)

    def command(self: JournalledExchange, *args: Any, **kwargs: Any) -> Any:
        if self.note is not None:
            given = signature.bind(self, *args, **kwargs).arguments
            self.note(name, {key: value for key, value in given.items() if key != "self"})
        return plain(self, *args, **kwargs)

    command.__doc__ = plain.__doc__
    return command


for _name in COMMANDS:
    setattr(JournalledExchange, _name, _journalled(_name))
_HINTS: dict[str, dict[str, Any]] = {name: get_type_hints(getattr(Exchange, name)) for name in COMMANDS}


def repeat(exchange: JournalledExchange, line: Line) -> None:
    """Do a journalled command again, silently."""
    hints = _HINTS[line.do]
    given = {name: msgspec.convert(value, hints[name]) for name, value in line.given.items()}
    note, exchange.note = exchange.note, None
    try:
        getattr(exchange, line.do)(**given)
    finally:
        exchange.note = note


class ExchangeStore:
    """The two files of a venue folder; one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._log: int | None = None
        self.lines = 0
        """In the current journal."""

    def load(self) -> tuple[Snapshot, list[Line]] | None:
        """The snapshot and what came after it; None in an empty folder. Refusal when it is damaged or not ours (it is left as it is).

        A torn last line was never answered and is forgotten.
        """
        file = self._folder / NAME
        try:
            snapshot = msgspec.json.decode(file.read_bytes(), type=Snapshot)
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, OSError) as error:
            raise Refusal(f"{file} cannot be read as the state of a simulator: {error}") from error
        if snapshot.schema != SCHEMA:
            raise Refusal(f"{file} has schema {snapshot.schema}, this program reads {SCHEMA}")
        self._number = snapshot.number
        log = self._journal(snapshot.number)
        content = log.read_bytes() if log.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        try:
            return snapshot, [msgspec.json.decode(one, type=Line) for one in whole.splitlines()]
        except msgspec.MsgspecError as error:
            raise Refusal(f"{log} cannot be read as the journal of a simulator: {error}") from error

    def save(self, snapshot: Snapshot, *, durable: bool = True) -> None:
        """Write a snapshot and begin a new journal; Refusal when the folder cannot be written. `durable` also waits for the disk."""
        old, self._number = self._number, self._number + 1
        snapshot.number = self._number
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _replace(self._folder / NAME, msgspec.json.encode(snapshot), durable=durable)
            self.close()
            self._log = os.open(self._journal(self._number), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            self._journal(old).unlink(missing_ok=True)
        except OSError as error:
            raise Refusal(f"the state folder {self._folder} cannot be written: {error}") from error
        self.lines = 0

    def write(self, line: Line) -> None:
        """Append a line; it is with the system when this returns. Refusal when it cannot be written."""
        if self._log is None:
            return
        try:
            os.write(self._log, msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise Refusal(f"the state folder {self._folder} cannot be written: {error}") from error
        self.lines += 1

    def close(self) -> None:
        """Close the journal."""
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _journal(self, number: int) -> Path:
        return self._folder / f"exchange-{number}.log"


def _replace(file: Path, content: bytes, *, durable: bool) -> None:
    if durable:
        atomic_write(file, content, mode=0o600)
        return
    draft = file.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    draft.replace(file)


def at(now: Callable[[], Now], store: ExchangeStore) -> Note:
    """A note-taker for this store: the instant is the venue's own."""

    def note(name: str, given: dict[str, Any]) -> None:
        instant = now()
        store.write(Line(name, instant.ts, given, instant.wall))

    return note
