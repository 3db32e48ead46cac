"""What a lane may have to do next, as nouns, and how urgent each is."""

from __future__ import annotations

import msgspec

from modules.exchange.pending import Write
from modules.exchange.protect import Action
from state.intents import Approved, OrderType
from utils.throttle import Urgency


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the executor; transport time in ms."""

    protect_ms: int = 2_000
    """Without a confirmed stop for so long after the first fill, the position is to be closed."""
    attach_wait_ms: int = 600
    """For so long after an entry is done its attached protection may take to appear."""
    confirm_ms: int = 1_000
    """At most one move of a position's protection in this time; a change of size or a missing stop does not wait."""
    entry_tries: int = 4
    """Sends of one entry that surely had no effect."""
    leverage: int = 1
    """Perpetuals: part of the value that an entry binds is 1 / leverage."""
    fee_room_ppm: int = 2_000
    """Room for fees when funds are checked."""


class Entry(msgspec.Struct, kw_only=True):
    """An entry on its way; `approved` is None for one found at start, whose terms are on the venue alone."""

    write: Write
    approved: Approved | None = None
    cancel: bool = False
    cancel_ns: int = 0
    """Not cancelled again before."""
    partial_ns: int = 0

    @property
    def resting(self) -> bool:
        """It waits in the book."""
        return self.approved is None or self.approved.intent.order_type is OrderType.MAKER


class SendEntry(msgspec.Struct, frozen=True):
    """Check and send the entry."""

    entry: Entry


class CancelEntry(msgspec.Struct, frozen=True):
    """Take the entry back."""

    entry: Entry


class Ask(msgspec.Struct, frozen=True):
    """Ask what became of an order."""

    write: Write
    entry: bool


class SendClose(msgspec.Struct, frozen=True):
    """Sell (buy back) `steps` at market."""

    write: Write
    steps: int


class EndClose(msgspec.Struct, frozen=True):
    """The close has nothing to do."""

    write: Write
    reason: str


class Guarding(msgspec.Struct, frozen=True):
    """A protective action."""

    action: Action


class CancelExit(msgspec.Struct, frozen=True):
    """Take an own exit order back before a market close."""

    venue_id: str


class ReadVenue(msgspec.Struct, frozen=True):
    """Read the venue's orders and positions, begun at or after `need_ns`."""

    need_ns: int


Step = SendEntry | CancelEntry | Ask | SendClose | EndClose | Guarding | CancelExit | ReadVenue


def order_of(step: Step) -> str:
    """Our id of the order that a step is about, the one its decision's row names; empty where it is about a position or the account."""
    match step:
        case SendEntry(entry=Entry(write=write)) | CancelEntry(entry=Entry(write=write)) | Ask(write) | SendClose(write) | EndClose(write):
            return write.order_id
    return ""


def is_entry_work(step: Step) -> bool:
    """It concerns the entry alone, so protective work on the same instrument may go on beside it."""
    return isinstance(step, (SendEntry, CancelEntry)) or (isinstance(step, Ask) and step.entry)


def bares(step: Step) -> bool:
    """It takes a stop away: what is bare already is sold first, and workers that only protect leave it alone.

    Otherwise a portfolio that closes at once stands without stops while all workers wait for the budget of cancels.
    """
    return isinstance(step, CancelExit)


def urgency_of(step: Step) -> Urgency:
    """Who goes first when several lanes have something to do."""
    match step:
        case SendEntry():
            return Urgency.ENTRY
        case CancelEntry():
            return Urgency.CANCEL
        case Ask(entry=True):
            return Urgency.ACCOUNT
        case _:
            return Urgency.PROTECTIVE
