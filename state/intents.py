"""What the bot wants, from signal to approved order; an entry cannot be expressed without its stop and target.

`Intent` opens and needs an `ExitPlan`; `Reduce` can only shrink. `Approved` is made by `risk/gate.py` and nowhere else (a test holds
that), so an entry that reached a venue was approved by type.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum, StrEnum

import msgspec

from state.accounts import Account
from state.options import OptionContract

SYMBOL_ROOM = 14
"""Characters of a symbol in an order id."""


class Side(IntEnum):
    """Direction of a position; the number is its sign in every formula."""

    LONG = 1
    SHORT = -1

    @property
    def word(self) -> str:
        """`long` or `short`, as people and JSON readers see it."""
        return "long" if self is Side.LONG else "short"


class OrderType(IntEnum):
    """How an entry is sent."""

    MARKET = 0
    """IOC limit at the best price plus the slippage cap."""
    IOC_LIMIT = 1
    """IOC limit within a few basis points of the confirming close."""
    MAKER = 2
    """Resting limit at the confirming close, gone at the next bar's close."""


class ExitReason(StrEnum):
    """Why a position was closed."""

    STOP = "stop"
    TRAIL = "trail"
    TARGET = "target"
    MAX_HOLD = "max_hold"
    HALT = "halt"
    OPERATOR = "operator"
    UNPROTECTED = "unprotected"
    """The venue's protection could not be confirmed in time."""
    LIQUIDATION = "liquidation"
    ADL = "adl"
    EXTERNAL = "external"
    """Closed on the venue by somebody else's order."""
    DUST = "dust"
    """What was left is too small to be sold."""
    WEEKEND = "weekend"
    SUPERSEDED = "superseded"
    """An explored position made room for an entry of the policy."""
    EXERCISED = "exercised"
    """An option in the money at its cut: settled for what it is worth there."""
    EXPIRED = "expired"
    """An option at or out of the money at its cut: worth nothing."""


class ExitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How a position will end; fixed at entry, the stop may only move in favour afterwards."""

    stop: int
    """Ticks."""
    target: int
    """Ticks."""
    atr: float
    """ATR28 of the primary timeframe in ticks, frozen at entry."""
    trail_atr: float
    """Trailing distance in ATR; 0 = the stop does not trail."""
    max_hold_ms: int


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A rule fired and was confirmed at a bar close; nothing is sized yet."""

    ts: int
    key: str
    strategy: int
    """Row of the strategy table."""
    side: Side
    regime: int
    atr: float
    """Ticks."""
    reference: int
    """The confirming close (ticks), the price that stop, target and size are planned from; of an option its ask (premium)."""
    contract: OptionContract | None = None
    """What an entry on a slot of options is made in; its side is always long, the direction is the contract's right."""
    bid: int = 0
    """What the contract could be sold at in that moment (ticks of premium); 0 where it is no option."""

    @property
    def direction(self) -> int:
        """Which way its instrument's market shall go for it: 1 up, -1 down."""
        return int(self.side if self.contract is None else self.contract.right)


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """The market around a decision; slippage is measured against its mid."""

    bid: int
    """Ticks."""
    ask: int
    """Ticks."""
    sigma_bp: float
    """Volatility of an hour."""
    share: float
    """The order's value as a fraction of an hour's usual turnover."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A sized entry with its way out."""

    ts: int
    account: Account
    key: str
    strategy: str
    arm: str
    side: Side
    steps: int
    order_type: OrderType
    reference: int
    """Ticks."""
    limit: int
    """Worst price accepted (ticks)."""
    expires_ts: int
    exits: ExitPlan
    explored: bool = False
    """Its exit profile is a trial, not the policy's own: on paper alone, and told apart everywhere."""
    contract: OptionContract | None = None
    """The option that is bought; prices and exits are its premium."""
    scene: Scene | None = None
    """None where no quote was at hand."""


class Reduce(msgspec.Struct, frozen=True, kw_only=True):
    """Close all of one position at market; it cannot open anything and nothing may block it."""

    ts: int
    account: Account
    key: str
    order_id: str
    reason: ExitReason


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """An intent that passed every rule, with the id under which the venue will know it."""

    intent: Intent
    order_id: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that will not be sent: the rule's name and the figures that made it refuse."""

    rule: str
    reason: str


def prefix_of(account: Account, tag: str = "") -> str:
    """How every client order id of this bot on `account` begins."""
    return f"{account.domain[0]}{account.mode[0]}{tag}-"


def order_id(account: Account, key: str, ts: int, leg: str, tag: str = "") -> str:
    """Deterministic client order id: a repeat of the same decision is refused by the venue, not filled twice.

    At most 36 characters of [A-Za-z0-9_-]: account letters and `tag` (three characters that tell this bot's orders from another's on the
    same account, empty on paper), symbol, decision time, `leg` (e entry, x exit and its attempt, s stop). A symbol too long for that is
    told by its beginning and a hash.
    """
    symbol = key.partition(":")[2]
    if len(symbol) > SYMBOL_ROOM:
        symbol = symbol[: SYMBOL_ROOM - 6] + hashlib.sha256(symbol.encode()).hexdigest()[:6]
    return f"{prefix_of(account, tag)}{symbol}-{ts:x}-{leg}"
