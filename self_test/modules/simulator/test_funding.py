from __future__ import annotations

import pytest

from self_test.modules.simulator.stage import UID, D, Stage


@pytest.mark.parametrize("side, rate, change", [("Buy", "0.0001", "-0.8"), ("Sell", "0.0001", "0.8"), ("Buy", "-0.0002", "1.6")])
def test_longs_pay_a_positive_rate_and_shorts_receive_it(side: str, rate: str, change: str):
    stage = Stage()
    stage.place("linear", side, "0.1")
    stage.move("80000")
    before = stage.usdt()
    stage.events()
    stage.exchange.on_funding("BTCUSDT", D(rate), stage.tick())
    assert stage.usdt() - before == D(change)
    execution, row = stage.exchange.executions(UID, "linear")[0], stage.exchange.transaction_log(UID)[0]
    assert (execution.exec_type, execution.qty, execution.fee, execution.order_type) == ("Funding", D("0.1"), -D(change), "UNKNOWN")
    assert (row.kind, row.funding, row.change, row.fee) == ("SETTLEMENT", D(change), D(change), D(0))
    assert [one.topic for one in stage.events()] == ["execution", "position", "wallet"]


def test_nobody_pays_without_a_position():
    stage = Stage()
    stage.exchange.on_funding("BTCUSDT", D("0.01"), stage.tick())
    assert stage.events() == [] and stage.usdt() == 10_000


def test_an_isolated_position_pays_from_its_margin_what_the_wallet_cannot():
    stage = Stage("804.5")
    stage.exchange.set_margin_mode(UID, "ISOLATED_MARGIN", stage.now)
    stage.place("linear", "Buy", "0.1")  # margin 800, fee 4.4, 0.1 left
    stage.exchange.on_funding("BTCUSDT", D("0.001"), stage.tick())  # 8
    assert stage.account.position("BTCUSDT", 0).margin == D("792.1")
    assert stage.usdt() == D("792.1")
