"""The generated currencies: alike from run to run, closed when the market is, and three pairs that agree."""

from __future__ import annotations

import numpy as np
import pytest

from forex import sessions
from modules.simulator.generated import DEFAULT_START
from modules.simulator.intervals import DAY
from modules.simulator.oanda_generated import GeneratedFx, open_at


@pytest.fixture(scope="module")
def market() -> GeneratedFx:
    return GeneratedFx(1, DEFAULT_START)


def test_one_seed_one_market_whoever_is_listed(market: GeneratedFx) -> None:
    other = GeneratedFx(1, DEFAULT_START, ("EUR_JPY",))
    assert list(other.series) == ["EUR_JPY"]
    assert np.array_equal(other.series["EUR_JPY"].bars, market.series["EUR_JPY"].bars)
    assert not np.array_equal(GeneratedFx(2, DEFAULT_START).series["EUR_JPY"].bars["close"], market.series["EUR_JPY"].bars["close"])


def test_bars_only_while_the_market_trades(market: GeneratedFx) -> None:
    stamps = market.series["EUR_USD"].bars["ts"].astype(np.int64)
    assert open_at(stamps).all() and all(sessions.is_open(int(one)) for one in stamps[:: len(stamps) // 50])
    gaps = stamps[1:][np.diff(stamps) > DAY]
    assert len(gaps) >= 13, "a weekend a week"
    assert int(stamps[0]) <= DEFAULT_START - 97 * DAY, "history for any warm-up"


def test_crosses_agree_at_every_minute(market: GeneratedFx) -> None:
    close = {name: one.bars["close"] / 10.0**one.pair.precision for name, one in market.series.items()}
    for cross, value in (("EUR_GBP", close["EUR_USD"] / close["GBP_USD"]), ("EUR_JPY", close["EUR_USD"] * close["USD_JPY"])):
        assert np.allclose(close[cross], value, rtol=3e-5)


def test_it_moves_like_currencies(market: GeneratedFx) -> None:
    for name, series in market.series.items():
        rows = series.bars
        daily = np.diff(np.log(rows["close"][::1440].astype(float))).std()
        assert 0.002 < daily < 0.009, name
        assert (rows["high"] >= rows["low"]).all() and rows["spread"].max() > 5 * np.median(rows["spread"])


def test_it_goes_on_day_by_day() -> None:
    market = GeneratedFx(1, DEFAULT_START)  # its own: the shared one must stay as long as it is in any order
    before = len(market.series["EUR_USD"].bars)
    market.extend(DEFAULT_START + DAY)
    assert len(market.series["EUR_USD"].bars) == before + 1440
