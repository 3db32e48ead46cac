"""One engine, several timeframes: crypto on 15m/5m beside forex on 1h/15m and a pair of its own on 4h/1h."""

from __future__ import annotations

from config import CONFIG
from modules.boot import assemble, frontier, knows
from modules.engine.core import Engine
from modules.engine.decide import health_of
from modules.engine.desk import fresh_engine
from modules.overrides import apply_overrides
from self_test.fakes.books import M5, coin
from self_test.fakes.fx_markets import fx_market
from self_test.fakes.pairs import pair
from self_test.strategy.series import M15, Bars, feed, generate
from state.accounts import Domain
from state.market import Candle
from state.messages import BarsClosed, Command, Record
from strategy.base import C1, DEMO, F1
from strategy.market import new_market

HOUR = 4 * M15
OWN = apply_overrides(CONFIG, {}, ["domains.forex.timeframes=EURUSD=4h/1h"])
THREE = (coin("AAAUSDT"), pair("GBPUSD"), pair("EURUSD"))
START = 1_740_355_200_000
"""A Monday."""


def candles(key: str, bars: Bars, step: int) -> dict[int, Candle]:
    rows = zip(*(column.tolist() for column in bars[:5]), strict=True)
    return {ts + step: Candle(key, ts, opened, high, low, close, 5.0) for ts, opened, high, low, close in rows}


def told(engine: Engine) -> dict[str, Bars]:
    """Two days of bars of each, every one as it closes."""
    fed = {
        key: (generate(2 * 86_400_000 // step, n, start=START, step=step, level=120_000), step)
        for n, (key, step) in enumerate(((THREE[0].key, M5), (THREE[1].key, M15), (THREE[2].key, HOUR)))
    }
    at = [candles(key, bars, step) for key, (bars, step) in fed.items()]
    for ts in sorted({ts for one in at for ts in one}):
        engine.process(BarsClosed(ts, tuple(one[ts] for one in at if ts in one), ()))
    return {key: bars for key, (bars, _) in fed.items()}


def test_each_instrument_is_measured_on_its_own_timeframes() -> None:
    engine, _ = fresh_engine(OWN, THREE, frozenset(range(7)), START, quotes=True)
    market = engine.state.market
    assert market["confirm_ms"].tolist() == [M5, M15, HOUR] and market["primary_ms"].tolist() == [M15, HOUR, 4 * HOUR]
    assert market["weekends"].tolist() == [0, 1, 1]
    fed = told(engine)
    for m, (one, weekends) in enumerate(zip(THREE, (False, True, True), strict=True)):
        alone = new_market(1, int(market[m]["confirm_ms"]), int(market[m]["primary_ms"]), weekends)
        feed(fed[one.key]._replace(v=fed[one.key].v * 0 + 5.0), alone)
        assert market[m].tobytes() == alone[0].tobytes(), one.symbol
    assert frontier(engine) == {one.key: START + 2 * 86_400_000 for one in THREE}


def test_staleness_is_judged_by_each_ones_own_bars() -> None:
    engine, _ = fresh_engine(OWN, THREE, frozenset(range(7)), START, quotes=True)
    told(engine)
    now = START + 2 * 86_400_000
    found = [health_of(engine.state, engine.mandate, i, C1 if i == 0 else F1, None, now + M15) for i in range(3)]
    assert [(one.confirm_ms, one.bar_age_ms) for one in found] == [(M5, M15), (M15, M15), (HOUR, M15)]


def test_every_domain_has_its_own_strategies_and_pauses() -> None:
    engine, _ = fresh_engine(OWN, THREE, frozenset(range(7)), START, quotes=True)
    crypto, forex = engine.state.accounts
    assert engine.mandate.allowed[crypto] == {0, 1, 2, 3, DEMO} and engine.mandate.allowed[forex] == {5, 6, DEMO}
    assert (int(engine.mandate.rules[C1]["primary_ms"]), int(engine.mandate.rules[F1]["primary_ms"])) == (M15, HOUR)


def test_a_weekend_is_no_hole_in_the_candles() -> None:
    grid = fx_market("EURUSD", days=9)
    key = grid.instruments[0].key
    engine, _ = fresh_engine(CONFIG, grid.instruments, frozenset({F1}), START, quotes=True)
    there = [k for k in range(len(grid.ts)) if grid.open[0, k]]
    commands: list[Command] = []
    for k in there:
        opened, high, low, close = (int(column[0, k]) for column in (grid.open, grid.high, grid.low, grid.close))
        candle = Candle(key, int(grid.ts[k]), opened, high, low, close, 1.0)
        commands += engine.process(BarsClosed(candle.ts + M15, (candle,), ()))
    days = [one.row["health"] for one in commands if isinstance(one, Record) and one.kind == "equity"]
    days += engine.state.health.values()
    shut = 48 * 4
    assert sum(one.get("bars", 0) for one in days) == len(there)
    assert sum(one.get("missing_bars", 0) for one in days) == len(grid.ts) - len(there) - shut


def test_a_row_on_other_timeframes_is_warmed_anew() -> None:
    engine, _ = fresh_engine(CONFIG, THREE[1:], frozenset({F1}), START, quotes=True)
    stored = engine.state
    assert [knows(stored, OWN, one) for one in THREE[1:]] == [True, False]
    assert [knows(stored, CONFIG, one) for one in THREE[1:]] == [True, True]
    assert not knows(None, CONFIG, THREE[1]) and not knows(stored, CONFIG, THREE[0])
    state, fresh = assemble(OWN, THREE[1:], stored.accounts, stored)
    assert fresh == {THREE[2].key} and state.bar_ms(1) == HOUR
    assert engine.state.instrument(0).domain is Domain.FOREX
