from __future__ import annotations

from typing import Any

import pytest

from self_test.modules.simulator.stage import D, Stage


def test_shrinking_keeps_the_place_in_the_queue_and_growing_or_moving_loses_it():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", "79999")
    stage.move("79999", taker="Sell", size="0.5", depth="2")
    seq, queue = order.seq, order.queue
    assert stage.amend(order, qty="0.05") == 0 and (order.seq, order.queue) == (seq, queue)
    assert stage.amend(order, qty="0.06") == 0 and order.seq > seq and order.queue == 2


def test_an_amended_price_may_trade_at_once():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", "79000")
    assert stage.amend(order, price="80000") == 0
    assert order.status == "Filled" and order.filled_value == 8000


@pytest.mark.parametrize(
    "category, code, changes",
    [
        ("linear", 10001, {}),
        ("linear", 10001, {"price": "79000"}),
        ("linear", 10001, {"price": "79000.05"}),
        ("linear", 10001, {"qty": "0.0105"}),
        ("linear", 110003, {"price": "90000"}),
        ("linear", 110007, {"qty": "5"}),
        ("linear", 110064, {"qty": "0"}),
        ("linear", 10001, {"trigger_price": "70000"}),
        ("linear", 10001, {"stop_loss": "79500"}),
        ("spot", 10001, {}),
        ("spot", 170134, {"price": "79000.005"}),
        ("spot", 170137, {"qty": "0.0100005"}),
        ("spot", 170193, {"price": "90000"}),
        ("spot", 170131, {"qty": "5"}),
        ("spot", 170140, {"qty": "0.00005"}),
        ("spot", 170130, {"stop_loss": "79500"}),
    ],
)
def test_refusals_change_nothing(category: str, code: int, changes: dict[str, Any]):
    stage = Stage()
    order = stage.place(category, "Buy", "0.01", "79000")
    before = (order.qty, order.price, order.status)
    assert stage.amend(order, **changes) == code
    assert (order.qty, order.price, order.status, order.stop_loss) == (*before, None)


@pytest.mark.parametrize("category, code", [("linear", 110064), ("spot", 170313)])
def test_not_below_what_is_filled(category: str, code: int):
    stage = Stage("1000000")
    order = stage.place(category, "Buy", "3", "80000")
    assert stage.amend(order, qty="2") == code
    assert stage.amend(order, qty="2.5") == 0 and order.leaves == D("0.5")


def test_more_funds_are_only_asked_for_what_is_added():
    stage = Stage()
    order = stage.place("spot", "Buy", "0.1", "79000")
    assert stage.amend(order, qty="0.125") == 0
    assert stage.amend(order, qty="0.127") == 170131


def test_triggers_move_and_stay_on_their_side():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", trigger_price="81000", trigger_direction=1)
    assert stage.amend(order, trigger_price="80000") == 110092
    assert stage.amend(order, trigger_price="82000") == 0
    falling = stage.place("linear", "Buy", "0.1", trigger_price="79000", trigger_direction=2)
    assert stage.amend(falling, trigger_price="80500") == 110093
    stage.move("81000")
    assert order.status == "Untriggered"


def test_a_spot_trigger_takes_its_direction_from_where_it_lies():
    stage = Stage()
    order = stage.place("spot", "Buy", "0.01", "81000", order_filter="StopOrder", trigger_price="81000")
    assert order.trigger_direction == 1
    assert stage.amend(order, trigger_price="79000", price="79000") == 0 and order.trigger_direction == 2


def test_an_attached_stop_may_be_moved_and_removed_before_the_fill():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", "79000", stop_loss="78000", take_profit="82000")
    assert stage.amend(order, stop_loss="78500", take_profit="0") == 0
    stage.move("78990", taker="Sell")
    assert [(one.stop_order_type, one.trigger_price) for one in stage.open()] == [("StopLoss", D(78_500))]


def test_moving_a_child_shows_in_the_position():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    (stop,) = stage.open()
    assert stage.amend(stop, trigger_price="79500") == 0
    assert stage.account.position("BTCUSDT", 0).stop_loss == 79_500
    assert stage.amend(stop, qty="0.05") == 10001, "a Full child has the position's size"


def test_a_bidirectional_exit_moves_either_leg_but_keeps_both():
    stage = Stage()
    stage.place("spot", "Buy", "0.01", "80000", take_profit="82000", stop_loss="79000")
    (child,) = stage.open("spot")
    assert stage.amend(child, stop_loss="79500") == 0
    assert stage.amend(child, stop_loss="0") == 170130
    assert stage.amend(child, stop_loss="80500") == 170130
    stage.move("79400", category="spot", taker="Sell")
    assert child.status == "Filled"
