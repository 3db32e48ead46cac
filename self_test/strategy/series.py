"""Bars for strategy tests: generated with regimes and jumps, or real ones from the data folder, and a way to feed them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from state.rows import Rows
from strategy.market import new_market, new_params, on_bar

M5 = 300_000
M15 = 900_000
MIDNIGHT = 19_723 * 86_400_000
"""2024-01-01 00:00 UTC, a Monday."""

Ints = NDArray[np.int64]


class Bars(NamedTuple):
    ts: Ints
    o: Ints
    h: Ints
    l: Ints
    c: Ints
    v: NDArray[np.float64]

    def each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Bars:
        return Bars(*map(change, cast(tuple[Any, ...], self)))

    def cut(self, start: int, end: int) -> Bars:
        return self.each(lambda column: column[start:end])

    def scaled(self, k: int) -> Bars:
        return Bars(self.ts, self.o * k, self.h * k, self.l * k, self.c * k, self.v)

    def without(self, start: int, end: int) -> Bars:
        return self.each(lambda column: np.delete(column, slice(start, end)))


def generate(n: int, seed: int, start: int = MIDNIGHT, step: int = M5, level: int = 500_000) -> Bars:
    """`n` bars of a market with spells of calm, trend and turmoil, volume to match, and no gap."""
    rng = np.random.default_rng(seed)
    spell = np.cumsum(rng.random(n) < 1 / 400)
    kinds = rng.integers(0, 3, spell[-1] + 1)[spell]
    signs = rng.choice([-1.0, 1.0], spell[-1] + 1)[spell]
    sigma = np.array([0.0006, 0.0010, 0.0030])[kinds] * np.exp(np.cumsum(rng.normal(0, 0.01, n)) * 0.3)
    sigma = np.clip(sigma, 1e-4, 5e-3)
    drift = np.where(kinds == 1, 0.15 * signs * sigma, 0.0)
    log = np.cumsum(drift + sigma * rng.standard_t(5, n) / np.sqrt(5 / 3))
    log -= np.linspace(0, log[-1], n)  # a loop that ends where it began keeps ticks in range at any length
    c = np.maximum(np.floor(level * np.exp(log) + 0.5), 50).astype(np.int64)
    o = np.concatenate([c[:1], c[:-1]])
    upper, lower = np.floor(np.abs(rng.normal(0, 0.6, (2, n))) * sigma * c).astype(np.int64)
    h = np.maximum(o, c) + upper
    low = np.maximum(np.minimum(o, c) - lower, 1)
    v = np.exp(rng.normal(3, 0.6, n)) * (sigma / 0.001)
    v[rng.random(n) < 0.002] = 0.0
    return Bars(start + step * np.arange(n, dtype=np.int64), o, h, low, c, v)


def load(path: Path, tick: float, first: int = 0, last: int = 1 << 60) -> Bars:
    """Real bars with first <= ts < last, prices as ticks."""
    table = pq.read_table(path)
    ts = table["ts"].to_numpy()
    keep = (ts >= first) & (ts < last)
    o, h, low, c = (np.floor(table[name].to_numpy()[keep] / tick + 0.5).astype(np.int64) for name in ("open", "high", "low", "close"))
    return Bars(ts[keep].astype(np.int64), o, h, low, c, table["volume"].to_numpy()[keep].astype(np.float64))


def rolled(bars: Bars, parts: int) -> Bars:
    """Gap-free bars of a higher timeframe; the series must begin on its grid."""
    n = len(bars.ts) // parts * parts
    b = bars.each(lambda column: column[:n].reshape(-1, parts))
    return Bars(b.ts[:, 0], b.o[:, 0], b.h.max(axis=1), b.l.min(axis=1), b.c[:, -1], b.v.sum(axis=1))


def feed(bars: Bars, rows: Rows | None = None, watch: tuple[str, ...] = (), i: int = 0) -> tuple[Ints, dict[str, NDArray[Any]]]:
    """Signal codes of every bar, and the watched fields of the row after every bar."""
    rows = new_market(1, M5, M15) if rows is None else rows
    params = new_params()
    codes = np.zeros(len(bars.ts), dtype=np.int64)
    seen: dict[str, list[Any]] = {name: [] for name in watch}
    for k, (ts, o, h, low, c, v) in enumerate(zip(*(column.tolist() for column in bars), strict=True)):
        codes[k] = on_bar(rows, params, i, ts, o, h, low, c, v)
        for name in watch:
            seen[name].append(rows[name][i])
    return codes, {name: np.array(values) for name, values in seen.items()}


def sides(codes: Ints, strategy: int) -> Ints:
    """The sides that one strategy confirmed, bar by bar."""
    return (codes >> (2 * strategy)) & 3
