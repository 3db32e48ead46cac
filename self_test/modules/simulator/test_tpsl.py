from __future__ import annotations

from decimal import Decimal

import pytest

from modules.simulator.order_types import Order
from self_test.modules.simulator.stage import UID, D, Stage


def kinds(orders: list[Order]) -> dict[str, tuple[Decimal, Decimal | None]]:
    return {one.stop_order_type: (one.qty, one.trigger_price) for one in orders}


def test_spot_exit_holds_what_was_really_bought_and_only_once():
    stage = Stage()
    entry = stage.place("spot", "Buy", "0.01", "80000", time_in_force="IOC", take_profit="82000", stop_loss="79000")
    assert entry.status == "Filled"
    (child,) = stage.open("spot")
    assert (child.stop_order_type, child.side, child.qty, child.status) == ("BidirectionalTpslOrder", "Sell", D("0.009990"), "Untriggered")
    wallet = stage.exchange.wallet(UID, ["BTC"])["coin"][0]
    assert (wallet["walletBalance"], wallet["locked"]) == ("0.00999", "0.00999")
    assert stage.code("spot", "Sell", "0.001") == 170131, "the coin is held by the exit"


@pytest.mark.parametrize("price, taker, leg", [("82000", "Buy", "82000"), ("78900", "Sell", "79000")])
def test_either_leg_of_a_spot_exit_sells_it_all(price: str, taker: str, leg: str):
    stage = Stage()
    stage.place("spot", "Buy", "0.01", "80000", take_profit="82000", stop_loss="79000")
    (child,) = stage.open("spot")
    stage.move(price, category="spot", taker=taker)
    assert child.status == "Filled" and child.trigger_price == D(leg) and stage.account.balance("BTC") == D(0)
    assert stage.open("spot") == []


def test_a_gap_through_the_stop_sells_where_the_market_is():
    stage = Stage()
    stage.place("spot", "Buy", "0.01", "80000", stop_loss="79000")
    (child,) = stage.open("spot")
    assert child.stop_order_type == "tpslOrder"
    stage.move("70000", category="spot", taker="Sell")
    assert child.filled_value == D("0.00999") * 70_000


def test_a_part_filled_spot_entry_gets_its_exit_when_it_ends():
    stage = Stage("1000000")
    stage.place("spot", "Buy", "5", "80000", time_in_force="IOC", stop_loss="79000")
    (child,) = stage.open("spot")
    assert child.qty == D("1.998")


def test_spot_worlds_are_cancelled_by_their_filter():
    stage = Stage()
    stage.place("spot", "Buy", "0.01", "80000", take_profit="82000", stop_loss="79000")
    stage.place("spot", "Buy", "0.01", "79000")
    stage.place("spot", "Buy", "0.01", "81000", order_filter="StopOrder", trigger_price="81000")
    (child, *_) = stage.open("spot")
    assert stage.cancel(child) == 170213, "the default world is Order"
    assert len(stage.exchange.cancel_all(UID, "spot", stage.tick())) == 1
    assert {one.order_filter for one in stage.open("spot")} == {"BidirectionalTpslOrder", "StopOrder"}
    assert len(stage.exchange.cancel_all(UID, "spot", stage.tick(), order_filter="BidirectionalTpslOrder")) == 1
    assert child.status == "Deactivated"


def test_tpsl_order_locks_now_and_stop_order_only_when_triggered():
    stage = Stage("0", BTC="0.01")
    stop = stage.place("spot", "Sell", "0.01", order_filter="tpslOrder", trigger_price="79000")
    assert stage.code("spot", "Sell", "0.01", "81000") == 170131
    assert stop.trigger_direction == 2
    stage.cancel(stop, "tpslOrder")
    stage.place("spot", "Sell", "0.01", order_filter="StopOrder", trigger_price="79000")
    sold = stage.place("spot", "Sell", "0.01")
    assert sold.status == "Filled"
    (stop,) = stage.open("spot")
    stage.move("78900", category="spot", taker="Sell")
    assert stop.status == "Cancelled", "nothing left to sell with"


