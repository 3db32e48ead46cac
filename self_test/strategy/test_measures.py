from __future__ import annotations

import numpy as np
import pytest

from self_test.strategy import reference
from self_test.strategy.series import M5, M15, Bars, feed, generate, rolled
from strategy.market import new_market

BARS = generate(3 * 4_000, 21)
PRIMARY = rolled(BARS, 3)


def at_closes(*names: str) -> dict[str, np.ndarray]:
    _, seen = feed(BARS, watch=names)
    return {name: values[2::3] for name, values in seen.items()}


@pytest.mark.parametrize("name, width", [("short", 480), ("middle", 960), ("long", 1_920)])
def test_channels_are_the_extremes_of_the_last_bars(name: str, width: int) -> None:
    ours = at_closes(f"channel_high_{name}", f"channel_low_{name}")
    full = slice(width - 1, None)
    assert np.array_equal(ours[f"channel_high_{name}"][full], reference.trailing(PRIMARY.h, width, np.max)[full])
    assert np.array_equal(ours[f"channel_low_{name}"][full], reference.trailing(PRIMARY.l, width, np.min)[full])


def test_extremes_of_48_bars() -> None:
    ours = at_closes("extreme_high", "extreme_low")
    assert np.array_equal(ours["extreme_high"][47:], reference.trailing(PRIMARY.h, 48, np.max)[47:])
    assert np.array_equal(ours["extreme_low"][47:], reference.trailing(PRIMARY.l, 48, np.min)[47:])


def test_efficiency_choppiness_and_zscore_from_their_first_full_window_on() -> None:
    ours = at_closes("efficiency", "choppiness", "zscore")
    expected = reference.measures(PRIMARY, np.zeros(len(PRIMARY.ts)))
    for name, first in (("efficiency", 48), ("choppiness", 28), ("zscore", 95)):
        assert np.allclose(ours[name][first:], expected[name][first:], rtol=1e-9, atol=1e-9), name
        assert (ours[name][:first] == (50.0 if name == "choppiness" else 0.0)).all(), name


def test_volatility_ratio_is_within_half_a_percent_of_the_exact_median_and_looks_only_back() -> None:
    ours = at_closes("vol", "vol_ratio")
    for k in range(200, len(PRIMARY.ts), 53):
        window = ours["vol"][max(1, k - 2_880) : k]
        assert ours["vol_ratio"][k] == pytest.approx(ours["vol"][k] / np.sort(window)[(len(window) - 1) // 2], rel=0.005)


def test_confirm_measures_while_a_signal_is_armed() -> None:
    _, seen = feed(BARS, watch=("armed", "confirm_atr", "confirm_atr_median", "volume_z"))
    filled = np.log(np.where(BARS.v > 0, BARS.v, np.nan))
    for k in range(1, len(filled)):
        if np.isnan(filled[k]):
            filled[k] = filled[k - 1]
    z = reference.z(filled, 288)
    asked = [k for k in range(400, len(filled)) if seen["armed"][k - 1]]
    assert len(asked) > 100
    for k in asked:
        window = np.sort(seen["confirm_atr"][max(1, k - 8_640) : k])
        assert seen["confirm_atr_median"][k] == pytest.approx(window[(len(window) - 1) // 2], rel=0.005)
        assert seen["volume_z"][k] == pytest.approx(z[k] if BARS.v[k] > 0 else 0.0, abs=1e-4)


def test_a_bar_without_trades_never_stands_out_by_volume() -> None:
    quiet = Bars(*BARS[:5], np.zeros(len(BARS.ts)))
    _, seen = feed(quiet.cut(0, 3_000), watch=("volume_z", "median_turnover_ticks"))
    assert (seen["volume_z"] == 0.0).all()
    assert seen["median_turnover_ticks"][-1] < 0.001


def test_a_market_that_stands_still_is_measured_without_a_fault() -> None:
    n = 3 * 3_000
    flat = np.full(n, 1_000)
    rows = new_market(1, M5, M15)
    codes, _ = feed(Bars(BARS.ts[:n], flat, flat, flat, flat, np.ones(n)), rows)
    assert not codes.any()
    for name in rows.dtype.names or ():
        assert np.isfinite(rows[name].astype(float)).all(), name
    assert (rows["atr"][0], rows["efficiency"][0], rows["choppiness"][0], rows["zscore"][0]) == (0.0, 0.0, 50.0, 0.0)
