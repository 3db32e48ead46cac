"""Where a search's candles come from, as plain values that any machine can be sent: read again there, never copied."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dataio.archive import open_archive
from modules.cost_store import read_book
from modules.engine.grid import Grid, load
from modules.settings import BotConfig
from risk.cost_model import CostModel
from state.accounts import Domain


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Candles of one domain, up to `to_ms`; nothing later is ever read."""

    data: str
    domain: str
    symbols: tuple[str, ...]
    from_ms: int | None
    to_ms: int | None
    settings: dict[str, Any]
    """The configuration, as plain values."""
    costs_file: str = ""

    def config(self) -> BotConfig:
        """The configuration."""
        return BotConfig.model_validate(self.settings)

    def costs(self) -> tuple[CostModel, ...]:
        """Measured costs, where a file was named; Refusal when it cannot be read."""
        return tuple(read_book(Path(self.costs_file)).models.values()) if self.costs_file else ()

    def grid(self) -> Grid:
        """Read the candles; Refusal when there are none."""
        domain = Domain(self.domain)
        window = (self.from_ms, self.to_ms)
        return load(open_archive(Path(self.data)), domain, self.symbols, self.config().domains[domain], window)


def data_hash(grid: Grid) -> str:
    """sha256 of everything in a grid that a sweep reads."""
    found = hashlib.sha256()
    for one in grid.instruments:
        found.update(repr(one).encode())
    for name in ("ts", "open", "high", "low", "close", "volume"):
        found.update(np.ascontiguousarray(getattr(grid, name)).tobytes())
    for key in sorted(grid.funding):
        for column in grid.funding[key]:
            found.update(column.tobytes())
    for key in sorted(grid.fine):
        for column in (grid.fine[key].ts, grid.fine[key].high, grid.fine[key].low):
            found.update(column.tobytes())
    for key in sorted(grid.before):
        found.update(grid.before[key].ts.tobytes() + grid.before[key].close.tobytes())
    found.update(str(grid.start).encode())
    return found.hexdigest()
