"""A replay of a generated market, recorded as a journal would: the bytes of every event and of its commands, and snapshots on the way."""

from __future__ import annotations

from functools import cache

import msgspec

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.engine.grid import Grid
from modules.engine.recovery import snapshot_of
from modules.engine.replay import drive, events_of, surfaces_of, warm
from modules.exchange.paper_bars import BarVenue
from self_test.fakes.markets import market
from self_test.fakes.option_markets import option_market
from state.accounts import Domain, Mode
from state.messages import Command, Event, encode_commands, encode_event
from state.store import Snapshot

EVERY = 401
"""Events between two snapshots: a prime, so that they fall anywhere."""


class Recording(msgspec.Struct, frozen=True, eq=False):
    """Everything one run did."""

    grid: Grid
    engine: Engine
    """At the end."""
    entries: list[tuple[bytes, bytes]]
    events: list[tuple[Event, list[Command]]]
    snapshots: list[tuple[int, Snapshot]]
    """(entries before it, the engine then)."""


def fresh(grid: Grid) -> Engine:
    """An engine before the first event of the grid."""
    engine, _ = fresh_engine(CONFIG, grid.instruments, chosen_strategies(None), int(grid.ts[grid.start]), quotes=False)
    warm(engine, grid)
    return engine


@cache
def recording(domain: Domain, seed: int = 2, days: int = 45) -> Recording:
    """One run over a generated market; run once for all tests of a process."""
    if domain is Domain.OPTIONS:
        grid = option_market("EURUSD", "USDJPY", days=140, seed=seed)
    else:
        grid = market(domain, days, seed=seed)
    engine = fresh(grid)
    entries: list[tuple[bytes, bytes]] = []
    events: list[tuple[Event, list[Command]]] = []
    snapshots: list[tuple[int, Snapshot]] = []

    def sink(event: Event, commands: list[Command]) -> None:
        entries.append((encode_event(event), encode_commands(commands)))
        events.append((event, commands))
        if len(entries) % EVERY == 0:
            snapshots.append((len(entries), snapshot_of(engine, len(entries))))

    state = engine.state
    venue = BarVenue(state.inst, state.seats_in(Mode.PAPER), grid.confirm_ms, grid.funding, grid.fine, surfaces=state.surfaces)
    drive(engine, venue, surfaces_of(grid, events_of(grid)), sink)
    return Recording(grid, engine, entries, events, snapshots)


def same_engine(one: Engine, other: Engine) -> bool:
    """Whether two engines hold the same, to the last bit."""
    a, b = snapshot_of(one, 0), snapshot_of(other, 0)
    return bytes(a.state) == bytes(b.state) and a.blobs == b.blobs
