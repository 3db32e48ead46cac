"""A small generated market on a grid: three symbols, finer bars, funding, holes; the same for the same seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modules.engine.grid import Grid
from modules.exchange.paper_bars import FineBars
from self_test.fakes.books import M5, coin
from self_test.strategy.series import MIDNIGHT, generate, rolled
from state.accounts import Domain
from state.instruments import Instrument

Ints = npt.NDArray[np.int64]
DAY_BARS = 288
MINUTE_MS = 60_000
HOURS_8 = 8 * 3_600_000
LEVELS = (500_000, 120_000, 30_000)


def market(domain: Domain, days: int = 60, *, seed: int = 1, holes: bool = True, first_day: int = 31, whips: float = 0.0) -> Grid:
    """Three symbols over `days` days of five-minute bars with one-minute bars inside; trading begins on `first_day`.

    With `holes` single bars, an hour of one symbol and a quarter of an hour of all are missing. Perpetuals settle funding every 8 hours,
    at rates of either sign. `whips`: the share of bars that reach 6 % to both sides within minutes, now one side first, now the other.
    """
    rng = np.random.default_rng(seed)
    n = days * DAY_BARS
    instruments: list[Instrument] = []
    shape = (len(LEVELS), n)
    columns = {name: np.zeros(shape, np.int64) for name in ("open", "high", "low", "close")}
    volume = np.zeros(shape)
    fine: dict[str, FineBars] = {}
    funding: dict[str, tuple[Ints, Ints]] = {}
    for i, level in enumerate(LEVELS):
        one = coin(f"{'ABC'[i] * 3}USDT", domain, quote="USD" if domain is Domain.FOREX else "USDT")
        minutes = generate(5 * n, seed * 100 + i, step=MINUTE_MS, level=level)
        for at in 5 * np.flatnonzero(rng.random(n) < whips) if whips else ():
            down, up = (at, at + 3) if rng.random() < 0.5 else (at + 3, at)
            minutes.l[down] = minutes.c[down] * 94 // 100
            minutes.h[up] = minutes.c[up] * 106 // 100
        bars = rolled(minutes, 5)
        for name, column in zip(columns, (bars.o, bars.h, bars.l, bars.c), strict=True):
            columns[name][i] = column
        volume[i] = bars.v * 1_000
        fine[one.key] = FineBars(minutes.ts, minutes.h, minutes.l)
        if domain is Domain.PERPS:
            times = MIDNIGHT + HOURS_8 * np.arange(days * 3, dtype=np.int64)
            funding[one.key] = (times, rng.integers(-40_000, 40_000, len(times)))
        instruments.append(one)
    if holes:
        gone = rng.random(shape) < 0.003
        hour = int(rng.integers(first_day * DAY_BARS, n - 12))
        gone[1, hour : hour + 12] = True
        for at in rng.integers(first_day * DAY_BARS, n - 3, 6):
            gone[:, at : at + 3] = True
        for column in columns.values():
            column[gone] = 0
    return Grid(
        instruments=tuple(instruments),
        confirm_ms=M5,
        ts=MIDNIGHT + M5 * np.arange(n, dtype=np.int64),
        volume=volume,
        start=first_day * DAY_BARS,
        funding=funding,
        fine=fine,
        open=columns["open"],
        high=columns["high"],
        low=columns["low"],
        close=columns["close"],
    )
