"""A study in one file for several processes of one machine: optuna's journal, made safe against kills and full disks.

The lock is an flock, which dies with its process. A line that was cut off by a kill or a full disk is removed before the next one
is written, and when a write fails the file is cut back to what it was: a study on disk can always be opened again.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend

FINISH = 6
"""optuna's operation that changes a trial's state: after it the file is synced."""


class SafeJournal(JournalFileBackend):
    """The journal at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._place = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Whole lines or none; OSError when the disk refuses."""
        data = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        with self._place.with_name(self._place.name + ".lock").open("a") as turn, self._place.open("rb+", buffering=0) as file:
            fcntl.flock(turn, fcntl.LOCK_EX)
            size = _whole(file)
            file.truncate(size)
            file.seek(size)
            try:
                written = 0
                while written < len(data):
                    written += file.write(data[written:])
                if any(log.get("op_code") == FINISH for log in logs):
                    os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise


def _whole(file: io.FileIO) -> int:
    """Bytes up to the end of the last whole line."""
    end = file.seek(0, os.SEEK_END)
    if end and os.pread(file.fileno(), 1, end - 1) == b"\n":
        return end
    while end:
        begin = max(0, end - 65_536)
        file.seek(begin)
        at = file.read(end - begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0
