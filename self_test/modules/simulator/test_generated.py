"""The generated market: the same from the same seed, whoever else is listed; and alike a real one in the ways that matter to a bot."""

from __future__ import annotations

import numpy as np
import pytest

from modules.simulator.candles import window
from modules.simulator.generated import COINS, DEFAULT_START, GeneratedMarket, default_start, season_of
from modules.simulator.intervals import DAY
from utils.errors import Refusal

SIX = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "AAVEUSDT")


@pytest.fixture(scope="module")
def market() -> GeneratedMarket:
    made = GeneratedMarket(7, DEFAULT_START, SIX)
    made.extend(DEFAULT_START + 30 * DAY)
    return made


def test_the_same_seed_gives_the_same_path_whoever_else_is_listed(market: GeneratedMarket) -> None:
    other = GeneratedMarket(7, DEFAULT_START, ("XRPUSDT", "BTCUSDT"))
    for key in ("spot:BTCUSDT", "linear:BTCUSDT", "spot:XRPUSDT"):
        mine, theirs = market.series[key].bars, other.series[key].bars
        assert np.array_equal(mine[: len(theirs)], theirs)


def test_generating_further_changes_nothing_before(market: GeneratedMarket) -> None:
    step = GeneratedMarket(7, DEFAULT_START, ("BTCUSDT",))
    for days in range(1, 4):
        step.extend(DEFAULT_START + days * DAY)
    rows = step.series["spot:BTCUSDT"].bars
    assert np.array_equal(market.series["spot:BTCUSDT"].bars[: len(rows)], rows)


def test_another_seed_gives_another_path(market: GeneratedMarket) -> None:
    other = GeneratedMarket(8, DEFAULT_START, ("BTCUSDT",)).series["spot:BTCUSDT"].bars
    assert not np.array_equal(market.series["spot:BTCUSDT"].bars[: len(other)]["close"], other["close"])


def test_there_are_a_hundred_days_of_history_without_a_hole(market: GeneratedMarket) -> None:
    for series in market.series.values():
        rows = series.bars
        assert DEFAULT_START - int(rows["ts"][0]) >= 100 * DAY
        assert np.all(np.diff(rows["ts"]) == 60_000)
        assert np.all((rows["high"] >= np.maximum(rows["open"], rows["close"])) & (rows["low"] <= np.minimum(rows["open"], rows["close"])))
        assert rows["low"].min() > 0 and rows["volume"].min() > 0


def returns(market: GeneratedMarket, key: str) -> np.ndarray:
    found = window(market.series[key], "15", 0, DEFAULT_START + 30 * DAY - 1, 10**6, DEFAULT_START + 30 * DAY)
    return np.diff(np.log(found.close.astype(float)))


@pytest.mark.parametrize("symbol", SIX[:5])
def test_it_moves_as_coins_move(market: GeneratedMarket, symbol: str) -> None:
    found = window(market.series[f"spot:{symbol}"], "15", 0, None, 10**6, DEFAULT_START + 30 * DAY)
    close = found.close.astype(float)
    true_range = np.maximum(found.high[1:], close[:-1]) - np.minimum(found.low[1:], close[:-1])
    atr = np.convolve(true_range, np.ones(14) / 14, "valid") / close[14:]
    assert 0.0025 < np.median(atr) < 0.008
    r = np.abs(np.diff(np.log(close)))
    assert np.corrcoef(r[:-1], r[1:])[0, 1] > 0.15  # volatility clusters from bar to bar
    assert np.corrcoef(r[:-96], r[96:])[0, 1] > 0.03  # and from day to day
    plain = np.diff(np.log(close))
    assert abs(np.corrcoef(plain[:-1], plain[1:])[0, 1]) < 0.1  # but direction does not
    assert np.mean(plain**4) / np.mean(plain**2) ** 2 > 4.5  # tails
    volume = found.turnover[1:]
    assert np.corrcoef(r, volume)[0, 1] > 0.3


def test_coins_move_together_and_the_perpetual_follows_its_spot(market: GeneratedMarket) -> None:
    correlation = np.corrcoef([returns(market, f"spot:{one}") for one in SIX[:5]])
    assert correlation[np.triu_indices(5, 1)].min() > 0.3
    assert correlation[np.triu_indices(5, 1)].max() < 0.97
    assert np.corrcoef(returns(market, "spot:BTCUSDT"), returns(market, "linear:BTCUSDT"))[0, 1] > 0.99
    spot, perp = market.series["spot:BTCUSDT"].bars["close"] * 0.01, market.series["linear:BTCUSDT"].bars["close"] * 0.1
    assert 0 < np.std(perp / spot) < 0.001


def test_prices_break_out_of_their_last_ten_days() -> None:
    """A swing trader needs something to do: some symbol makes a new 10-day high or low within every six days."""
    for seed in (1, 2, 3):
        made = GeneratedMarket(seed, DEFAULT_START, ("BTCUSDT", "SOLUSDT", "DOGEUSDT"))
        breaks = []
        for one in ("BTCUSDT", "SOLUSDT", "DOGEUSDT"):
            close = window(made.series[f"spot:{one}"], "60", 0, None, 10**5, DEFAULT_START).close.astype(float)
            past = np.lib.stride_tricks.sliding_window_view(close[:-1], 240)
            breaks.append((close[240:] > past.max(axis=1)) | (close[240:] < past.min(axis=1)))
        either = np.any(breaks, axis=0)
        assert np.diff(np.flatnonzero(either), prepend=0, append=len(either)).max() < 24 * 14
        assert either.mean() > 0.02


def test_days_have_their_hours_and_weeks_their_days() -> None:
    tuesday, saturday = season_of(DEFAULT_START // DAY), season_of(DEFAULT_START // DAY + 4)
    assert tuesday[15 * 60] > 1.3 * tuesday[4 * 60]
    assert saturday.mean() < 0.8 * tuesday.mean()


def test_funding_every_eight_hours_for_perpetuals(market: GeneratedMarket) -> None:
    found = market.funding("linear:BTCUSDT", DEFAULT_START, DEFAULT_START + 10 * DAY)
    assert len(found) == 31 and all(ts % (8 * 3_600_000) == 0 for ts, _ in found)
    assert len({rate for _, rate in found}) > 5 and all(abs(rate) <= 0.003 for _, rate in found)
    assert market.funding("spot:BTCUSDT", DEFAULT_START, DEFAULT_START + DAY) == []


def test_a_stranger_is_refused_by_name() -> None:
    with pytest.raises(Refusal, match=r"NOPEUSDT.*there are BTCUSDT"):
        GeneratedMarket(1, DEFAULT_START, ("BTCUSDT", "NOPEUSDT"))
    assert set(COINS) >= {"BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "BNB", "LINK"}


def test_only_speed_one_starts_at_the_wall() -> None:
    assert default_start(1.0, 123) == 123
    assert default_start(6000.0, 123) == DEFAULT_START


def test_a_start_before_its_first_day_is_refused() -> None:
    with pytest.raises(Refusal, match=r"^--from: 20250215 \(ms\) is too early; the generated market can begin at 1970-04-11 or later$"):
        GeneratedMarket(1, 20_250_215, ("BTCUSDT",))
    assert GeneratedMarket(1, 100 * DAY, ("BTCUSDT",)).series["spot:BTCUSDT"].bars["ts"][0] == 0
