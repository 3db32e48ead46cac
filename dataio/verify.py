"""Is what lies on disk what it should be: every fault of a dataset as a row that a person and a machine can read.

Faults are `damaged` (not readable, or not of the stored schema), `foreign` (a file of another name), `unsorted`, `duplicate`,
`wrong_day`, `no_date` (outside 1970 to 2099), `off_grid`, `not_finite`, `not_positive`, `broken_ohlc`, `negative_volume` and `cache`
(the compacted cache is bad or differs from the days). `gap` (missing bars between the first and the last) and `leftover` (a temporary
file of a crash) are notices: what is there is right. Forex gaps from Friday 17:00 to Sunday 17:00 New York are no gaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from dataio.bars import Bars, Int64s, join, newest_wins, no_bars, utc_text
from dataio.compact import open_cache, stale_days
from dataio.dataset import DAY_MS, END_MS, Dataset, Series, day_number
from dataio.tables import DamagedFile
from dataio.tail import read_tail
from dataio.writer import read_day
from state.accounts import Domain

NOTICES = frozenset({"gap", "leftover"})
_NEW_YORK = ZoneInfo("America/New_York")
_KEPT = frozenset({".lock"})


class Finding(msgspec.Struct, frozen=True):
    """One kind of fault in one place: `count` rows (or missing bars), the first at `ts` (None where that says nothing)."""

    kind: str
    path: str
    count: int
    ts: int | None
    text: str


class SeriesReport(msgspec.Struct, frozen=True):
    """What one series holds and what is wrong with it."""

    series: str
    days: int
    rows: int
    first_ts: int | None
    last_ts: int | None
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Findings without the notices."""
        return tuple(one for one in self.findings if one.kind not in NOTICES)


def verify(dataset: Dataset, series: Series) -> SeriesReport:
    """Read every file of a series and report; never raises for what is on disk, never changes anything."""
    findings = list(_other_files(dataset.folder(series)))
    newest = _tail(dataset, series, findings)  # before the day files, as every reader does
    days = dataset.days(series)
    parts = [no_bars(series.timeframe_ms)]
    for day, path in days.items():
        try:
            bars = read_day(path, series.timeframe_ms)
        except DamagedFile as error:
            findings.append(Finding("damaged", str(path), 1, day * DAY_MS, error.fault))
            continue
        findings.extend(check_rows(bars, str(path), day))
        parts.append(bars)
    of_days = newest_wins(join(parts))
    joined = newest_wins(join([of_days, newest]))
    findings.extend(_gaps(joined, series, str(dataset.folder(series))))
    findings.extend(_cache(dataset, series, of_days))
    first, last = (int(joined.ts[0]), int(joined.ts[-1])) if len(joined) else (None, None)
    return SeriesReport(str(series), len(days), len(joined), first, last, tuple(findings))


def _tail(dataset: Dataset, series: Series, findings: list[Finding]) -> Bars:
    """What the tail holds of a series; what is wrong there is added to `findings`."""
    try:
        tail = read_tail(dataset.root)
    except DamagedFile as error:
        findings.append(Finding("damaged", str(error.path), 1, None, error.fault))
        return no_bars(series.timeframe_ms)
    bars, bad = tail.bars(series), tail.bad(series)
    findings.extend(check_rows(bars, str(tail.path)))
    if bad:
        findings.append(Finding("damaged", str(tail.path), bad, None, f"{bad} record(s) do not match their checksum; they are not read"))
    return bars


