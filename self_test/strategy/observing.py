"""The 34 features again, in plain numpy over whole series: the reference that the compiled ones are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from modules.settings import rule_rows
from self_test.strategy.series import M5, M15, Bars, rolled
from state.books import INST
from state.observed import new_observed
from state.rows import Rows
from strategy.features import SIZE, observe
from strategy.market import new_market, new_params
from strategy.ring import watch_bar, watch_rate

RULES = rule_rows(M15)
MONTH = 2_880
DAY = 86_400_000
Floats = NDArray[np.floating[Any]]


class Watched:
    """A market row with its ring, fed bar by bar."""

    def __init__(self) -> None:
        self.market, self.observed, self.params = new_market(1, M5, M15), new_observed(1), new_params()
        self.inst = np.zeros(1, INST)
        self.inst["funding_interval_ms"] = 8 * 3_600_000

    def feed(self, bars: Bars) -> Watched:
        for ts, o, h, low, c, v in zip(*(column.tolist() for column in bars), strict=True):
            self.bar(ts, o, h, low, c, v)
        return self

    def bar(self, ts: int, o: int, h: int, low: int, c: int, v: float) -> int:
        return watch_bar(self.market, self.observed, self.params, 0, ts, o, h, low, c, v)

    def rate(self, ts: int, rate: int) -> None:
        watch_rate(self.observed, 0, ts, rate)

    def see(self, s: int = 0, side: int = 1, ts: int | None = None, cost: float = 0.002, spread: float = 0.0001) -> tuple[int, Floats]:
        """The reason code and the observation, NaN where nothing was written."""
        out = np.full(SIZE, np.nan, np.float32)
        end = int(self.market[0]["last_ts"]) + M5 if ts is None else ts
        code = observe(self.market, self.observed, 0, self.inst, 0, RULES, s, side, end, cost, spread, 0.25, 1.0, out)
        return code, out


def z(x: Any, n: int) -> float:
    """The last of `x` in sample deviations from the mean of the `n` before it."""
    before = x[-1 - n : -1]
    return float((x[-1] - before.mean()) / before.std(ddof=1))


def reference(bars: Bars, row: Rows, rates: list[int], s: int, side: int, cost: float, spread: float) -> Floats:
    """What `observe` should say at the end of gap-free `bars` that began on a UTC day; measures of the market row are taken from `row`."""
    b = rolled(bars, 3)
    c, h, low = b.c[-MONTH:].astype(float), b.h[-MONTH:].astype(float), b.l[-MONTH:].astype(float)
    volume, open_ts = b.v[-MONTH:].astype(np.float32).astype(float), b.ts[-MONTH:]
    end = int(bars.ts[-1]) + M5
    r = np.diff(np.log(c))
    sigma = r[-97:-1].std(ddof=1)
    keep, var = 0.5 ** (1 / 24), [r[0] ** 2]
    for one in r[1:]:
        var.append(keep * var[-1] + (1 - keep) * one**2)
    vol = np.sqrt(var)
    moves = np.abs(np.log(vol[24:] / vol[:-24]))
    spans = np.log((h - low + 1) / c)
    hours = open_ts // 3_600_000 % 168
    alike = volume[:-1][hours[:-1] == hours[-1]]
    atr, price = float(row["atr"]), float(bars.c[-1])
    earlier = c[-2] if int(b.ts[-1]) + M15 == end else c[-1]
    level = float(row["arm_level"][s])
    funds = np.array(rates[-90:], float)
    hour, weekday = end % DAY / 3_600_000, (end // DAY + 3) % 7
    found = [np.log(c[-1] / c[-1 - k]) / (sigma * np.sqrt(k)) for k in (1, 4, 16, 96)]
    found += [(c[-1] - row["ema_fast"]) / (4 * atr), (row["ema_slow"] - row["slopes"][(int(row["primary_bars"]) - 17) % 32]) / atr]
    for n in (96, 960):
        top, bottom = h[-1 - n : -1].max(), low[-1 - n : -1].min()
        found.append(2 * (c[-1] - bottom) / (top - bottom) - 1)
    found += [2 * row["efficiency"] - 1, (row["adx"] - 25) / 15, (50 - row["choppiness"]) / 12]
    found += [np.log(vol[-1] / np.median(vol[:-1])), z(moves, 960), z(spans, 960), np.log(volume[-1] / np.median(alike))]
    found += [cost * price / (RULES[s]["stop_k"][1] * atr), 100 * spread * price / atr, z(funds, len(funds) - 1) if len(funds) > 10 else 0]
    found += [side * (price - earlier) / atr, np.sign(c[-1] - c[-320:].mean()), row["daily_sign"]]
    found += [f(2 * np.pi * x) for x in (hour / 24, weekday / 7) for f in (np.sin, np.cos)]
    found += [(28_800_000 - end % 28_800_000) / 28_800_000, side]
    found += [-side * row["zscore"] / 2.5 if s == 3 else side * (price - level) / atr]
    found += [float(k == s) for k in range(4)] + [0.25, 1.0]
    clipped: Floats = np.clip(np.array(found, float), -5, 5)
    return clipped
