from __future__ import annotations

import msgspec
import numpy as np

from config import CONFIG
from modules.engine.recovery import restore, snapshot_of
from modules.engine.replay import events_of, in_order, run_engine
from self_test.fakes.markets import market
from self_test.modules.engine.recorded import fresh, recording, same_engine
from state.accounts import Domain
from state.books import OPEN
from state.messages import BarsClosed, Place, Protect, Record, SurfaceSeen, decode_event, encode_commands
from strategy.base import C1


def test_the_journal_replays_byte_for_byte() -> None:
    recorded = recording(Domain.CRYPTO)  # perpetuals: test_recovery.py
    commands = [command for _, commands in recorded.events for command in commands]
    for kind in (Place, Protect, Record):
        assert sum(isinstance(command, kind) for command in commands) > 10, f"a run without {kind.__name__} proves nothing"
    engine = fresh(recorded.grid)
    for n, (event, before) in enumerate(recorded.entries):
        assert encode_commands(engine.process(decode_event(event))) == before, f"entry {n}: {event.decode()}"
    assert same_engine(engine, recorded.engine)


def test_from_any_snapshot_the_tail_replays_byte_for_byte() -> None:
    recorded = recording(Domain.CRYPTO)
    held = 0
    for after, snapshot in recorded.snapshots:
        engine = restore(snapshot)
        held += bool((engine.state.pos["status"] == OPEN).any())
        for event, before in recorded.entries[after:]:
            assert encode_commands(engine.process(decode_event(event))) == before
        assert same_engine(engine, recorded.engine)
    assert held >= 2 and len(recorded.snapshots) >= 4, "snapshots with nothing held prove little"


def test_options_replay_byte_for_byte_with_the_surfaces_that_were_seen() -> None:
    recorded = recording(Domain.OPTIONS)
    seen = [event for event, _ in recorded.events if isinstance(event, SurfaceSeen)]
    assert len(seen) > 100 and {event.surface.pair for event in seen} == {"EURUSD", "USDJPY"}
    assert all(event.surface.ts == event.ts and event.surface.source == "frozen" for event in seen)
    placed = [one for _, commands in recorded.events for one in commands if isinstance(one, Place)]
    assert len(placed) >= 8 and all(one.order.intent.contract is not None for one in placed)
    engine = fresh(recorded.grid)
    for n, (event, before) in enumerate(recorded.entries):
        assert encode_commands(engine.process(decode_event(event))) == before, f"entry {n}: {event.decode()}"
    assert same_engine(engine, recorded.engine)
    held = 0
    for after, snapshot in recorded.snapshots[::6]:
        engine = restore(snapshot)
        held += bool((engine.state.pos["status"] == OPEN).any())
        for event, before in recorded.entries[after:]:
            assert encode_commands(engine.process(decode_event(event))) == before
        assert same_engine(engine, recorded.engine)
    assert held >= 1


def test_late_bars_never_enter_but_do_move_stops() -> None:
    recorded = recording(Domain.PERPS)
    tried = {Place: 0, Protect: 0}
    at = 0
    engine = fresh(recorded.grid)
    while min(tried.values()) < 3:
        event, commands = recorded.events[at]
        for kind, wanted in ((Place, False), (Protect, True)):
            if isinstance(event, BarsClosed) and any(isinstance(command, kind) for command in commands):
                again = restore(snapshot_of(engine, at))
                out = again.process(msgspec.structs.replace(event, late=True))
                assert any(isinstance(command, kind) for command in out) is wanted, f"{kind.__name__} at entry {at}"
                tried[kind] += 1
        engine.process(event)
        at += 1


def test_every_bar_of_the_grid_is_told_once_and_a_bar_that_is_missing_is_not() -> None:
    grid = market(Domain.PERPS, days=34, seed=3)
    events = list(events_of(grid))
    told = [candle.key for event in events for candle in event.candles]
    for i, instrument in enumerate(grid.instruments):
        assert told.count(instrument.key) == int(np.count_nonzero(grid.open[i, grid.start :]))
    assert [event.ts for event in events] == sorted({event.ts for event in events})
    assert all(event.candles for event in events) and len(events) < len(grid.ts) - grid.start


def test_a_rate_that_was_set_while_no_bar_came_is_told_with_the_next_one() -> None:
    grid = market(Domain.PERPS, days=34, seed=3, holes=False)
    at = grid.start + 96
    gone = {name: getattr(grid, name).copy() for name in ("open", "high", "low", "close")}
    for column in gone.values():
        column[:, at : at + 2] = 0
    events = list(events_of(msgspec.structs.replace(grid, **gone)))
    rates = {event.ts - grid.confirm_ms: len(event.funding) for event in events if event.funding}
    assert int(grid.ts[at]) in {int(ts) for ts in grid.funding[grid.instruments[0].key][0]}
    assert rates[int(grid.ts[at + 2])] == 3 and int(grid.ts[at]) not in rates
    assert set(rates.values()) == {3}


def test_warming_up_decides_nothing_and_knows_the_last_rate() -> None:
    grid = market(Domain.PERPS, days=34, seed=3, holes=False)
    engine = fresh(grid)
    assert engine.state.market["last_ts"].tolist() == [int(grid.ts[grid.start - 1])] * 3
    assert (engine.state.pos["status"] == 0).all() and engine.state.orders == {}
    times, rates = grid.funding[grid.instruments[0].key]
    assert engine.state.inst[0]["funding_e8"] == rates[np.searchsorted(times, grid.ts[grid.start]) - 1]


def test_an_empty_tail_of_the_grid_is_no_error() -> None:
    grid = msgspec.structs.replace(market(Domain.CRYPTO, days=2, seed=3, first_day=1), start=2 * 288)
    assert list(events_of(grid)) == []
    outcome = run_engine(grid, CONFIG, frozenset({C1}))
    assert (outcome.trades, outcome.final_equity) == ([], "1000")


def test_refusals_are_counted_and_trades_sorted() -> None:
    outcome = run_engine(market(Domain.PERPS, days=45), CONFIG, frozenset(range(4)))
    assert outcome.refused["position_open"] > 0
    keys = [(trade["exit_ts"], trade["symbol"]) for trade in outcome.trades]
    assert keys == sorted(keys) and len(keys) > 5
    assert in_order(list(reversed(outcome.trades))) == outcome.trades
    assert next(iter(outcome.trades[0])) == "symbol"
