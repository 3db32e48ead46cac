"""Bars, their path, spreads by the hour, jumps that were scripted."""

from __future__ import annotations

import numpy as np
import pytest

from modules.simulator import bar_rows
from modules.simulator.intervals import MINUTE
from modules.simulator.oanda_market import FX_BAR, FxSeries, points_of, spreads, stress_of
from modules.simulator.oanda_pairs import PAIRS
from self_test.modules.simulator.oanda_toy import NOW

EURUSD = PAIRS["EUR_USD"]
ROWS = [(NOW, 100, 130, 90, 120, 40, 12), (NOW + MINUTE, 121, 125, 80, 90, 40, 14), (NOW + 5 * MINUTE, 200, 210, 190, 205, 40, 12)]


def made() -> FxSeries:
    return FxSeries(EURUSD, MINUTE, np.array(ROWS, dtype=FX_BAR))


def test_the_path_of_a_bar() -> None:
    rows = points_of(made().bars, MINUTE)
    assert rows["bid"].tolist() == [100, 90, 130, 120, 121, 125, 80, 90, 200, 190, 210, 205]
    assert rows["first"].tolist() == [True, False, False, False] * 3 and rows["spread"].tolist()[4] == 14
    assert rows["ts"].tolist()[:4] == [NOW, NOW + 20_000, NOW + 40_000, NOW + 59_999]


def test_points_of_a_stretch_and_the_last_one() -> None:
    series = made()
    assert series.points(NOW + 20_000, NOW + MINUTE + 1)["bid"].tolist() == [90, 130, 120, 121]
    assert series.points(NOW - 50, NOW).tolist() == []
    assert series.last_point(NOW) is None
    for ts, bid in ((NOW + 1, 100), (NOW + 20_000, 100), (NOW + 20_001, 90), (NOW + 3 * MINUTE, 90)):
        point = series.last_point(ts)
        assert point is not None and int(point["bid"]) == bid


def test_a_gap_holds_for_bars_to_come_and_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    series = made()
    series.shift(NOW + MINUTE, 0.5)
    series.append(np.array([(NOW + 6 * MINUTE, 100, 100, 100, 100, 4, 12)], dtype=FX_BAR))
    assert series.bars["close"].tolist() == [120, 45, 103, 50]
    monkeypatch.setattr(bar_rows, "KEEP_BARS", 1)
    series.append(np.array([(NOW + 7 * MINUTE, 100, 100, 100, 100, 4, 12)], dtype=FX_BAR))
    assert series.bars["ts"].tolist()[0] == NOW + MINUTE and len(series.bars) == 4


def test_the_spread_is_wide_around_the_turn_and_in_a_wild_market() -> None:
    hours = np.array([NOW + h * 60 * MINUTE for h in (2, 14)] + [NOW + 14 * 60 * MINUTE + 5 * MINUTE], dtype=np.int64)
    calm = spreads(EURUSD, hours, np.ones(3))
    assert calm.tolist() == [12, 84, 84], "10:00, 22:00 and 22:05 UTC: the day turns in New York"
    assert spreads(EURUSD, hours[:1], np.array([4.0])).tolist() == [24]


def test_stress_is_the_fast_range_over_the_slow() -> None:
    low = np.zeros(200, dtype=np.int64)
    high = np.full(200, 9, dtype=np.int64)
    assert np.allclose(stress_of(high, low, 100), 1.0)
    high[180:] = 99
    assert stress_of(high, low, 100)[-1] == pytest.approx(100 / 28)
    assert len(stress_of(high[:0], low[:0], 100)) == 0
