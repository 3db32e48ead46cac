"""The trial ledger: every trial that was ever made, also pruned, failed and manual ones; its count is what a result is deflated by.

One checked line a trial (`utils/linelog.py`) in `trials-*.log`, appended and never changed. Several processes take turns by a lock
that they wait for. Telling a trial twice adds nothing. A study's storage may be deleted; what is here stays.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from utils.errors import Refusal
from utils.files import ensure_writable
from utils.linelog import LineLog


class TrialLine(msgspec.Struct, frozen=True, kw_only=True):
    """One trial, or the opening of a locked period (`kind` "opened", which is no trial)."""

    study: str
    number: int
    strategy: str
    profile: str
    kind: str
    """search, manual, centre, fold centre, or opened."""
    state: str
    """complete, pruned, fail."""
    values: dict[str, float]
    objective: float | None = None
    data: str = ""
    """Hash of the candles."""
    release: str = ""
    ts: int = 0
    """Wall time at which it was told here (ms UTC)."""
    note: str = ""

    @property
    def key(self) -> tuple[str, int, str]:
        """What makes it one trial."""
        return self.study, self.number, self.kind


class Ledger:
    """The ledger in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[tuple[str, int, str], TrialLine] = {}
        self._read_to = 0

    @contextmanager
    def _open(self) -> Iterator[LineLog]:
        ensure_writable(self.folder)
        with (self.folder / "trials.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            log, recovery = LineLog.open(self.folder, "trials")
            try:
                if recovery.damaged or log.next_seq - 1 < self._read_to:
                    said = "; ".join(recovery.lines) or "it is shorter than before"
                    raise Refusal(f"the trial ledger has lost lines, so its count is too small: {said}; bring them back, or go on without")
                for seq, payload in log.entries(self._read_to):
                    line = msgspec.json.decode(payload, type=TrialLine)
                    self._known[line.key] = line
                    self._read_to = seq
                yield log
            finally:
                log.close()

    def tell(self, lines: Iterable[TrialLine]) -> int:
        """Append, durably, those that are not there yet; how many they were. Refusal when the disk refuses."""
        try:
            with self._open() as log:
                new = [line for line in {one.key: one for one in lines}.values() if line.key not in self._known]
                for line in new:
                    log.append(msgspec.json.encode(line))
                log.sync()
                self._known |= {line.key: line for line in new}
                self._read_to = log.next_seq - 1
                return len(new)
        except OSError as error:
            raise Refusal(f"the trial ledger in {self.folder} cannot be written: {os.strerror(error.errno or 0)}") from error

    def lines(self) -> list[TrialLine]:
        """Everything told so far, oldest first; Refusal where it cannot be read."""
        self.tell(())
        return list(self._known.values())

    def count(self, strategy: str, profile: str) -> int:
        """Trials ever made for `strategy` in `profile`: the N of the deflation."""
        return sum(one.strategy == strategy and one.profile == profile and one.kind != "opened" for one in self.lines())

    def opened(self, strategy: str, profile: str, release: str) -> TrialLine | None:
        """The opening of the locked period in `release`, if there was one."""
        asked = (strategy, profile, release)
        return next((one for one in self.lines() if one.kind == "opened" and (one.strategy, one.profile, one.release) == asked), None)
