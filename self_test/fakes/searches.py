"""A small search on generated candles: a data root of 280 days, written once for a test session, and requests on it."""

from __future__ import annotations

from pathlib import Path

from bench.markets import random_grid, write_root
from config import CONFIG
from modules.learning.optimize import Request
from modules.overrides import apply_overrides

DAYS = 280
SEARCHED = apply_overrides(CONFIG, {}, ["domains.crypto.warmup_days=31", "optimize.locked_days=30"])
SYMBOLS = ("X00USDT", "X01USDT")


def root(folder: Path, seed: int = 1, days: int = DAYS) -> Path:
    write_root(folder, random_grid(len(SYMBOLS), days, seed))
    return folder


def request(data: Path, out: Path, **changes: object) -> Request:
    plain: dict[str, object] = {"strategy": "C4", "profile": "spot", "symbols": SYMBOLS, "data": data, "out": out, "trials": 20}
    return Request(**(plain | changes))  # type: ignore[arg-type]
