from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from modules.learning.candles import FOLDER, FUNDING, CandleStore, read_funding, read_grid
from self_test.fakes.books import M5, coin
from state.accounts import Domain
from state.market import Candle, FundingRate
from state.messages import BarsClosed, Tick
from utils.errors import Refusal

DAY_MS = 86_400_000
START = 20_000 * DAY_MS
ONE, TWO, SPOT = coin("AAAUSDT", Domain.PERPS), coin("BBBUSDT", Domain.PERPS), coin("AAAUSDT", Domain.CRYPTO)
ALL = (ONE, TWO, SPOT)


def bars(k: int, *keys: str, late: bool = False) -> BarsClosed:
    candles = tuple(Candle(key, START + k * M5, 100 + k, 110 + k, 90 + k, 105 + k, 7.0) for key in keys)
    rates = (FundingRate(ONE.key, START + k * M5, 5 - k),) if k % 2 == 0 else ()
    return BarsClosed(START + (k + 1) * M5, candles, (), rates, late)


def test_what_was_seen_is_read_back_in_the_same_ticks(tmp_path: Path) -> None:
    store = CandleStore(tmp_path, dict.fromkeys(ALL, M5))
    for k in range(300):
        if k != 7:
            store.observe(k, bars(k, ONE.key, TWO.key, SPOT.key), [])
    store.observe(0, Tick(START), [])
    assert store.flush() == 299 * 3 and store.flush() == 0
    store.observe(7, bars(7, ONE.key, late=True), [])
    assert store.flush() == 1
    grid, index = read_grid(tmp_path, ALL, Domain.PERPS, M5, (START, START + 400 * M5))
    assert index == {ONE.key: 0, TWO.key: 1}
    assert np.array_equal(grid.close[0], 105 + np.arange(300)), "late, but there"
    assert grid.open[1, 7] == 0 and grid.high[1, 8] == 118
    times, rates = grid.funding[ONE.key]
    assert times[:2].tolist() == [START, START + 2 * M5] and rates[:2].tolist() == [5, 3] and rates.min() < 0
    part, _ = read_grid(tmp_path, ALL, Domain.CRYPTO, M5, (START + 10 * M5, START + 20 * M5))
    assert len(part.ts) == 10 and not part.funding


def test_nothing_stored_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="not one bar"):
        read_grid(tmp_path, ALL, Domain.PERPS, M5, (START, START + DAY_MS))
    assert read_funding(tmp_path) == {}


def test_a_disk_that_refuses_makes_nothing_forgotten(tmp_path: Path) -> None:
    store = CandleStore(tmp_path, dict.fromkeys(ALL, M5))
    store.observe(0, bars(0, ONE.key), [])
    (tmp_path / FOLDER).write_bytes(b"in the way")
    with pytest.raises(Refusal, match="cannot write"):
        store.flush()
    (tmp_path / FOLDER).unlink()
    assert store.flush() == 1


def test_a_damaged_day_is_moved_aside_and_what_comes_now_is_kept(tmp_path: Path) -> None:
    store = CandleStore(tmp_path, dict.fromkeys(ALL, M5))
    store.observe(0, bars(0, ONE.key), [])
    store.settle()
    (day,) = (tmp_path / FOLDER).rglob("*.parquet")
    day.write_bytes(day.read_bytes()[:100])
    store.observe(1, bars(1, ONE.key), [])
    assert store.flush() == 1
    for settled in (False, True):
        if settled:
            store.settle()
        grid, _ = read_grid(tmp_path, ALL, Domain.PERPS, M5, (START, START + DAY_MS))
        assert grid.close[0].tolist() == [106]
    assert day.exists()
    assert any(path.read_bytes().startswith(b"PAR1") for path in day.parent.iterdir() if path != day and path.is_file()), "kept beside it"


def test_two_who_flush_at_once_write_everything_once(tmp_path: Path) -> None:
    """A stop flushes while the thread of the last regular flush may still be writing."""
    store = CandleStore(tmp_path, dict.fromkeys(ALL, M5))
    for k in range(200):
        store.observe(k, bars(k, ONE.key, TWO.key), [])
    with ThreadPoolExecutor(4) as pool:
        written = [done.result() for done in [pool.submit(store.flush) for _ in range(4)]]
    assert sorted(written) == [0, 0, 0, 400]
    assert len((tmp_path / FOLDER / FUNDING).read_text().splitlines()) == 100


def test_a_torn_line_of_funding_is_left_out(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / FUNDING).write_text(f"{ONE.key},5,1\nbad line\n{ONE.key},5,-2\n{ONE.key},9,3\n{ONE.key},12,", encoding="ascii")
    times, rates = read_funding(tmp_path)[ONE.key]
    assert times.tolist() == [5, 9] and rates.tolist() == [-2, 3]
