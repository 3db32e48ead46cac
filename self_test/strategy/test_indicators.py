from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from self_test.strategy.series import M15, Bars, generate, load, rolled
from strategy.indicators import adx_step, choppiness, directional, efficiency_ratio, ema, true_range, wilder


def ours(bars: Bars, n: int, average: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ADX, ATR and EMA of a whole series, step by step."""
    smooth = plus = minus = adx = atr = mean = 0.0
    out = []
    _, _, h, low, c, _ = (column.tolist() for column in bars)
    for k in range(len(c)):
        mean = ema(mean, k, float(c[k]), average)
        if k:
            span = true_range(h[k], low[k], c[k - 1])
            up, down = directional(h[k], low[k], h[k - 1], low[k - 1])
            atr = wilder(atr, k - 1, float(span), n)
            smooth, plus, minus, adx = adx_step(n, k - 1, smooth, plus, minus, adx, float(span), float(up), float(down))
        out.append((adx, atr, mean))
    a, b, e = np.array(out).T
    return a, b, e


def check(bars: Bars, n: int, average: int) -> None:
    adx, atr, mean = ours(bars, n, average)
    h, low, c = (column.astype(float) for column in (bars.h, bars.l, bars.c))
    assert np.allclose(adx[2 * n - 1 :], talib.ADX(h, low, c, n)[2 * n - 1 :], rtol=1e-7, atol=1e-7)
    assert np.allclose(atr[n:], talib.ATR(h, low, c, n)[n:], rtol=1e-7, atol=0)
    assert np.allclose(mean[average - 1 :], talib.EMA(c, average)[average - 1 :], rtol=1e-7, atol=0)


@pytest.mark.parametrize("n, average", [(28, 50), (28, 200), (14, 5), (2, 2)])
def test_equal_to_talib_from_the_first_value_on(n: int, average: int) -> None:
    check(generate(3_000, n, step=M15), n, average)


@pytest.mark.data
def test_equal_to_talib_on_real_bars(market_data: Path) -> None:
    bars = rolled(load(market_data / "crypto_perp/bybit/ETHUSDT_5m.parquet", 0.01).cut(0, 30_000), 3)
    check(bars, 28, 200)


def test_a_market_that_does_not_move_divides_by_nothing() -> None:
    flat = np.full(100, 500)
    adx, atr, mean = ours(Bars(np.arange(100), flat, flat, flat, flat, np.ones(100)), 14, 10)
    assert adx[-1] == atr[-1] == 0.0
    assert mean[-1] == 500.0
    assert efficiency_ratio(0.0, 0.0) == 0.0
    assert choppiness(0.0, 500.0, 500.0, 28) == 50.0


def test_adx_holds_its_value_while_nothing_moves() -> None:
    step = adx_step(2, 10, 0.0, 0.0, 0.0, 33.0, 0.0, 0.0, 0.0)
    assert step == (0.0, 0.0, 0.0, 33.0)


@pytest.mark.parametrize(
    "bar, moves",
    [((12, 9, 10, 8), (2, 0)), ((10, 5, 10, 8), (0, 3)), ((12, 6, 10, 8), (0, 0)), ((13, 7, 10, 8), (3, 0)), ((9, 8, 10, 8), (0, 0))],
)
def test_directional_moves(bar: tuple[int, int, int, int], moves: tuple[int, int]) -> None:
    assert directional(*bar) == moves


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(1, 3000))
def test_true_range_is_the_largest_of_three(low: int, height: int, before: int) -> None:
    high = low + height
    assert true_range(high, low, before) == max(high - low, abs(high - before), abs(low - before))


def test_choppiness_of_a_straight_line_is_low_and_of_a_saw_high() -> None:
    assert choppiness(28.0, 128.0, 100.0, 28) == 0.0
    assert choppiness(28.0, 101.0, 100.0, 28) == pytest.approx(100.0)
