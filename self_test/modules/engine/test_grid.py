from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config import CONFIG
from dataio.archive import open_archive
from dataio.bars import Bars
from forex.sessions import is_open
from modules.engine.grid import build, load, to_ticks
from self_test.fakes.books import M5, coin
from state.accounts import Domain
from utils.errors import Refusal

START = 1_735_689_600_000


def bars(first: int, *opens: float) -> Bars:
    """Flat bars from column `first` on; 0 leaves one out."""
    kept = [(first + k, price) for k, price in enumerate(opens) if price]
    prices = np.array([price for _, price in kept])
    ts = np.array([START + k * M5 for k, _ in kept], np.int64)
    return Bars(timeframe_ms=M5, ts=ts, open=prices, high=prices + 0.02, low=prices - 0.01, close=prices + 0.01, volume=prices * 2)


def test_bars_of_several_symbols_lie_on_one_grid_and_holes_are_zero() -> None:
    grid = build([(coin("AAAUSDT"), bars(0, 1.0, 0, 1.5)), (coin("BBBUSDT"), bars(1, 2.0, 2.5, 3.0))], START + M5)
    assert grid.ts.tolist() == [START + k * M5 for k in range(4)]
    assert grid.open.tolist() == [[100, 0, 150, 0], [0, 200, 250, 300]]
    assert grid.high[1].tolist() == [0, 202, 252, 302]
    assert grid.low[1].tolist() == [0, 199, 249, 299]
    assert grid.close[0].tolist() == [101, 0, 151, 0]
    assert grid.volume[1].tolist() == [0, 4.0, 5.0, 6.0]
    assert (grid.start, grid.bars, grid.confirm_ms) == (1, 5, M5)


@pytest.mark.parametrize("start, column", [(None, 0), (START - 1, 0), (START + 1, 1), (START + 10 * M5, 3)])
def test_trading_begins_at_the_first_bar_not_before_the_start(start: int | None, column: int) -> None:
    assert build([(coin("AAAUSDT"), bars(0, 1.0, 1.0, 1.0))], start).start == column


def test_no_bar_at_all_is_refused() -> None:
    with pytest.raises(Refusal, match="not one bar"):
        build([(coin("AAAUSDT"), bars(0))], None)


def test_prices_go_to_the_nearest_tick_halves_up() -> None:
    assert to_ticks(np.array([1.24, 1.25, 1.26, 1.74, 0.1 + 0.2]), 0.5).tolist() == [2, 3, 3, 3, 1]


def test_real_perpetuals_come_with_funding_and_what_was_before(market_data: Path) -> None:
    settings = CONFIG.domains[Domain.PERPS]
    window = (1_751_328_000_000, 1_751_932_800_000)  # the first week of July 2025
    grid = load(open_archive(market_data), Domain.PERPS, ("ETHUSDT",), settings, window)
    assert int(grid.ts[grid.start]) == window[0]
    assert int(grid.ts[0]) == window[0] - settings.warmup_days * 86_400_000
    assert int(grid.ts[-1]) == window[1] - M5
    times, rates = grid.funding["PERPS:ETHUSDT"]
    within = times[(times >= window[0]) & (times < window[1])]
    assert within.tolist() == list(range(window[0], window[1], 8 * 3_600_000))  # on the bars' grid, or none would ever be paid
    assert rates.dtype == np.int64
    assert (np.diff(grid.ts) == M5).all()
    present = grid.open[0] > 0
    assert (grid.low[0][present] <= np.minimum(grid.open[0], grid.close[0])[present]).all()


@pytest.mark.data
def test_real_pairs_are_on_the_brokers_grid_with_weekends_as_holes(market_data: Path) -> None:
    settings = CONFIG.domains[Domain.FOREX]
    window = (1_751_328_000_000, 1_752_537_600_000)  # the first two weeks of July 2025
    grid = load(open_archive(market_data), Domain.FOREX, ("EURUSD", "USDJPY"), settings, window)
    assert [str(one.tick) for one in grid.instruments] == ["0.00001", "0.001"]
    assert grid.confirm_ms == 900_000 and int(grid.ts[0]) >= window[0] - settings.warmup_days * 86_400_000
    shut = np.array([not is_open(int(ts)) for ts in grid.ts])
    assert shut.any() and not grid.open[:, shut].any(), "nothing trades at a weekend"
    assert (grid.open[:, ~shut] > 0).mean() > 0.995
    assert 100_000 < grid.close[0, grid.start] < 130_000 and 130_000 < grid.close[1, grid.start] < 170_000
