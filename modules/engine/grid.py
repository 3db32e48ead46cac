"""Stored candles of several symbols on one time grid, in ticks: what replay and sweep both read.

Row i of every array is symbol i in config order, column k is the bar that opens at `ts[k]`; a missing bar has open 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
import numpy as np
import numpy.typing as npt

from dataio.archive import Archive, DamagedFile, Kind
from dataio.bars import Bars, no_bars
from forex.financing import days_of, turns
from modules.engine.mark_prices import on_grid
from modules.exchange.paper_bars import FineBars, MarkBars
from modules.settings import DomainSettings
from modules.simulator.filters import Category, listing_for_prices
from modules.simulator.fx_listings import fx_listing_for_prices
from modules.timeframes import Frames
from state.accounts import OF_PAIRS, Domain
from state.books import Rows
from state.instruments import Instrument, option_slot
from state.options import Surface
from strategy.market import on_primary_bar
from strategy.ring import watch_primary_bar
from utils.errors import Invariant, Refusal

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
KIND: dict[Domain, Kind] = {Domain.CRYPTO: "spot", Domain.PERPS: "perp", Domain.FOREX: "fx", Domain.OPTIONS: "fx"}
PROFILES = {"spot": Domain.CRYPTO, "perp": Domain.PERPS, "fx": Domain.FOREX, "options": Domain.OPTIONS}
"""What stored candles are asked for by."""
CATEGORY: dict[Domain, Category] = {Domain.CRYPTO: "spot", Domain.PERPS: "linear"}
DAY_MS = 86_400_000
NATIVE_DAYS = 60
"""How far native primary bars reach back before the first candle: the longest window (30 days) and what settles before it."""


class PrimaryBars(msgspec.Struct, frozen=True, eq=False):
    """Primary bars of one symbol in ticks, oldest first."""

    ts: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints


class Grid(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Candles of n symbols over t bar openings; prices in ticks, volume in base units."""

    instruments: tuple[Instrument, ...]
    confirm_ms: int
    ts: Ints
    """Bar open times, evenly spaced, shape (t,)."""
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    """Shape (n, t)."""
    volume: Floats
    start: int
    """First column on which trading may begin; earlier ones are warm-up."""
    funding: Mapping[str, tuple[Ints, Ints]]
    """Instrument key -> settlement times and rates x 1e8; of currency pairs the turns of the day and how many days they charge."""
    fine: Mapping[str, FineBars]
    before: Mapping[str, PrimaryBars] = {}
    """Instrument key -> native primary bars from before its first candle: they lengthen the warm-up."""
    mark: Mapping[str, MarkBars] = {}
    """Instrument key -> mark prices of a perpetual over the columns."""
    surfaces: Mapping[str, Surface] = {}
    """Pair -> the volatility surface that is held, by delta and tenor, over all columns; without one its options are not traded."""

    @property
    def bars(self) -> int:
        """How many candles there are."""
        return int(np.count_nonzero(self.open))


def to_ticks(prices: Floats, tick: float) -> Ints:
    """floor(x / tick + 0.5), element by element."""
    return np.floor(prices / tick + 0.5).astype(np.int64)


class _Sheet:
    """Arrays of `count` symbols over the openings [first, end), filled symbol by symbol: nobody has to hold the bars of all of them."""

    def __init__(self, count: int, first: int, end: int, step: int) -> None:
        self.ts = np.arange(first, end, step, dtype=np.int64)
        self.columns = {name: np.zeros((count, len(self.ts)), np.int64) for name in ("open", "high", "low", "close")}
        self.volume = np.zeros((count, len(self.ts)))
        self._step, self._used = step, (len(self.ts), 0)

    def lay(self, i: int, tick: float, bars: Bars) -> None:
        """The bars of symbol `i`, in ticks; Invariant when one opens before the sheet or after it."""
        if not len(bars):
            return
        at = (bars.ts - self.ts[0]) // self._step
        if at[0] < 0 or at[-1] >= len(self.ts):
            raise Invariant(f"bars from {bars.ts[0]} to {bars.ts[-1]} do not lie within {self.ts[0]} to {self.ts[-1]}")
        for name, target in self.columns.items():
            target[i, at] = to_ticks(getattr(bars, name), tick)
        self.volume[i, at] = bars.volume
        self._used = min(self._used[0], int(at[0])), max(self._used[1], int(at[-1]) + 1)

    def cut(self) -> None:
        """Take off what lies before the first bar and after the last."""
        first, end = self._used
        if (first, end) != (0, len(self.ts)):
            self.ts = self.ts[first:end].copy()
            for name, column in self.columns.items():
                self.columns[name] = column[:, first:end].copy()
            self.volume = self.volume[:, first:end].copy()

    def grid(
        self,
        instruments: tuple[Instrument, ...],
        start_ms: int | None,
        funding: Mapping[str, tuple[Ints, Ints]] | None,
        fine: Mapping[str, FineBars] | None,
        before: Mapping[str, PrimaryBars] | None,
    ) -> Grid:
        """What was laid, as a grid."""
        first, end = int(self.ts[0]), int(self.ts[-1]) + self._step
        turned = {one.key: turns(first - 1, end, days_of(one)) for one in instruments if one.domain is Domain.FOREX}
        return Grid(
            instruments=instruments,
            confirm_ms=self._step,
            ts=self.ts,
            volume=self.volume,
            start=0 if start_ms is None else int(np.searchsorted(self.ts, start_ms)),
            funding={**(funding or {}), **turned},
            fine=fine or {},
            before=before or {},
            open=self.columns["open"],
            high=self.columns["high"],
            low=self.columns["low"],
            close=self.columns["close"],
        )


