"""Everything that can happen to the engine (events) and everything it can ask for (commands), as two closed unions.

Events are past tense, commands are imperative. Each is journalled in this very form, so a name or a field here is also a file format:
add fields with defaults, never change a meaning.
"""

from __future__ import annotations

from typing import Any

import msgspec

from state.accounts import Account
from state.intents import Approved, ExitReason, Reduce
from state.market import Candle, FundingRate, Quote
from state.orders import Fill


class _Event(msgspec.Struct, frozen=True, tag_field="t"):
    ts: int
    """Venue time, ms UTC."""


class BarsClosed(_Event, tag="bars", frozen=True):
    """All candles of one close time (`ts`), in config order, decided together.

    `quotes` holds the latest quote of each symbol at that moment, so that a decision and the quote it used lie in one record. `late`:
    history or a straggler; rows and stops are updated, nothing is entered on it.
    """

    candles: tuple[Candle, ...] = ()
    quotes: tuple[Quote, ...] = ()
    funding: tuple[FundingRate, ...] = ()
    late: bool = False


class Tick(_Event, tag="tick", frozen=True):
    """Time passed: day roll, time exits, the demo's cadence. Carries the quotes of the moment."""

    quotes: tuple[Quote, ...] = ()


class FeedDown(_Event, tag="feed_down", frozen=True):
    """A market feed was lost: no entries on its instruments until it is back."""

    feed: str
    reason: str


class FeedUp(_Event, tag="feed_up", frozen=True):
    """A market feed is back (and what was missed has been filled in)."""

    feed: str


class VenueReset(_Event, tag="venue_reset", frozen=True):
    """The venue of `account` came up without memory of working orders (an in-process paper venue after a restart)."""

    account: Account


class OrderAccepted(_Event, tag="accepted", frozen=True):
    """The venue knows the order."""

    account: Account
    order_id: str


class OrderRejected(_Event, tag="rejected", frozen=True):
    """The venue's explicit no."""

    account: Account
    order_id: str
    reason: str


class OrderCancelled(_Event, tag="cancelled", frozen=True):
    """The order is gone with whatever it had filled."""

    account: Account
    order_id: str
    reason: str


class OrderFilled(_Event, tag="filled", frozen=True):
    """An entry or exit order of ours executed, in whole or in part. `left`: steps the order still works for (0 = done)."""

    fill: Fill
    left: int = 0


class StopFilled(_Event, tag="protected", frozen=True):
    """The venue's own protection executed. `trigger` is STOP or TARGET; `left`: steps of the position still open."""

    fill: Fill
    trigger: ExitReason
    left: int = 0


class FundingPaid(_Event, tag="funding", frozen=True):
    """A funding settlement of an open position: money units, positive = paid."""

    account: Account
    key: str
    amount: int
    ref: str


class Control(_Event, tag="control", frozen=True):
    """A request of the operator or of the schedule, from any surface."""

    name: str
    args: dict[str, str] = {}
    who: str = ""


AccountEvent = VenueReset | OrderAccepted | OrderRejected | OrderCancelled | OrderFilled | StopFilled | FundingPaid
MarketEvent = BarsClosed | Tick | FeedDown | FeedUp
Event = MarketEvent | AccountEvent | Control


class _Command(msgspec.Struct, frozen=True, tag_field="t"):
    pass


class Place(_Command, tag="place", frozen=True):
    """Send an approved entry with its stop and target attached."""

    order: Approved


class Cancel(_Command, tag="cancel", frozen=True):
    """Take an unfilled entry back."""

    account: Account
    key: str
    order_id: str


class Protect(_Command, tag="protect", frozen=True):
    """The protection a position shall have on its venue from now on (ticks); the executor sends only what differs."""

    account: Account
    key: str
    side: int
    steps: int
    stop: int
    target: int
    trailed: bool = False
    """The stop has moved since entry."""


class Close(_Command, tag="close", frozen=True):
    """Close a position at market."""

    reduce: Reduce


class Record(_Command, tag="record", frozen=True):
    """A row for the ledger: kind `fill`, `trade`, `cash` or `equity`; money, prices and quantities as decimal strings."""

    kind: str
    row: dict[str, Any]


class Report(_Command, tag="report", frozen=True):
    """A decision worth telling people: `what` is entered, refused, closed, stop, halted, resumed, feed ..."""

    ts: int
    what: str
    text: str
    account: str = ""
    key: str = ""
    rule: str = ""


Command = Place | Cancel | Protect | Close | Record | Report

encode_event = msgspec.json.Encoder().encode
"""Event -> JSON bytes, the journal's form."""
decode_event = msgspec.json.Decoder(Event).decode
encode_commands = msgspec.json.Encoder().encode
decode_commands = msgspec.json.Decoder(list[Command]).decode
