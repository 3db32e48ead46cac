"""An append-only log of checked lines in numbered segment files, for one writer: what was synced is there after any crash.

The bytes of a line and what opening does about damage: `utils/linescan.py`. `append` and `entries` belong to one thread; `sync` may run
in another, so that an event loop need not wait for the disk.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from utils.errors import Invariant
from utils.files import fsync_folder, private_folder, private_opener
from utils.linescan import Recovery, Segment, cut, encode_line, good_lines, move_aside, numbered, repair, scan, segment_names

SEGMENT_BYTES = 8 << 20
BUFFER_BYTES = 1 << 17


class LineLog:
    """The open log of one writer. Made by `LineLog.open`; the folder's lock is the caller's business."""

    def __init__(self, folder: Path, name: str, segments: list[Segment], next_seq: int, segment_bytes: int, durable: bool) -> None:
        self.folder = folder
        self.next_seq = next_seq
        """The number that the next line will get."""
        self.synced_seq = segments[-1].first - 1 if segments else next_seq - 1
        """Lines up to this one are known to be on the disk."""
        self._name = name
        self._segment_bytes = self._limit = segment_bytes
        self._durable = durable
        self._segments = [(segment.first, segment.path) for segment in segments]
        self._file: io.BufferedWriter | None = None
        self._size = 0
        self._shut = ""
        self._lock = threading.Lock()
        if segments:
            self._file = io.BufferedWriter(io.FileIO(segments[-1].path, "a"), BUFFER_BYTES)
            self._size = segments[-1].good

    @classmethod
    def open(
        cls, folder: Path, name: str, *, after_seq: int = 0, segment_bytes: int = SEGMENT_BYTES, durable: bool = True
    ) -> tuple[LineLog, Recovery]:
        """Check every line, set damage aside, and stand ready to append.

        `after_seq` is the last number that the caller holds by other means (its snapshot): lines up to it may be missing, the ones after it
        must join it, else `Refusal` (NO_STATE_CHAIN) with nothing changed. A log that ends before it starts anew after it.
        `durable=False` never calls fsync (replays and benches).
        """
        private_folder(folder)
        segments, recovery = repair([scan(path, first) for first, path in segment_names(folder, name)], after_seq)
        next_seq = segments[-1].end if segments else after_seq + 1
        return cls(folder, name, segments, next_seq, segment_bytes, durable), recovery

    @property
    def first_seq(self) -> int:
        """Number of the oldest line kept (`next_seq` when there is none)."""
        return self._segments[0][0] if self._segments else self.next_seq

    def append(self, payload: bytes) -> int:
        """Add one line and return its number. It survives this process after `flush`, a loss of power after `sync`.

        ValueError for a newline inside. OSError when the disk refuses; the log is then closed for good (`Invariant`), because
        nobody knows what reached the disk until it is opened anew.
        """
        if b"\n" in payload:
            raise ValueError("a line of a log holds no newline")
        file = self._file
        if file is None or self._size >= self._limit:
            file = self._begin_segment()
        seq = self.next_seq
        line = encode_line(seq, payload)
        try:
            file.write(line)
        except OSError:
            self._fail()
            raise
        self._size += len(line)
        self.next_seq = seq + 1
        return seq

    def flush(self) -> None:
        """Hand the lines to the operating system: they survive a kill of this process."""
        if self._file is not None:
            try:
                self._file.flush()
            except OSError:
                self._fail()
                raise

    def sync(self) -> int:
        """Flush and fsync all that was appended before the call, at once; returns the last number that is now on the disk."""
        with self._lock:
            last = self.next_seq - 1
            if last > self.synced_seq:
                if self._file is None:
                    raise Invariant(f"{self.folder}: the {self._name} log is closed: {self._shut}")
                self._sync_file(self._file)
                self.synced_seq = last
            return self.synced_seq

    def rotate(self) -> None:
        """Let the next line begin a new file. Damage in an older file can then not cost newer lines."""
        self._limit = 1  # whatever is not empty is full

    def entries(self, after_seq: int = 0) -> Iterator[tuple[int, bytes]]:
        """(number, payload) of every line after `after_seq` that was appended before the call; `Damaged` if the disk has rotted."""
        self.flush()
        ends = [*(first for first, _ in self._segments[1:]), self.next_seq]
        spans = [(path, first, end) for (first, path), end in zip(self._segments, ends, strict=False) if end > after_seq + 1]
        for path, first, end in spans:
            yield from numbered(path, first, end, after_seq)

    def prune(self, before_seq: int, keep_bytes: int = 0) -> int:
        """Delete the oldest segments that lie wholly before `before_seq`, while the log is larger than `keep_bytes`; returns how many."""
        with self._lock:
            sizes = [path.stat().st_size for _, path in self._segments]
            total, removed = sum(sizes), 0
            while removed + 1 < len(self._segments) and self._segments[removed + 1][0] <= before_seq and total > keep_bytes:
                self._segments[removed][1].unlink()
                total -= sizes[removed]
                removed += 1
            del self._segments[:removed]
            return removed

    def cut_after(self, seq: int, reason: str) -> tuple[str, ...]:
        """Set aside every line after `seq` (in quarantine, with `reason`); returns a report, empty when there was none."""
        if seq >= self.next_seq - 1:
            return ()
        with self._lock:
            self._end_segment()
        scans = [scan(path, first) for first, path in self._segments]
        lines = [move_aside(segment, reason) for segment in reversed(scans) if segment.first > seq]
        kept = [segment for segment in scans if segment.first <= seq]
        if kept and kept[-1].end > seq + 1:
            path, data = kept[-1].path, kept[-1].path.read_bytes()
            offset = next((end for n, (_, end) in enumerate(good_lines(data, kept[-1].first), kept[-1].first) if n == seq), 0)
            saved = cut(path, offset, reason)
            lines.append(f"{path}: {reason}; {len(data) - offset} bytes set aside as {saved.name}")
        self._segments = self._segments[: len(kept)]
        self.next_seq = seq + 1
        self.synced_seq = min(self.synced_seq, seq)
        return tuple(lines)

    def close(self) -> None:
        """Sync and close for good."""
        with self._lock:
            self._end_segment()
            self._shut = self._shut or "the program closed it"

    def _sync_file(self, file: io.BufferedWriter) -> None:
        try:
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
        except OSError:
            self._fail()
            raise

    def _end_segment(self) -> None:
        if self._file is not None:
            self._sync_file(self._file)
            self.synced_seq = self.next_seq - 1
            self._file.close()
            self._file, self._size = None, 0

    def _begin_segment(self) -> io.BufferedWriter:
        if self._shut:
            raise Invariant(f"{self.folder}: the {self._name} log is closed: {self._shut}")
        with self._lock:
            self._end_segment()
        path = self.folder / f"{self._name}-{self.next_seq:012d}.log"
        file: io.BufferedWriter = io.BufferedWriter(io.FileIO(path, "x", opener=private_opener), BUFFER_BYTES)
        self._file, self._size, self._limit = file, 0, self._segment_bytes
        self._segments.append((self.next_seq, path))
        if self._durable:
            fsync_folder(self.folder)
        return file

    def _fail(self) -> None:
        """After a refused write or fsync: let go of the file without writing what is still buffered."""
        if self._file is not None:
            self._file.raw.close()
        self._file = None
        self._shut = "a write failed, only opening it anew can tell what it holds"
