"""Why did it do that: decisions of long ago, and the chain of one of them, from the journal on disk, a bounded part at a time.

event -> decision -> refusal, or order -> fills -> the trade's end. Runs in a process of its own (`modules/ui/beside.py`): a question and
an answer are one JSON or msgpack message each, nothing on disk is changed, and the daemon may be writing meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from modules.ui.recent import BARS, LATEST, PER_KEY, Told, key_of, tell
from state.instruments import Instrument
from state.intents import Intent
from state.journal import NAME
from state.messages import (
    BarsClosed,
    Command,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Place,
    Protect,
    Record,
    StopFilled,
    Tick,
    decode_commands,
    decode_event,
)
from utils.fixed import plain
from utils.linescan import good_lines, segment_names

MOST_BYTES = 64 << 20
"""Of the journal, read for one question; the answer says where to go on."""
MOST_STEPS = 200
"""Of one chain."""
AHEAD = 400_000
"""Entries looked through for what became of a decision."""
KINDS = {"refused": "refusal", "entered": "order", "order": "order", "fill": "fill", "stop": "stop", "closed": "end"}
"""What is told -> which link of a chain it is; everything else is a decision."""
PLACED = b'"t":"place"'
"""What stands in an entry that led to an entry order."""
QUIET = b'"c":[]}'
"""How an entry ends that led to nothing."""


class PageAsk(msgspec.Struct, frozen=True, kw_only=True):
    """A page of decisions, newest first: those before entry `before` (0: the newest there are), of an instrument, an account, a kind."""

    folder: str
    """Of the environment's state."""
    instruments: tuple[Instrument, ...]
    before: int = 0
    n: int = 50
    key: str = ""
    account: str = ""
    what: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """`before` goes on where this page ends; 0 when the journal does."""

    told: tuple[Told, ...]
    before: int


class ChainAsk(msgspec.Struct, frozen=True, kw_only=True):
    """What led to, and came of, journal entry `seq` for an instrument."""

    folder: str
    instruments: tuple[Instrument, ...]
    seq: int
    key: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One link: `kind` is event, decision, refusal, order, fill, stop or end."""

    seq: int
    ts: int
    kind: str
    text: str


class Lately(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the journal: decisions oldest first, and by instrument int64 rows of bars as `Recent` has them (regimes unknown)."""

    told: tuple[Told, ...]
    bars: dict[str, bytes]


class LatelyAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the journal, up to entry `until` (0: all there is)."""

    folder: str
    instruments: tuple[Instrument, ...]
    until: int = 0


class _Line(msgspec.Struct, frozen=True):
    n: int
    e: msgspec.Raw
    c: msgspec.Raw


_line = msgspec.json.Decoder(_Line).decode


def page(given: bytes) -> bytes:
    """A Page (JSON) for a PageAsk (JSON)."""
    ask = msgspec.json.decode(given, type=PageAsk)
    known = {one.key: one for one in ask.instruments}
    found: list[Told] = []
    last = ask.before
    for seq, payload in backwards(Path(ask.folder) / NAME, ask.before):
        last = seq
        found += [one for one in reversed(_read(seq, payload, known)) if _fits(ask, one)]
        if len(found) >= ask.n:
            break
    else:
        last = last if _older(Path(ask.folder) / NAME, last) else 0
    return msgspec.json.encode(Page(told=tuple(found), before=last))


def _fits(ask: PageAsk, told: Told) -> bool:
    return ask.key in {"", told.key} and ask.account in {"", told.account} and ask.what in {"", told.what}


def chain(given: bytes) -> bytes:
    """The Steps (JSON list) for a ChainAsk (JSON), empty when the journal no longer has the entry."""
    ask = msgspec.json.decode(given, type=ChainAsk)
    return msgspec.json.encode(steps_of(ask))


def lately(given: bytes) -> bytes:
    """The Lately (msgpack) for a LatelyAsk (JSON)."""
    ask = msgspec.json.decode(given, type=LatelyAsk)
    known = {one.key: one for one in ask.instruments}
    told: list[Told] = []
    counts: dict[str, int] = {}
    rows: dict[str, list[tuple[int, ...]]] = {key: [] for key in known}
    for seq, payload in backwards(Path(ask.folder) / NAME, ask.until + 1 if ask.until else 0):
        if payload.endswith(QUIET) and b'"t":"bars"' not in payload[:64] and b'"t":"control"' not in payload[:64]:
            continue
        event, commands = _decoded(payload)
        if isinstance(event, BarsClosed):
            for bar in event.candles:
                if bar.key in rows and len(rows[bar.key]) < BARS:
                    rows[bar.key].append((bar.ts, bar.open, bar.high, bar.low, bar.close, 0))
        for one in reversed(tell(seq, event, commands, known)):
            if counts.get(one.key, 0) < PER_KEY or len(told) < LATEST:
                counts[one.key] = counts.get(one.key, 0) + 1
                told.append(one)
    bars = {key: np.array(sorted(set(found)), np.int64).tobytes() for key, found in rows.items() if found}
    return msgspec.msgpack.encode(Lately(told=tuple(reversed(told)), bars=bars))


# --- reading ----------------------------------------------------------------------------------------------------------------------------


def backwards(folder: Path, before: int = 0) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of a journal's entries before `before` (0: all), newest first, over at most `MOST_BYTES`.

    Damage ends a file early; files that vanish while they are read (the daemon prunes) end the journal.
    """
    budget = MOST_BYTES
    for first, path in reversed(segment_names(folder, NAME)):
        if before and first >= before:
            continue
        if budget <= 0:
            return
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        budget -= len(data)
        lines = [payload for payload, _ in good_lines(data, first)]
        for k in range(len(lines) - 1, -1, -1):
            if not before or first + k < before:
                yield first + k, lines[k]


