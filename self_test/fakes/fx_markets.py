"""Made-up bars of real currency pairs on a grid: one walk a currency, so that crosses agree; weekends shut, holes, finer bars."""

from __future__ import annotations

import numpy as np

from dataio.bars import Bars
from forex.sessions import is_open
from modules.engine.grid import Grid, build
from self_test.fakes.pairs import pair

M15 = 900_000
DAY_BARS = 96
START = 1_740_355_200_000
"""2025-02-24, a Monday: summer time begins on 9 March in New York, on 30 March in Europe."""
WORTH = {"USD": 1.0, "EUR": 1.10, "GBP": 1.25, "JPY": 1 / 150.0, "AUD": 0.65, "CAD": 1 / 1.35}


def fx_market(*symbols: str, days: int = 80, seed: int = 1, first_day: int = 45, swing: float = 0.0006) -> Grid:
    """Fifteen-minute bars of these pairs; `swing`: deviation of a currency's fifteen minutes. Trading begins on `first_day`."""
    rng = np.random.default_rng(seed)
    n = days * DAY_BARS
    ts = START + M15 * np.arange(n, dtype=np.int64)
    shut = np.array([not is_open(int(one)) for one in ts])
    # drift that turns every few days makes channels break, noise makes the rest
    turns = {name: np.repeat(rng.normal(0, swing / 8, n // 200 + 1), 200)[:n] for name in WORTH}
    steps = {name: np.where(shut, 0.0, rng.normal(0, swing, n) + turns[name]) for name in WORTH}
    paths = {name: WORTH[name] * np.exp(np.cumsum(steps[name])) for name in WORTH}
    paths["USD"] = np.ones(n)
    series = []
    for symbol in symbols:
        one = pair(symbol)
        close = paths[symbol[:3]] / paths[symbol[3:]]
        opened = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0, swing / 10, n))
        reach = np.abs(rng.normal(0, swing / 2, (2, n)))
        high, low = np.maximum(opened, close) * np.exp(reach[0]), np.minimum(opened, close) * np.exp(-reach[1])
        here = ~shut & (rng.random(n) > 0.003)
        bars = Bars(
            timeframe_ms=M15,
            ts=ts[here],
            open=opened[here],
            high=high[here],
            low=low[here],
            close=close[here],
            volume=np.full(here.sum(), 9.0),
        )
        series.append((one, bars))
    return build(series, START + first_day * DAY_BARS * M15)
