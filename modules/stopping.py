"""How the daemon ends: entries off and feeds down first, then what is on its way, then the last word on disk, the venue at the very end."""

from __future__ import annotations

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
    idle = ("backfill", "costs", "reports", "readiness", "console", "loop lag")
    return [
        StopStep(name="entries off, feeds end", tasks=(*feeds, *idle)),
        StopStep(name="executors drain", first=partial(_settle, daemon), tasks=tuple(name for name, _, _ in daemon.live.jobs())),
        StopStep(name="engine drains", first=partial(_drain, daemon), tasks=("engine", "lockstep", "snapshots")),
        StopStep(name="final write", first=partial(_final_write, daemon)),
        StopStep(name="leave the venue", first=partial(_leave_venue, daemon)),
    ]


async def _settle(daemon: Daemon) -> None:
    late = await daemon.live.settle(SETTLE_S)
    if late:
        daemon.console.say(f"{', '.join(late)}: orders are still on their way; the next start asks what became of them")


async def _drain(daemon: Daemon) -> None:
    while daemon.inbox.depth:
        await daemon.clock.sleep(0.01)


async def _final_write(daemon: Daemon) -> None:
    daemon.runner.checkpoint()
    note_earned(daemon.options.folder, daemon.engine.state.earned)


async def _leave_venue(daemon: Daemon) -> None:
    if daemon.lockstep is not None:
        await daemon.lockstep.unregister()
    await daemon.market.leave()
