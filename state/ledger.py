"""The ledger: closed trades, fills, cash, equity and verdicts for ever; append-only, checked, each row once.

One stream for all kinds, because rows of one event belong together and one order makes repeats easy to tell: every row carries
the `Ref` of the journal entry that caused it. After a crash the engine replays its journal and emits rows again; those that are
there already are ignored. A line is `<crc32> {"kind":"fill","ref":[123,0],"row":{…}}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from utils.files import Damaged
from utils.fixed import ceil_steps, money
from utils.linelog import SEGMENT_BYTES, LineLog
from utils.linescan import Recovery, read, unread

NAME = "ledger"


class RowKind(StrEnum):
    """What a ledger row tells."""

    TRADE = "trade"
    FILL = "fill"
    CASH = "cash"
    EQUITY = "equity"
    VERDICT = "verdict"
    DECISION = "decision"
    """What was decided on a candidate and why (`state.decisions`): what policies learn from."""


class Ref(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Which journal entry caused a row, and the how-manieth of that entry it is (from 0)."""

    seq: int
    index: int


class LedgerRow(msgspec.Struct, frozen=True):
    """One row as stored; `row` is the JSON that was appended, byte for byte."""

    kind: RowKind
    ref: Ref
    row: msgspec.Raw


_decode = msgspec.json.Decoder(LedgerRow).decode
_NOTHING = Ref(0, -1)


def fees_of(row: Mapping[str, Any]) -> Decimal:
    """What the execution of a fill row cost, in quote: a fee taken in the coin counts at the price of the fill, as in its trade."""
    fee = Decimal(row["fee"])
    in_coin = row.get("base_fee")
    return fee if in_coin is None else fee + money(ceil_steps(Decimal(in_coin) * Decimal(row["price"]), money(1)))


def _rows(lines: Iterable[tuple[int, bytes]], kind: RowKind | None, after: Ref) -> Iterator[LedgerRow]:
    head = b'{"kind":"%b"' % kind.encode() if kind else b""
    for number, payload in lines:
        if payload.startswith(head):  # other kinds are skipped without decoding
            try:
                row = _decode(payload)
            except msgspec.DecodeError as error:
                raise Damaged(f"ledger row {number} was stored malformed: {error}") from error
            if row.ref > after:
                yield row


def read_ledger(folder: Path, kind: RowKind | None = None) -> Iterator[LedgerRow]:
    """The rows of a ledger that another process may be writing, up to its newest whole one; changes nothing."""
    yield from _rows(read(folder, NAME), kind, _NOTHING)


def lost_rows(folder: Path) -> tuple[str, ...]:
    """What `read_ledger` cannot tell because it stands at or after a damaged line: which file, which line, in words; empty: nothing.

    Whoever shows figures of a ledger shows these with them: without them a shorter history looks like a whole one.
    """
    return unread(folder, NAME)


class Ledger:
    """The open ledger of one writer. Made by `Ledger.open`."""

    def __init__(self, log: LineLog, last_ref: Ref) -> None:
        self._log = log
        self.last_ref = last_ref
        """Of the newest row; `Ref(0, -1)` when there is none."""

    @classmethod
    def open(
        cls, folder: Path, *, last_seq: int | None = None, segment_bytes: int = SEGMENT_BYTES, durable: bool = True
    ) -> tuple[Ledger, Recovery]:
        """The ledger, damage set aside and reported.

        `last_seq` is the journal's last entry: rows of later entries come from a history that was lost with the journal's tail, and
        are set aside too, so that the ledger never tells of events that the state does not know. `Refusal` (NO_STATE_CHAIN) when its
        first rows are missing.
        """
        log, recovery = LineLog.open(folder, NAME, segment_bytes=segment_bytes, durable=durable)
        last, number = _NOTHING, 0
        try:
            for line in log.entries():
                ref = next(_rows([line], None, _NOTHING)).ref
                if last_seq is not None and ref.seq > last_seq:
                    report = log.cut_after(number, f"rows after journal entry {last_seq}, which is the last one known")
                    return cls(log, last), Recovery((*recovery.lines, *report), damaged=True)
                last, number = ref, line[0]
        except Damaged:
            log.close()
            raise
        return cls(log, last), recovery

    @property
    def count(self) -> int:
        """Rows stored. A snapshot that notes it can tell later whether rows are missing."""
        return self._log.next_seq - 1

    def append(self, kind: RowKind, ref: Ref, row: bytes) -> bool:
        """Store a row (compact JSON); False when `ref` is not after the newest one, which means that it is there already.

        ValueError for a newline inside; OSError when the disk refuses.
        """
        if ref <= self.last_ref:
            return False
        self._log.append(b'{"kind":"%b","ref":[%d,%d],"row":%b}' % (kind.encode(), ref.seq, ref.index, row))
        self.last_ref = ref
        return True

    def flush(self) -> None:
        """Rows survive a kill of this process. Flush the journal first."""
        self._log.flush()

    def sync(self) -> int:
        """Rows survive a loss of power. Sync the journal first. Returns how many rows are on the disk."""
        return self._log.sync()

    def rows(self, kind: RowKind | None = None, after: Ref = _NOTHING) -> Iterator[LedgerRow]:
        """Rows of one kind (None: all) after a ref, oldest first; `Damaged` on rot."""
        yield from _rows(self._log.entries(), kind, after)

    def close(self) -> None:
        """Sync and close for good."""
        self._log.close()
