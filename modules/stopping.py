"""How the daemon ends: entries off and feeds down first, then what is on its way, then the last word on disk, the venue at the very end."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

from modules.engine.desk import FEEDS
from modules.stage_request import note_earned
from utils.supervise import StopStep

if TYPE_CHECKING:
    from modules.app import Daemon

SETTLE_S = 4.0
"""A stop waits so long for orders that are on their way: a venue that does not answer must not make it look like a failure."""


def stop_steps(daemon: Daemon) -> list[StopStep]:
    """The stages of a stop, in order."""
    feeds = tuple(f"feed {FEEDS[domain]}" for domain in daemon.domains)
    idle = ("backfill", "costs", "reports", "readiness", "console", "loop lag", *(name for name, _, _ in daemon.watch.jobs()))
    faces = tuple(name for name, _ in daemon.faces.jobs())  # they tell of the last fills, too
    return [
        StopStep(name="entries off, feeds end", tasks=(*feeds, *idle)),
        StopStep(name="executors drain", first=partial(_settle, daemon), tasks=tuple(name for name, _, _ in daemon.live.jobs())),
        StopStep(name="engine drains", first=partial(_drain, daemon), tasks=("engine", "lockstep", "snapshots")),
        StopStep(name="final write", first=partial(_final_write, daemon)),
        StopStep(name="faces say goodbye", first=daemon.faces.goodbye, tasks=faces),
        StopStep(name="leave the venue", first=partial(_leave_venue, daemon)),
    ]


def catch_signals(daemon: Daemon) -> None:
    """SIGTERM and SIGINT stop in stages, and no other life follows; a second one ends at once, for start-up is recovery."""

    def asked() -> None:
        if daemon.stopping.is_set() and daemon.next is None:
            os._exit(130)
        daemon.next = None
        daemon.stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)


async def _settle(daemon: Daemon) -> None:
    late = await daemon.live.settle(SETTLE_S)
    if late:
        daemon.console.say(f"{', '.join(late)}: orders are still on their way; the next start asks what became of them")


async def _drain(daemon: Daemon) -> None:
    while daemon.inbox.depth:
        await daemon.clock.sleep(0.01)


async def _final_write(daemon: Daemon) -> None:
    daemon.runner.checkpoint()
    daemon.watch.trainer.flush()  # bars that closed while it stopped
    note_earned(daemon.options.folder, daemon.engine.state.earned)


async def _leave_venue(daemon: Daemon) -> None:
    if daemon.lockstep is not None:
        await daemon.lockstep.unregister()
    if daemon.next is None:  # another life goes on with the same simulator
        await daemon.market.leave()
