from __future__ import annotations

import pytest

from modules.simulator.matching import Book, down, touch_ladder, up
from self_test.modules.simulator.stage import D, Stage


def test_a_market_order_walks_the_ladder_and_ends_where_it_ends():
    stage = Stage("1000000")
    order = stage.place("linear", "Buy", "5")  # 2 at 80000, 2 at 80001, 1 at 80002
    assert order.status == "Filled"
    assert order.filled_value == 2 * 80_000 + 2 * 80_001 + 80_002


def test_what_was_taken_stays_gone_until_the_next_point():
    stage = Stage("1000000")
    stage.place("linear", "Buy", "2")
    assert stage.place("linear", "Buy", "1").filled_value == 80_001
    stage.move("80000")
    assert stage.place("linear", "Buy", "1").filled_value == 80_000


def test_a_rested_order_waits_behind_what_is_displayed_at_its_price():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.5", "79999")  # at the bid, 2 displayed
    assert order.queue == 2
    stage.move("79999", taker="Sell", size="1.8", depth="2")
    assert (order.status, order.queue) == ("New", D("0.2"))
    stage.move("79999", taker="Sell", size="0.5", depth="2")
    assert (order.status, order.filled) == ("PartiallyFilled", D("0.3"))
    stage.move("79999", taker="Sell", size="0.2", depth="2")
    assert order.status == "Filled"
    assert all(one.is_maker and one.price == 79_999 for one in stage.exchange.executions("1001", "linear"))


def test_the_queue_is_never_longer_than_what_is_displayed():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.5", "79999")
    stage.move("80000", depth="0.1")
    assert order.queue == D("0.1")
    stage.move("79999", taker="Buy", bid="79998")
    assert order.filled > 0, "an ask at its price fills it"


def test_the_market_trading_through_fills_it_whole_at_its_own_price():
    stage = Stage("20000")
    order = stage.place("linear", "Buy", "1.5", "79990")
    stage.move("79989", taker="Sell", size="0.001")
    assert order.status == "Filled" and order.filled_value == D("1.5") * 79_990


def test_a_print_of_the_same_side_does_not_fill():
    stage = Stage()
    order = stage.place("linear", "Sell", "0.5", "80000.5")
    stage.move("80000.5", taker="Sell", bid="80000.4", ask="80001", size="5")
    assert order.status == "New"


def test_an_opposite_touch_at_the_price_fills_up_to_its_size():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.5", "79990")
    stage.move("79990", taker="Buy", bid="79989", depth="0.2")
    assert order.filled == D("0.2") and order.status == "PartiallyFilled"


def test_price_goes_before_time_and_time_before_the_rest():
    stage = Stage()
    worse = stage.place("linear", "Buy", "0.3", "79999.2")
    first = stage.place("linear", "Buy", "0.3", "79999.5")
    second = stage.place("linear", "Buy", "0.3", "79999.5")
    stage.move("79999.5", taker="Sell", bid="79999.5", ask="80000", size="0.4")
    assert (first.filled, second.filled, worse.filled) == (D("0.3"), D("0.1"), D(0))


def test_orders_of_ours_meet_each_other_behind_the_market():
    stage = Stage()
    rested = stage.place("spot", "Buy", "0.01", "79999.5")
    stage.exchange.open_account("2", {"BTC": D(1)}, stage.now)
    from modules.simulator.order_types import Accepted, OrderRequest

    answer = stage.exchange.create_order(
        "2", OrderRequest(category="spot", symbol="BTCUSDT", side="Sell", order_type="Market", qty=D("0.02")), stage.tick()
    )
    assert isinstance(answer, Accepted) and rested.status == "Filled"
    prices = [(one.price, one.qty) for one in stage.exchange.executions("2", "spot")]
    assert prices == [(D(79_999), D("0.01")), (D("79999.5"), D("0.01"))]


def test_a_book_without_a_market_offers_nothing():
    book = Book(touch_ladder)
    assert book.quote("Buy", None, qty=D(1), step=D(1)) == []
    assert book.rested_fills() == []


@pytest.mark.parametrize("value, low, high", [("1.05", "1.0", "1.1"), ("1.1", "1.1", "1.1")])
def test_rounding_to_a_grid(value: str, low: str, high: str):
    assert (down(D(value), D("0.1")), up(D(value), D("0.1"))) == (D(low), D(high))
