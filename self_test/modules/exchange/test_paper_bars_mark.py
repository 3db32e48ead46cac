"""The venue over bars where a perpetual's mark stands beside its last price."""

from __future__ import annotations

import numpy as np
import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.exchange.paper_bars import BarVenue, FineBars, MarkBars
from self_test.fakes.books import coin
from self_test.modules.exchange.test_paper_bars import KEY, NOW, TF, bar, held, play
from state.accounts import Domain, Mode
from state.intents import Side
from state.market import Candle

Prices = tuple[int, int, int, int]


def venue(mark: Prices, *, by_mark: bool, rate_e8: int = 0, fine: FineBars | None = None) -> BarVenue:
    engine, _ = fresh_engine(CONFIG, (coin("AAAUSDT", Domain.PERPS),), frozenset(), NOW, quotes=False)
    columns = (np.array([price], np.int64) for price in mark)
    marks = {KEY: MarkBars(np.array([NOW], np.int64), *columns)}
    funding = {KEY: (np.array([NOW], np.int64), np.array([rate_e8], np.int64))} if rate_e8 else {}
    seats = engine.state.seats_in(Mode.PAPER)
    return BarVenue(engine.state.inst, seats, TF, funding, {KEY: fine} if fine else {}, marks, by_mark=by_mark)


CALM = bar(100_000, 100_100, 99_900, 100_000)


@pytest.mark.parametrize(
    "bars, mark, by_last, by_mark",
    [  # stop 98,000, target 104,000; a seller loses 2 bp
        (bar(100_000, 100_500, 97_900, 98_200), (100_000, 100_500, 98_100, 98_300), ["stop 97980 close"], []),  # a wick of the last alone
        (bar(100_000, 100_500, 98_100, 98_200), (100_000, 100_500, 97_900, 98_000), [], ["stop 97980 close"]),  # opened alike: at the level
        (bar(99_900, 100_500, 97_500, 98_000), (100_000, 100_400, 97_700, 98_100), ["stop 97980 close"], ["stop 97880 close"]),
        (bar(100_000, 103_000, 99_900, 102_000), (100_500, 104_000, 100_200, 103_000), [], ["target 102979 close"]),
        (bar(98_100, 98_500, 98_050, 98_200), (97_900, 98_300, 97_850, 98_000), [], ["stop 98080 open"]),  # opens beyond it
    ],
)
def test_stops_and_targets_trigger_by_the_price_that_is_set(
    bars: tuple[Candle, ...], mark: Prices, by_last: list[str], by_mark: list[str]
) -> None:
    for setting, expected in ((False, by_last), (True, by_mark)):
        at = venue(mark, by_mark=setting)
        held(at)
        assert play(at, bars) == expected


def test_a_bar_without_a_mark_goes_by_the_last_price() -> None:
    at = venue((0, 0, 0, 0), by_mark=True)
    held(at)
    assert play(at, bar(100_000, 100_500, 97_900, 98_200)) == ["stop 97980 close"]


def test_where_the_mark_reached_both_no_finer_bar_of_the_last_price_is_asked() -> None:
    fine = FineBars(np.array([NOW], np.int64), np.array([104_500], np.int64), np.array([99_000], np.int64))
    at = venue((100_000, 104_500, 97_500, 100_000), by_mark=True, fine=fine)
    held(at)
    assert play(at, bar(100_000, 104_500, 97_500, 100_000)) == ["stop 97980 close"]


# 0.001 coins at a mark of 1,020.00: a rate of 0.01 % is 0.000102 USDT = 1,020,000 money units; from the opposite side it is received.
@pytest.mark.parametrize(
    "side, rate_e8, paid", [(Side.LONG, 10_000, 1_020_000), (Side.SHORT, 10_000, -1_020_000), (Side.LONG, -2_500, -255_000)]
)
@pytest.mark.parametrize("by_mark", [False, True])
def test_funding_is_paid_at_the_mark_by_whichever_price_stops_trigger(side: Side, rate_e8: int, paid: int, by_mark: bool) -> None:
    at = venue((102_000, 102_000, 99_900, 100_000), by_mark=by_mark, rate_e8=rate_e8)
    held(at, side)
    assert play(at, CALM)[0] == f"funding {paid}"
