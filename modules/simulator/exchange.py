"""The private side of the simulated venue as one object: orders, accounts, positions; pure, time and market come as arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from modules.simulator import (
    amend,
    exchange_ledger,
    flow,
    funding,
    liquidation,
    order_checks,
    position_settings,
    rows_private,
    statuses,
    trading_stop,
)
from modules.simulator.account import Account, ClosedPnl, LedgerRow, Position
from modules.simulator.desk import Desk, FeeTable, LadderSource
from modules.simulator.filters import Category, Listing
from modules.simulator.matching import Ladder, Point, touch_ladder
from modules.simulator.order_types import (
    ZERO,
    Accepted,
    AmendRequest,
    Execution,
    Now,
    Order,
    OrderRequest,
    PrivateEvent,
    Refused,
    StopRequest,
)
from modules.simulator.placing import cancellable, place
from modules.simulator.protection import Interval
from utils.errors import Invariant

CANCELLED_KEPT_MS = 86_400_000
MOST_CANCELLED = 500


class Stored(msgspec.Struct, kw_only=True):
    """What survives a restart."""

    count: int
    accounts: dict[str, Account]
    running: dict[str, Interval]
    past: list[Interval]
    points: dict[str, Point]


def touch_only(_: str, point: Point) -> Ladder:
    """A LadderSource without depth behind the touch."""
    return touch_ladder(point)


class Exchange:
    """All accounts of one venue.

    `listings`: every Listing; `seed` makes ids; `ladder(key, point) -> (bids, asks)` gives the depth of the series `key`
    (`category:SYMBOL`) when a taker needs it. Every uid must have been opened (Invariant).
    """

    def __init__(
        self, listings: Iterable[Listing], *, seed: int = 1, fees: FeeTable | None = None, ladder: LadderSource = touch_only
    ) -> None:
        self._desk = Desk({one.key: one for one in listings}, seed, fees or FeeTable(), ladder)

    # accounts -------------------------------------------------------------------------------------------------------------------------
    @property
    def accounts(self) -> dict[str, Account]:
        """By uid; read only."""
        return self._desk.accounts

    def open_account(self, uid: str, deposits: dict[str, Decimal], now: Now) -> Account:
        """Make an account with TRANSFER_IN rows for its deposits (an existing one is returned unchanged)."""
        if uid not in self._desk.accounts:
            self._desk.accounts[uid] = account = Account(uid=uid, created=now.ts)
            for coin, amount in deposits.items():
                self._desk.book_cash(account, now, "TRANSFER_IN", coin, flow=amount)
            self._settle(now)
        return self._desk.accounts[uid]

    def transfer(self, uid: str, coin: str, amount: Decimal, now: Now) -> Refused | None:
        """Money in (> 0) or out (< 0; 170131 beyond what is free): a TRANSFER_IN or TRANSFER_OUT row and a wallet event."""
        if -amount > self.transferable(uid, coin):
            return flow.NO_FUNDS["spot"]
        self._desk.book_cash(self._account(uid), now, "TRANSFER_IN" if amount > 0 else "TRANSFER_OUT", coin, flow=amount)
        self._settle(now)
        return None

    def transferable(self, uid: str, coin: str) -> Decimal:
        """What could be withdrawn of a coin."""
        return max(ZERO, self._desk.spendable(self._account(uid), coin))

    # orders ---------------------------------------------------------------------------------------------------------------------------
    def create_order(self, uid: str, request: OrderRequest, now: Now) -> Accepted | Refused:
        """Check and take an order; what becomes of it (fills, IOC remainder, PostOnly crossing) is in the events."""
        answer = place(self._desk, self._account(uid), request, now)
        self._settle(now)
        return answer

    def amend_order(self, uid: str, request: AmendRequest, now: Now) -> Accepted | Refused:
        """Change an open order in place; it keeps its place in the queue only when nothing but its size shrinks."""
        order = self._open(uid, request.category, request.symbol, request.order_id, request.link_id)
        if isinstance(order, Refused):
            return order
        no = amend.apply(self._desk, order, request, now)
        self._settle(now)
        return no or Accepted(order.order_id, order.link_id)

    def cancel_order(
        self, uid: str, category: Category, symbol: str, now: Now, *, order_id: str = "", link_id: str = "", order_filter: str = ""
    ) -> Accepted | Refused:
        """Cancel one open order; gone ones are 110001 / 170213. On spot the filter's world must fit (default Order)."""
        order = self._open(uid, category, symbol, order_id, link_id)
        if isinstance(order, Refused):
            return order
        if category == "spot" and (order.order_filter == "Order") != ((order_filter or "Order") == "Order"):
            return _gone(category)
        flow.end(self._desk, order, now, cancel="CancelByUser", reason="EC_PerCancelRequest")
        self._settle(now)
        return Accepted(order.order_id, order.link_id)

    def cancel_all(
        self, uid: str, category: Category, now: Now, *, symbol: str | None = None, order_filter: str = "", stop_order_type: str = ""
    ) -> list[Accepted]:
        """Cancel by filter (spot without filter: plain orders only; linear: everything), at most 500."""
        account = self._account(uid)
        found = [one for one in account.open_orders(category, symbol) if cancellable(one, order_filter, stop_order_type)][:MOST_CANCELLED]
        for order in found:
            if order.is_open:  # a leg may have gone with another
                flow.end(self._desk, order, now, cancel="CancelByUser", reason="EC_PerCancelRequest")
        self._settle(now)
        return [Accepted(one.order_id, one.link_id) for one in found]

    # positions ------------------------------------------------------------------------------------------------------------------------
    def set_leverage(self, uid: str, symbol: str, buy: Decimal, sell: Decimal, now: Now) -> Refused | None:
        """Leverage of a linear symbol; 110043 unchanged, 110013 above the risk tier, 10001 senseless, 110007 margin lacks."""
        no = position_settings.set_leverage(self._desk, self._account(uid), symbol, buy, sell)
        self._settle(now)
        return no

    def switch_mode(self, uid: str, symbol: str | None, mode: int, now: Now) -> Refused | None:
        """0 one-way, 3 hedge, for a symbol or (None) all linear ones; 110025 unchanged, 110024 position open, 110028 orders open."""
        no = position_settings.switch_mode(self._desk, self._account(uid), symbol, mode)
        self._settle(now)
        return no

    def set_margin_mode(self, uid: str, mode: str, now: Now) -> Refused | None:
        """REGULAR_MARGIN or ISOLATED_MARGIN for the whole account; 110026 unchanged, 110007 margin lacks."""
        no = position_settings.set_margin_mode(self._desk, self._account(uid), mode, now)
        self._settle(now)
        return no

    def trading_stop(self, uid: str, request: StopRequest, now: Now) -> Refused | None:
        """TP, SL and trailing stop of a linear position; 34040 unchanged, 10001 no position or wrong side."""
        listing = self._desk.listings.get(f"linear:{request.symbol}")
        no = statuses.refusal("linear", listing.status, closes=True) if listing is not None else None
        no = no or trading_stop.apply(self._desk, self._account(uid), request, now)
        self._settle(now)
        return no

    # the market and scripted misfortune -----------------------------------------------------------------------------------------------
    def on_point(self, key: str, point: Point, now: Now) -> None:
        """The market of a series moved: what a gap has bankrupted, rested fills, trailing stops, triggers, margin checks."""
        desk = self._desk
        book = desk.books[key]
        book.move(point)
        holders: list[Account] = []
        if key.startswith("linear:"):
            symbol = key.partition(":")[2]
            holders = [one for one in desk.accounts.values() if one.held(symbol)]
            for account in holders:
                liquidation.check(desk, account, now, only_bankrupt=True)
        if (book.resting or book.conditional) and desk.listings[key].status in statuses.CLOSING:
            flow.market_moved(desk, book, now)
        for account in holders:
            liquidation.check(desk, account, now)
        self._settle(now)

    def on_funding(self, symbol: str, rate: Decimal, now: Now) -> None:
        """Settle funding of a linear symbol at its mark price: longs pay a positive rate."""
        funding.settle(self._desk, symbol, rate, now)
        self._settle(now)

    def script_adl(self, uid: str, symbol: str, qty: Decimal | None, now: Now, *, idx: int | None = None) -> bool:
        """Take (part of) a position away at mark as auto-deleveraging; whether there was one."""
        position = self._held(uid, symbol, idx)
        if position is not None:
            size = min(position.size, position.size if qty is None else qty)
            price = self._desk.mark(symbol)
            liquidation.close(self._desk, self._account(uid), position, size, price, "AdlTrade", "CreateByAdl_PassThrough", now)
            self._settle(now)
        return position is not None

    def script_liquidation(self, uid: str, symbol: str, now: Now, *, idx: int | None = None) -> bool:
        """Take a position over at its bankruptcy price; whether there was one."""
        position = self._held(uid, symbol, idx)
        if position is not None:
            account = self._account(uid)
            liquidation.take_over(self._desk, account, position, liquidation.own_balance(self._desk, account, position), now)
            self._settle(now)
        return position is not None

    def change_filters(self, listing: Listing) -> None:
        """New tick, step, minimums or status from now on (open orders stay)."""
        if listing.key not in self._desk.listings:
            raise Invariant(f"{listing.key} is not listed")
        self._desk.listings[listing.key] = listing

    # what the wire shows --------------------------------------------------------------------------------------------------------------
    def drain(self, uid: str) -> list[PrivateEvent]:
        """Events since the last call, in the order in which they happened; `row` is the finished stream row."""
        box = self._desk.outbox.pop(uid, None)
        return list(box) if box else []

    def waiting(self) -> list[str]:
        """Accounts that have events to drain."""
        return list(self._desk.outbox)

    def liquidations(self) -> list[tuple[int, str, str, Decimal, Decimal]]:
        """(ts, symbol, side of the position, size, bankruptcy price) since the last call, for the public stream."""
        found = list(self._desk.liquidated)
        self._desk.liquidated.clear()
        return found

    def orders_open(self, uid: str, category: Category) -> list[Order]:
        """Open orders, newest first."""
        return list(self._account(uid).open_orders(category))[::-1]

    def orders_closed(self, uid: str, category: Category, now: Now) -> list[Order]:
        """Closed orders, latest closed first; those that ended without a fill only for 24 hours."""
        account = self._account(uid)
        found = (account.orders[one] for one in reversed(account.closed_ids))
        return [one for one in found if one.category == category and (one.filled > 0 or one.updated > now.ts - CANCELLED_KEPT_MS)]

    def order(self, uid: str, order_id: str = "", link_id: str = "") -> Order | None:
        """One order, open or remembered; the id wins."""
        return self._account(uid).find(order_id, link_id)

    def executions(self, uid: str, category: Category) -> list[Execution]:
        """Executions, newest first."""
        return [one for one in reversed(self._account(uid).executions) if one.category == category]

    def positions(self, uid: str, symbol: str | None = None) -> list[dict[str, Any]]:
        """REST rows (bybit_v5 §6.4): by symbol also empty ones (1 one-way, 2 hedge), else only those with a size."""
        account = self._account(uid)
        found = account.held()
        if symbol is not None:
            found = [account.position(symbol, idx) for idx in ((1, 2) if account.hedge.get(symbol) else (0,))]
        return [self._desk.position_row(account, one) for one in found]

    def wallet(self, uid: str, coins: Sequence[str] = ()) -> dict[str, Any]:
        """`list[0]` of wallet-balance; without coins only non-zero ones."""
        return self._desk.wallet_row(self._account(uid), tuple(coins))

    def transaction_log(self, uid: str) -> list[LedgerRow]:
        """Cash movements, newest first."""
        return self._account(uid).log[::-1]

    def closed_pnl(self, uid: str) -> list[ClosedPnl]:
        """Closes of linear positions, newest first."""
        return self._account(uid).closed[::-1]

    def fee_rates(self, category: Category, symbol: str | None = None) -> list[dict[str, str]]:
        """Rows of fee-rate."""
        fees = self._desk.fees
        taker, maker = (str(fees.rate(category, maker=maker)) for maker in (False, True))
        listed = [one.symbol for one in self._desk.listings.values() if one.category == category and symbol in {None, one.symbol}]
        return [{"symbol": one, "takerFeeRate": taker, "makerFeeRate": maker} for one in listed]

    def risk_limits(self, symbol: str) -> list[dict[str, Any]]:
        """Rows of risk-limit."""
        return [rows_private.risk_limit(symbol, one) for one in self._desk.tiers[symbol]]

    def account_info(self, uid: str) -> dict[str, Any]:
        """Result of account/info."""
        account = self._account(uid)
        return {
            "unifiedMarginStatus": 5,
            "marginMode": account.margin_mode,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "updatedTime": str(account.moded or account.created),
            "dcpStatus": "OFF",
            "timeWindow": 0,
            "smpGroup": 0,
        }

    # truth and persistence ------------------------------------------------------------------------------------------------------------
    def ledger(self, now: Now) -> dict[str, Any]:
        """The control API's truth: orders, fills, cash, positions, unprotected, hash (ARCHITECTURE §9)."""
        return exchange_ledger.ledger(self._desk, now)

    def state(self) -> dict[str, Any]:
        """Everything that must survive a restart, JSON-able."""
        desk = self._desk
        stored = Stored(
            count=desk.ids.count,
            accounts=desk.accounts,
            running=desk.protection.running,
            past=desk.protection.past,
            points={key: book.point for key, book in desk.books.items() if book.point is not None},
        )
        found: dict[str, Any] = msgspec.to_builtins(stored)
        return found

    def load(self, state: dict[str, Any]) -> None:
        """Take up a stored state (of an exchange that lists at least the same)."""
        stored = msgspec.convert(state, Stored)
        desk = self._desk
        desk.ids.count, desk.accounts = stored.count, stored.accounts
        desk.protection.running, desk.protection.past = stored.running, stored.past
        for key, point in stored.points.items():
            desk.books[key].move(point)
        for book in desk.books.values():
            book.resting.clear()
            book.conditional.clear()
        for account in desk.accounts.values():
            for order in account.open_orders():
                book = desk.book(order)
                (book.conditional if order.status == "Untriggered" else book.resting)[order.order_id] = order

    def was_away(self, wall_ms: int) -> None:
        """The venue did not run for so long; nobody could have protected anything meanwhile."""
        self._desk.protection.forgive(wall_ms)

    # inside ---------------------------------------------------------------------------------------------------------------------------
    def _account(self, uid: str) -> Account:
        found = self._desk.accounts.get(uid)
        if found is None:
            raise Invariant(f"account {uid} was not opened")
        return found

    def _held(self, uid: str, symbol: str, idx: int | None) -> Position | None:
        return next((one for one in self._account(uid).held(symbol) if idx in {None, one.idx}), None)

    def _open(self, uid: str, category: Category, symbol: str, order_id: str, link_id: str) -> Order | Refused:
        if not order_id and not link_id:
            return Refused(order_checks.PARAMETER, "params error: orderId or orderLinkId is required")
        order = self._account(uid).find(order_id, link_id)
        if order is None or not order.is_open or (order.category, order.symbol) != (category, symbol):
            return _gone(category)
        return order

    def _settle(self, now: Now) -> None:
        """The end of every step: margin of whoever was touched, then the events that are due."""
        for uid in self._desk.touched():
            liquidation.check(self._desk, self._desk.accounts[uid], now)
        self._desk.flush(now)


def _gone(category: str) -> Refused:
    return Refused(170213, "Order does not exist.") if category == "spot" else Refused(110001, "order not exists or too late to cancel")
