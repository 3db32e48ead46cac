"""The state of the exchange and the small steps everything else is made of: ids, events, taking in, filling and closing an order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from modules.simulator import margin, rows_private
from modules.simulator.account import QUOTE, Account, LedgerRow, Position, cash
from modules.simulator.filters import Listing
from modules.simulator.margin import Figures, Tier
from modules.simulator.matching import Book, Ladder, Point
from modules.simulator.order_types import CLOSED, TRANSITIONS, ZERO, Execution, Now, Order, PrivateEvent
from modules.simulator.protection import Protection
from utils.errors import Invariant

KEEP_EVENTS = 10_000
LadderSource = Callable[[str, Point], Ladder]


class FeeTable(msgspec.Struct, frozen=True, kw_only=True):
    """Fee rates as fractions of value; a negative maker rate is a rebate."""

    spot_taker: Decimal = Decimal("0.001")
    spot_maker: Decimal = Decimal("0.001")
    linear_taker: Decimal = Decimal("0.00055")
    linear_maker: Decimal = Decimal("0.0002")

    def rate(self, category: str, *, maker: bool) -> Decimal:
        """The rate of one side of a trade."""
        if category == "spot":
            return self.spot_maker if maker else self.spot_taker
        return self.linear_maker if maker else self.linear_taker


class Ids:
    """Identifiers from a seed and counters: the same requests get the same ids."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.count = 0

    def next(self) -> int:
        """A number that orders everything that ever happened."""
        self.count += 1
        return self.count

    def uuid(self, kind: str, number: int) -> str:
        """UUID-shaped."""
        text = hashlib.sha256(f"{self._seed}:{kind}:{number}".encode()).hexdigest()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"

    def digits(self, number: int) -> str:
        """Nineteen digits, as spot ids are."""
        lead = int(hashlib.sha256(str(self._seed).encode()).hexdigest()[:6], 16) % 900_000
        return str((1_000_000 + lead) * 10**12 + number)


