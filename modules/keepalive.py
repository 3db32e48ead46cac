"""Signs of life to the service manager, over all lives of the process: ready, alive, what is missing, stopping.

They come from the event loop itself, so one that hangs is silent and is killed and started again; so is a process whose engine has ended
while the rest goes on. A start that waits for its market asks for more time as long as it lives.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from utils.notify_socket import NotifySocket, watchdog_us

if TYPE_CHECKING:
    from modules.app import Daemon

LOOK_S = 1.0
"""So often, or at half of the watchdog's time if that is shorter, is looked at how things stand."""
MORE_US = 60_000_000
"""What a start asks for at each look: it may go on so long after the last."""


class Stand(msgspec.Struct, frozen=True):
    """How a daemon is."""

    alive: bool
    ready: bool
    stopping: bool
    words: str


def stand_of(daemon: Daemon) -> Stand:
    """How this life stands. `daemon` may be at any point of it."""
    options, ended = daemon.options, daemon.stopping.is_set()
    begun = "engine" in daemon.tasks.restarts  # its task has been started
    alive = not begun or ended or "engine" in daemon.tasks.running()
    readiness = getattr(daemon, "readiness", None)  # from building on
    ready = readiness is not None and readiness.reached.is_set()
    if daemon.next is not None:
        course = "another life"
    elif ended:
        course = "stopping"
    else:
        course = ", ".join(["starting"] if readiness is None else readiness.missing()) or "running"
    words = f"{options.env}, stage {options.stage}, {options.profile}: {course}"
    return Stand(alive, ready, ended and daemon.next is None, words)


class KeepAlive:
    """The signs of one process; use as `with KeepAlive(look, os.environ):` in its event loop. Where nobody listens it does nothing."""

    def __init__(self, look: Callable[[], Stand], environ: Mapping[str, str]) -> None:
        """`look` is asked how things stand."""
        self._look = look
        self._socket = NotifySocket.of(environ)
        watchdog = watchdog_us(environ, os.getpid())
        self._pause_s = LOOK_S if watchdog is None else min(LOOK_S, watchdog / 2_000_000)
        self._watched = watchdog is not None
        self._ready = self._ended = False
        self._words = ""
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._beat()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is not None:
            self._stop(self._socket)
            self._socket.close()

    def _beat(self) -> None:
        if self._socket is None:
            return
        self._timer = asyncio.get_running_loop().call_later(self._pause_s, self._beat)
        stand = self._look()
        if stand.words != self._words and self._socket.tell(STATUS=stand.words):
            self._words = stand.words
        if stand.stopping:
            self._stop(self._socket)
        if not stand.alive:
            return
        if stand.ready and not self._ready:
            self._ready = self._socket.tell(READY=1)
        if not self._ready and not self._ended:
            self._socket.tell(EXTEND_TIMEOUT_USEC=MORE_US)
        if self._watched:
            self._socket.tell(WATCHDOG=1)

    def _stop(self, socket: NotifySocket) -> None:
        if not self._ended:
            self._ended = socket.tell(STOPPING=1)
