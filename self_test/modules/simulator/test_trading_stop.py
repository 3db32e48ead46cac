from __future__ import annotations

from typing import Any

import pytest

from self_test.modules.simulator.stage import UID, D, Stage


def long() -> Stage:
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    return stage


def test_full_sets_changes_keeps_and_removes():
    stage = long()
    assert stage.stop(take_profit="82000", stop_loss="79000") == 0
    first = {one.stop_order_type: one.order_id for one in stage.open()}
    assert stage.stop(stop_loss="79500") == 0
    assert {one.stop_order_type: one.order_id for one in stage.open()} == first, "amended in place"
    assert stage.account.position("BTCUSDT", 0).take_profit == 82_000
    assert stage.stop(stop_loss="79500") == 34040
    assert stage.stop(take_profit="0") == 0
    assert [one.stop_order_type for one in stage.open()] == ["StopLoss"]
    assert stage.stop(take_profit="0") == 34040


def test_a_request_that_says_nothing_modifies_nothing():
    assert long().stop() == 34040


def test_without_a_position():
    assert Stage().stop(stop_loss="79000") == 10001


@pytest.mark.parametrize(
    "request_",
    [
        {"stop_loss": "80500"},
        {"take_profit": "79500"},
        {"stop_loss": "79000.05"},
        {"stop_loss": "79000", "sl_order_type": "Limit", "sl_limit_price": "78990"},
        {"tpsl_mode": "Partial", "stop_loss": "79000"},
        {"tpsl_mode": "Partial", "stop_loss": "79000", "sl_size": "0.2"},
        {"tpsl_mode": "Partial", "stop_loss": "79000", "take_profit": "81000", "sl_size": "0.05", "tp_size": "0.04"},
        {"tpsl_mode": "Partial", "stop_loss": "79000", "sl_size": "0.05", "sl_order_type": "Limit"},
    ],
    ids=str,
)
def test_parameter_errors(request_: dict[str, Any]):
    stage = long()
    assert stage.stop(**request_) == 10001
    assert stage.open() == []


def test_partial_adds_and_never_changes():
    stage = long()
    for _ in range(2):
        assert stage.stop(tpsl_mode="Partial", stop_loss="79000", take_profit="82000", sl_size="0.05", tp_size="0.05") == 0
    assert len(stage.open()) == 4
    assert stage.account.position("BTCUSDT", 0).stop_loss == 0
    stage.move("78999", taker="Sell")
    assert stage.account.held() == [] and stage.open() == []


def test_twenty_pairs_are_the_most():
    stage = long()
    for _ in range(20):
        assert stage.stop(tpsl_mode="Partial", stop_loss="79000", take_profit="82000", sl_size="0.05", tp_size="0.05") == 0
    assert stage.stop(tpsl_mode="Partial", stop_loss="79000", sl_size="0.05") == 110061


def test_a_trailing_stop_follows_and_never_goes_back():
    stage = long()
    assert stage.stop(trailing_stop="500") == 0
    (stop,) = stage.open()
    assert (stop.stop_order_type, stop.trigger_price) == ("TrailingStop", D(79_500))
    stage.move("81000")
    assert stop.trigger_price == 80_500
    stage.move("80600", taker="Sell")
    assert stop.trigger_price == 80_500
    assert stage.exchange.positions(UID, "BTCUSDT")[0]["trailingStop"] == "500"
    stage.move("80500", taker="Sell")
    assert stage.account.held() == [] and stop.status == "Filled"


def test_a_trailing_stop_sleeps_until_its_activation_price():
    stage = long()
    stage.stop(trailing_stop="500", active_price="81000")
    stage.move("79000", taker="Sell")
    assert stage.account.held()
    stage.move("81000")
    (stop,) = stage.open()
    assert (stop.active, stop.trigger_price) == (None, D(80_500))


def test_a_trailing_stop_is_replaced_and_removed():
    stage = long()
    stage.stop(trailing_stop="500")
    assert stage.stop(trailing_stop="500") == 34040
    assert stage.stop(trailing_stop="600") == 0
    assert [one.trail for one in stage.open()] == [D(600)]
    assert stage.stop(trailing_stop="0") == 0
    assert stage.open() == [] and stage.stop(trailing_stop="0") == 34040
