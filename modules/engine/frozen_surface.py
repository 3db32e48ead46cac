"""The surface that a replay of options holds: the one day of real quotes there is, the same by delta and tenor on every day of the candles.

Vols do not react to anything under it, so what such a replay earns or loses is evidence of nothing; it shows that the rules run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from forex.options_chain import GRID, grid_of
from forex.options_files import VOLS, quoted_days, read_surface
from state.options import Surface
from utils.errors import Refusal

DAY = date(2025, 2, 10)
FOLDER = "fx_options"
NAME = f"frozen {DAY.isoformat()}"
"""How reports call it."""


def frozen_surfaces(root: Path, pairs: Sequence[str], deposits: Mapping[str, float]) -> dict[str, Surface]:
    """Pair -> its surface of `DAY` from the data root; Refusal for a pair without options, or without quotes, naming what is missing."""
    for pair in pairs:
        grid_of(pair)
    return {pair: read_surface(root / FOLDER, pair, DAY, deposits) for pair in pairs}


def without_surface(root: Path) -> Refusal:
    """What to say to a replay of options that names no surface: what there is."""
    table = root / FOLDER / VOLS
    pairs = [pair for pair, days in quoted_days(root / FOLDER).items() if DAY in days and pair in GRID] if table.is_file() else []
    there = f"{table} has that day for {', '.join(sorted(pairs)) or 'no pair'}" if table.is_file() else f"{table} is not there"
    return Refusal(
        "--profile options needs --surface frozen: candles have no volatilities, and no history of surfaces is stored; frozen takes the "
        f"surface of {DAY.isoformat()} for every day, held constant in delta and tenor ({there})"
    )
