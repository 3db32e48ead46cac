"""The private side of the simulated venue as one object: orders, accounts, positions; pure, time and market come as arguments.

This file states what the wire builds on; the class that does it replaces the Protocol under the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

from modules.simulator.account import Account, ClosedPnl, LedgerRow
from modules.simulator.filters import Category, Listing
from modules.simulator.matching import Point
from modules.simulator.order_types import (
    Accepted,
    AmendRequest,
    Execution,
    Now,
    Order,
    OrderFilter,
    OrderRequest,
    PrivateEvent,
    Refused,
    StopRequest,
)  # fmt: skip


class Exchange(Protocol):
    """Built as `Exchange(listings, seed=..., fees=FeeTable(), ladder=touch_ladder)`.

    `listings`: every Listing of filters.py; `seed` makes order ids; `ladder(key, point) -> (bids, asks)` gives the depth of a series key
    `category:SYMBOL` at a point when a taker needs it. Series keys are `Listing.key`. All times: `Now(ts=venue ms, wall=wall ms)`.
    """

    # accounts -------------------------------------------------------------------------------------------------------------------------
    def open_account(self, uid: str, deposits: dict[str, Decimal], now: Now) -> Account:
        """Make an account with TRANSFER_IN rows for its deposits (an existing one is returned unchanged)."""

    def transfer(self, uid: str, coin: str, amount: Decimal, now: Now) -> Refused | None:
        """Money in (> 0) or out (< 0; refused beyond what is free): a TRANSFER_IN or TRANSFER_OUT row and a wallet event."""

    # orders ---------------------------------------------------------------------------------------------------------------------------
    def create_order(self, uid: str, request: OrderRequest, now: Now) -> Accepted | Refused:
        """Check and take an order; what becomes of it (fills, IOC remainder, PostOnly crossing) is in the events."""

    def amend_order(self, uid: str, request: AmendRequest, now: Now) -> Accepted | Refused:
        """Change an open order in place; it keeps its place in the queue only when nothing but its size shrinks."""

    def cancel_order(
        self,
        uid: str,
        category: Category,
        symbol: str,
        now: Now,
        *,
        order_id: str = "",
        link_id: str = "",
        order_filter: OrderFilter | None = None,
    ) -> Accepted | Refused:
        """Cancel one open order; gone ones are 110001 / 170213."""

    def cancel_all(
        self, uid: str, category: Category, now: Now, *, symbol: str | None = None, order_filter: OrderFilter | None = None,
        stop_order_type: str = "",
    ) -> list[Accepted]:  # fmt: skip
        """Cancel by filter (spot without filter: plain orders only; linear: everything), at most 500."""

    # positions ------------------------------------------------------------------------------------------------------------------------
    def set_leverage(self, uid: str, symbol: str, buy: Decimal, sell: Decimal, now: Now) -> Refused | None:
        """Leverage of a linear symbol; 110043 when unchanged, 110013 above the risk tier, 10001 when it makes no sense."""

    def switch_mode(self, uid: str, symbol: str | None, mode: int, now: Now) -> Refused | None:
        """0 one-way, 3 hedge, for a symbol or (None) all linear ones; 110025 unchanged, 110024 position open, 110028 orders open."""

    def set_margin_mode(self, uid: str, mode: str, now: Now) -> Refused | None:
        """REGULAR_MARGIN or ISOLATED_MARGIN for the whole account."""

    def trading_stop(self, uid: str, request: StopRequest, now: Now) -> Refused | None:
        """TP, SL and trailing stop of a linear position; 34040 unchanged, 10001 no position or wrong side."""

    # the market and scripted misfortune -----------------------------------------------------------------------------------------------
    def on_point(self, key: str, point: Point, now: Now) -> None:
        """The market of a series moved: rested fills, triggers, trailing stops, margin checks, in this order."""

    def on_funding(self, symbol: str, rate: Decimal, now: Now) -> None:
        """Settle funding of a linear symbol at its mark price: longs pay a positive rate."""

    def script_adl(self, uid: str, symbol: str, qty: Decimal | None, now: Now, *, idx: int | None = None) -> bool:
        """Take (part of) a position away at mark as auto-deleveraging; whether there was one."""

    def script_liquidation(self, uid: str, symbol: str, now: Now, *, idx: int | None = None) -> bool:
        """Take a position over at its bankruptcy price; whether there was one."""

    def change_filters(self, listing: Listing) -> None:
        """New tick, step or minimums from now on (open orders stay)."""

    # what the wire shows: nouns, newest first -----------------------------------------------------------------------------------------
    def drain(self, uid: str) -> list[PrivateEvent]:
        """Events since the last call, in the order in which they happened; `row` is the finished stream row."""

    def orders_open(self, uid: str, category: Category) -> list[Order]:
        """Open orders, newest first."""

    def orders_closed(self, uid: str, category: Category, now: Now) -> list[Order]:
        """Closed orders, latest closed first; those that ended without a fill only for 24 hours."""

    def order(self, uid: str, order_id: str = "", link_id: str = "") -> Order | None:
        """One order, open or remembered."""

    def executions(self, uid: str, category: Category) -> list[Execution]:
        """Executions, newest first."""

    def positions(self, uid: str, symbol: str | None = None) -> list[dict[str, Any]]:
        """REST rows (bybit_v5 §6.4): by symbol also empty ones (1 one-way, 2 hedge), else only those with a size."""

    def wallet(self, uid: str, coins: Sequence[str] = ()) -> dict[str, Any]:
        """`list[0]` of wallet-balance; without coins only non-zero ones."""

    def transaction_log(self, uid: str) -> list[LedgerRow]:
        """Cash movements, newest first."""

    def closed_pnl(self, uid: str) -> list[ClosedPnl]:
        """Closes of linear positions, newest first."""

    def fee_rates(self, category: Category, symbol: str | None = None) -> list[dict[str, str]]:
        """Rows of fee-rate."""

    def risk_limits(self, symbol: str) -> list[dict[str, Any]]:
        """Rows of risk-limit."""

    def account_info(self, uid: str) -> dict[str, Any]:
        """Result of account/info."""

    def transferable(self, uid: str, coin: str) -> Decimal:
        """What could be withdrawn of a coin."""

    # truth and persistence ------------------------------------------------------------------------------------------------------------
    def ledger(self, now: Now) -> dict[str, Any]:
        """The control API's truth: orders, fills, cash, positions, unprotected, hash (ARCHITECTURE §9)."""

    def state(self) -> dict[str, Any]:
        """Everything that must survive a restart, JSON-able."""

    def load(self, state: dict[str, Any]) -> None:
        """Take up a stored state (of an exchange with the same listings)."""
