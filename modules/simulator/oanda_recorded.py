"""The recorded currency market: bid bars of a data root's `fx/<source>/`, with the spread model of oanda_market.

The finest bars of an hour or less that cover the start are the path; earlier ones of the same length are history. A pair without such
bars is left out with a notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataio.archive import open_archive
from dataio.bars import Bars, join
from modules.simulator.intervals import DAY, MINUTE
from modules.simulator.market import Funding, Series
from modules.simulator.oanda_market import FX_BAR, FxSeries, spreads, stress_of
from modules.simulator.oanda_pairs import PAIRS, Pair
from utils.errors import Refusal

COARSEST_MS = 60 * MINUTE
WARM_UP_DAYS = 65


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


class NoCoins:
    """What stands where the coins are when only pairs are listed: a market that begins and ends and has nothing in it."""

    def __init__(self, name: str, start_ms: int, end_ms: int | None) -> None:
        self.name, self.start_ms, self.end_ms = name, start_ms, end_ms
        self.series: dict[str, Series] = {}
        self.notices: tuple[str, ...] = ()

    def extend(self, until_ms: int) -> None:
        """Nothing to do."""

    def funding(self, _key: str, _start_ms: int, _end_ms: int) -> list[Funding]:
        """None."""
        return []


def recorded_pairs_only(root: Path, start_ms: int | None, end_ms: int | None, names: Sequence[str]) -> NoCoins:
    """The frame of a run on recorded pairs alone; Refusal when nothing covers the start. Without one: where 65 days lie behind."""
    if start_ms is None:
        archive = open_archive(root)
        there = [one for one in names if PAIRS[one].symbol in archive.symbols("fx")]
        firsts = [archive.finest("fx", PAIRS[one].symbol, None, None, coarsest_ms=COARSEST_MS).bars.ts[0] for one in there]
        if not firsts:
            raise Refusal(f"--symbols: {', '.join(names)} is not in {root}")
        start_ms = int(max(firsts)) + WARM_UP_DAYS * DAY
    found = RecordedFx(root, start_ms, end_ms, names)
    if missing := [one for one in names if one not in found.series]:
        raise Refusal(f"--symbols: {', '.join(missing)} cannot be served; " + "; ".join(found.notices))
    last = max(int(one.bars["ts"][-1]) + one.tf_ms for one in found.series.values())
    return NoCoins(f"recorded:{root}", start_ms, last)
