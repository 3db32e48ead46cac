"""Whose money moved: rows say that it came or left, the balance left over says how much of that was the bot's own. Pure.

What leaves is first taken from what was not the bot's; only what the wallet then has less than the bot's own is a withdrawal. What comes
stays outside, but for rows that say it counts as own. Rows that arrive late or twice, or that cancel each other out, change nothing,
because the balance decides. What no row explains stays a difference for `reconcile`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from modules.exchange.reconcile import ROUNDING_UNITS
from state.transfers import Movement


class Explained(msgspec.Struct, frozen=True):
    """`moved`: rows with the part of each that was own money (money units, signed); `waiting`: rows that are still needed."""

    moved: tuple[tuple[Movement, int], ...] = ()
    waiting: tuple[Movement, ...] = ()


def explain(own: int, shown: int, room: int, rows: Sequence[Movement]) -> Explained:
    """What `rows` (oldest first) make of a wallet that shows `shown` while `own` of it should be the bot's (money units).

    `room` is how much may leave: when more has left, nothing is explained, and it stays a deficit.
    """
    beyond = shown - own
    if beyond < -ROUNDING_UNITS:
        left = [row for row in rows if row.amount < 0]
        taken = _part(-sum(row.amount for row in left), -beyond)
        if not taken or taken > room:
            return Explained(waiting=tuple(rows))
        return Explained(_shared(left, taken, -1))
    came = [row for row in rows if row.own]
    if beyond > ROUNDING_UNITS and came:
        return Explained(_shared(came, _part(sum(row.amount for row in came), beyond), 1))
    return Explained()


def _part(told: int, wanted: int) -> int:
    """The smaller of the two; what was told when they are a rounding apart."""
    return told if abs(told - wanted) <= ROUNDING_UNITS else min(told, wanted)


def _shared(rows: Sequence[Movement], total: int, sign: int) -> tuple[tuple[Movement, int], ...]:
    """`total` spread over the rows, the oldest first."""
    found = []
    for row in rows:
        part = min(total, abs(row.amount))
        total -= part
        if part:
            found.append((row, sign * part))
    return tuple(found)
