"""The daemon as a process: its event loop, its exit code, and one clear line when the disk refuses."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from modules.lives import live_on
from modules.options import RunOptions
from modules.settings import BotConfig
from modules.ui.console import ConsoleObserver
from utils.clock import WallClock
from utils.errors import ExitCode, Refusal

DISK_TROUBLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


def run(options: RunOptions, config: BotConfig, console: ConsoleObserver) -> ExitCode:
    """Run the daemon to its end; Refusal for what cannot be, a full disk among it."""
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(live_on(options, config, console, WallClock()))
    except (OSError, ExceptionGroup) as error:
        reason = _disk_refuses(error)
        if reason is None:
            raise
        raise Refusal(
            f"cannot write to {options.folder}: {reason}; what was decided until then is kept, start again when it can"
        ) from error


def _disk_refuses(error: Exception) -> str | None:
    """The disk's own words when nothing else went wrong, None otherwise."""
    while isinstance(error, ExceptionGroup):
        if len(error.exceptions) > 1:
            return None
        error = error.exceptions[0]
    return error.strerror if isinstance(error, OSError) and error.errno in DISK_TROUBLE else None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The faster event loop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
