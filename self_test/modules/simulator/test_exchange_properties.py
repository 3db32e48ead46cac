"""Whatever is asked of the exchange in whatever order, its books stay true."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modules.simulator.account import QUOTE, lock_of
from self_test.modules.simulator.stage import UID, D, Stage

CATEGORY = st.sampled_from(["spot", "linear"])
SIDE = st.sampled_from(["Buy", "Sell"])
QTY = st.integers(1, 60).map(lambda n: str(D(n) / 1000 * 5))
OFFSET = st.integers(-3000, 3000)
TIF = st.sampled_from(["GTC", "IOC", "FOK", "PostOnly"])


class Books(RuleBasedStateMachine):
    @initialize(
        isolated=st.booleans(), hedge=st.booleans(), leverage=st.sampled_from(["1", "10", "50"]), usdt=st.sampled_from(["700", "20000"])
    )
    def start(self, isolated: bool, hedge: bool, leverage: str, usdt: str) -> None:
        self.stage = Stage(usdt, BTC="0.2")
        self.hedge = hedge
        self.price = 80_000
        self.opened: dict[str, Decimal] = {}
        if isolated:
            self.stage.exchange.set_margin_mode(UID, "ISOLATED_MARGIN", self.stage.now)
        if hedge:
            self.stage.exchange.switch_mode(UID, "BTCUSDT", 3, self.stage.now)
        self.stage.exchange.set_leverage(UID, "BTCUSDT", D(leverage), D(leverage), self.stage.now)

    def fields(self, category: str, idx: int) -> dict[str, Any]:
        return {"position_idx": idx} if category == "linear" and self.hedge else {}

    @rule(
        category=CATEGORY,
        side=SIDE,
        qty=QTY,
        offset=OFFSET,
        tif=TIF,
        idx=st.sampled_from([1, 2]),
        legs=st.booleans(),
        partial=st.booleans(),
    )
    def limit(self, category: str, side: str, qty: str, offset: int, tif: str, idx: int, legs: bool, partial: bool) -> None:
        price, sign = self.price + offset, 1 if side == "Buy" else -1
        more = self.fields(category, idx) | {"time_in_force": tif}
        if legs:
            more |= {
                "take_profit": str(price + sign * 900),
                "stop_loss": str(price - sign * 700),
                "tpsl_mode": "Partial" if partial else "Full",
            }
        self.stage.send(category, side, qty, str(price), **more)

    @rule(category=CATEGORY, side=SIDE, qty=QTY, reduce=st.booleans(), idx=st.sampled_from([1, 2]))
    def market(self, category: str, side: str, qty: str, reduce: bool, idx: int) -> None:
        more = self.fields(category, idx) | ({"market_unit": "baseCoin"} if category == "spot" else {})
        before = {key: (one.side, one.size) for key, one in self.stage.account.positions.items()}
        self.stage.send(category, side, qty, reduce_only=reduce, **more)
        if reduce and category == "linear":
            for key, one in self.stage.account.positions.items():
                old = before.get(key, ("", D(0)))
                assert one.size <= old[1], "reduce-only never opens"
                assert not one.size or one.side == old[0]

    @rule(amount=st.integers(5, 3000))
    def spend(self, amount: int) -> None:
        self.stage.send("spot", "Buy", str(amount))

    @rule(
        category=CATEGORY,
        side=SIDE,
        qty=QTY,
        offset=OFFSET,
        limit=st.booleans(),
        reduce=st.booleans(),
        tpsl=st.booleans(),
        idx=st.sampled_from([1, 2]),
    )
    def conditional(self, category: str, side: str, qty: str, offset: int, limit: bool, reduce: bool, tpsl: bool, idx: int) -> None:
        trigger = str(self.price + offset)
        more = self.fields(category, idx) | {"trigger_price": trigger, "trigger_direction": 1 if offset > 0 else 2, "reduce_only": reduce}
        if category == "spot":
            more |= {"order_filter": "tpslOrder" if tpsl else "StopOrder", "market_unit": "baseCoin"}
        self.stage.send(category, side, qty, trigger if limit else "", **more)

    @rule(offset=OFFSET, size=st.integers(1, 50), taker=SIDE, category=CATEGORY, depth=st.sampled_from(["0.01", "0.1", "5"]))
    def moves(self, offset: int, size: int, taker: str, category: str, depth: str) -> None:
        self.price = min(160_000, max(20_000, self.price + offset))
        self.stage.move(str(self.price), size=str(D(size) / 100), taker=taker, category=category, depth=depth)

    @rule(share=st.sampled_from([0.5, 0.9, 1.1, 1.7]))
    def gap(self, share: float) -> None:
        self.price = min(160_000, max(20_000, int(self.price * share)))
        self.stage.move(str(self.price))
        self.stage.move(str(self.price), category="spot")

    @rule(bp=st.integers(-30, 30))
    def funding(self, bp: int) -> None:
        self.stage.exchange.on_funding("BTCUSDT", D(bp) / 10_000, self.stage.tick())

    @rule(which=st.integers(0, 30), qty=QTY, offset=OFFSET)
    def amend(self, which: int, qty: str, offset: int) -> None:
        orders = self.stage.open("spot") + self.stage.open("linear")
        if orders:
            order = orders[which % len(orders)]
            self.stage.amend(order, **({"price": str(self.price + offset)} if order.order_type == "Limit" else {}), qty=qty)

    @rule(which=st.integers(0, 30))
    def cancel(self, which: int) -> None:
        orders = self.stage.open("spot") + self.stage.open("linear")
        if orders:
            order = orders[which % len(orders)]
            assert self.stage.cancel(order, order.order_filter) == 0

    @rule(stop=st.integers(100, 4000), trailing=st.booleans(), idx=st.sampled_from([0, 1, 2]))
    def protect(self, stop: int, trailing: bool, idx: int) -> None:
        position = self.stage.account.positions.get(f"BTCUSDT:{idx}")
        if position is not None and position.size:
            price = str(self.price - position.sign * stop)
            self.stage.stop(position_idx=idx, **({"trailing_stop": str(stop)} if trailing else {"stop_loss": price}))

    @rule(leverage=st.sampled_from(["2", "20", "50"]))
    def lever(self, leverage: str) -> None:
        self.stage.exchange.set_leverage(UID, "BTCUSDT", D(leverage), D(leverage), self.stage.tick())

    @rule(adl=st.booleans())
    def script(self, adl: bool) -> None:
        if adl:
            self.stage.exchange.script_adl(UID, "BTCUSDT", D("0.01"), self.stage.tick())
        else:
            self.stage.exchange.script_liquidation(UID, "BTCUSDT", self.stage.tick())

    @invariant()
    def the_rows_sum_to_the_wallet(self) -> None:
        account = self.stage.account
        for coin in account.wallet:
            assert account.ledger_sum(coin) == account.balance(coin)

    @invariant()
    def nothing_is_below_zero(self) -> None:
        account = self.stage.account
        assert account.balance("BTC") >= 0
        assert account.balance("BTC") >= account.locked("BTC", {"BTCUSDT": "BTC"})
        if not account.held():
            assert account.balance(QUOTE) >= 0
            assert account.balance(QUOTE) >= account.locked(QUOTE, {"BTCUSDT": "BTC"})
        elif not account.isolated:
            assert self.stage.exchange._desk.figures(account).margin_balance >= 0
        else:
            assert all(one.margin >= 0 for one in account.held())

    @invariant()
    def positions_are_sums_of_fills(self) -> None:
        account = self.stage.account
        for key, position in account.positions.items():
            symbol, _, idx = key.partition(":")
            total = sum(
                (one.qty if one.side == "Buy" else -one.qty)
                for one in account.executions
                if one.category == "linear" and one.exec_type != "Funding" and (one.symbol, one.position_idx) == (symbol, int(idx))
            )
            assert total == position.sign * position.size
            if not position.size:
                assert position.cost == position.margin == position.open_fee == 0

    @invariant()
    def orders_hold_what_they_need_and_no_more(self) -> None:
        account = self.stage.account
        for order in account.orders.values():
            assert order.filled_value <= order.qty if order.by_quote else order.filled <= order.qty
            if order.is_open:
                assert order.leaves > 0
                assert order.order_id in self.stage.exchange._desk.book(order).resting | self.stage.exchange._desk.book(order).conditional
            if order.category == "spot" and order.is_open and order.order_type == "Limit" and order.resting:
                need = order.leaves if order.side == "Sell" else order.leaves * order.price
                assert lock_of(order, "BTC")[1] == need
            if order.resting and order.reduce_only:
                position = account.position(order.symbol, order.position_idx)
                assert position.size >= order.leaves and position.side != order.side

    @invariant()
    def flat_has_no_children(self) -> None:
        account = self.stage.account
        for order in account.open_orders("linear"):
            if order.status == "Untriggered" and order.stop_order_type != "Stop":
                assert account.position(order.symbol, order.position_idx).size > 0

    @invariant()
    def full_stops_have_the_size_of_the_position(self) -> None:
        account = self.stage.account
        for position in account.held():
            for order in account.open_orders("linear"):
                if (
                    order.stop_order_type in {"TakeProfit", "StopLoss"}
                    and order.position_idx == position.idx
                    and order.status == "Untriggered"
                ):
                    assert order.qty == position.size

    def teardown(self) -> None:
        if hasattr(self, "stage"):
            state = self.stage.exchange.state()
            other = Stage("1")
            other.exchange.load(state)
            assert other.exchange.ledger(self.stage.now) == self.stage.exchange.ledger(self.stage.now)


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_day_of_random_trading_keeps_the_books(seed: int):
    """Deeper than short sequences reach: full books, old positions, many makers."""
    rng = random.Random(seed)
    books = Books()
    books.start(isolated=seed % 2 == 1, hedge=seed % 3 == 2, leverage="10" if seed % 2 else "50", usdt="20000")
    checks = [getattr(books, name) for name in INVARIANTS]
    for step in range(LONG_DAY):
        act(books, rng)
        if step % 5 == 0:
            for check in checks:
                check()
    books.teardown()
    made = {one.is_maker for one in books.stage.account.executions if one.category == "linear" and one.exec_type == "Trade"}
    assert made == {True, False}


LONG_DAY = 400
INVARIANTS = (
    "the_rows_sum_to_the_wallet",
    "nothing_is_below_zero",
    "positions_are_sums_of_fills",
    "orders_hold_what_they_need_and_no_more",
    "flat_has_no_children",
    "full_stops_have_the_size_of_the_position",
)


def act(books: Books, rng: random.Random) -> None:
    """One random step; two in five move the market a little."""
    category, side, idx = rng.choice(["spot", "linear"]), rng.choice(["Buy", "Sell"]), rng.choice([1, 2])
    qty, near = str(D(rng.randint(1, 30)) / 1000), rng.randint(-60, 60)
    match rng.randint(0, 19):
        case 0 | 1 | 2 | 3 | 4:
            legs, tif = rng.random() < 0.3, rng.choice(["GTC", "GTC", "GTC", "IOC", "PostOnly"])
            books.limit(category, side, qty, near, tif, idx, legs, rng.random() < 0.5)
        case 5:
            books.market(category, side, qty, rng.random() < 0.5, idx)
        case 6:
            books.conditional(category, side, qty, 4 * near, rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.5, idx)
        case 7:
            books.amend(rng.randint(0, 30), qty, near)
        case 8:
            books.cancel(rng.randint(0, 30))
        case 9:
            books.protect(rng.randint(50, 900), rng.random() < 0.4, rng.choice([0, 1, 2]))
        case 10:
            books.funding(rng.randint(-10, 10))
        case 11 if rng.random() < 0.1:
            books.gap(rng.choice([0.93, 1.06]))
        case 12 if rng.random() < 0.2:
            books.lever(rng.choice(["2", "20", "50"]))
        case 13 if rng.random() < 0.2:
            books.script(rng.random() < 0.7)
        case _:
            books.moves(near, rng.randint(1, 20), side, category, rng.choice(["0.01", "0.1", "5"]))
