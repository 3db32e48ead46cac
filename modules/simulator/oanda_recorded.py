"""The recorded currency market: bid bars of a data root's `fx/<source>/`, with the spread model of oanda_market.

The finest bars of an hour or less that cover the start are the path; earlier ones of the same length are history. A pair without such
bars is left out with a notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from dataio.archive import open_archive
from dataio.bars import Bars, join
from modules.simulator.intervals import DAY, MINUTE
from modules.simulator.oanda_market import FX_BAR, FxSeries, spreads, stress_of
from modules.simulator.oanda_pairs import PAIRS, Pair
from utils.errors import Refusal

COARSEST_MS = 60 * MINUTE


class RecordedFx:
    """See the top of this file; `names`: wire names, empty = all there are. A root without currency data lists nothing."""

    def __init__(self, root: Path, start_ms: int, end_ms: int | None, names: Sequence[str] = ()) -> None:
        archive = open_archive(root)
        there = set(archive.symbols("fx"))
        self.series: dict[str, FxSeries] = {}
        notices: list[str] = []
        for name, pair in PAIRS.items():
            if (names and name not in names) or pair.symbol not in there:
                continue
            try:
                found = archive.finest("fx", pair.symbol, start_ms, None, coarsest_ms=COARSEST_MS)
                bars = found.bars if end_ms is None else found.bars.between(start_ms, end_ms)
                before = archive.confirm_bars("fx", pair.symbol, found.timeframe_ms, None, start_ms, prefer=found.source)
            except Refusal as refusal:
                notices.append(f"skipped: {refusal}")
                continue
            self.series[name] = FxSeries(pair, found.timeframe_ms, _rows(pair, join((before, bars)), found.timeframe_ms))
        self.notices = tuple(notices)

    def extend(self, until_ms: int) -> None:
        """Nothing to do: the bars are all there."""


def _rows(pair: Pair, bars: Bars, tf_ms: int) -> np.ndarray[tuple[int, ...], np.dtype[np.void]]:
    rows = np.zeros(len(bars), dtype=FX_BAR)
    rows["ts"] = bars.ts
    for name in ("open", "high", "low", "close"):
        rows[name] = np.floor(getattr(bars, name) * 10.0**pair.precision + 0.5).astype(np.int32)
    rows["volume"] = np.clip(np.nan_to_num(bars.volume), 4, 2_000_000_000).astype(np.int32)
    stress = stress_of(rows["high"].astype(np.int64), rows["low"].astype(np.int64), 2 * DAY // tf_ms)
    rows["spread"] = spreads(pair, bars.ts, stress)
    return rows


class NoFx(msgspec.Struct, frozen=True):
    """A market without currencies."""

    series: dict[str, FxSeries] = {}
    notices: tuple[str, ...] = ()

    def extend(self, until_ms: int) -> None:
        """Nothing to do."""
