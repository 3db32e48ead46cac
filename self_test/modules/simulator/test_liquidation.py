from __future__ import annotations

from self_test.modules.simulator.stage import UID, D, Stage

# Worked by hand, cross: 1000 USDT, long 0.1 at 80000 (fee 4.4, wallet 995.6), maintenance 1 %.
#   liquidated where 995.6 + 0.1(p - 80000) <= 0.01 * 0.1p      =>  p <= 7004.4 / 0.099    = 70751.51...
#   bankrupt where   995.6 + 0.1(b - 80000) = 0.00055 * 0.1b    =>  b = 7004.4 / 0.099945  = 70082.5454.. -> 70082.6 (up to the tick)
#   closing there: -991.74 and a fee of 7008.26 * 0.00055 = 3.854543, so 0.005457 is left.


def test_cross_takeover_by_hand():
    stage = Stage("1000")
    stage.place("linear", "Buy", "0.1")
    stop = stage.place("linear", "Sell", "0.1", trigger_price="60000", trigger_direction=2, reduce_only=True)
    stage.move("70752")
    assert stage.account.held(), "one unit above"
    assert stage.exchange.positions(UID)[0]["liqPrice"] == "70751.6"
    assert stage.exchange.positions(UID)[0]["bustPrice"] == "70082.6"
    stage.events()
    stage.move("70751")
    assert stage.account.held() == []
    assert stage.usdt() == D("0.005457")
    execution = stage.exchange.executions(UID, "linear")[0]
    assert (execution.exec_type, execution.price, execution.fee) == ("BustTrade", D("70082.6"), D("3.854543"))
    row = stage.exchange.transaction_log(UID)[0]
    assert (row.kind, row.change) == ("LIQUIDATION", D("-991.74") - D("3.854543"))
    assert (stop.status, stop.cancel_type) == ("Deactivated", "CancelByPrepareLiq")
    order = stage.order(execution.order_id)
    assert (order.create_type, order.status) == ("CreateByTakeOver_PassThrough", "Filled")
    assert "Liq" in [one.row["positionStatus"] for one in stage.events("position")]
    assert [one[1:4] for one in stage.exchange.liquidations()] == [("BTCUSDT", "Buy", D("0.1"))]
    assert stage.exchange.liquidations() == []


def test_a_gap_far_beyond_loses_no_more_than_there_was():
    stage = Stage("1000")
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.move("40000", taker="Sell")
    assert stage.account.held() == [] and stage.usdt() == D("0.005457")


def test_a_gap_through_the_stop_that_margin_survives_fills_the_stop():
    stage = Stage("1000")
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.move("71000", taker="Sell")
    execution = stage.exchange.executions(UID, "linear")[0]
    assert (execution.exec_type, execution.price) == ("Trade", D(71_000))


def test_a_short_is_taken_over_too():
    stage = Stage("1000")
    stage.place("linear", "Sell", "0.1")
    stage.move("90000")
    assert stage.account.held() == [] and 0 <= stage.usdt() < D("0.02")


def test_isolated_takeover_by_hand():
    # margin 800: liquidated at p <= 7200 / 0.099 = 72727.27; bankrupt at 7200 / 0.099945 = 72039.62.. -> 72039.7
    stage = Stage()
    stage.exchange.set_margin_mode(UID, "ISOLATED_MARGIN", stage.now)
    stage.place("linear", "Buy", "0.1")
    stage.move("72728")
    assert stage.account.held()
    stage.move("72727")
    assert stage.account.held() == []
    assert stage.usdt() == D("9995.6") - D("796.03") - D("3.96218350")


def test_orders_that_bind_margin_go_before_a_position_does():
    stage = Stage("1000")
    stage.place("linear", "Buy", "0.1", stop_loss="60000")
    bid = stage.place("spot", "Buy", "0.002", "76000")
    more = stage.place("linear", "Buy", "0.001", "77000")
    stage.move("78000", mark="72000")  # only the mark falls
    assert (bid.cancel_type, more.cancel_type) == ("CancelAllBeforeLiq", "CancelAllBeforeLiq")
    assert stage.account.held() and [one.stop_order_type for one in stage.open()] == ["StopLoss"]


def test_a_spot_lock_that_losses_have_eaten_is_given_up():
    stage = Stage("1000")
    stage.place("linear", "Buy", "0.02")
    bid = stage.place("spot", "Buy", "0.01", "79000")
    stage.move("70000", taker="Sell")
    stage.place("linear", "Sell", "0.02", reduce_only=True)
    assert bid.status == "Cancelled"
    assert stage.usdt() >= stage.account.locked("USDT", {"BTCUSDT": "BTC"})


def test_adl_closes_a_part_at_mark_without_a_fee():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.move("81000", mark="80900")
    before = stage.usdt()
    assert stage.exchange.script_adl(UID, "BTCUSDT", D("0.04"), stage.tick())
    assert stage.usdt() == before + D("0.04") * 900
    row, execution = stage.exchange.transaction_log(UID)[0], stage.exchange.executions(UID, "linear")[0]
    assert (row.kind, execution.exec_type, execution.create_type) == ("ADL", "AdlTrade", "CreateByAdl_PassThrough")
    assert stage.open()[0].qty == D("0.06")
    assert not stage.exchange.script_adl(UID, "BTCUSDT", None, stage.tick(), idx=1)


def test_a_scripted_liquidation_takes_the_position_at_its_bankruptcy_price():
    stage = Stage("1000")
    assert not stage.exchange.script_liquidation(UID, "BTCUSDT", stage.tick())
    stage.place("linear", "Buy", "0.1")
    assert stage.exchange.script_liquidation(UID, "BTCUSDT", stage.tick())
    assert stage.usdt() == D("0.005457")
