"""The life of an order as a table: which state may follow which, and nothing else may."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from state.accounts import Account
from utils.errors import Invariant


class OrderState(StrEnum):
    """Where an order stands, as far as can be proved."""

    NEW = "NEW"
    IN_FLIGHT = "IN_FLIGHT"
    OPEN = "OPEN"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"


_S = OrderState
TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    _S.NEW: frozenset({_S.IN_FLIGHT}),
    _S.IN_FLIGHT: frozenset({_S.OPEN, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.UNKNOWN}),
    _S.OPEN: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.UNKNOWN}),
    _S.PARTIAL: frozenset({_S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.UNKNOWN}),
    # Evidence may resolve what was unknown to anything a sent order can be; it can never become unsent.
    _S.UNKNOWN: frozenset({_S.OPEN, _S.PARTIAL, _S.FILLED, _S.CANCELLED, _S.REJECTED}),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.REJECTED: frozenset(),
}
FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order under its client id. `entry` tells an opening order from a closing one."""

    order_id: str
    account: Account
    key: str
    entry: bool
    steps: int
    filled: int = 0
    state: OrderState = OrderState.NEW
    ts: int = 0
    """When it was decided."""

    def to(self, state: OrderState, filled: int | None = None) -> Order:
        """The order in its next state; Invariant when the table does not allow the move."""
        if state not in TRANSITIONS[self.state]:
            raise Invariant(f"order {self.order_id}: {self.state} cannot become {state}")
        return msgspec.structs.replace(self, state=state, filled=self.filled if filled is None else filled)

    @property
    def done(self) -> bool:
        """Nothing more can happen to it."""
        return self.state in FINAL


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution: price in ticks, size in steps, fee in money units (positive = paid). `exec_id` is unique per account."""

    ts: int
    account: Account
    key: str
    order_id: str
    exec_id: str
    side: int
    """+1 bought, -1 sold."""
    price: int
    steps: int
    fee: int
    maker: bool = False
    base_fee: Decimal = Decimal(0)
    """Fee that the venue took out of the coin bought (base units), beside `fee`; spot buys on a real venue."""
    gained: int | None = None
    """What the venue says that this exit gained in the account's currency, fees and financing apart (money units); None: our figure."""
    fixing: int = 0
    """The pair's price (ticks) that an option was settled at; 0 where it is no settlement."""
    fixing_ts: int = 0
    """When that price was (ms UTC): the cut, or later where nothing was known of it."""
