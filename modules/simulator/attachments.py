"""Which daemons are attached, and whether each has digested a close: the lockstep of venue time and its followers.

A daemon registers by name and, after each 5-minute close, says that it has drained its frames. With a pid (same machine) it is there as
long as its process lives; without, it must give a sign of life every 15 s of wall time (any message is one). Others are never waited for.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

LIFE_S = 15.0
PATIENCE_S = 5.0
LOOK_S = 0.25


class Daemon(msgspec.Struct, kw_only=True):
    """One registered follower."""

    name: str
    pid: int | None
    since_ms: int
    """Venue time of its registration: it answers for closes after that."""
    acked_ms: int
    seen_s: float


def process_lives(pid: int) -> bool:
    """Whether a process with this id runs; one that has ended and only waits to be collected does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no /proc here, or it ended just now: the next look tells
        return True


class Attachments:
    """`wall_s` gives the wall time in seconds; `lives` tells whether a process exists."""

    def __init__(self, wall_s: Callable[[], float], lives: Callable[[int], bool] = process_lives) -> None:
        self._wall_s = wall_s
        self._lives = lives
        self._daemons: dict[str, Daemon] = {}
        self._expected: int | None = None
        self._news = asyncio.Event()
        self.late = 0
        """Closes after which somebody was not waited for any longer."""

    def expect(self, pid: int) -> None:
        """A daemon that this process will register is on its way: it may compile for minutes first, and is waited for while it lives."""
        self._expected = pid

    def expected(self) -> bool:
        """Whether somebody who is not attached yet is on the way."""
        if self._expected is not None and not self._lives(self._expected):
            self._expected = None
        return self._expected is not None

    def register(self, name: str, pid: int | None, venue_ms: int) -> None:
        """Attach, or give a sign of life when already attached with the same pid."""
        self._expected = None
        known = self._daemons.get(name)
        if known is not None and known.pid == pid:
            known.seen_s = self._wall_s()
        else:
            self._daemons[name] = Daemon(name=name, pid=pid, since_ms=venue_ms, acked_ms=venue_ms, seen_s=self._wall_s())
        self._news.set()

    def unregister(self, name: str) -> bool:
        """Detach; False when it was not there."""
        self._news.set()
        return self._daemons.pop(name, None) is not None

    def ack(self, close_ms: int, name: str | None = None) -> bool:
        """`name` (or the only one there is) has drained the frames up to this close; False when it is not clear or not known who."""
        if name is None and len(self._daemons) == 1:
            name = next(iter(self._daemons))
        daemon = self._daemons.get(name) if name is not None else None
        if daemon is None:
            return False
        daemon.acked_ms = max(daemon.acked_ms, close_ms)
        daemon.seen_s = self._wall_s()
        self._news.set()
        return True

    def live(self) -> list[Daemon]:
        """Those that are there; the dead and the silent are let go."""
        wall = self._wall_s()
        gone = [name for name, one in self._daemons.items() if not self._is_there(one, wall)]
        for name in gone:
            del self._daemons[name]
        return list(self._daemons.values())

    def _is_there(self, one: Daemon, wall_s: float) -> bool:
        return wall_s - one.seen_s <= LIFE_S if one.pid is None else self._lives(one.pid)

    def behind(self, close_ms: int) -> list[str]:
        """Names that still owe an acknowledgement of this close."""
        return [one.name for one in self._daemons.values() if one.since_ms < close_ms and one.acked_ms < close_ms]

    def dismiss(self) -> None:
        """Let everybody go: nothing is waited for any longer."""
        self._daemons.clear()
        self._news.set()

    async def wait(self, close_ms: int, patience_s: float = PATIENCE_S) -> bool:
        """Until nobody is behind this close; False when `patience_s` ran out (counted in `late`)."""
        until = self._wall_s() + patience_s
        while self.behind(close_ms):
            left = until - self._wall_s()
            if left <= 0:
                self.late += 1
                return False
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), min(left, LOOK_S))
            except TimeoutError:
                self.live()
        return True
