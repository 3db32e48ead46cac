"""A write whose outcome matters: ready, sent, unknown, working, done; and how long nobody may conclude that it never arrived. Pure.

Only the venue's explicit no is a failure. What ended unknown is asked about with growing pauses; it counts as never arrived only when every
source says so again and again, the last time well after the venue could still have accepted the signed request.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from utils.clock import MS, SECOND

RECV_WINDOW_NS = 5 * SECOND
"""For so long after signing the venue accepts a request."""
MARGIN_NS = 3 * SECOND
"""More than that: a listing may lag behind what was accepted last."""
FEWEST_ASKS = 3
FOUND_AGAIN_NS = 3 * SECOND
"""Orders found at start that no source knows are asked about again together, at this pace: one listing serves them all."""
FORGOTTEN_ASKS = 10
"""A venue keeps ended orders for a time; one that it had and that no source knows any more after so many questions in a row is over."""
ASK_FIRST_NS = 200 * MS
ASK_MOST_NS = 2 * SECOND
RETRY_FIRST_NS = 100 * MS
RETRY_MOST_NS = 1 * SECOND


class Phase(StrEnum):
    """Where a write stands."""

    READY = "ready"
    """To be sent, for the first time or again under the same id."""
    UNKNOWN = "unknown"
    WORKING = "working"
    """The venue has it."""


class Write(msgspec.Struct, kw_only=True):
    """One order on its way. Times are transport time (monotonic ns)."""

    order_id: str
    phase: Phase = Phase.READY
    tries: int = 0
    asks: int = 0
    after_ns: int = 0
    """Nothing is done about it before."""
    sent_ns: int = 0
    """When the last send ended: it was signed before."""
    told_unknown: bool = False
    missed: int = 0
    """Questions in a row in which no source knew an order that the venue once had."""
    found: bool = False
    """Restored at a start: a reading of the account answers first, only what that leaves open is asked about by its id."""


def hiccup(write: Write, now_ns: int) -> None:
    """The send surely had no effect: again, after a growing pause."""
    write.tries += 1
    write.after_ns = now_ns + min(RETRY_MOST_NS, RETRY_FIRST_NS << min(write.tries - 1, 8))


def unknown(write: Write, now_ns: int) -> None:
    """Nobody can say what became of the send."""
    write.phase, write.asks, write.sent_ns = Phase.UNKNOWN, 0, now_ns
    write.after_ns = now_ns + ASK_FIRST_NS


def working(write: Write, now_ns: int, look_ns: int) -> None:
    """The venue has it; ask after `look_ns` in case its end is lost."""
    write.phase, write.asks, write.found = Phase.WORKING, 0, False
    write.after_ns = now_ns + look_ns


def asked(write: Write, now_ns: int) -> None:
    """An answer that settled nothing: ask again, later each time."""
    write.asks += 1
    together_ns = write.after_ns + FOUND_AGAIN_NS
    if write.found and together_ns > now_ns:
        write.after_ns = together_ns
    else:
        write.after_ns = now_ns + min(ASK_MOST_NS, ASK_FIRST_NS << min(write.asks, 8))


def never_arrived(write: Write, asked_ns: int) -> bool:
    """Whether "not found" on every source, in a question begun at `asked_ns`, is proof by now."""
    return write.phase is Phase.UNKNOWN and write.asks >= FEWEST_ASKS and asked_ns - write.sent_ns > RECV_WINDOW_NS + MARGIN_NS


def forgotten(write: Write, *, once_there: bool) -> bool:
    """Whether an order that the venue once had has ended so long ago that it keeps nothing of it."""
    return once_there and write.missed >= FORGOTTEN_ASKS
