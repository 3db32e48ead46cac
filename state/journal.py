"""The journal: every event that decided, with the commands it led to, in order, as bytes that replay unchanged.

A line is `<crc32> {"n":123,"e":<event>,"c":[<commands>]}`, readable with `cut -c10- | jq`. The journal does not know what an event
is: it keeps the JSON that the engine's codec made and gives the same bytes back.

Order of durability: record + `sync` before a command leaves; `sync` here before the ledger's, both before a snapshot is saved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from utils.files import Damaged
from utils.linelog import SEGMENT_BYTES, LineLog
from utils.linescan import Recovery, read

NAME = "journal"


class _Line(msgspec.Struct, frozen=True):
    n: int
    e: msgspec.Raw
    c: msgspec.Raw


_decode = msgspec.json.Decoder(_Line).decode


def _entries(lines: Iterable[tuple[int, bytes]], folder: Path) -> Iterator[tuple[int, bytes, bytes]]:
    for seq, payload in lines:
        try:
            line = _decode(payload)
        except msgspec.DecodeError as error:
            raise Damaged(f"{folder}: journal entry {seq} was recorded malformed: {error}") from error
        if line.n != seq:
            raise Damaged(f"{folder}: journal entry {seq} says it is {line.n}")
        yield seq, bytes(line.e), bytes(line.c)


def read_journal(folder: Path, after_seq: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    """The entries of a journal that another process may be writing, up to its newest whole one; changes nothing."""
    yield from _entries(read(folder, NAME, after_seq), folder)


class Journal:
    """The open journal of one writer. Made by `Journal.open`."""

    def __init__(self, log: LineLog) -> None:
        self._log = log

    @classmethod
    def open(
        cls, folder: Path, *, after_seq: int = 0, segment_bytes: int = SEGMENT_BYTES, durable: bool = True
    ) -> tuple[Journal, Recovery]:
        """The journal that goes on after the snapshot's `after_seq`; damage is set aside and reported.

        `Refusal` (NO_STATE_CHAIN), with nothing changed, when entries between the snapshot and the journal are missing.
        """
        log, recovery = LineLog.open(folder, NAME, after_seq=after_seq, segment_bytes=segment_bytes, durable=durable)
        return cls(log), recovery

    @property
    def first_seq(self) -> int:
        """Number of the oldest entry kept."""
        return self._log.first_seq

    @property
    def last_seq(self) -> int:
        """Number of the newest entry (of the snapshot, or 0, when there is none after it)."""
        return self._log.next_seq - 1

    @property
    def synced_seq(self) -> int:
        """Entries up to this one are known to be on the disk."""
        return self._log.synced_seq

    def record(self, event: bytes, commands: bytes) -> int:
        """Append one entry: an event as compact JSON and its commands as one JSON array. Returns its number.

        ValueError for a newline inside; OSError when the disk refuses (nothing may leave then).
        """
        log = self._log
        return log.append(b'{"n":%d,"e":%b,"c":%b}' % (log.next_seq, event, commands))

    def flush(self) -> None:
        """Entries survive a kill of this process."""
        self._log.flush()

    def sync(self) -> int:
        """Entries recorded before the call survive a loss of power; one fsync for all of them. May run in another thread."""
        return self._log.sync()

    def entries(self, after_seq: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """(number, event, commands) of every entry after `after_seq`, the very bytes that were recorded; `Damaged` on rot."""
        yield from _entries(self._log.entries(after_seq), self._log.folder)

    def rotate(self) -> None:
        """Begin a new file with the next entry, as after a snapshot: damage in older files can then not cost newer entries."""
        self._log.rotate()

    def prune(self, before_seq: int, keep_bytes: int = 0) -> int:
        """Delete the oldest files wholly before `before_seq` while the journal exceeds `keep_bytes`; returns how many."""
        return self._log.prune(before_seq, keep_bytes)

    def close(self) -> None:
        """Sync and close for good."""
        self._log.close()
