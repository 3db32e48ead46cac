"""The recorded market: real bars from a data root; the finest ones (5m or finer) are the path, everything earlier is history.

A symbol without such bars at the start is refused by name when it was asked for, else left out with a notice. Less history than a bot
needs to warm up is said, and by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

import dataio.bars
from dataio.archive import Archive, open_archive
from dataio.tables import DamagedFile
from modules.simulator import filters, intervals, path
from modules.simulator.bar_rows import Bars
from modules.simulator.filters import Category
from modules.simulator.mark_record import record_of
from modules.simulator.market import BAR, Funding, Series
from utils.errors import Refusal

WARM_UP_DAYS = 40
KINDS: dict[Category, Literal["spot", "perp"]] = {"spot": "spot", "linear": "perp"}


class RecordedMarket:
    """See the top of this file. Refusal: no data root, an unknown symbol, nothing that covers the start."""

    def __init__(self, root: Path, start_ms: int | None, end_ms: int | None, symbols: Sequence[str] = ()) -> None:
        archive = open_archive(root)
        self.name = f"recorded:{root}"
        self.series: dict[str, Series] = {}
        self._funding: dict[str, list[Funding]] = {}
        there = {category: archive.symbols(kind) for category, kind in KINDS.items()}
        every = sorted({symbol for found in there.values() for symbol in found})
        if unknown := [one for one in symbols if one not in every]:
            raise Refusal(f"--symbols: {', '.join(unknown)} is not in {root}; there are {', '.join(every)}")
        chosen = list(dict.fromkeys(symbols)) or every
        self.start_ms = start_ms if start_ms is not None else _begin(archive, chosen, there)
        notices: list[str] = []
        served: set[str] = set()
        for category, kind in KINDS.items():
            for symbol in chosen:
                if symbol not in there[category]:
                    continue
                try:
                    series = _read(archive, category, symbol, self.start_ms, end_ms)
                except Refusal as refusal:
                    if symbols and isinstance(refusal, DamagedFile):
                        raise  # it was asked for by name: the file is to blame, and is named
                    notices.append(f"skipped: {refusal}")
                    continue
                served.add(symbol)
                self.series[series.listing.key] = series
                if short := _short_of_warm_up(series, self.start_ms):
                    notices.append(short)
                if category == "linear":
                    self._add_funding(archive, series, kind)
                    _add_marks(archive, series)
        if missing := [one for one in symbols if one not in served]:
            raise Refusal(
                f"--symbols: {', '.join(missing)} cannot be served; " + "; ".join(one for one in notices if one.startswith("skipped"))
            )
        if not self.series:
            raise Refusal(f"--from: nothing in {root} covers it; " + "; ".join(notices))
        self.notices = tuple(notices)
        self.end_ms: int | None = max(int(one.bars["ts"][-1]) + one.tf_ms for one in self.series.values())

    def extend(self, until_ms: int) -> None:
        """Nothing to do: the bars are all there."""

    def funding(self, key: str, start_ms: int, end_ms: int) -> list[Funding]:
        """The recorded settlements in [start, end]; none where none are recorded."""
        return [one for one in self._funding.get(key, []) if start_ms <= one[0] <= end_ms]

    def _add_funding(self, archive: Archive, series: Series, kind: str) -> None:
        try:
            stamps, rates = archive.funding(series.listing.symbol)
        except DamagedFile:
            raise
        except Refusal:
            return  # no record: the stream shows the usual 1 bp, history is empty
        self._funding[series.listing.key] = list(zip(stamps.tolist(), rates.tolist(), strict=True))
        if len(stamps) > 1:
            minutes = int(np.median(np.diff(stamps))) // intervals.MINUTE
            instrument = msgspec.structs.replace(series.listing.instrument, funding_interval_min=minutes)
            series.listing = msgspec.structs.replace(series.listing, instrument=instrument)


def _add_marks(archive: Archive, series: Series) -> None:
    try:
        bars = archive.mark(series.listing.symbol)
    except DamagedFile:
        raise
    except Refusal:
        return  # no record: the mark is the middle of the touch
    series.marks = record_of(series.bars, series.tick, bars)


def _begin(archive: Archive, symbols: Sequence[str], there: dict[Category, tuple[str, ...]]) -> int:
    """Without `--from`: where the longest fine stretch of the first symbol that has one is warm."""
    for category, kind in KINDS.items():
        for symbol in (one for one in symbols if one in there[category]):
            try:
                bars = archive.finest(kind, symbol, None, None).bars
            except DamagedFile:
                raise
            except Refusal:
                continue
            if len(bars):
                first, last = int(bars.ts[0]), bars.end_ms
                return min(first + WARM_UP_DAYS * intervals.DAY, last - intervals.DAY)
    raise Refusal(f"--symbols: no bars of 5m or finer of {', '.join(symbols)} in {archive.root}")


def _read(archive: Archive, category: Category, symbol: str, start_ms: int, end_ms: int | None) -> Series:
    kind = KINDS[category]
    try:
        found = archive.finest(kind, symbol, start_ms, end_ms)
    except Refusal:
        if end_ms is None:
            raise
        found = archive.finest(kind, symbol, start_ms, None)  # it may end before the others do
        found = msgspec.structs.replace(found, bars=found.bars.between(start_ms, end_ms))
    tf_ms = found.timeframe_ms
    before = archive.confirm_bars(kind, symbol, tf_ms, None, start_ms, source=found.source)
    parts: list[tuple[int, tuple[dataio.bars.Bars, ...]]] = [(tf_ms, (before, found.bars))]
    border = int(before.ts[0]) if len(before) else int(found.bars.ts[0])
    for coarser in (one for one in archive.timeframes(kind, symbol) if one > tf_ms):
        bars = archive.confirm_bars(kind, symbol, coarser, None, border - coarser + 1)
        if len(bars):
            parts.append((coarser, (bars,)))
            border = int(bars.ts[0])
    prices = np.concatenate([column for _, each in parts for bars in each for column in (bars.open, bars.high, bars.low, bars.close)])
    listing = filters.listing_for_prices(symbol, category, prices)
    tick = float(listing.instrument.tick)
    rows = [(one, np.concatenate([_to_rows(bars, tick) for bars in each])) for one, each in parts]
    path.add_stress(rows[0][1], tf_ms, np.zeros(2))
    return Series(listing, tf_ms, rows[0][1], tuple(rows[1:]))


def _to_rows(bars: dataio.bars.Bars, tick: float) -> Bars:
    rows: Bars = np.zeros(len(bars), dtype=BAR)
    rows["ts"], rows["volume"] = bars.ts, bars.volume
    for name in ("open", "high", "low", "close"):
        rows[name] = np.floor(getattr(bars, name) / tick + 0.5).astype(np.int32)
    return rows


def _short_of_warm_up(series: Series, start_ms: int) -> str:
    """One line when the fine history before the start is shorter than a bot needs, else empty."""
    fine = [series.bars, *(rows for tf_ms, rows in series.coarser if tf_ms <= 5 * intervals.MINUTE)]
    days = max(0.0, (start_ms - min(int(rows["ts"][0]) for rows in fine)) / intervals.DAY)
    if days >= WARM_UP_DAYS:
        return ""
    listing = series.listing
    return f"{listing.symbol} ({listing.category}) has {days:.1f} of {WARM_UP_DAYS} days of warm-up, {WARM_UP_DAYS - days:.1f} too few"