def forwards(folder: Path, seq: int) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of a journal's entries from `seq` on."""
    files = segment_names(folder, NAME)
    begin = max((k for k, (first, _) in enumerate(files) if first <= seq), default=0)
    for first, path in files[begin:]:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        for number, (payload, _) in enumerate(good_lines(data, first), first):
            if number >= seq:
                yield number, payload


def _older(folder: Path, seq: int) -> bool:
    files = segment_names(folder, NAME)
    return bool(files) and seq > files[0][0]


def _decoded(payload: bytes) -> tuple[Event, list[Command]]:
    line = _line(payload)
    return decode_event(line.e), decode_commands(line.c)


def _read(seq: int, payload: bytes, known: dict[str, Instrument]) -> list[Told]:
    if payload.endswith(QUIET) and b'"t":"control"' not in payload[:64]:
        return []  # most entries: a tick or a bar that changed nothing
    return tell(seq, *_decoded(payload), known)


# --- one decision ---------------------------------------------------------------------------------------------------------------------


def steps_of(ask: ChainAsk) -> list[Step]:
    """The chain of entry `seq`: what happened, what was decided, and to its end what became of it.

    The chain of a fill, a moved stop or a closed trade begins with the decision that opened its position, where the journal still has it.
    """
    known = {one.key: one for one in ask.instruments}
    seq, payload = next(forwards(Path(ask.folder) / NAME, ask.seq), (0, b""))
    if seq != ask.seq:
        return []
    event, commands = _decoded(payload)
    asked = _at_first(seq, event, commands, known, ask.key)
    accounts = {str(order.account) for order in _placed(commands, ask.key)}
    first = seq if accounts else 0
    if not accounts:
        accounts = _touched(commands, ask.key)
        first = _opened_at(Path(ask.folder) / NAME, seq, ask.key, accounts)
    if not first:
        return asked
    found = _followed(ask, first, accounts, known)
    return found if any(one.seq == seq for one in found) else [*found, *asked]


def _placed(commands: Iterable[Command], key: str) -> list[Intent]:
    """Entries for an instrument."""
    return [one.order.intent for one in commands if isinstance(one, Place) and one.order.intent.key == key]


def _touched(commands: Iterable[Command], key: str) -> set[str]:
    """Accounts whose position in an instrument filled, was given another stop, or closed."""
    rows = [one.row for one in commands if isinstance(one, Record) and one.kind in {"fill", "trade"}]
    moved = {str(one.account) for one in commands if isinstance(one, Protect) and one.key == key}
    return moved | {str(row["account"]) for row in rows if key_of(row) == key}


def _opened_at(folder: Path, before: int, key: str, accounts: set[str]) -> int:
    """The oldest of the entries that placed, before entry `before`, the newest entry order of each account; 0 for none.

    There is one position per account and instrument, so the newest entry order is the one that opened it.
    """
    first, missing, needle = 0, set(accounts), key.encode()
    for seq, payload in backwards(folder, before) if missing else ():
        if PLACED in payload and needle in payload:
            found = {str(one.account) for one in _placed(_decoded(payload)[1], key)} & missing
            first, missing = seq if found else first, missing - found
            if not missing:
                break
    return first


