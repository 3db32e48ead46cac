"""Candles of every OANDA granularity, bid, ask and mid, from the bars of a pair as they stand at a venue time.

Granularities beyond an hour are aligned to a time of day in a time zone (17:00 New York), weeks to Friday. No candle is made where nothing
traded. Finer ones than the bars are made of the points of the path.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from modules.simulator.bar_rows import Bars, index_of
from modules.simulator.intervals import DAY, MINUTE
from modules.simulator.oanda_market import FxSeries, Int64s, points_of
from modules.simulator.oanda_pairs import Pair
from modules.simulator.oanda_types import Row, stamp

SECOND = 1000
HOUR = 60 * MINUTE
LENGTHS: dict[str, int] = (
    {f"S{n}": n * SECOND for n in (5, 10, 15, 30)}
    | {f"M{n}": n * MINUTE for n in (1, 2, 4, 5, 10, 15, 30)}
    | {f"H{n}": n * HOUR for n in (1, 2, 3, 4, 6, 8, 12)}
    | {"D": DAY, "W": 7 * DAY, "M": 28 * DAY}
)
"""Every granularity with its length (of a month the shortest), ms."""
MOST = 5000
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPAN_FACTOR = 2


class Alignment(msgspec.Struct, frozen=True):
    """Where long candles begin."""

    hour: int = 17
    zone: str = "America/New_York"
    weekday: int = 4


def _offsets(times: Int64s, zone: ZoneInfo) -> Int64s:
    """Local time minus UTC at each (ascending) time, ms; looked up once for each day, and for each hour of a day in which it changes."""
    if not len(times):
        return times
    days = np.arange(int(times[0]) // DAY, int(times[-1]) // DAY + 2, dtype=np.int64)
    known = np.array([_offset(int(day) * DAY, zone) for day in days], dtype=np.int64)
    at = times // DAY - days[0]
    found = np.asarray(known[at], dtype=np.int64)
    for changed in np.flatnonzero(known[1:] != known[:-1]):
        inside = np.flatnonzero(at == changed)
        hours = {int(hour): _offset(int(hour) * HOUR, zone) for hour in np.unique(times[inside] // HOUR)}
        found[inside] = [hours[int(one)] for one in times[inside] // HOUR]
    return found


def _offset(ts: int, zone: ZoneInfo) -> int:
    offset = (EPOCH + timedelta(milliseconds=ts)).astimezone(zone).utcoffset() or timedelta(0)
    return int(offset / timedelta(milliseconds=1))


def starts(times: Int64s, granularity: str, align: Alignment) -> Int64s:
    """The start (ms UTC) of the candle that each (ascending) time belongs to."""
    length = LENGTHS[granularity]
    if granularity != "M" and length <= HOUR:
        return times // length * length
    zone = ZoneInfo(align.zone)
    local = times + _offsets(times, zone) - align.hour * HOUR
    if granularity == "M":
        begun = local.astype("M8[ms]").astype("M8[M]").astype("M8[ms]").astype(np.int64)
    elif granularity == "W":
        first = (align.weekday + 4) % 7 * DAY  # 1970-01-01 was a Thursday
        begun = (local - first) // length * length + first
    else:
        begun = local // DAY * DAY + local % DAY // length * length
    found = begun + align.hour * HOUR
    uniques, back = np.unique(found, return_inverse=True)
    made = np.array([_to_utc(int(one), zone) for one in uniques], dtype=np.int64)
    return np.asarray(made[back], dtype=np.int64)


def _to_utc(local: int, zone: ZoneInfo) -> int:
    naive = (EPOCH + timedelta(milliseconds=local)).replace(tzinfo=zone)
    return int((naive - EPOCH) / timedelta(milliseconds=1))


class Rolled(msgspec.Struct, frozen=True):
    """Columns of equal length, oldest first; `bid` and `ask` (n, 4) open, high, low, close in ticks."""

    ts: Int64s
    volume: Int64s
    complete: npt.NDArray[np.bool_]
    bid: Int64s
    ask: Int64s

    def part(self, rows: slice) -> Rolled:
        """Some of them."""
        return Rolled(self.ts[rows], self.volume[rows], self.complete[rows], self.bid[rows], self.ask[rows])


def known_bars(series: FxSeries, start_ms: int, end_ms: int, now_ms: int, finest: int) -> Bars:
    """Bars opening in [start, end) as known at `now_ms`; those in progress, and all where less than a bar is asked for, by their points."""
    stamps = series.bars["ts"]
    first, last = index_of(stamps, start_ms), index_of(stamps, min(end_ms, now_ms))
    if finest >= series.tf_ms and (first == last or int(stamps[last - 1]) + series.tf_ms <= now_ms):
        return series.bars[first:last]
    whole = first if finest < series.tf_ms else last - 1
    begin = max(0, first - 1) if finest < series.tf_ms else whole
    points = points_of(series.bars[begin:last], series.tf_ms)
    points = points[(points["ts"] < min(end_ms, now_ms)) & (points["ts"] >= start_ms)]
    made = np.zeros(len(points), dtype=series.bars.dtype)
    made["ts"], made["volume"], made["spread"] = points["ts"], 1, points["spread"]
    for name in ("open", "high", "low", "close"):
        made[name] = points["bid"]
    if len(made) and finest >= series.tf_ms:
        made["volume"] = np.maximum(1, series.bars["volume"][last - 1] // 4)
    return np.concatenate((series.bars[first:whole], made)) if whole > first else made


def roll(series: FxSeries, granularity: str, start_ms: int, end_ms: int, now_ms: int, align: Alignment) -> Rolled:
    """Candles of the bars opening in [start, end); the border candles hold what lies inside."""
    length = LENGTHS[granularity]
    rows = known_bars(series, start_ms, end_ms, now_ms, length)
    times = rows["ts"].astype(np.int64)
    begun = starts(times, granularity, align)
    if not len(rows):
        return Rolled(times, times, np.zeros(0, dtype=np.bool_), np.zeros((0, 4), np.int64), np.zeros((0, 4), np.int64))
    edges = np.concatenate(([0], np.flatnonzero(np.diff(begun)) + 1))
    last = np.concatenate((edges[1:], [len(rows)])) - 1
    spread = rows["spread"].astype(np.int64)

    def sides(extra: Int64s) -> Int64s:
        high, low = rows["high"] + extra, rows["low"] + extra
        return np.stack(
            (
                (rows["open"] + extra)[edges], np.maximum.reduceat(high, edges), np.minimum.reduceat(low, edges),
                (rows["close"] + extra)[last],
            ),
            axis=1,
        )  # fmt: skip

    ts = begun[edges]
    ends = np.array([_end(int(one), granularity, align) for one in ts], dtype=np.int64) if length > HOUR else ts + length
    return Rolled(ts, np.add.reduceat(rows["volume"], edges).astype(np.int64), ends <= now_ms, sides(spread * 0), sides(spread))


def _end(start: int, granularity: str, align: Alignment) -> int:
    """Where the candle ends that starts there."""
    step = {"W": 7 * DAY + 2 * HOUR, "M": 32 * DAY}.get(granularity, LENGTHS[granularity] + (2 * HOUR if granularity == "D" else 0))
    if granularity in {"D", "W", "M"}:
        return int(starts(np.array([start + step], dtype=np.int64), granularity, align)[0])
    return start + LENGTHS[granularity]


def window(
    series: FxSeries, granularity: str, now_ms: int, align: Alignment, *, start: int | None, end: int | None, count: int, first: bool
) -> Rolled:
    """The venue's range rule: forward from `start`, else back from `end` (or now), at most `count`; `first`: the one that holds `start`."""
    length = LENGTHS[granularity]
    upto = now_ms if end is None else min(end, now_ms)
    if start is not None:
        begin = int(starts(np.array([start], dtype=np.int64), granularity, align)[0])
        reach = count
        while True:
            stop = min(upto, begin + (reach + 1) * length + 4 * DAY)
            found = roll(series, granularity, begin, stop, now_ms, align)
            found = found.part(slice(int(not first and len(found.ts) > 0 and int(found.ts[0]) < start), None))
            if len(found.ts) > count or stop >= upto:
                return found.part(slice(0, count))
            reach *= SPAN_FACTOR
    oldest = int(series.bars["ts"][0]) if len(series.bars) else upto
    reach = count
    while True:
        begin = int(starts(np.array([max(0, upto - (reach + 1) * length - 4 * DAY)], dtype=np.int64), granularity, align)[0])
        found = roll(series, granularity, begin, upto, now_ms, align)
        if len(found.ts) > count or begin <= oldest:
            return found.part(slice(max(0, len(found.ts) - count), None))
        reach *= SPAN_FACTOR


def rows(pair: Pair, found: Rolled, sides: str) -> list[Row]:
    """As the API shows them; `sides` of M, B, A."""
    made: list[Row] = []
    names = {"M": "mid", "B": "bid", "A": "ask"}
    for at in range(len(found.ts)):
        row: Row = {"complete": bool(found.complete[at]), "volume": int(found.volume[at]), "time": stamp(int(found.ts[at]))}
        bid, ask = found.bid[at].tolist(), found.ask[at].tolist()
        for side in sides:
            values = {"B": bid, "A": ask, "M": [_half_up(low + high) for low, high in zip(bid, ask, strict=True)]}[side]
            row[names[side]] = dict(zip("ohlc", (_text(pair, value) for value in values), strict=True))
        made.append(row)
    return made


def _half_up(twice: int) -> int:
    return (twice + 1) // 2


def _text(pair: Pair, ticks: int) -> str:
    digits = pair.precision
    whole, rest = divmod(ticks, 10**digits)
    return f"{whole}.{rest:0{digits}d}"