def build(
    series: Sequence[tuple[Instrument, Bars]],
    start_ms: int | None,
    funding: Mapping[str, tuple[Ints, Ints]] | None = None,
    fine: Mapping[str, FineBars] | None = None,
    before: Mapping[str, PrimaryBars] | None = None,
) -> Grid:
    """Lay the bars of each instrument on a common grid; Refusal when there is no bar at all."""
    filled = [bars for _, bars in series if len(bars)]
    if not filled:
        raise Refusal("there is not one bar in the range asked for")
    sheet = _Sheet(len(series), min(int(bars.ts[0]) for bars in filled), max(bars.end_ms for bars in filled), filled[0].timeframe_ms)
    for i, (instrument, bars) in enumerate(series):
        sheet.lay(i, float(instrument.tick), bars)
    return sheet.grid(tuple(instrument for instrument, _ in series), start_ms, funding, fine, before)


def load(
    archive: Archive,
    domain: Domain,
    symbols: Sequence[str],
    settings: DomainSettings,
    window: tuple[int | None, int | None],
    surfaces: Mapping[str, Surface] = MappingProxyType({}),
) -> Grid:
    """Read `symbols` of one domain from a data root: [from - warm-up, to), trading from `from`; `window` = (from, to).

    Finer bars than the confirm timeframe, where the root has them, settle bars that hold both stop and target; native primary bars from
    before the first candle lengthen the warm-up; `surfaces` price options. All symbols must be traded on the
    same timeframes, or Refusal names those that are not.
    """
    frames = _frames(symbols, settings)
    confirm_ms = frames.confirm_ms
    start_ms, end_ms = window
    begin = None if start_ms is None else start_ms - settings.warmup_days * DAY_MS
    kind = KIND[domain]
    sheet: _Sheet | None = None
    instruments, funding, fine, before = [], {}, {}, {}
    for i, symbol in enumerate(symbols):
        bars = archive.confirm_bars(kind, symbol, confirm_ms, begin, end_ms)
        if not len(bars):
            raise Refusal(f"{symbol} ({kind}) has no bars in the range asked for")
        instrument = _listed(symbol, domain, bars)
        instruments.append(instrument)
        if sheet is None:
            first, end = _span(archive, kind, symbols, confirm_ms, (begin, end_ms))
            sheet = _Sheet(len(symbols), first - (first - int(bars.ts[0])) % confirm_ms, end, confirm_ms)
        sheet.lay(i, float(instrument.tick), bars)
        if domain is Domain.PERPS:
            times, rates = archive.funding(symbol)
            funding[instrument.key] = (times, np.floor(rates * 1e8 + 0.5).astype(np.int64))
        window_ms = (int(bars.ts[0]), int(bars.ts[-1]) + confirm_ms)
        # Of an option's premium there are no finer bars: a bar that holds both its stop and its target is a stop.
        finer = None if domain is Domain.OPTIONS else _finer(archive, kind, symbol, confirm_ms, window_ms, float(instrument.tick))
        if finer is not None:
            fine[instrument.key] = finer
        before[instrument.key] = _native(archive, kind, symbol, frames.primary_ms, int(bars.ts[0]), float(instrument.tick))
    if sheet is None:
        raise Refusal("there is not one symbol to read")
    sheet.cut()
    grid = sheet.grid(tuple(instruments), start_ms, funding, fine, before)
    if domain is Domain.OPTIONS:
        return msgspec.structs.replace(grid, surfaces=surfaces)
    return msgspec.structs.replace(grid, mark=_marks(archive, grid)) if domain is Domain.PERPS else grid


