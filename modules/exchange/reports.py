"""What a venue says of an account, typed and exact: orders, executions, positions, the wallet. Decimal, in the venue's own units.

Adapters parse their wire into these once; everything behind them reads only these. Times are the venue's, ms UTC.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

ZERO = Decimal(0)


class OrderStatus(StrEnum):
    """Where the venue says an order stands."""

    OPEN = "open"
    PARTIAL = "partial"
    WAITING = "waiting"
    """Conditional or protective, not triggered yet."""
    TRIGGERED = "triggered"
    FILLED = "filled"
    CANCELLED = "cancelled"
    """Gone, with whatever it had filled: cancelled, deactivated, partially filled and cancelled."""
    REJECTED = "rejected"

    @property
    def final(self) -> bool:
        """Nothing more can come of it."""
        return self in {OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED}


class OrderKind(StrEnum):
    """What an order is for, as the venue files it."""

    PLAIN = "plain"
    CONDITIONAL = "conditional"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING = "trailing"
    SPOT_EXIT = "spot_exit"
    """Spot order with one protective leg (`tpslOrder`)."""
    SPOT_BRACKET = "spot_bracket"
    """Spot order with both legs, holding the coin once (`BidirectionalTpslOrder`, `OcoOrder`)."""


PROTECTIVE = frozenset({OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT, OrderKind.TRAILING, OrderKind.SPOT_EXIT, OrderKind.SPOT_BRACKET})
"""What protects a position."""


class OrderReport(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue has it."""

    key: str
    """Instrument key, `DOMAIN:SYMBOL`."""
    venue_id: str
    link_id: str
    """Our client id, or what the venue invented."""
    side: int
    """+1 buy, -1 sell."""
    kind: OrderKind
    status: OrderStatus
    qty: Decimal
    filled: Decimal
    price: Decimal = ZERO
    trigger: Decimal = ZERO
    """Trigger price of a conditional or one-legged protective order, 0 = none."""
    stop: Decimal = ZERO
    """Attached or bracket stop, 0 = none."""
    target: Decimal = ZERO
    reduce_only: bool = False
    reason: str = ""
    """Why it ended, in the venue's words."""
    created_ts: int
    ts: int


class ExecutionKind(StrEnum):
    """What made an execution happen."""

    TRADE = "trade"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    OTHER = "other"
    """A kind that this bot never causes and does not know to book: a delivery, a block trade, a moved position."""


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True):
    """One execution; `exec_id` is unique per account. For FUNDING `fee` is what was paid (negative: received) and `qty` the position."""

    key: str
    exec_id: str
    kind: ExecutionKind
    order_kind: OrderKind
    venue_id: str
    link_id: str
    side: int
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_coin: str
    maker: bool = False
    said: str = ""
    """The venue's own word for an OTHER kind."""
    pl: Decimal | None = None
    """What it gained by closing, in the account's currency, fees and financing apart, where the venue says so."""
    ts: int


class PositionReport(msgspec.Struct, frozen=True, kw_only=True):
    """An open perpetual position; size 0 rows are reported too when a symbol was asked for."""

    key: str
    side: int
    """+1, -1, or 0 when empty."""
    size: Decimal
    entry: Decimal
    stop: Decimal = ZERO
    target: Decimal = ZERO
    leverage: Decimal = ZERO
    hedged: bool = False
    """The row belongs to hedge mode, which this bot does not trade in."""
    ts: int = 0


class WalletReport(msgspec.Struct, frozen=True, kw_only=True):
    """`cash`: the quote coin, locks included; `free`: what new orders may bind; `coins`: totals of the other coins."""

    cash: Decimal
    free: Decimal
    coins: dict[str, Decimal] = {}
    ts: int = 0


class CashReport(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of `coin`, signed; `ref` is unique per account, `kind` the venue's word in lower case."""

    ref: str
    kind: str
    coin: str
    amount: Decimal
    ts: int
    key: str = ""
    """A funding settlement of that instrument, `ref` the id of its execution; empty for what no execution tells of."""


class KeyRights(msgspec.Struct, frozen=True, kw_only=True):
    """What the API key may do."""

    account_id: str
    read_only: bool
    spot: bool
    derivatives: bool
    withdraw: bool
    unified: bool = True
    unfit: tuple[str, ...] = ()
    """What else keeps the account from being traded, in words."""
    ips: tuple[str, ...] = ()
    """Addresses it is bound to; `*`: any."""


class Link(msgspec.Struct, frozen=True):
    """The private stream is up (`up` True), or lost, with the reason. `ts` is transport time, ms."""

    up: bool
    ts: int
    reason: str = ""


AccountItem = OrderReport | ExecutionReport | PositionReport | WalletReport | Link
"""What a private stream yields."""
