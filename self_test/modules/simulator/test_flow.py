from __future__ import annotations

from self_test.modules.simulator.stage import UID, D, Stage


def test_self_match_prevention():
    for kind, taker_lives, maker_lives in (("CancelMaker", True, False), ("CancelTaker", False, True), ("CancelBoth", False, False)):
        stage = Stage(BTC="1")
        maker = stage.place("spot", "Buy", "0.01", "79999.5")
        taker = stage.place("spot", "Sell", "0.01", "79999.2", smp_type=kind)
        assert (maker.is_open, taker.is_open) == (maker_lives, taker_lives), kind
        gone = taker if maker.is_open else maker
        assert (gone.cancel_type, gone.reject_reason) == ("CancelBySmp", "EC_BySelfMatch")
    stage = Stage(BTC="1")
    maker, taker = stage.place("spot", "Buy", "0.01", "79999.5"), stage.place("spot", "Sell", "0.01", "79999.2")
    assert maker.status == taker.status == "Filled"


def test_rested_reduce_only_orders_shrink_and_end_with_the_position():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    target = stage.place("linear", "Sell", "0.1", "82000", reduce_only=True)
    stage.place("linear", "Sell", "0.04")
    assert target.qty == D("0.06") and target.is_open
    stage.place("linear", "Sell", "0.06")
    assert (target.status, target.cancel_type) == ("Cancelled", "CancelByReduceOnly")


def test_a_triggered_order_without_funds_is_cancelled():
    stage = Stage()
    order = stage.place("linear", "Buy", "1.2", trigger_price="81000", trigger_direction=1)
    stage.exchange.transfer(UID, "USDT", D(-5000), stage.tick())
    stage.move("81000")
    assert (order.status, order.filled) == ("Cancelled", D(0))


def test_a_spot_stop_buy_asks_for_its_funds_when_it_triggers():
    stage = Stage()
    order = stage.place("spot", "Buy", "8000", order_filter="StopOrder", trigger_price="81000")
    stage.place("spot", "Buy", "0.05", "79000")
    stage.move("81000", category="spot")
    assert order.status == "Cancelled"
    waiting = stage.place("spot", "Buy", "4000", order_filter="tpslOrder", trigger_price="82000")
    assert stage.code("spot", "Buy", "3000") == 170131, "a tpslOrder holds its money from the beginning"
    stage.move("82000", category="spot")
    assert waiting.status == "Filled"


def test_both_legs_beyond_the_price_the_stop_goes_first():
    stage = Stage()
    stage.place("spot", "Buy", "0.01", "80000", take_profit="80500", stop_loss="79000")
    (child,) = stage.open("spot")
    assert child.trigger_price is None
    stage.move("78000", category="spot", taker="Sell")
    assert child.trigger_price == 79_000


def test_a_limit_filled_by_a_gap_beyond_its_stop_is_stopped_at_the_same_point():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", "79000", stop_loss="78500")
    stage.move("78000", taker="Sell")
    prices = [one.price for one in stage.exchange.executions(UID, "linear")]
    assert prices == [D(78_000), D(79_000)] and stage.account.held() == []
