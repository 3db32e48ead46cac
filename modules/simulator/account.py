"""What an account holds: coins, positions, orders and its history; every movement of cash is a row and the rows sum to the wallet.

Cash is quantised to 1e-10 before it is booked, so sums are exact. Histories are bounded as at the venue.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from modules.simulator.order_types import ZERO, Execution, Order, Side

QUOTE = "USDT"
CENT = Decimal("1e-10")
KEEP_ORDERS = 20_000
KEEP_ROWS = 20_000
KEEP_CLOSED_PNL = 2_000
KEEP_LINKS = 200_000
DAY_MS = 86_400_000
DEFAULT_LEVERAGE = Decimal(10)
CROSS = "REGULAR_MARGIN"
ISOLATED = "ISOLATED_MARGIN"


class Position(msgspec.Struct, kw_only=True):
    """A linear position of one symbol and index; size 0 = flat. `cost` is the exact entry value of what is held."""

    symbol: str
    idx: int
    side: Side = "Buy"
    size: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    """Isolated margin that belongs to it; 0 in cross."""
    take_profit: Decimal = ZERO
    stop_loss: Decimal = ZERO
    trailing_stop: Decimal = ZERO
    realised: Decimal = ZERO
    """Of the current position: gross profits less fees and funding."""
    realised_ever: Decimal = ZERO
    open_fee: Decimal = ZERO
    """Fees of what is still open."""
    created: int = 0
    opened: int = 0
    updated: int = 0
    seq: int = 0
    status: str = "Normal"

    @property
    def sign(self) -> int:
        """+1 long, -1 short."""
        return 1 if self.side == "Buy" else -1

    @property
    def average(self) -> Decimal:
        """Average entry price, 0 when flat."""
        return self.cost / self.size if self.size else ZERO

    def profit_at(self, price: Decimal) -> Decimal:
        """Unrealised profit if the price were this."""
        return (self.size * price - self.cost) * self.sign


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of cash, as the transaction log shows it: `change` = `cash_flow` + `funding` − `fee`."""

    uid: str
    seq: int
    row_id: str
    kind: str
    """TRADE SETTLEMENT LIQUIDATION ADL TRANSFER_IN TRANSFER_OUT."""
    category: str
    symbol: str
    side: str
    ts: int
    coin: str
    change: Decimal
    cash_flow: Decimal
    funding: Decimal
    fee: Decimal
    balance: Decimal
    """Of the coin, afterwards."""
    qty: Decimal = ZERO
    size: Decimal = ZERO
    """Of the position afterwards, signed (linear)."""
    price: Decimal = ZERO
    fee_rate: Decimal = ZERO
    exec_id: str = ""
    order_id: str = ""
    link_id: str = ""


class ClosedPnl(msgspec.Struct, frozen=True, kw_only=True):
    """A close, or part of one. `pnl` is net of both fees; `side` is the side of the closing order."""

    seq: int
    symbol: str
    order_id: str
    side: Side
    qty: Decimal
    order_price: Decimal
    order_type: str
    exec_type: str
    closed_size: Decimal
    entry_value: Decimal
    exit_value: Decimal
    pnl: Decimal
    leverage: Decimal
    open_fee: Decimal
    close_fee: Decimal
    ts: int