def _span(archive: Archive, kind: Kind, symbols: Sequence[str], confirm_ms: int, window: tuple[int | None, int | None]) -> tuple[int, int]:
    """Where the bars of all symbols lie, from what the files say of themselves: perhaps a little wider than what is in them."""
    usable = [one for symbol in symbols for one in archive.stretches(kind, symbol) if confirm_ms % one.timeframe_ms == 0]
    first, end = min(one.first_ms for one in usable), max(one.end_ms for one in usable)
    return (first if window[0] is None else max(first, window[0])), (end if window[1] is None else min(end, window[1]))


def _frames(symbols: Sequence[str], settings: DomainSettings) -> Frames:
    by_frames: dict[Frames, list[str]] = {}
    for symbol in symbols:
        by_frames.setdefault(settings.frames(symbol), []).append(symbol)
    if len(by_frames) > 1:
        told = "; ".join(f"{', '.join(names)} on {frames}" for frames, names in by_frames.items())
        raise Refusal(f"stored candles are read on one pair of timeframes at a time: {told}")
    return next(iter(by_frames))


def _listed(symbol: str, domain: Domain, bars: Bars) -> Instrument:
    if domain in OF_PAIRS:
        pair = fx_listing_for_prices(symbol, bars.close).instrument
        return option_slot(pair) if domain is Domain.OPTIONS else pair
    return listing_for_prices(symbol, CATEGORY[domain], bars.close).instrument


def _marks(archive: Archive, grid: Grid) -> dict[str, MarkBars]:
    """The mark prices of those of the grid's perpetuals that have any."""
    found = {}
    for i, instrument in enumerate(grid.instruments):
        try:
            bars = archive.mark(instrument.symbol)
        except DamagedFile:
            raise
        except Refusal:
            continue  # none: its mark is the last price; who wants to trade by it is told (`marked`)
        columns = (to_ticks(column, float(instrument.tick)) for column in (bars.open, bars.high, bars.low, bars.close))
        last = (grid.open[i], grid.high[i], grid.low[i], grid.close[i])
        found[instrument.key] = on_grid(grid.ts, last, grid.confirm_ms, MarkBars(bars.ts, *columns), bars.timeframe_ms)
    return found


def marked(grid: Grid, limits: Rows) -> Mapping[str, MarkBars]:
    """The marks by which positions are valued and closed: none where the last price does. Refusal for a perpetual without."""
    if not limits[0]["by_mark"]:
        return {}
    missing = [one.symbol for one in grid.instruments if one.domain is Domain.PERPS and one.key not in grid.mark]
    if missing:
        raise Refusal(f"risk.trigger is mark, and the data have no mark prices of {', '.join(missing)}: take --set risk.trigger=last")
    return grid.mark


def _native(archive: Archive, kind: Kind, symbol: str, primary_ms: int, end_ms: int, tick: float) -> PrimaryBars:
    bars = no_bars(primary_ms)
    if primary_ms in archive.timeframes(kind, symbol):
        bars = archive.bars(kind, symbol, primary_ms, end_ms - NATIVE_DAYS * DAY_MS, end_ms)
    return PrimaryBars(bars.ts, *(to_ticks(column, tick) for column in (bars.open, bars.high, bars.low, bars.close)))


def feed_native(grid: Grid, market: Rows, params: Rows, observed: Rows | None = None) -> None:
    """Give fresh market rows, and the rings beside them, the native primary bars from before the grid."""
    for i, instrument in enumerate(grid.instruments):
        bars = grid.before.get(instrument.key)
        if bars is not None:
            for k in range(len(bars.ts)):
                bar = (int(bars.ts[k]), int(bars.open[k]), int(bars.high[k]), int(bars.low[k]), int(bars.close[k]))
                if observed is None:
                    on_primary_bar(market, params, i, *bar)
                else:
                    watch_primary_bar(market, observed, params, i, *bar)


def _finer(archive: Archive, kind: Kind, symbol: str, confirm_ms: int, window: tuple[int, int], tick: float) -> FineBars | None:
    finer = [ms for ms in archive.timeframes(kind, symbol) if ms < confirm_ms]
    if not finer:
        return None
    bars = archive.bars(kind, symbol, min(finer), *window)
    return FineBars(bars.ts, to_ticks(bars.high, tick), to_ticks(bars.low, tick)) if len(bars) else None