def _followed(ask: ChainAsk, first: int, accounts: set[str], known: dict[str, Instrument]) -> list[Step]:
    """From the entry `first` to the end of the trade of each of the accounts, or as far as is looked."""
    steps: list[Step] = []
    ids: set[str] = set()
    open_, filled = set(accounts), set[str]()
    needle, symbol = ask.key.encode(), ask.key.partition(":")[2].encode()
    for number, (seq, text) in enumerate(forwards(Path(ask.folder) / NAME, first)):
        if number >= AHEAD or len(steps) >= MOST_STEPS:
            break
        if text.endswith(QUIET) and not any(one.encode() in text for one in ids):
            continue
        if needle not in text and symbol not in text:
            continue
        event, commands = _decoded(text)
        ids |= {one.order.order_id for one in commands if isinstance(one, Place) and _placed([one], ask.key)}
        if seq == first:
            steps += _at_first(seq, event, commands, known, ask.key)
        else:
            steps += _what_came(seq, event, commands, known, ids, open_, ask.key)
        filled |= _touched(commands, ask.key)
        open_ -= _ended(event, commands, ids, filled, ask.key)
        if not open_:
            break
    return steps


def _at_first(seq: int, event: Event, commands: list[Command], known: dict[str, Instrument], key: str) -> list[Step]:
    steps = [Step(seq=seq, ts=event.ts, kind="event", text=_event_text(event, known.get(key)))]
    return steps + [_step(one) for one in tell(seq, event, commands, known) if one.key in {key, ""}]


def _step(told: Told) -> Step:
    kind = KINDS.get(told.what, "decision")
    text = f"{told.text} [{told.regime}]" if told.regime else told.text
    return Step(seq=told.seq, ts=told.ts, kind=kind, text=f"{told.account} {told.word} {text}".strip())


def _what_came(
    seq: int, event: Event, commands: list[Command], known: dict[str, Instrument], ids: set[str], accounts: set[str], key: str
) -> list[Step]:
    steps = []
    if isinstance(event, OrderAccepted) and event.order_id in ids and str(event.account) in accounts:
        steps.append(Step(seq=seq, ts=event.ts, kind="order", text=f"{event.account} the venue has the order"))
    if isinstance(event, StopFilled) and str(event.fill.account) in accounts and event.fill.key == key:
        steps.append(Step(seq=seq, ts=event.ts, kind="event", text=f"{event.fill.account} the venue's {event.trigger} was reached"))
    steps += [
        _step(one)
        for one in tell(seq, event, commands, known)
        if one.key == key and one.account in {*accounts, ""} and one.what != "refused"
    ]
    return steps


def _ended(event: Event, commands: Iterable[Command], ids: set[str], filled: set[str], key: str) -> set[str]:
    """Accounts whose position is closed, or whose entry is gone with nothing filled."""
    closed = {str(one.row["account"]) for one in commands if isinstance(one, Record) and one.kind == "trade" and key_of(one.row) == key}
    if isinstance(event, OrderCancelled | OrderRejected) and event.order_id in ids and str(event.account) not in filled:
        closed.add(str(event.account))
    return closed


def _event_text(event: Event, instrument: Instrument | None) -> str:
    """What happened, as far as it concerns the instrument."""
    if isinstance(event, BarsClosed) and instrument is not None:
        words = [_bar_text(one, instrument) for one in event.candles if one.key == instrument.key]
        words += [
            f"bid {plain(instrument.price(one.bid))}, ask {plain(instrument.price(one.ask))}"
            for one in event.quotes
            if one.key == instrument.key
        ]
        return f"candles closed{' (late)' if event.late else ''}: {'; '.join(words) or 'none of it'}"
    if isinstance(event, Tick):
        return "time passed"
    if isinstance(event, OrderFilled | StopFilled):
        return "an order of ours was executed"
    return type(event).__name__


def _bar_text(candle: Any, instrument: Instrument) -> str:
    prices = (plain(instrument.price(one)) for one in (candle.open, candle.high, candle.low, candle.close))
    return "open {}, high {}, low {}, close {}".format(*prices)
