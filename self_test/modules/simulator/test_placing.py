from __future__ import annotations

import msgspec

from modules.simulator.exchange import Exchange
from self_test.modules.simulator.stage import UID, D, Stage, listed


def test_cancel_all_on_linear():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000", take_profit="82000")
    stage.place("linear", "Buy", "0.1", "78000")
    stage.place("linear", "Sell", "0.1", trigger_price="78000", trigger_direction=2, reduce_only=True)
    cancel = stage.exchange.cancel_all
    assert len(cancel(UID, "linear", stage.tick(), order_filter="Order")) == 1
    assert len(cancel(UID, "linear", stage.tick(), order_filter="tpslOrder", stop_order_type="TakeProfit")) == 1
    assert len(cancel(UID, "linear", stage.tick(), symbol="ETHUSDT")) == 0
    assert len(cancel(UID, "linear", stage.tick(), order_filter="nonsense")) == 0
    assert len(cancel(UID, "linear", stage.tick(), symbol="BTCUSDT")) == 2


def test_a_halted_instrument_takes_no_orders():
    stage = Stage()
    stage.exchange.change_filters(msgspec.structs.replace(listed("spot"), status="Closed"))
    assert stage.code("spot", "Buy", "100") == 170157
    stage.exchange.change_filters(msgspec.structs.replace(listed("linear"), status="PreLaunch"))
    assert stage.code("linear", "Buy", "0.01") == 110074


def test_before_the_first_point_nothing_trades():
    exchange = Exchange([listed("spot"), listed("linear")])
    stage = Stage(exchange=None)
    stage.exchange = exchange
    exchange.open_account(UID, {"USDT": D(1000)}, stage.now)
    assert stage.code("spot", "Buy", "100") == 170157
    assert stage.code("linear", "Buy", "0.01") == 110074
