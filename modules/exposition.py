"""What /metrics shows of a daemon: everything that is known, read at the moment it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from modules.data.backfill_queue import Owed
from modules.engine.desk import FEEDS
from modules.engine.mandate import Mandate
from modules.exchange.refusal_kinds import KINDS
from risk.rules import Rule
from state.accounts import Domain
from state.instruments import split_key
from telemetry.metric_zeros import Bounds

if TYPE_CHECKING:
    from modules.app import Daemon


def exposition(daemon: Daemon) -> bytes:
    """The exposition text, freshly sampled."""
    metrics, tasks = daemon.metrics, daemon.tasks
    metrics.sample(daemon.engine.state, venue_ms=daemon.floor.time.estimate_ms(), inbox_depth=daemon.inbox.depth, restarts=tasks.restarts)
    metrics.sample_throttle(daemon.throttle.snapshot())
    metrics.sample_cover(daemon.live.uncovered_ms())
    metrics.sample_owed(owed_by_feed(daemon.gaps.owed()))
    alive = len(asyncio.all_tasks())
    metrics.sample_machine(daemon.options.folder, running=len(tasks.running()), outages=len(tasks.outages()), alive=alive)
    daemon.watch.sample(metrics.evidence)
    daemon.faces.sample(metrics)
    return metrics.text()


def owed_by_feed(owed: Sequence[Owed]) -> dict[str, int]:
    """Feed -> candles that are still to be fetched."""
    found: dict[str, int] = {}
    for one in owed:
        feed = FEEDS[Domain(split_key(one.key)[0])]
        found[feed] = found.get(feed, 0) + (one.end - one.start) // one.timeframe_ms
    return found


def bounds(mandate: Mandate) -> Bounds:
    """What this engine's counters may be labelled with."""
    strategies = {account: tuple(mandate.strategies[s].name for s in sorted(chosen)) for account, chosen in mandate.allowed.items()}
    rules = tuple(rule.label for rule in Rule if rule is not Rule.OK)
    return Bounds(strategies, rules, tuple(sorted(KINDS)))