class Account(msgspec.Struct, kw_only=True):
    """One unified account."""

    uid: str
    created: int
    margin_mode: str = CROSS
    wallet: dict[str, Decimal] = msgspec.field(default_factory=dict)
    realised: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Cumulated realised profit by coin."""
    leverage: dict[str, Decimal] = msgspec.field(default_factory=dict)
    hedge: dict[str, bool] = msgspec.field(default_factory=dict)
    positions: dict[str, Position] = msgspec.field(default_factory=dict)
    orders: dict[str, Order] = msgspec.field(default_factory=dict)
    """All that are remembered, by id in order of creation."""
    open_ids: dict[str, None] = msgspec.field(default_factory=dict)
    closed_ids: list[str] = msgspec.field(default_factory=list)
    """In order of closing."""
    links: dict[str, str] = msgspec.field(default_factory=dict)
    """orderLinkId to orderId, for ever as far as memory is bounded."""
    executions: list[Execution] = msgspec.field(default_factory=list)
    log: list[LedgerRow] = msgspec.field(default_factory=list)
    closed: list[ClosedPnl] = msgspec.field(default_factory=list)
    bought: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Base held through spot orders, by symbol: bought net of fees less sold."""
    dropped: dict[str, Decimal] = msgspec.field(default_factory=dict)
    """Sum of the ledger rows that are no longer remembered, by coin."""
    moded: int = 0
    """When the margin mode was last changed."""

    @property
    def isolated(self) -> bool:
        """Whether margin belongs to positions."""
        return self.margin_mode == ISOLATED

    def balance(self, coin: str) -> Decimal:
        """Wallet balance, locked part included."""
        return self.wallet.get(coin, ZERO)

    def lever(self, symbol: str) -> Decimal:
        """Leverage of a symbol."""
        return self.leverage.get(symbol, DEFAULT_LEVERAGE)

    def position(self, symbol: str, idx: int) -> Position:
        """The position of an index, made when there is none."""
        key = f"{symbol}:{idx}"
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(symbol=symbol, idx=idx)
        return found

    def held(self, symbol: str | None = None) -> list[Position]:
        """Positions with a size."""
        return [one for one in self.positions.values() if one.size and symbol in {None, one.symbol}]

    def open_orders(self, category: str | None = None, symbol: str | None = None) -> Iterator[Order]:
        """Open orders, oldest first."""
        for order_id in list(self.open_ids):
            order = self.orders[order_id]
            if order.is_open and category in {None, order.category} and symbol in {None, order.symbol}:
                yield order

    def find(self, order_id: str, link_id: str) -> Order | None:
        """By id (which wins) or link id."""
        return self.orders.get(order_id or self.links.get(link_id, ""))

    def locked(self, coin: str, base_of: dict[str, str]) -> Decimal:
        """What open spot orders hold of a coin; `base_of` names each spot symbol's base."""
        total = ZERO
        for order in self.open_orders("spot"):
            name, amount = lock_of(order, base_of[order.symbol])
            if name == coin:
                total += amount
        return total

    def remember(self, order: Order) -> None:
        """Take a new order into the books."""
        self.orders[order.order_id] = order
        self.open_ids[order.order_id] = None
        if order.link_id:
            self.links[order.link_id] = order.order_id
            if len(self.links) > KEEP_LINKS:
                del self.links[next(iter(self.links))]

    def retire(self, order: Order) -> None:
        """An order has closed."""
        self.open_ids.pop(order.order_id, None)
        self.closed_ids.append(order.order_id)
        if len(self.closed_ids) > KEEP_ORDERS + KEEP_ORDERS // 10:
            for order_id in self.closed_ids[: KEEP_ORDERS // 10]:
                self.orders.pop(order_id, None)
            del self.closed_ids[: KEEP_ORDERS // 10]

    def book(self, row: LedgerRow) -> None:
        """Apply a movement to the wallet and remember it."""
        self.wallet[row.coin] = row.balance
        self.log.append(row)
        if len(self.log) > KEEP_ROWS + KEEP_ROWS // 10:
            for old in self.log[: KEEP_ROWS // 10]:
                self.dropped[old.coin] = self.dropped.get(old.coin, ZERO) + old.change
            del self.log[: KEEP_ROWS // 10]

    def ran(self, execution: Execution) -> None:
        """Remember an execution."""
        self.executions.append(execution)
        if len(self.executions) > KEEP_ROWS + KEEP_ROWS // 10:
            del self.executions[: KEEP_ROWS // 10]

    def closed_one(self, row: ClosedPnl) -> None:
        """Remember a close."""
        self.closed.append(row)
        if len(self.closed) > 2 * KEEP_CLOSED_PNL:
            del self.closed[:KEEP_CLOSED_PNL]

    def ledger_sum(self, coin: str) -> Decimal:
        """What the rows say the wallet holds; equal to `balance`, always."""
        return self.dropped.get(coin, ZERO) + sum((row.change for row in self.log if row.coin == coin), ZERO)


def cash(value: Decimal) -> Decimal:
    """An amount as it can be booked."""
    return value.quantize(CENT, ROUND_HALF_EVEN)


def lock_of(order: Order, base: str) -> tuple[str, Decimal]:
    """What an open spot order holds: (coin, amount). Plain conditionals hold nothing before they trigger."""
    if order.status == "Untriggered" and order.order_filter == "StopOrder":
        return base, ZERO
    if order.side == "Sell":
        return base, ZERO if order.by_quote else order.leaves
    if order.by_quote:
        return QUOTE, order.leaves
    return QUOTE, order.leaves * exit_price(order)


def exit_price(order: Order) -> Decimal:
    """The highest price that a spot buy may have to pay per base unit."""
    if order.status != "Untriggered":
        return order.price
    prices = [order.price if order.order_type == "Limit" else ZERO, order.trigger_price or ZERO]
    prices += [order.stop_loss or ZERO, order.take_profit or ZERO, order.sl_limit_price or ZERO, order.tp_limit_price or ZERO]
    return max(prices)
