"""A data root read as one market: `crypto_spot|crypto_perp|fx/<source>/SYMBOL_TF[_suffix].parquet`, several sources per symbol.

**Covers.** The files of one symbol, timeframe and source whose ranges touch or overlap form a *stretch* [first open, last close).
A source covers [start, end) when one stretch holds both: first open <= start < last close and first open < end <= last close; a side
that is None is not asked. Holes inside a file (outages, weekends) do not break a stretch. **Which source.** The order is bybit, binance,
dukascopy, mt5, then by name; the first that covers wins (with neither side given: the longest stretch). **History.** Any time outside the
winner's stretches belongs to the next source that has it, whole stretches at a time, so every instant comes from exactly one source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec
import numpy as np

from dataio.bars import Bars, Floats, Int64s, join, make_bars, newest_wins, no_bars, parse_timeframe, roll_up, timeframe_name, utc_text
from dataio.tables import DamagedFile, read_bars, read_columns, time_range
from utils.errors import Refusal

__all__ = ["Archive", "Bars", "DamagedFile", "Finest", "Kind", "Stretch", "make_bars", "open_archive", "roll_up"]

Kind = Literal["spot", "perp", "fx"]
FOLDERS: dict[Kind, str] = {"spot": "crypto_spot", "perp": "crypto_perp", "fx": "fx"}
SOURCE_ORDER = ("bybit", "binance", "dukascopy", "mt5")
NOT_BARS = frozenset({"aggregate", "bidask", "calendar"})
"""Source folders of other shapes (documented with the data)."""
FINE_MS = 300_000
_NAME = re.compile(r"(?P<symbol>[A-Z0-9]+)_(?P<timeframe>[1-9]\d*[mhd])(?:_(?P<suffix>.+))?\.parquet")


class _File(msgspec.Struct, frozen=True):
    path: Path
    kind: Kind
    source: str
    symbol: str
    timeframe_ms: int
    role: str
    """bars, mark or funding."""


class Stretch(msgspec.Struct, frozen=True):
    """A contiguous piece of one source: [first_ms, end_ms), from one or several files."""

    source: str
    timeframe_ms: int
    first_ms: int
    end_ms: int
    paths: tuple[Path, ...]

    def covers(self, start_ms: int | None, end_ms: int | None) -> bool:
        """As defined at the top of this file."""
        begins = start_ms is None or self.first_ms <= start_ms < self.end_ms
        return begins and (end_ms is None or self.first_ms < end_ms <= self.end_ms)

    def __str__(self) -> str:
        return f"{self.source} {timeframe_name(self.timeframe_ms)} {utc_text(self.first_ms)} to {utc_text(self.end_ms)}"


class Finest(msgspec.Struct, frozen=True):
    """The finest bars that cover a range and where they are from."""

    source: str
    timeframe_ms: int
    bars: Bars


class Archive:
    """Read access to one data root; files are opened when asked for. With `skip_damaged` bad files are left out and listed in `damaged`."""

    def __init__(self, root: Path, files: Sequence[_File], *, skip_damaged: bool = False) -> None:
        self.root = root
        self.damaged: dict[Path, str] = {}
        self._files = tuple(files)
        self._skip_damaged = skip_damaged
        self._ranges: dict[Path, tuple[int, int] | None] = {}

    def symbols(self, kind: Kind) -> tuple[str, ...]:
        """Symbols that have bar files, sorted."""
        return tuple(sorted({file.symbol for file in self._files if file.kind == kind and file.role == "bars"}))

    def timeframes(self, kind: Kind, symbol: str) -> tuple[int, ...]:
        """Timeframes (ms) in which bar files exist, finest first; Refusal for an unknown symbol."""
        return tuple(sorted({file.timeframe_ms for file in self._of(kind, symbol)}))

    def stretches(self, kind: Kind, symbol: str, timeframe_ms: int | None = None, source: str | None = None) -> tuple[Stretch, ...]:
        """What there is of a symbol: by source order, then finest first, then by time. Refusal for an unknown symbol or source."""
        found: list[Stretch] = []
        for file in self._of(kind, symbol, source):
            if timeframe_ms in (None, file.timeframe_ms) and (known := self._range(file.path)) is not None:
                end = known[1] + file.timeframe_ms
                found.append(Stretch(file.source, file.timeframe_ms, known[0], end, (file.path,)))
        found.sort(key=lambda one: (_rank(one.source), one.timeframe_ms, one.first_ms))
        merged: list[Stretch] = []
        for one in found:
            last = merged[-1] if merged else None
            if last and (last.source, last.timeframe_ms) == (one.source, one.timeframe_ms) and one.first_ms <= last.end_ms:
                end = max(last.end_ms, one.end_ms)
                merged[-1] = Stretch(last.source, last.timeframe_ms, last.first_ms, end, last.paths + one.paths)
            else:
                merged.append(one)
        return tuple(merged)

    def bars(
        self,
        kind: Kind,
        symbol: str,
        timeframe_ms: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        *,
        source: str | None = None,
        prefer: str | None = None,
    ) -> Bars:
        """Bars opening in [start_ms, end_ms) from files of exactly this timeframe, winner first, history from the others.

        `prefer` names the winner instead of the coverage rule (history of a path: prefer its source); `source` moreover leaves the others
        out. Refusal: unknown symbol or source, no file of this
        timeframe. DamagedFile: a file that is needed is bad. Where nothing lies in the range the result is empty.
        """
        found = self.stretches(kind, symbol, timeframe_ms, source)
        if not found:
            raise Refusal(f"{symbol} ({kind}) has no {timeframe_name(timeframe_ms)} bars in {self.root}; {self._inventory(kind, symbol)}")
        return self._gather(found, timeframe_ms, start_ms, end_ms, prefer)

    def confirm_bars(
        self,
        kind: Kind,
        symbol: str,
        timeframe_ms: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        *,
        source: str | None = None,
        prefer: str | None = None,
    ) -> Bars:
        """As `bars`, but time that has no file of this timeframe is rolled up from finer files (complete buckets only).

        Within a source the timeframe's own file wins, then the coarsest finer one.
        """
        usable = [one for one in self.stretches(kind, symbol, None, source) if timeframe_ms % one.timeframe_ms == 0]
        if not usable:
            raise self._too_coarse(kind, symbol, timeframe_ms)
        usable.sort(key=lambda one: (_rank(one.source), -one.timeframe_ms, one.first_ms))
        return self._gather(usable, timeframe_ms, start_ms, end_ms, prefer)

    def finest(self, kind: Kind, symbol: str, start_ms: int | None, end_ms: int | None, *, coarsest_ms: int = FINE_MS) -> Finest:
        """The finest bars, not coarser than `coarsest_ms`, of the first source that covers [start_ms, end_ms), cut to that range.

        Refusal, naming the symbol and what there is: no such bars at all, or none that cover the range.
        """
        fine = [one for one in self.stretches(kind, symbol) if one.timeframe_ms <= coarsest_ms]
        if not fine:
            raise self._too_coarse(kind, symbol, coarsest_ms)
        chosen = _winner(fine, start_ms, end_ms)
        if chosen is None:
            begin = "the beginning" if start_ms is None else utc_text(start_ms)
            asked = f"{begin} to {'the end' if end_ms is None else utc_text(end_ms)}"
            raise Refusal(f"no source covers {symbol} ({kind}) from {asked}; there is: {'; '.join(map(str, fine))}")
        return Finest(chosen.source, chosen.timeframe_ms, self._load(chosen).between(start_ms, end_ms))

    def funding(self, symbol: str, *, source: str | None = None) -> tuple[Int64s, Floats]:
        """Settlement times (int ms UTC) and rates (fraction per interval, positive: longs pay) of one source.

        Default: the first source that has any. Refusal when a symbol has none; DamagedFile as `bars`.
        """
        stamps: list[Int64s] = []
        rates: list[Floats] = []
        for file in self._first_source(symbol, "funding", source):
            try:
                columns = read_columns(file.path, ["ts", "rate"])
                if not np.all(np.isfinite(columns["rate"])):
                    raise DamagedFile(file.path, "a rate that is not a finite number")
            except DamagedFile as error:
                self._note(error)
                continue
            stamps.append(columns["ts"])
            rates.append(columns["rate"])
        if not stamps:
            return np.empty(0, np.int64), np.empty(0)
        ts, first = np.unique(np.concatenate(stamps), return_index=True)
        return ts, np.concatenate(rates)[first]

    def mark(self, symbol: str, *, source: str | None = None) -> Bars:
        """Mark price bars (volume 0) of one source, by default the first that has any, in its finest timeframe. Raises as `funding`."""
        files = self._first_source(symbol, "mark", source)
        finest_ms = min(file.timeframe_ms for file in files)
        return self._read([file.path for file in files if file.timeframe_ms == finest_ms], finest_ms, with_volume=False)

    def _gather(self, found: Sequence[Stretch], timeframe_ms: int, start_ms: int | None, end_ms: int | None, prefer: str | None) -> Bars:
        if prefer is None and (chosen := _winner(found, start_ms, end_ms)) is not None:
            prefer = chosen.source
        order = sorted(found, key=lambda one: one.source != prefer)
        parts = [no_bars(timeframe_ms)]
        taken: list[tuple[int, int]] = []
        for one in order:
            if (end_ms is not None and one.first_ms >= end_ms) or (start_ms is not None and one.end_ms <= start_ms):
                continue
            bars = roll_up(self._load(one), timeframe_ms)
            if not len(bars):
                continue
            span = (int(bars.ts[0]), bars.end_ms)
            free = np.ones(len(bars), np.bool_)
            for first, last in taken:
                free &= (bars.ts < first) | (bars.ts >= last)
            parts.append(bars.take(free))
            taken.append(span)
        return newest_wins(join(parts)).between(start_ms, end_ms)

    def _load(self, stretch: Stretch) -> Bars:
        return self._read(stretch.paths, stretch.timeframe_ms, with_volume=True)

    def _read(self, paths: Sequence[Path], timeframe_ms: int, *, with_volume: bool) -> Bars:
        parts = [no_bars(timeframe_ms)]
        for path in paths:
            try:
                parts.append(read_bars(path, timeframe_ms, with_volume=with_volume))
            except DamagedFile as error:
                self._note(error)
        return newest_wins(join(parts))

    def _range(self, path: Path) -> tuple[int, int] | None:
        if path not in self._ranges:
            try:
                self._ranges[path] = time_range(path)
            except DamagedFile as error:
                self._note(error)
                self._ranges[path] = None
        return self._ranges[path]

    def _note(self, error: DamagedFile) -> None:
        if not self._skip_damaged:
            raise error
        self.damaged[error.path] = error.fault

    def _of(self, kind: Kind, symbol: str, source: str | None = None) -> list[_File]:
        files = [file for file in self._files if (file.kind, file.symbol, file.role) == (kind, symbol, "bars")]
        if not files:
            there = ", ".join(self.symbols(kind)) or "none"
            raise Refusal(f"unknown {kind} symbol {symbol!r} in {self.root}; there is: {there}")
        if source is None:
            return files
        chosen = [file for file in files if file.source == source]
        if not chosen:
            there = ", ".join(sorted({file.source for file in files}, key=_rank))
            raise Refusal(f"no {kind} bars of {symbol} from source {source!r} in {self.root}; there is: {there}")
        return chosen

    def _first_source(self, symbol: str, role: str, source: str | None) -> list[_File]:
        files = [file for file in self._files if (file.kind, file.symbol, file.role) == ("perp", symbol, role)]
        if source is not None:
            files = [file for file in files if file.source == source]
        if not files:
            there = ", ".join(sorted({file.symbol for file in self._files if file.kind == "perp" and file.role == role})) or "none"
            origin = "" if source is None else f" from source {source!r}"
            raise Refusal(f"no {role} file of {symbol!r}{origin} in {self.root}; there is: {there}")
        best = min((file.source for file in files), key=_rank)
        return [file for file in files if file.source == best]

    def _too_coarse(self, kind: Kind, symbol: str, limit_ms: int) -> Refusal:
        limit = timeframe_name(limit_ms)
        return Refusal(f"{symbol} ({kind}) has no bars of {limit} or finer in {self.root}; {self._inventory(kind, symbol)}")

    def _inventory(self, kind: Kind, symbol: str) -> str:
        return "there is: " + "; ".join(map(str, self.stretches(kind, symbol)))


def open_archive(root: Path | str, *, skip_damaged: bool = False) -> Archive:
    """The archive below `root`, by file names alone (no file is opened yet); Refusal when it is not a data root."""
    root = Path(root)
    if not root.is_dir():
        raise Refusal(f"no data root at {root}: not a folder")
    files = [file for kind in get_args(Kind) for file in _scan(root / FOLDERS[kind], kind)]
    if not files:
        raise Refusal(f"{root} is not a data root: no {', '.join(FOLDERS.values())} folder with <source>/SYMBOL_TF.parquet files in it")
    return Archive(root, files, skip_damaged=skip_damaged)


def _scan(folder: Path, kind: Kind) -> list[_File]:
    files = []
    for path in sorted(folder.glob("*/*.parquet")):
        match = _NAME.fullmatch(path.name)
        if match is None or path.parent.name in NOT_BARS:
            continue
        ending = (match["suffix"] or "").rpartition("_")[2]
        role = ending if ending in {"mark", "funding"} else "bars"
        files.append(_File(path, kind, path.parent.name, match["symbol"], parse_timeframe(match["timeframe"]), role))
    return files


def _rank(source: str) -> tuple[int, str]:
    return (SOURCE_ORDER.index(source) if source in SOURCE_ORDER else len(SOURCE_ORDER), source)


def _winner(found: Sequence[Stretch], start_ms: int | None, end_ms: int | None) -> Stretch | None:
    covering = [one for one in found if one.covers(start_ms, end_ms)]
    if start_ms is None and end_ms is None:
        return max(covering, key=lambda one: one.end_ms - one.first_ms, default=None)
    return covering[0] if covering else None