def bad_rows(bars: Bars) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks of the rows that no source should ever give, by kind of fault; only kinds that occur."""
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    finite = np.isfinite(prices).all(axis=0)
    body_low, body_high = np.minimum(bars.open, bars.close), np.maximum(bars.open, bars.close)
    masks = {
        "no_date": (bars.ts < 0) | (bars.ts >= END_MS),
        "off_grid": bars.ts % bars.timeframe_ms != 0,
        "not_finite": ~(finite & np.isfinite(bars.volume)),
        "not_positive": finite & (prices <= 0).any(axis=0),
        "broken_ohlc": finite & ((bars.low > body_low) | (bars.high < body_high)),
        "negative_volume": bars.volume < 0,
    }
    return {kind: mask for kind, mask in masks.items() if mask.any()}


def check_rows(bars: Bars, path: str, day: int | None = None) -> Iterator[Finding]:
    """Findings inside one file (of one day, when given)."""
    steps = np.diff(bars.ts)
    masks = {"unsorted": np.append(False, steps < 0)[: len(bars)], **bad_rows(bars)}
    _, first = np.unique(bars.ts, return_index=True)
    repeated = np.ones(len(bars), np.bool_)
    repeated[first] = False
    masks["duplicate"] = repeated
    if day is not None:
        masks["wrong_day"] = bars.ts // DAY_MS != day
    for kind, mask in masks.items():
        count = int(mask.sum())
        if count:
            ts = int(bars.ts[int(np.argmax(mask))])
            yield Finding(kind, path, count, ts, f"{count} row(s), first at {utc_text(ts)} (ts {ts})")


def _gaps(bars: Bars, series: Series, folder: str) -> Iterator[Finding]:
    step = series.timeframe_ms
    ends = bars.ts[:-1] + step
    for index in np.flatnonzero(bars.ts[1:] > ends).tolist():
        first, last = int(ends[index]), int(bars.ts[index + 1])
        missing = np.arange(-(-first // step) * step, last, step, dtype=np.int64)
        if series.domain in {Domain.FOREX, Domain.OPTIONS}:
            missing = missing[~_closed(missing)]
        if len(missing):
            begin = int(missing[0])
            yield Finding("gap", folder, len(missing), begin, f"{len(missing)} bar(s) missing from {utc_text(begin)} to {utc_text(last)}")


def _closed(stamps: Int64s) -> npt.NDArray[np.bool_]:
    """Which stamps fall between Friday 17:00 and Sunday 17:00 New York."""
    closed = np.zeros(len(stamps), np.bool_)
    if not len(stamps):
        return closed
    day = datetime.fromtimestamp(int(stamps[0]) / 1000, UTC).astimezone(_NEW_YORK).date() - timedelta(days=3)
    end = datetime.fromtimestamp(int(stamps[-1]) / 1000, UTC).date()
    friday = day + timedelta(days=(4 - day.weekday()) % 7)
    while friday <= end:
        close = datetime(friday.year, friday.month, friday.day, 17, tzinfo=_NEW_YORK)
        reopen = close + timedelta(days=2)  # wall-clock arithmetic: 17:00 there, also when the clocks change in between
        closed |= (stamps >= close.timestamp() * 1000) & (stamps < reopen.timestamp() * 1000)
        friday += timedelta(days=7)
    return closed


def _other_files(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if day_number(path.name) is not None or path.name in _KEPT:
            continue
        if path.name.startswith(".") and path.name.endswith(".tmp"):
            yield Finding("leftover", str(path), 1, None, "a temporary file of an interrupted write; it is never read and may be deleted")
        else:
            yield Finding("foreign", str(path), 1, None, "not a day file (YYYY-MM-DD.parquet); it is not read")


def _cache(dataset: Dataset, series: Series, joined: Bars) -> Iterator[Finding]:
    try:
        cache = open_cache(dataset, series)
        if cache is None:
            return
        held = cache.bars()
        stale = stale_days(cache.note, dataset.versions(series))
    except DamagedFile as error:
        yield Finding("cache", str(error.path), 1, None, error.fault)
        return
    current = held.take(~np.isin(held.ts // DAY_MS, stale))
    wanted = joined.take(~np.isin(joined.ts // DAY_MS, stale))
    if not current.same(wanted):
        yield Finding(
            "cache", str(cache.path), 1, None, "holds other rows than the day files it was made from; compact again after deleting it"
        )
