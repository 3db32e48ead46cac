"""What files and services of market mood look like, and how they are read: strictly, or not at all.

Two forms of JSON: `{"value": -0.4, "ts": 1735689600000}` (value -1 to 1, ts in ms; without ts it is true from when it was read), and that
of fear-and-greed indices, `{"data": [{"value": "31", "timestamp": "1735689600"}]}` (0 to 100, seconds). And CSV: a header with `ts` (ms) or
`date` (YYYY-MM-DD) and `value` (0 to 100).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from strategy.sentiment import Reading

LARGEST = 1 << 20
"""Bytes of a file that are read; an answer over HTTP may have a sixteenth."""
LARGEST_ANSWER = LARGEST >> 4


class _One(msgspec.Struct):
    value: float
    ts: int | None = None


class _Index(msgspec.Struct):
    value: float
    timestamp: int


class _Indices(msgspec.Struct):
    data: list[_Index]


def from_json(text: bytes, now: int) -> list[Reading]:
    """The readings of an answer; ValueError, in words, for anything else than the two forms."""
    try:
        one = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        if "data" in one:
            found = msgspec.json.decode(text, type=_Indices, strict=False).data
            return [_reading(index_value(each.value), each.timestamp * 1000) for each in found]
        plain = msgspec.json.decode(text, type=_One)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a mood: {error}") from error
    return [_reading(plain.value, now if plain.ts is None else plain.ts)]


def from_csv(text: str) -> list[Reading]:
    """The readings of a file; ValueError, with the line, for one that cannot be read."""
    rows = csv.DictReader(text.splitlines())
    names = set(rows.fieldnames or ())
    if "value" not in names or not names & {"ts", "date"}:
        raise ValueError(f"the header {', '.join(sorted(names)) or '(none)'} has not the columns ts or date, and value")
    found = []
    for row in rows:
        try:
            ts = int(row["ts"]) if "ts" in names else _day(row["date"])
            found.append(_reading(index_value(float(row["value"])), ts))
        except (ValueError, TypeError) as error:
            raise ValueError(f"line {rows.line_num}: {error}") from error
    return found


def newest(readings: Sequence[Reading], now: int) -> Reading | None:
    """The newest reading that was true at `now`: what a file says of later days was not known then."""
    known = [one for one in readings if one.ts <= now]
    return max(known, key=lambda one: one.ts, default=None)


def index_value(index: float) -> float:
    """0 (extreme fear) to 100 (extreme greed) as -1 to 1; ValueError outside."""
    if not 0.0 <= index <= 100.0:
        raise ValueError(f"an index of {index} is not within 0 to 100")
    return (index - 50.0) / 50.0


def _reading(value: float, ts: int) -> Reading:
    if not math.isfinite(value) or abs(value) > 1.0:
        raise ValueError(f"a value of {value} is not within -1 to 1")
    if not 0 < ts < 1 << 53:
        raise ValueError(f"a time of {ts} is none")
    return Reading(value, ts)


def _day(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
