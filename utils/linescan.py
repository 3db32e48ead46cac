r"""How a line log is read: which bytes are trusted, which chain of files goes on, what is set aside.

A line is `<crc32 hex> <payload>\n`. The checksum is seeded with the line's sequence number, so a lost, doubled or moved line is
found like a changed byte. Segments are named by their first number (`<name>-000000000101.log`), numbers run on across them.
Damage never spreads and is never overwritten: a torn last line is saved to quarantine and cut off; at a bad line in the middle
the chain ends and all that follows is moved aside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import msgspec

from utils.errors import ExitCode, Refusal
from utils.files import Damaged, quarantine, quarantine_bytes


def encode_line(seq: int, payload: bytes) -> bytes:
    """The line numbered `seq` as it stands in the file (the payload holds no newline)."""
    return b"%08x %b\n" % (crc32(payload, seq & 0xFFFFFFFF), payload)


def good_lines(data: bytes, seq: int) -> Iterator[tuple[bytes, int]]:
    """Payloads with the offset where their line ends, from the start of `data` (line `seq`) to the first that does not check."""
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        payload = data[start + 9 : end]
        if data[start : start + 9] != b"%08x " % crc32(payload, seq & 0xFFFFFFFF):
            return
        start = end + 1
        yield payload, start
        seq += 1


class Recovery(msgspec.Struct, frozen=True):
    """What opening had to do, for one warning; no lines when all was well."""

    lines: tuple[str, ...] = ()
    damaged: bool = False
    """More than a torn last line was set aside."""


class Segment(msgspec.Struct, frozen=True):
    """One file of the log as the scan found it: `end` is the number after its last good line, which ends at byte `good`."""

    path: Path
    first: int
    end: int
    good: int
    size: int

    @property
    def whole(self) -> bool:
        """Every byte of it checks."""
        return self.good == self.size


def segment_names(folder: Path, name: str) -> list[tuple[int, Path]]:
    """First number and path of every segment, in order; foreign and quarantined files are not ours."""
    pattern = re.compile(re.escape(name) + r"-(\d{12,})\.log")
    matches = ((pattern.fullmatch(path.name), path) for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted((int(match[1]), path) for match, path in matches if match)


def scan(path: Path, first: int) -> Segment:
    """Check a segment file from its start, line by line."""
    data = path.read_bytes()
    ends = [end for _, end in good_lines(data, first)]
    return Segment(path, first, first + len(ends), ends[-1] if ends else 0, len(data))


def _chains(segments: list[Segment]) -> list[list[Segment]]:
    """Runs of segments whose numbers follow each other without damage between them (a run's last segment may end badly)."""
    chains: list[list[Segment]] = []
    for segment in segments:
        last = chains[-1][-1] if chains else None
        if last is not None and last.whole and last.end == segment.first:
            chains[-1].append(segment)
        else:
            chains.append([segment])
    return chains


def cut(path: Path, offset: int, reason: str) -> Path:
    """Save what stands after `offset` to quarantine, then cut it off; in this order, so a crash between loses nothing."""
    with path.open("r+b") as file:
        file.seek(offset)
        saved = quarantine_bytes(path, file.read(), reason)
        file.truncate(offset)
        os.fsync(file.fileno())
    return saved


def repair(segments: list[Segment], after_seq: int) -> tuple[list[Segment], Recovery]:
    """Choose the chain that continues `after_seq`, set the rest aside. Refuses, before touching anything, when none does."""
    if not segments:
        return [], Recovery()
    joined = [chain for chain in _chains(segments) if chain[0].first <= after_seq + 1]
    if not joined:
        raise Refusal(
            f"{segments[0].path.parent}: the log begins at {segments[0].first}, but {after_seq + 1} is needed; nothing was changed",
            ExitCode.NO_STATE_CHAIN,
        )
    chain = joined[-1]
    last = chain[-1]
    if last.end <= after_seq:
        lines = [move_aside(segment, f"the log ends at {last.end - 1}, before the known {after_seq}") for segment in reversed(segments)]
        return [], Recovery(tuple(lines), damaged=True)
    others = [segment for segment in segments if segment not in chain]
    lines = [move_aside(segment, f"{last.path.name} does not lead to it or does not need it") for segment in reversed(others)]
    damaged = bool(others)
    if not last.whole:
        bad = last.path.read_bytes()[last.good : last.size]  # its writer may have gone on since the scan
        torn = last is segments[-1] and bad.find(b"\n") in (-1, len(bad) - 1)
        damaged = damaged or not torn
        reason = f"{'torn last line' if torn else 'bad line'} {last.end} at byte {last.good}"
        saved = cut(last.path, last.good, reason)
        lines.append(f"{last.path}: {reason}; {len(bad)} bytes set aside as {saved.name}")
    return chain, Recovery(tuple(lines), damaged)


def move_aside(segment: Segment, reason: str) -> str:
    """Quarantine a whole segment; returns the report line."""
    return f"{segment.path}: {reason}; set aside as {quarantine(segment.path, reason).name}"


def read(folder: Path, name: str, after_seq: int = 0) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of the lines after `after_seq` up to the first damage, without changing anything: for observers."""
    chains = _chains([scan(path, first) for first, path in segment_names(folder, name)])
    joined = [chain for chain in chains if chain[0].first <= after_seq + 1]
    for segment in joined[-1] if joined else ():
        if segment.end > after_seq + 1:
            yield from numbered(segment.path, segment.first, segment.end, after_seq)


def unread(folder: Path, name: str) -> tuple[str, ...]:
    """What `read` leaves out of a log from its first line on, in words: which file, which line, how much; empty when nothing.

    A last line without its end is none: it is being written, or was when the power went, and its writer writes it again.
    """
    segments = [scan(path, first) for first, path in segment_names(folder, name)]
    if not segments:
        return ()
    chain = _chains(segments)[0]
    if chain[0].first > 1:
        return (f"{chain[0].path}: the log begins at line {chain[0].first}, what came before is missing; no line is counted",)
    said, last, others = [], chain[-1], segments[len(chain) :]
    bad = last.path.read_bytes()[last.good : last.size]  # its writer may have gone on since the scan
    if bad and (others or b"\n" in bad):
        after = max(0, bad.count(b"\n") - 1)
        more = f" and {after} after it" if after else ""
        said.append(f"{last.path}: line {last.end} at byte {last.good} does not check; it{more} and all that follows is not counted")
    elif others:
        said.append(f"{last.path}: line {last.end} should follow and does not; all that comes after it is not counted")
    return (*said, *(f"{segment.path}: not counted, from line {segment.first} on" for segment in others))


def numbered(path: Path, first: int, end: int, after_seq: int) -> Iterator[tuple[int, bytes]]:
    """The lines after `after_seq` and before `end`; `Damaged` when the file no longer holds them."""
    seq = first
    for payload, _ in good_lines(path.read_bytes(), first):
        if seq >= end:
            return
        if seq > after_seq:
            yield seq, payload
        seq += 1
    if seq < end:
        raise Damaged(f"{path}: line {seq} no longer checks")