def test_linear_full_children_follow_the_position_and_die_with_it():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", take_profit="82000", stop_loss="79000")
    assert kinds(stage.open()) == {"TakeProfit": (D("0.1"), D(82_000)), "StopLoss": (D("0.1"), D(79_000))}
    stage.place("linear", "Buy", "0.1", stop_loss="79500")
    assert kinds(stage.open()) == {"TakeProfit": (D("0.2"), D(82_000)), "StopLoss": (D("0.2"), D(79_500))}, "a new pair changes the old one"
    row = stage.exchange.positions(UID, "BTCUSDT")[0]
    assert (row["takeProfit"], row["stopLoss"]) == ("82000", "79500")
    children = stage.open()
    stage.place("linear", "Sell", "0.2", reduce_only=True)
    assert {(one.status, one.cancel_type) for one in children} == {("Deactivated", "CancelByTpSlTsClear")}
    row = stage.exchange.positions(UID, "BTCUSDT")[0]
    assert (row["takeProfit"], row["stopLoss"]) == ("", "")


def test_a_flip_clears_the_children_of_the_old_side():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.place("linear", "Sell", "0.3", stop_loss="81000")
    assert kinds(stage.open()) == {"StopLoss": (D("0.2"), D(81_000))}
    assert stage.open()[0].trigger_direction == 1


def test_partial_pairs_have_a_fixed_size_and_one_leg_ends_the_other():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", take_profit="82000", stop_loss="79000", tpsl_mode="Partial")
    stage.place("linear", "Buy", "0.1")
    target, stop = stage.open()
    assert (target.stop_order_type, target.qty) == ("PartialTakeProfit", D("0.1"))
    assert stage.exchange.positions(UID, "BTCUSDT")[0]["stopLoss"] == ""
    stage.move("82000")
    assert (target.status, stop.status) == ("Filled", "Deactivated")
    assert stop.cancel_type == "CancelByOCOSlCanceledByTpTriggered"
    assert stage.account.position("BTCUSDT", 0).size == D("0.1")


def test_partial_legs_grow_with_further_fills_of_their_order():
    stage = Stage("1000000")
    stage.place("linear", "Buy", "3", "80000", take_profit="82000", stop_loss="79000", tpsl_mode="Partial")
    assert {one.qty for one in stage.open() if one.stop_order_type} == {D(2)}
    stage.move("80000")
    assert {one.qty for one in stage.open() if one.stop_order_type} == {D(3)}


def test_a_limit_target_rests_when_it_triggers():
    stage = Stage()
    stage.place(
        "linear", "Buy", "0.1", take_profit="81000", tpsl_mode="Partial", tp_order_type="Limit", tp_limit_price="81500", stop_loss="79000"
    )
    stage.move("81000")
    (target,) = stage.open()
    assert (target.status, target.price) == ("New", D(81_500))
    stage.move("81600")
    assert target.status == "Filled" and stage.account.held() == []


def test_the_stop_looks_at_the_price_it_was_told_to():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000", sl_trigger_by="MarkPrice")
    stage.move("78500", taker="Sell", mark="79500")
    assert stage.account.held()
    stage.move("79500", taker="Sell", mark="78999")
    assert not stage.account.held()


def test_a_conditional_reduce_only_order_made_by_hand_stays_after_the_close():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stop = stage.place("linear", "Sell", "0.1", trigger_price="79000", trigger_direction=2, reduce_only=True)
    stage.place("linear", "Sell", "0.1", reduce_only=True)
    assert stop.status == "Untriggered"
    stage.move("78000", taker="Sell")
    assert (stop.status, stop.cancel_type) == ("Cancelled", "CancelByReduceOnly")
    assert stage.account.held() == []


def test_cancelling_a_child_shows_in_the_position():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    (stop,) = stage.open()
    stage.cancel(stop)
    assert stage.account.position("BTCUSDT", 0).stop_loss == 0
