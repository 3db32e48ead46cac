"""A stage for tests of the private venue: BTCUSDT spot and linear, one account, a market that is moved by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from modules.simulator import filters
from modules.simulator.exchange import Exchange
from modules.simulator.filters import Category, Listing
from modules.simulator.matching import Ladder, Point
from modules.simulator.order_types import Accepted, AmendRequest, Now, Order, OrderRequest, PrivateEvent, Refused, StopRequest

D = Decimal
UID = "1001"
T0 = 1_741_075_200_000


def listed(category: Category, symbol: str = "BTCUSDT") -> Listing:
    found = filters.listing(symbol, category)
    assert found is not None
    return found


def deep(_: str, point: Point) -> Ladder:
    """Four levels a side, one quote unit apart, each as large as the touch."""
    return (
        [(point.bid - i, point.bid_size) for i in range(4)],
        [(point.ask + i, point.ask_size) for i in range(4)],
    )


class Stage:
    """The exchange with its clock; amounts are given as text."""

    def __init__(self, usdt: str = "10000", *, seed: int = 1, exchange: Exchange | None = None, **coins: str) -> None:
        self.now = Now(T0, 5_000)
        self.exchange = exchange or Exchange([listed("spot"), listed("linear")], seed=seed, ladder=deep)
        for category in ("spot", "linear"):
            self.move("80000", category=category)
        deposits = {"USDT": D(usdt)} | {coin: D(amount) for coin, amount in coins.items()}
        self.exchange.open_account(UID, deposits, self.now)
        self.exchange.drain(UID)

    @property
    def account(self) -> Any:
        return self.exchange.accounts[UID]

    def tick(self, ms: int = 1000) -> Now:
        self.now = Now(self.now.ts + ms, self.now.wall + 10)
        return self.now

    def move(
        self,
        price: str,
        *,
        category: str = "linear",
        size: str = "1",
        taker: str = "Buy",
        bid: str = "",
        ask: str = "",
        mark: str = "",
        depth: str = "2",
    ) -> None:
        """A print at `price`; a buyer's print is at the ask, a seller's at the bid; the touch is one unit wide."""
        at = D(price)
        low = D(bid) if bid else (at - 1 if taker == "Buy" else at)
        high = D(ask) if ask else (at if taker == "Buy" else at + 1)
        point = Point(
            ts=self.tick().ts, price=at, size=D(size), taker=cast(Any, taker), bid=low, bid_size=D(depth), ask=high, ask_size=D(depth),
            mark=D(mark) if mark else at, index=D(mark) if mark else at,
        )  # fmt: skip
        self.exchange.on_point(f"{category}:BTCUSDT", point, self.now)

    def send(self, category: str, side: str, qty: str, price: str = "", **more: Any) -> Accepted | Refused:
        fields: dict[str, Any] = {key: D(value) if key in DECIMALS and isinstance(value, str) else value for key, value in more.items()}
        request = OrderRequest(
            category=cast(Any, category), symbol=fields.pop("symbol", "BTCUSDT"), side=cast(Any, side),
            order_type="Limit" if price else "Market", qty=D(qty), price=D(price) if price else None, **fields,
        )  # fmt: skip
        return self.exchange.create_order(UID, request, self.tick())

    def place(self, category: str, side: str, qty: str, price: str = "", **more: Any) -> Order:
        answer = self.send(category, side, qty, price, **more)
        assert isinstance(answer, Accepted), answer
        return self.order(answer.order_id)

    def order(self, order_id: str) -> Order:
        found = self.exchange.order(UID, order_id)
        assert found is not None
        return found

    def code(self, category: str, side: str, qty: str, price: str = "", **more: Any) -> int:
        """The refusal's code, 0 when taken."""
        answer = self.send(category, side, qty, price, **more)
        return answer.code if isinstance(answer, Refused) else 0

    def amend(self, order: Order, **changes: str) -> int:
        fields: Any = {key: D(value) for key, value in changes.items()}
        request = AmendRequest(category=order.category, symbol=order.symbol, order_id=order.order_id, **fields)
        answer = self.exchange.amend_order(UID, request, self.tick())
        return answer.code if isinstance(answer, Refused) else 0

    def cancel(self, order: Order, order_filter: str = "") -> int:
        answer = self.exchange.cancel_order(
            UID, order.category, order.symbol, self.tick(), order_id=order.order_id, order_filter=order_filter
        )
        return answer.code if isinstance(answer, Refused) else 0

    def stop(self, **changes: Any) -> int:
        fields: Any = {key: D(value) if key in DECIMALS else value for key, value in changes.items()}
        answer = self.exchange.trading_stop(UID, StopRequest(symbol="BTCUSDT", **fields), self.tick())
        return answer.code if answer is not None else 0

    def events(self, topic: str = "") -> list[PrivateEvent]:
        return [one for one in self.exchange.drain(UID) if topic in {"", one.topic}]

    def statuses(self, order: Order) -> list[str]:
        """The statuses of an order in the events that have not been read yet."""
        return [one.row["orderStatus"] for one in self.events("order") if one.row["orderId"] == order.order_id]

    def open(self, category: str = "linear") -> list[Order]:
        return self.exchange.orders_open(UID, cast(Any, category))[::-1]

    def usdt(self) -> Decimal:
        return cast(Decimal, self.account.balance("USDT"))


DECIMALS = frozenset(
    {
        "trigger_price", "take_profit", "stop_loss", "tp_limit_price", "sl_limit_price", "slippage", "trailing_stop", "active_price",
        "tp_size", "sl_size",
    }
)  # fmt: skip