class Desk:
    """Listings, books, accounts and the outbox. Only the files of the exchange touch it."""

    def __init__(self, listings: Mapping[str, Listing], seed: int, fees: FeeTable, ladder: LadderSource) -> None:
        self.listings = dict(listings)
        self.fees = fees
        self.ids = Ids(seed)
        self.books = {key: Book(lambda point, key=key: ladder(key, point)) for key in self.listings}  # type: ignore[misc]
        self.tiers: dict[str, tuple[Tier, ...]] = {one.symbol: margin.tiers(one) for one in listings.values() if one.category == "linear"}
        self.base_of = {one.symbol: one.instrument.base for one in listings.values() if one.category == "spot"}
        self.accounts: dict[str, Account] = {}
        self.outbox: dict[str, deque[PrivateEvent]] = {}
        self.protection = Protection()
        self.liquidated: deque[tuple[int, str, str, Decimal, Decimal]] = deque(maxlen=KEEP_EVENTS)
        """(ts, symbol, side of the position, size, bankruptcy price) for the public liquidation stream."""
        self._wallets: dict[str, None] = {}
        self._positions: dict[tuple[str, str, int], None] = {}

    # the market -----------------------------------------------------------------------------------------------------------------------
    def book(self, order: Order) -> Book:
        """Where an order trades."""
        return self.books[f"{order.category}:{order.symbol}"]

    def mark(self, symbol: str) -> Decimal:
        """Mark price of a linear symbol (0 before the first point)."""
        point = self.books[f"linear:{symbol}"].point
        return point.mark if point is not None else ZERO

    def point(self, category: str, symbol: str) -> Point:
        """The market of a listing; Invariant before the first point, which callers have excluded."""
        point = self.books[f"{category}:{symbol}"].point
        if point is None:
            raise Invariant(f"{category}:{symbol} has no market yet")
        return point

    def figures(self, account: Account) -> Figures:
        """The account's margin now."""
        return margin.figures(account, self.mark, lambda symbol: self.tiers[symbol], self.base_of)

    def spendable(self, account: Account, coin: str) -> Decimal:
        """What a new spot order may lock of a coin."""
        if coin == QUOTE:
            return self.figures(account).spendable
        return account.balance(coin) - account.locked(coin, self.base_of)

    # events ---------------------------------------------------------------------------------------------------------------------------
    def emit(self, uid: str, event: PrivateEvent) -> None:
        """Put an event into the outbox; the oldest goes when nobody drains."""
        self.outbox.setdefault(uid, deque(maxlen=KEEP_EVENTS)).append(event)

    def tell(self, order: Order, now: Now) -> None:
        """An order event with the order as it is now."""
        self.emit(order.uid, PrivateEvent("order", order.category, now.ts, rows_private.order(order, stream=True)))
        if order.category == "linear":
            self.touch_position(order.uid, order.symbol, order.position_idx)

    def touch_position(self, uid: str, symbol: str, idx: int) -> None:
        """A position event is due when this step is over."""
        self._positions[uid, symbol, idx] = None

    def touch_wallet(self, uid: str) -> None:
        """A wallet event is due when this step is over."""
        self._wallets[uid] = None

    def touched(self) -> list[str]:
        """Accounts for which events are due."""
        return list({uid: None for uid, _, _ in self._positions} | self._wallets)

    def flush(self, now: Now) -> None:
        """Send the position and wallet events that are due, once each, and look at who is unprotected now."""
        touched = self.touched()
        for uid, symbol, idx in self._positions:
            row = self.position_row(self.accounts[uid], self.accounts[uid].position(symbol, idx), stream=True)
            self.emit(uid, PrivateEvent("position", "linear", now.ts, row))
        for uid in self._wallets:
            self.emit(uid, PrivateEvent("wallet", "", now.ts, self.wallet_row(self.accounts[uid])))
        self._positions.clear()
        self._wallets.clear()
        for uid in touched:
            self.protection.look(self.accounts[uid], self.books, self.listings, now)

    def position_row(self, account: Account, position: Position, *, stream: bool = False) -> dict[str, object]:
        """The row of a position with everything that depends on the market."""
        key = f"linear:{position.symbol}"
        return rows_private.position(
            account, position, self.mark(position.symbol), self.figures(account), self.tiers[position.symbol],
            self.listings[key].instrument.tick, self.fees.linear_taker, stream=stream,
        )  # fmt: skip

    def wallet_row(self, account: Account, coins: tuple[str, ...] = ()) -> dict[str, object]:
        """The row of the wallet; without coins those that are not zero."""
        prices = {QUOTE: Decimal(1)}
        for symbol, base in self.base_of.items():
            point = self.books[f"spot:{symbol}"].point
            prices[base] = point.price if point is not None else ZERO
        locked = {coin: account.locked(coin, self.base_of) for coin in {*account.wallet, *coins}}
        return rows_private.wallet(account, self.figures(account), prices, locked, coins)

    # cash -----------------------------------------------------------------------------------------------------------------------------
    def book_cash(
        self,
        account: Account,
        now: Now,
        kind: str,
        coin: str,
        *,
        flow: Decimal = ZERO,
        funding: Decimal = ZERO,
        fee: Decimal = ZERO,
        execution: Execution | None = None,
        size: Decimal = ZERO,
    ) -> None:
        """A ledger row and the wallet with it."""
        change = cash(flow) + cash(funding) - cash(fee)
        number = self.ids.next()
        known = execution
        account.book(
            LedgerRow(
                uid=account.uid, seq=number, row_id=self.ids.uuid("row", number), kind=kind, ts=now.ts, coin=coin, change=change,
                cash_flow=cash(flow), funding=cash(funding), fee=cash(fee), balance=account.balance(coin) + change, size=size,
                category=known.category if known else "", symbol=known.symbol if known else "", side=known.side if known else "None",
                qty=known.qty if known else ZERO, price=known.price if known else ZERO, fee_rate=known.fee_rate if known else ZERO,
                exec_id=known.exec_id if known else "", order_id=known.order_id if known else "", link_id=known.link_id if known else "",
            )
        )  # fmt: skip
        self.touch_wallet(account.uid)

    # orders ---------------------------------------------------------------------------------------------------------------------------
    def new_id(self, category: str, number: int) -> str:
        """An order id in the category's shape."""
        return self.ids.digits(number) if category == "spot" else self.ids.uuid("order", number)

    def enter(self, order: Order, status: Literal["New", "Untriggered"], now: Now) -> None:
        """Take a new order in; it is told of, but has not met the market yet."""
        account = self.accounts[order.uid]
        order.number = order.seq
        account.remember(order)
        self.move(order, status, now)
        if status == "Untriggered":
            self.book(order).conditional[order.order_id] = order
        if order.category == "spot":
            self.touch_wallet(order.uid)

    def move(self, order: Order, status: str, now: Now, *, silent: bool = False) -> None:
        """Change the status along the table and tell; Invariant for a step that is not in it."""
        if status not in TRANSITIONS.get(order.status, ()):
            raise Invariant(f"order {order.order_id}: {order.status!r} cannot become {status!r}")
        order.status = status
        order.updated = now.ts
        if status in CLOSED:
            book = self.book(order)
            book.resting.pop(order.order_id, None)
            book.conditional.pop(order.order_id, None)
            self.accounts[order.uid].retire(order)
            if order.category == "spot":
                self.touch_wallet(order.uid)
        if not silent:
            self.tell(order, now)

    def end(self, order: Order, now: Now, *, cancel: str = "UNKNOWN", reason: str = "EC_NoError") -> None:
        """Close an order that did not fill, with the status that its state and category ask for."""
        order.cancel_type, order.reject_reason = cancel, reason
        if order.status == "Untriggered":
            status = "Deactivated"
        elif order.filled > 0 and order.category == "spot":
            status = "PartiallyFilledCanceled"
        else:
            status = "Cancelled"
        self.move(order, status, now)
