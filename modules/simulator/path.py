"""From bars to the path inside them: four points a bar, each with the trade, the touch and what stands there.

An up bar runs open, low, high, close; a down bar open, high, low, close. The points lie at 0, 1/3, 2/3 and the last millisecond of
the bar. A rising price is a trade at the ask, a falling one at the bid. Spread grows and depth shrinks with stress, the short-term
over the usual bar range. All of it is a pure function of the bars, so any point can be recomputed at any time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modules.simulator.bar_rows import Bars, index_of
from modules.simulator.market import Series
from utils.kernel import kernel

POINTS = 4
POINT = np.dtype(
    [("ts", "i8"), ("price", "i8"), ("size", "i8"), ("bid", "i8"), ("ask", "i8"), ("bid_size", "i8"), ("ask_size", "i8"), ("buy", "i8")]
)
"""Prices in ticks, sizes in steps; buy = 1 when the taker bought."""

FAST_BARS = 20
SLOW_MS = 2 * 86_400_000


def offsets(tf_ms: int) -> tuple[int, int, int, int]:
    """When in its bar each point lies, in ms from the open."""
    return (0, tf_ms // 3, 2 * tf_ms // 3, tf_ms - 1)


@kernel
def mix(x: int) -> int:
    """A well-spread 31-bit number for an integer (two rounds of multiply and shift)."""
    x = (x ^ (x >> 16)) * 73244475 & 0xFFFFFFFF
    x = (x ^ (x >> 16)) * 73244475 & 0xFFFFFFFF
    return (x ^ (x >> 16)) & 0x7FFFFFFF


@kernel
def stress_path(high: Any, low: Any, close: Any, alpha_slow: float, state: Any, out: Any) -> None:
    """Fast over slow exponential mean of the bar range; `state` = [fast, slow] goes on from block to block (0 = not started)."""
    alpha_fast = 2.0 / (20.0 + 1.0)
    for i in range(len(close)):
        move = (high[i] - low[i] + 0.25) / close[i]
        if state[1] == 0.0:
            state[0] = move
            state[1] = move
        state[0] += alpha_fast * (move - state[0])
        state[1] += alpha_slow * (move - state[1])
        out[i] = min(8.0, max(0.5, state[0] / state[1]))


@kernel
def fill_points(bars: Any, tf: int, previous: int, step: float, tick: float, spread: float, depth: float, salt: int, out: Any) -> None:
    """Four rows of `out` per bar. `previous`: the close before the first bar; `spread`: fraction of price; `depth`: quote at the touch."""
    opens, highs, lows, closes, volumes, starts, strain = (
        bars["open"],
        bars["high"],
        bars["low"],
        bars["close"],
        bars["volume"],
        bars["ts"],
        bars["stress"],
    )
    o_ts, o_price, o_size, o_bid, o_ask = out["ts"], out["price"], out["size"], out["bid"], out["ask"]
    o_bid_size, o_ask_size, o_buy = out["bid_size"], out["ask_size"], out["buy"]
    last = previous
    for i in range(len(starts)):
        up = closes[i] >= opens[i]
        volume = int(np.floor(volumes[i] / step + 0.5))
        part = volume // 4
        for k in range(4):
            row = 4 * i + k
            if k == 0:
                price, ts = int(opens[i]), starts[i]
            elif k == 1:
                price, ts = int(lows[i] if up else highs[i]), starts[i] + tf // 3
            elif k == 2:
                price, ts = int(highs[i] if up else lows[i]), starts[i] + 2 * tf // 3
            else:
                price, ts = int(closes[i]), starts[i] + tf - 1
            noise = mix((ts // 1000 & 0x7FFFFFFF) ^ salt)
            buy = 1 if price > last else (0 if price < last else noise & 1)
            gap = max(1, int(np.floor(price * spread * strain[i] * (0.6 + (noise % 1024) / 1280.0) + 0.5)))
            gap = min(gap, max(1, price - 1))
            rest = depth / (price * tick * step) / strain[i]
            o_ts[row] = ts
            o_price[row] = price
            o_size[row] = volume - 3 * part if k == 0 else part
            o_bid[row] = price - gap if buy else price
            o_ask[row] = price if buy else price + gap
            o_bid_size[row] = max(1, int(rest * (0.25 + ((noise >> 10) % 1024) / 700.0)))
            o_ask_size[row] = max(1, int(rest * (0.25 + ((noise >> 20) % 1024) / 700.0)))
            o_buy[row] = buy
            last = price


def add_stress(bars: Bars, tf_ms: int, state: npt.NDArray[np.float64]) -> None:
    """Fill the stress column in place; `state` (two floats, zeros at first) carries on to the next block."""
    out = np.empty(len(bars), dtype=np.float32)
    stress_path(
        bars["high"].astype(np.float64), bars["low"].astype(np.float64), bars["close"].astype(np.float64), 2.0 * tf_ms / SLOW_MS, state, out
    )
    bars["stress"] = out


def salt_of(text: str) -> int:
    """A number for a name, the same in every process."""
    value = 7
    for letter in text.encode():
        value = (value * 131 + letter) & 0x7FFFFFFF
    return value


def points(series: Series, first: int, last: int) -> npt.NDArray[Any]:
    """The path points (dtype POINT) of the bars with index in [first, last)."""
    bars = series.bars[first:last]
    out = np.empty(POINTS * len(bars), dtype=POINT)
    if len(bars):
        before = int(series.bars["close"][first - 1]) if first else int(bars["open"][0])
        listing = series.listing
        fill_points(
            bars, series.tf_ms, before, series.step, series.tick, listing.spread_bp * 1e-4, listing.depth_quote, salt_of(listing.key), out
        )
    return out


def index_at(series: Series, now_ms: int) -> int:
    """Index of the newest bar that opened before `now_ms`; -1 when there is none."""
    return index_of(series.bars["ts"], now_ms) - 1


def last_point(series: Series, now_ms: int) -> Any | None:
    """The newest point before `now_ms` (a row of dtype POINT), None before the first bar."""
    index = index_at(series, now_ms)
    if index < 0:
        return None
    rows = points(series, index, index + 1)
    return rows[index_of(rows["ts"], now_ms) - 1]
