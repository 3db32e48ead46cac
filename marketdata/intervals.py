"""Bybit's names of candle intervals and their length in ms (weeks and months are left out: their length or phase differs)."""

from __future__ import annotations

MINUTE_MS = 60_000

LENGTH_MS: dict[str, int] = {name: int(name) * MINUTE_MS for name in ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")}
LENGTH_MS["D"] = 1440 * MINUTE_MS

NAME: dict[int, str] = {length: name for name, length in LENGTH_MS.items()}


def interval_name(timeframe_ms: int) -> str:
    """The venue's name of a timeframe; ValueError when it has none."""
    try:
        return NAME[timeframe_ms]
    except KeyError:
        raise ValueError(f"timeframe {timeframe_ms} ms is none of {sorted(NAME)}") from None
