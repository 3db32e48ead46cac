from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.counts import peak_bytes
from bench.markets import random_grid, write_root
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


def test_candles_of_files_lie_where_they_lie_when_they_are_laid_at_once(tmp_path: Path) -> None:
    whole = random_grid(3, 2)
    late, holed = whole.open.copy(), (1, 2)
    late[:, :100] = 0  # what the files of others begin with, the window cuts off, or nobody has
    late[0, :300] = late[1, 500:] = 0
    late[holed[0], 200:260] = 0
    write_root(tmp_path, msgspec.structs.replace(whole, open=late))
    names = [one.symbol for one in whole.instruments]
    window = (None, int(whole.ts[400]))
    grid = load(open_archive(tmp_path), Domain.CRYPTO, names, CONFIG.domains[Domain.CRYPTO], window)
    assert (int(grid.ts[0]), int(grid.ts[-1])) == (int(whole.ts[100]), int(whole.ts[399]))
    assert grid.open.flags.c_contiguous and np.array_equal(grid.open != 0, late[:, 100:400] != 0)
    for i, one in enumerate(grid.instruments):
        there = grid.close[i] != 0
        assert np.allclose(grid.close[i][there] * float(one.tick), whole.close[i, 100:400][there] * 0.01)
        assert np.array_equal(grid.volume[i][there], whole.volume[i, 100:400][there])


def test_columns_that_turn_out_to_be_empty_are_cut_off(tmp_path: Path) -> None:
    whole = random_grid(1, 2)
    holed = whole.open.copy()
    holed[0, 50:150] = holed[0, 350:450] = 0
    write_root(tmp_path, msgspec.structs.replace(whole, open=holed))
    settings = CONFIG.domains[Domain.CRYPTO].model_copy(update={"warmup_days": 0})
    window = (int(whole.ts[100]), int(whole.ts[400]))
    grid = load(open_archive(tmp_path), Domain.CRYPTO, ["X00USDT"], settings, window)
    assert (int(grid.ts[0]), int(grid.ts[-1]), grid.start) == (int(whole.ts[150]), int(whole.ts[349]), 0)
    assert grid.open.all() and grid.close.flags.c_contiguous and grid.volume.shape == (1, 200)


def test_what_is_read_is_held_once(tmp_path: Path) -> None:
    write_root(tmp_path, random_grid(24, 10))
    archive, names = open_archive(tmp_path), [f"X{i:02d}USDT" for i in range(24)]

    def read() -> None:
        load(archive, Domain.CRYPTO, names, CONFIG.domains[Domain.CRYPTO], (None, None))

    read()
    assert peak_bytes(read) < 1.5 * 24 * 10 * 288 * 40, "a bar of the grid is 40 bytes, and one symbol at a time is read beside it"


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
