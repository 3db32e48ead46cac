"""Markets for measuring: random walks on a grid, the same for every run of one seed, as large as asked for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from modules.engine.grid import Grid
from state.accounts import Domain
from state.instruments import Instrument

CONFIRM_MS = 300_000
START_MS = 1_704_067_200_000


def random_grid(symbols: int, days: int, seed: int = 1, sigma: float = 0.0012) -> Grid:
    """`symbols` walks of five-minute bars over `days`, prices near 100,000 ticks, with the volatility changing from day to day."""
    t = days * 288
    rng = np.random.default_rng(seed)
    prices = {name: np.zeros((symbols, t), np.int64) for name in ("open", "high", "low", "close")}
    volume = np.zeros((symbols, t))
    for i in range(symbols):
        stress = np.repeat(np.exp(np.cumsum(rng.normal(0.0, 0.25, days)) * 0.3), 288)
        moves = rng.standard_normal(t) * sigma * np.clip(stress, 0.4, 3.0)
        close = 100_000.0 * np.exp(np.cumsum(moves) - np.cumsum(moves).mean())
        opened = np.concatenate([[100_000.0], close[:-1]])
        wick = np.abs(rng.normal(0.0, sigma * 0.6, (2, t))) * close
        prices["open"][i], prices["close"][i] = np.round(opened), np.round(close)
        prices["high"][i] = np.maximum(prices["open"][i], prices["close"][i]) + wick[0].astype(np.int64)
        prices["low"][i] = np.minimum(prices["open"][i], prices["close"][i]) - wick[1].astype(np.int64)
        volume[i] = np.exp(rng.normal(3.0, 0.8, t)) * 100.0
    return Grid(
        instruments=tuple(_instrument(f"X{i:02d}USDT") for i in range(symbols)),
        confirm_ms=CONFIRM_MS,
        ts=START_MS + np.arange(t, dtype=np.int64) * CONFIRM_MS,
        volume=volume,
        start=0,
        funding={},
        fine={},
        open=prices["open"],
        high=prices["high"],
        low=prices["low"],
        close=prices["close"],
    )


def _instrument(symbol: str) -> Instrument:
    return Instrument(
        domain=Domain.CRYPTO,
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal("0.01"),
        step=Decimal("0.0001"),
        min_qty=Decimal("0.0001"),
        min_notional=Decimal(5),
        max_qty=Decimal(10_000),
    )


def write_root(folder: Path, grid: Grid) -> None:
    """The grid's bars as a data root that `optimize` and `replay` read; volume as it is, prices in quote currency."""
    place = folder / "crypto_spot" / "binance"
    place.mkdir(parents=True, exist_ok=True)
    for i, one in enumerate(grid.instruments):
        there = grid.open[i] != 0
        columns = {"ts": grid.ts[there]}
        for name in ("open", "high", "low", "close"):
            columns[name] = getattr(grid, name)[i][there] * float(one.tick)
        columns["volume"] = grid.volume[i][there]
        parquet.write_table(pa.table(columns), place / f"{one.symbol}_5m.parquet")
