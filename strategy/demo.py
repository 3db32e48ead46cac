"""The demo strategy: a fixed cadence on generated markets, for tours, chaos and load; its trades never count."""

from __future__ import annotations

from strategy.base import LONG, SHORT

CADENCE_MS = 60_000
"""Venue time between two entries on one symbol."""


def demo_due(now: int, last_entry_ts: int | None, idle: bool, cadence_ms: int = CADENCE_MS) -> bool:
    """True when a quote at `now` should open a position: the symbol is idle and the last entry lies a cadence back (None = never)."""
    return idle and (last_entry_ts is None or now - last_entry_ts >= cadence_ms)


def demo_side(entries: int, long_only: bool) -> int:
    """Side code of the next entry after `entries` of them: long on spot, alternating long and short elsewhere."""
    return LONG if long_only or entries % 2 == 0 else SHORT
