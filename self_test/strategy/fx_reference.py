"""The rules of F1, F2 and O1 read plainly over bars with weekends, with the clocks of the time zone database."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from self_test.strategy.reference import bucketed, lower_median
from self_test.strategy.series import Bars, Ints

NEW_YORK, LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")


def local(ts: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ts / 1000, UTC).astimezone(zone)


def working(ts: int) -> bool:
    """08:00 to 17:00 of London or of New York on a weekday."""
    return any(8 <= at.hour < 17 and at.weekday() < 5 for at in (local(ts, LONDON), local(ts, NEW_YORK)))


def turning(ts: int) -> bool:
    """17:00 to 18:00 New York, both ends with it."""
    at = local(ts, NEW_YORK)
    return at.hour == 17 or (at.hour, at.minute) == (18, 0)


def primaries(bars: Bars, step: int, parts: int) -> list[tuple[int, int, int, int, int]]:
    """(index of the last part, close time, high, low, close) of every whole primary bar."""
    long = step * parts
    found = []
    for k in range(parts - 1, len(bars.ts)):
        first = int(bars.ts[k]) - (parts - 1) * step
        if first % long == 0 and int(bars.ts[k - parts + 1]) == first:
            span = slice(k - parts + 1, k + 1)
            found.append((k, first + long, int(bars.h[span].max()), int(bars.l[span].min()), int(bars.c[k])))
    return found


def fast(close: np.ndarray) -> np.ndarray:
    """EMA50 of closes: the mean of those there are until there are fifty."""
    found = np.zeros(len(close))
    for n, value in enumerate(close):
        found[n] = value if n == 0 else found[n - 1] + (value - found[n - 1]) * (1 / (n + 1) if n < 50 else 2 / 51)
    return found


def signals(bars: Bars, step: int, parts: int, channel: int) -> Ints:
    """Signal codes of each confirm bar: two bits each at 10 (F1), 12 (F2) and 14 (O1)."""
    found = primaries(bars, step, parts)
    trend = fast(np.array([one[4] for one in found], np.float64))
    whole = {one[0]: n for n, one in enumerate(found)}
    high, low, close = (np.array([one[x] for one in found], np.float64) for x in (2, 3, 4))
    spans = np.maximum(bars.h[1:], bars.c[:-1]) - np.minimum(bars.l[1:], bars.c[:-1])
    atr = np.zeros(len(bars.ts))
    for k in range(1, len(atr)):
        atr[k] = atr[k - 1] + (spans[k - 1] - atr[k - 1]) / min(k, 28)
    middle = bucketed(np.clip(atr, 2.0**-4, None))
    month = 30 * 86_400_000 // step
    codes = np.zeros(len(bars.ts), np.int64)
    armed: dict[int, tuple[int, float, int]] = {}
    newest = -1
    for k in range(len(bars.ts)):
        if k and bars.ts[k] != bars.ts[k - 1] + step:
            armed.clear()
        for s, (side, level, last) in list(armed.items()):
            calm = k > 28 and atr[k] <= 3 * lower_median(middle[max(1, k - month) : k])
            sign = 1 if side == 1 else -1
            own = sign * (bars.c[k] - bars.o[k]) > 0 if s == 6 else sign * (bars.c[k] - level) > 0
            own = own and (s != 7 or sign * (bars.c[k] - trend[newest]) > 0)
            if calm and own:
                codes[k] |= side << (2 * s)
            if (calm and own) or k == last:
                del armed[s]
        n = whole.get(k)
        if n is None:
            continue
        newest = n
        closed = found[n][1]
        if n >= channel and not turning(closed):
            top, bottom = high[n - channel : n].max(), low[n - channel : n].min()
            if close[n] > top:
                armed[5] = armed[7] = (1, top, k + 3)
            if close[n] < bottom:
                armed[5] = armed[7] = (2, bottom, k + 3)
        if n >= 95 and working(closed):
            window = close[n - 95 : n + 1]
            z = (close[n] - window.mean()) / window.std(ddof=1)
            if abs(z) > 2.5:
                armed[6] = (1 if z < 0 else 2, 0.0, k + 3)
    return codes
