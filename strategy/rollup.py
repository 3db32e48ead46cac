"""Higher bars from lower ones: confirm -> primary -> UTC day, released only when whole and only by their last part.

A bar with a missing part is dropped, not patched: the bucket that a gap touches never closes, nor does its day.
"""

from __future__ import annotations

from state.rows import DAY_MS, DAYS, Row
from strategy.clocks import spans_holiday
from utils.kernel import kernel

_WEEK_MS = 7 * DAY_MS
_SATURDAY_NOON = 2 * DAY_MS + DAY_MS // 2
"""1970-01-03 12:00: some Saturday noon lies inside every weekend break, whatever the clock of New York."""


@kernel
def locate(row: Row, ts: int) -> None:
    """Find the place of a bar that does not continue the one before: its bucket counts only if it begins here, and so does its day."""
    inside = ts % row.primary_ms
    row.part = inside // row.confirm_ms
    row.part_whole = 1 if inside == 0 else 0
    row.day_part = (ts % DAY_MS) // row.primary_ms
    row.day_whole = 1 if ts % DAY_MS == 0 else 0


@kernel
def is_weekend(last_end: int, ts: int) -> bool:
    """True when the pause from `last_end` to `ts` is a weekend: it holds a Saturday noon and lasts less than 4 days."""
    weeks = (last_end - _SATURDAY_NOON + _WEEK_MS - 1) // _WEEK_MS
    return weeks * _WEEK_MS + _SATURDAY_NOON < ts and ts - last_end < 4 * DAY_MS


@kernel
def is_pause(last_end: int, ts: int) -> bool:
    """True when the market was meant to be shut from `last_end` to `ts`: a weekend, or a holiday that is over within 4 days."""
    return is_weekend(last_end, ts) or (spans_holiday(last_end, ts) and ts - last_end < 4 * DAY_MS)


@kernel
def take_part(row: Row, h: int, l: int) -> bool:
    """Add a confirm bar to its bucket; True when that closes a whole primary bar (`part_high`, `part_low` are then its own)."""
    if row.part == 0:
        row.part_high = h
        row.part_low = l
    else:
        row.part_high = max(row.part_high, h)
        row.part_low = min(row.part_low, l)
    row.part += 1
    if row.part < row.parts:
        return False
    row.part = 0
    if row.part_whole:
        return True
    row.part_whole = 1
    row.day_part += 1
    if row.day_part == row.day_parts:
        row.day_part = 0
        row.day_whole = 1
    return False


@kernel
def take_day(row: Row, close: int) -> None:
    """Add a primary close to its UTC day; a whole day's last one moves `daily_sign`: that close against the mean of the last 20."""
    row.day_part += 1
    if row.day_part < row.day_parts:
        return
    row.day_part = 0
    if not row.day_whole:
        row.day_whole = 1
        return
    position = row.day_count % DAYS
    row.day_total += close - row.day_closes[position]
    row.day_closes[position] = close
    row.day_count += 1
    if row.day_count >= DAYS:
        above = DAYS * close - row.day_total
        row.daily_sign = 1 if above > 0 else (-1 if above < 0 else 0)
