from __future__ import annotations

from modules.simulator.desk import FeeTable
from modules.simulator.exchange import Exchange
from self_test.modules.simulator.stage import UID, D, Stage, deep, listed


def test_a_spot_buy_pays_its_fee_in_base_and_a_sell_in_quote():
    stage = Stage()
    stage.place("spot", "Buy", "8000")
    assert (stage.usdt(), stage.account.balance("BTC")) == (D(2000), D("0.0999"))
    stage.place("spot", "Sell", "0.0999")
    gross = D("0.0999") * 79_999
    assert stage.usdt() == 2000 + gross - gross * D("0.001")
    buy, sell = stage.exchange.executions(UID, "spot")[::-1]
    assert (buy.fee_coin, buy.fee, sell.fee_coin) == ("BTC", D("0.0001"), "USDT")


def test_a_negative_maker_rate_turns_the_fee_coin_round():
    fees = FeeTable(spot_maker=D("-0.0001"))
    stage = Stage(exchange=Exchange([listed("spot"), listed("linear")], fees=fees, ladder=deep))
    order = stage.place("spot", "Buy", "0.01", "79000")
    stage.move("78000", category="spot", taker="Sell")
    assert order.fees == {"USDT": D("-0.079")} and stage.account.balance("BTC") == D("0.01")


def test_a_market_buy_by_quote_spends_no_more_than_asked_and_counts_as_filled():
    stage = Stage()
    order = stage.place("spot", "Buy", "100")
    assert order.status == "Filled" and D("99.9") < order.filled_value <= 100
    assert order.market_unit == "quoteCoin"


def test_a_market_sell_by_quote():
    stage = Stage("0", BTC="1")
    order = stage.place("spot", "Sell", "800", market_unit="quoteCoin")
    assert order.filled == D("0.010000") and order.status == "Filled"


def test_a_market_sell_that_finds_too_little_keeps_the_rest():
    stage = Stage("0", BTC="20")
    order = stage.place("spot", "Sell", "9")
    assert (order.status, order.filled) == ("PartiallyFilledCanceled", D(8))


def test_linear_average_realised_profit_and_fees_by_hand():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")  # 80000, fee 4.4
    stage.move("82000")
    stage.place("linear", "Buy", "0.1")  # 82000, fee 4.51
    position = stage.account.position("BTCUSDT", 0)
    assert (position.size, position.average) == (D("0.2"), 81_000)
    stage.place("linear", "Sell", "0.05")  # at the bid 81999: +49.95, fee 2.2549725
    assert position.average == 81_000, "closing does not move the average"
    assert stage.usdt() == 10_000 - D("4.4") - D("4.51") + D("49.95") - D("2.2549725")
    closed = stage.exchange.closed_pnl(UID)[0]
    assert (closed.side, closed.closed_size, closed.pnl) == ("Sell", D("0.05"), D("49.95") - D("2.2549725") - D("2.2275"))


def test_an_opposite_order_closes_and_then_opens_the_other_side():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Sell", "0.25")
    position = stage.account.position("BTCUSDT", 0)
    assert (position.side, position.size, position.average) == ("Sell", D("0.15"), 79_999)
    row = stage.exchange.transaction_log(UID)[0]
    assert (row.kind, row.size, row.change) == ("TRADE", D("-0.15"), row.cash_flow + row.funding - row.fee)


def test_hedge_mode_holds_both_sides_and_closes_by_index():
    stage = Stage()
    assert stage.exchange.switch_mode(UID, "BTCUSDT", 3, stage.now) is None
    stage.place("linear", "Buy", "0.1", position_idx=1)
    stage.place("linear", "Sell", "0.2", position_idx=2)
    assert {one.idx: (one.side, one.size) for one in stage.account.held()} == {1: ("Buy", D("0.1")), 2: ("Sell", D("0.2"))}
    order = stage.place("linear", "Sell", "5", position_idx=1)
    assert order.qty == D("0.1") and stage.account.position("BTCUSDT", 1).size == 0
    assert stage.code("linear", "Sell", "0.1", position_idx=1) == 110017
    assert stage.code("linear", "Sell", "0.1") == 10001


def test_reduce_only_is_cut_down_and_qty_zero_closes_everything():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    assert stage.place("linear", "Sell", "3", reduce_only=True).qty == D("0.1")
    stage.place("linear", "Sell", "0.1")
    order = stage.place("linear", "Buy", "0", reduce_only=True, close_on_trigger=True)
    assert (order.qty, order.status) == (D("0.1"), "Filled")
    assert stage.account.held() == []
