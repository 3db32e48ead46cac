"""The nouns of the simulated OANDA account: quotes, orders, trades, what is kept of them, and how times and money are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

ZERO = Decimal(0)
CENT = Decimal("0.0001")
"""The smallest amount of money that is booked."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


class Quote(msgspec.Struct, frozen=True):
    """Best prices of a pair from `ts` (ms) on. `jumped`: nothing traded between the last quote and this one."""

    ts: int
    bid: Decimal
    ask: Decimal
    jumped: bool = False

    @property
    def mid(self) -> Decimal:
        """Between the two."""
        return (self.bid + self.ask) / 2

    def side(self, units: Decimal) -> Decimal:
        """What an order of these (signed) units pays or gets."""
        return self.ask if units > 0 else self.bid


class Order(msgspec.Struct, kw_only=True):
    """A pending or closed order; `units` are signed and 0 for one that closes its trade (`trade_id`). Times in ms."""

    id: str
    type: str
    ts: int
    state: str = "PENDING"
    instrument: str
    units: Decimal = ZERO
    price: Decimal | None = None
    distance: Decimal | None = None
    bound: Decimal | None = None
    tif: str = "GTC"
    gtd: int | None = None
    position_fill: str = "DEFAULT"
    trigger: str = "DEFAULT"
    trade_id: str = ""
    trade_client_id: str = ""
    ext: Row = {}
    trade_ext: Row = {}
    tp: Row | None = None
    sl: Row | None = None
    tsl: Row | None = None
    trail: Decimal | None = None
    """Of a trailing stop: where it stands now."""
    above: bool = False
    """Of a MARKET_IF_TOUCHED: the price lay above the market when it was made."""
    filling: str = ""
    cancelling: str = ""
    done_ts: int | None = None
    opened: str = ""
    reduced: str = ""
    closed: list[str] = []
    replaces: str = ""
    replaced_by: str = ""

    @property
    def client_id(self) -> str:
        """The client's own id, "" without one."""
        return str(self.ext.get("id", ""))


class Trade(msgspec.Struct, kw_only=True):
    """One trade; `units` (what is still open) and `initial` are signed: above 0 = long. Money in home currency."""

    id: str
    instrument: str
    price: Decimal
    ts: int
    initial: Decimal
    units: Decimal
    margin: Decimal
    """That was required at first."""
    pl: Decimal = ZERO
    financing: Decimal = ZERO
    closed_units: Decimal = ZERO
    closed_value: Decimal = ZERO
    closing: list[str] = []
    close_ts: int | None = None
    ext: Row = {}
    legs: dict[str, str] = {}
    """Pending orders that close it: order id by type."""

    @property
    def client_id(self) -> str:
        """The client's own id, "" without one."""
        return str(self.ext.get("id", ""))

    @property
    def average_close(self) -> Decimal | None:
        """Mean price of what was closed."""
        return self.closed_value / self.closed_units if self.closed_units else None


class State(msgspec.Struct, kw_only=True):
    """What survives of the account, without its transactions (they are a log of their own)."""

    account_id: str
    created: int
    balance: Decimal = ZERO
    pl: Decimal = ZERO
    financing: Decimal = ZERO
    alias: str = "Primary"
    last_id: int = 0
    orders: dict[str, Order] = {}
    trades: dict[str, Trade] = {}
    position_pl: dict[str, list[Decimal]] = {}
    """By instrument: what long and short trades have brought, and the financing of each."""
    taken: int = 0
    """Quotes before this time (ms) are in here."""
    opening: Decimal = ZERO
    """What the account began with."""
    gaps: list[tuple[str, int, float]] = []
    """Scripted jumps: pair, from when on (ms), by which factor."""
    revoked: bool = False
    """Whether the token is refused."""
    halted: list[str] = []
    """Pairs that a script has stopped."""


class Rejected(Exception):
    """A request that is refused with a transaction of its own (HTTP 400 or 404)."""

    def __init__(self, reason: str, message: str = "", status: int = 400) -> None:
        super().__init__(message or reason)
        self.reason, self.message, self.status = reason, message or reason.replace("_", " ").capitalize(), status


class Malformed(Exception):
    """A request that makes no sense: an HTTP error without a transaction."""

    def __init__(self, message: str, status: int = 400, code: str = "") -> None:
        super().__init__(message)
        self.message, self.status, self.code = message, status, code


def money(value: Decimal) -> Decimal:
    """Rounded as it is booked."""
    return value.quantize(CENT, ROUND_HALF_UP)


def stamp(ts: int) -> str:
    """A time as the wire writes it: nine decimals and Z."""
    return (EPOCH + timedelta(milliseconds=ts)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def parse_time(text: str) -> int:
    """Milliseconds of an RFC 3339 or UNIX time; Malformed otherwise."""
    try:
        if "T" in text:
            head, _, fraction = text.strip().rstrip("Z").partition(".")
            zone = "" if "+" in head else "+00:00"
            if "+" in fraction:
                fraction, _, offset = fraction.partition("+")
                zone = "+" + offset
            whole = datetime.fromisoformat(head + zone)
            return int((whole - EPOCH) / timedelta(milliseconds=1)) + int((fraction + "000")[:3])
        return int(Decimal(text) * 1000)
    except (ValueError, ArithmeticError) as error:
        raise Malformed(f"Invalid value specified for a time: {text!r}") from error


def parse_decimal(value: Any, reason: str) -> Decimal:
    """A number from JSON (text, as the wire has it, or a number); Rejected with this reason otherwise."""
    try:
        found = Decimal(str(value))
    except ArithmeticError as error:
        raise Rejected(reason) from error
    if isinstance(value, bool) or not found.is_finite():
        raise Rejected(reason)
    return found
