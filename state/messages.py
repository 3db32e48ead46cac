"""Everything that can happen to the engine (events) and everything it can ask for (commands), as two closed unions.

Events are past tense, commands are imperative. Each is journalled in this very form, so a name or a field here is also a file format:
add fields with defaults, never change a meaning.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from state.accounts import Account
from state.intents import Approved, ExitReason, Reduce
from state.market import Candle, FundingRate, MarkPrice, Quote
from state.options import Surface
from state.orders import Fill


class _Event(msgspec.Struct, frozen=True, tag_field="t"):
    ts: int
    """Venue time, ms UTC."""


class BarsClosed(_Event, tag="bars", frozen=True):
    """All candles of one close time (`ts`), in config order, decided together.

    `quotes` holds the latest quote of each symbol at that moment, so that a decision and the quote it used lie in one record. `late`:
    history or a straggler; rows and stops are updated, nothing is entered on it. `marks`: mark prices at that moment, where positions are
    valued by them.
    """

    candles: tuple[Candle, ...] = ()
    quotes: tuple[Quote, ...] = ()
    funding: tuple[FundingRate, ...] = ()
    late: bool = False
    marks: tuple[MarkPrice, ...] = ()


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


class SurfaceSeen(_Event, tag="surface", frozen=True):
    """A volatility surface of a pair was quoted; the newest is what its options are priced with until the next."""

    surface: Surface


class VenueReset(_Event, tag="venue_reset", frozen=True):
    """The venue of `account` came up without memory of working orders (an in-process paper venue after a restart)."""

    account: Account


class OrderAccepted(_Event, tag="accepted", frozen=True):
    """The venue knows the order."""

    account: Account
    order_id: str


class OrderRejected(_Event, tag="rejected", frozen=True):
    """The venue's explicit no, or ours in its stead."""

    account: Account
    order_id: str
    reason: str
    kind: str = ""
    """Class of the reason, one of few words (`modules/exchange/refusal_kinds.py`); empty: the venue's own words are all there is."""


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


class OrderUnknown(_Event, tag="unknown", frozen=True):
    """Nobody can say what became of the order; it is asked about until evidence settles it, and counts as taken meanwhile."""

    account: Account
    order_id: str
    reason: str


class Protected(_Event, tag="covered", frozen=True):
    """The venue's protection of a position was read back and is what was wanted (ticks).

    `gap_ms`: transport time for which the position had stood without a confirmed stop before this, 0 for a stop that merely moved.
    """

    account: Account
    key: str
    stop: int
    target: int
    gap_ms: int = 0
    software_target: bool = False
    """The venue holds the stop alone; the target is watched here."""


class ProtectionFailed(_Event, tag="naked", frozen=True):
    """No protection could be confirmed in time: the position is to be closed at market. `gap_ms` as in Protected, so far."""

    account: Account
    key: str
    reason: str
    gap_ms: int = 0


class TargetTouched(_Event, tag="touched", frozen=True):
    """The market reached a target that the venue does not hold (the software target of the spot fallback)."""

    account: Account
    key: str


class AccountDown(_Event, tag="account_down", frozen=True):
    """Something keeps the account from entering: `cause` is a short name that AccountUp repeats, `reason` is for people."""

    account: Account
    cause: str
    reason: str


class AccountUp(_Event, tag="account_up", frozen=True):
    """A cause named by AccountDown is gone."""

    account: Account
    cause: str


class VenueRead(_Event, tag="venue_read", frozen=True):
    """The venue's own figures of an account, read while nothing moved and after every execution up to then was told.

    `cash` and `free` in money units of the quote coin, `coins` total quantities of base coins, `positions` signed steps of perpetuals,
    `foreign` what stands there and is not ours, in words.
    """

    account: Account
    cash: int
    free: int
    coins: dict[str, Decimal] = {}
    positions: dict[str, int] = {}
    foreign: tuple[str, ...] = ()
    cursor: int = 0
    """Every execution before this venue time has been told: where to go on from after a restart."""
    cash_cursor: int = 0
    """Every `CashMoved` before this venue time has been told; 0 = nobody reads the venue's list of them."""
    sharing: tuple[Account, ...] = ()
    """The bot's other accounts in the same wallet (one key for both domains)."""


class CashMoved(_Event, tag="cash", frozen=True):
    """The venue moved quote coin otherwise than by an execution; `kind` is its word in lower case (transfer_in), money units are signed.

    The row explains; the next `VenueRead` shows whose money it was. `own` = what came counts as the bot's, as far as the wallet shows it.
    """

    account: Account
    amount: int
    kind: str
    ref: str
    own: bool = False
    sharing: tuple[Account, ...] = ()
    """As in `VenueRead`."""


class Control(_Event, tag="control", frozen=True):
    """A request of the operator or of the schedule, from any surface."""

    name: str
    args: dict[str, str] = {}
    who: str = ""


AccountEvent = (
    VenueReset
    | OrderAccepted
    | OrderRejected
    | OrderCancelled
    | OrderUnknown
    | OrderFilled
    | StopFilled
    | FundingPaid
    | Protected
    | ProtectionFailed
    | TargetTouched
    | AccountDown
    | AccountUp
    | VenueRead
    | CashMoved
)
MarketEvent = BarsClosed | Tick | FeedDown | FeedUp | SurfaceSeen
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
encode_row = msgspec.json.Encoder().encode
"""A ledger row -> JSON bytes."""
encode_commands = msgspec.json.Encoder().encode
decode_commands = msgspec.json.Decoder(list[Command]).decode
