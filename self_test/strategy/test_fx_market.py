"""The market kernel on markets with weekends: F1, F2 and O1 against the plain reading of their rules, generated and real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from self_test.strategy import fx_reference
from self_test.strategy.series import M15, Bars, feed, generate, load, sides
from state.rows import CHANNEL
from strategy.base import F1, F2, O1
from strategy.market import new_market

HOUR = 4 * M15
PAIRS = {"EURUSD": 1e-5, "GBPUSD": 1e-5, "USDJPY": 1e-3, "AUDUSD": 1e-5, "USDCAD": 1e-5, "EURGBP": 1e-5, "EURJPY": 1e-3}


def trading_times(n: int, step: int) -> np.ndarray:
    """`n` openings of bars inside the weeks of New York from the middle of January 2024: the clocks change on the way."""
    found: list[int] = []
    at = datetime(2024, 1, 15, tzinfo=UTC)
    while len(found) < n:
        local = fx_reference.local(int(at.timestamp() * 1000), fx_reference.NEW_YORK)
        shut = local.weekday() == 5 or (local.weekday() == 6 and local.hour < 17) or (local.weekday() == 4 and local.hour >= 17)
        if not shut:
            found.append(int(at.timestamp()) * 1000)
        at += timedelta(milliseconds=step)
    return np.array(found, np.int64)


def week_bars(n: int, seed: int, step: int = M15) -> Bars:
    return generate(n, seed, step=step)._replace(ts=trading_times(n, step))


@pytest.mark.parametrize("seed", [1, 2])
def test_signals_equal_the_plain_reading_of_the_rules(seed: int) -> None:
    bars = week_bars(8_000, seed)
    rows = new_market(1, M15, HOUR, weekends=True)
    codes, _ = feed(bars, rows)
    assert np.array_equal(codes, fx_reference.signals(bars, M15, 4, CHANNEL))
    assert all((sides(codes, s) > 0).sum() > 5 for s in (F1, F2, O1)), "a comparison of nothing proves nothing"
    assert codes.max() >> (2 * F1) > 0 and not (codes & 0x3FF).any(), "no strategy of the markets that never close"
    assert rows["gaps"][0] == 0, "weekends are pauses, also when the clocks change"


@pytest.mark.parametrize("primary, channel", [(4 * HOUR, 120), (2 * HOUR, 240)])
def test_a_slower_pair_has_a_channel_of_twenty_days_as_well(primary: int, channel: int) -> None:
    bars = week_bars(6_000, 3, step=HOUR)
    rows = new_market(1, HOUR, primary, weekends=True)
    codes, _ = feed(bars, rows)
    assert np.array_equal(codes, fx_reference.signals(bars, HOUR, primary // HOUR, channel))
    assert (sides(codes, F1) > 0).sum() > 5


def test_a_faster_pair_looks_back_as_far() -> None:
    bars = week_bars(16_000, 4, step=M15)
    rows = new_market(1, M15, 2 * M15, weekends=True)
    codes, _ = feed(bars, rows)
    assert np.array_equal(codes, fx_reference.signals(bars, M15, 2, 960))
    assert (sides(codes, F1) > 0).sum() > 5


@pytest.mark.parametrize("cut", [1, 2_001, 5_003])
def test_what_follows_changes_nothing_before_it_and_a_row_goes_on_where_it_stopped(cut: int) -> None:
    bars = week_bars(6_000, 5)
    whole = new_market(1, M15, HOUR, weekends=True)
    codes, _ = feed(bars, whole)
    parts = new_market(1, M15, HOUR, weekends=True)
    before, _ = feed(bars.cut(0, cut), parts)
    stored = np.frombuffer(parts.tobytes(), parts.dtype).copy()
    after, _ = feed(bars.cut(cut, 6_000), stored)
    assert np.array_equal(np.concatenate([before, after]), codes) and stored.tobytes() == whole.tobytes()
    wild = bars._replace(c=np.where(np.arange(6_000) < cut, bars.c, bars.l), h=np.where(np.arange(6_000) < cut, bars.h, bars.h + 900))
    assert np.array_equal(feed(wild, new_market(1, M15, HOUR, weekends=True))[0][:cut], codes[:cut])


def test_rows_that_never_close_arm_no_forex_strategy_and_the_reverse() -> None:
    bars = generate(24_000, 1)
    always, _ = feed(bars)
    assert not (always >> (2 * F1)).any() and always.any()


@pytest.mark.data
@pytest.mark.parametrize("symbol", ["EURUSD", "USDJPY"])
def test_signals_equal_the_plain_reading_on_real_bars(market_data: Path, symbol: str) -> None:
    bars = load(market_data / f"fx/dukascopy/{symbol}_15m.parquet", PAIRS[symbol])
    rows = new_market(1, M15, HOUR, weekends=True)
    codes, _ = feed(bars, rows)
    assert np.array_equal(codes, fx_reference.signals(bars, M15, 4, CHANNEL))
    assert all((sides(codes, s) > 0).sum() > 5 for s in (F1, F2, O1))


@pytest.mark.data
def test_no_real_signal_lies_outside_its_hours(market_data: Path) -> None:
    for symbol, tick in PAIRS.items():
        bars = load(market_data / f"fx/dukascopy/{symbol}_15m.parquet", tick)
        codes, _ = feed(bars, new_market(1, M15, HOUR, weekends=True))
        for k in np.flatnonzero(codes):
            closed = int(bars.ts[k]) + M15
            at = fx_reference.local(closed, fx_reference.NEW_YORK)
            if (codes[k] >> (2 * F2)) & 3:
                # armed by 16:00 New York at the latest, confirmed within three quarters of an hour
                assert fx_reference.working(closed) or fx_reference.working(closed - 3 * M15), (symbol, at)
            if (codes[k] >> (2 * F1)) & 3:
                assert (at.hour, at.minute) > (18, 0) or at.hour < 17 or at.weekday() == 6, (symbol, at)
