from __future__ import annotations

import pytest

from modules.simulator.order_types import Refused
from self_test.modules.simulator.stage import UID, D, Stage


def code(answer: Refused | None) -> int:
    return answer.code if answer else 0


@pytest.mark.parametrize(
    "buy, sell, expected", [("10", "10", 110043), ("5", "6", 10001), ("0.5", "0.5", 10001), ("51", "51", 110013), ("5", "5", 0)]
)
def test_leverage(buy: str, sell: str, expected: int):
    stage = Stage()
    assert code(stage.exchange.set_leverage(UID, "BTCUSDT", D(buy), D(sell), stage.now)) == expected
    assert stage.exchange.positions(UID, "BTCUSDT")[0]["leverage"] == ("5" if expected == 0 else "10")


@pytest.mark.parametrize("isolated", [False, True])
def test_lower_leverage_needs_the_margin(isolated: bool):
    stage = Stage("1000")
    if isolated:
        stage.exchange.set_margin_mode(UID, "ISOLATED_MARGIN", stage.now)
    stage.place("linear", "Buy", "0.1")
    margin = stage.account.position("BTCUSDT", 0).margin
    assert code(stage.exchange.set_leverage(UID, "BTCUSDT", D(2), D(2), stage.now)) == 110007
    assert stage.account.lever("BTCUSDT") == 10 and stage.account.position("BTCUSDT", 0).margin == margin
    assert code(stage.exchange.set_leverage(UID, "BTCUSDT", D(20), D(20), stage.now)) == 0
    assert stage.account.position("BTCUSDT", 0).margin == (400 if isolated else 0)


def test_position_mode():
    stage = Stage()
    switch = stage.exchange.switch_mode
    assert code(switch(UID, "BTCUSDT", 0, stage.now)) == 110025
    assert code(switch(UID, "BTCUSDT", 1, stage.now)) == 10001
    order = stage.place("linear", "Buy", "0.1", "79000")
    assert code(switch(UID, "BTCUSDT", 3, stage.now)) == 110028
    stage.cancel(order)
    stage.place("linear", "Buy", "0.1")
    assert code(switch(UID, None, 3, stage.now)) == 110024
    stage.place("linear", "Sell", "0.1")
    assert code(switch(UID, None, 3, stage.now)) == 0
    assert [row["positionIdx"] for row in stage.exchange.positions(UID, "BTCUSDT")] == [1, 2]
    assert code(switch(UID, None, 3, stage.now)) == 110025


def test_margin_mode():
    stage = Stage("1000")
    assert code(stage.exchange.set_margin_mode(UID, "REGULAR_MARGIN", stage.now)) == 110026
    assert code(stage.exchange.set_margin_mode(UID, "PORTFOLIO_MARGIN", stage.now)) == 10001
    stage.place("linear", "Buy", "0.1")
    assert code(stage.exchange.set_margin_mode(UID, "ISOLATED_MARGIN", stage.now)) == 0
    assert stage.account.position("BTCUSDT", 0).margin == 800
    assert stage.exchange.wallet(UID)["totalAvailableBalance"] == ""
    assert code(stage.exchange.set_margin_mode(UID, "REGULAR_MARGIN", stage.now)) == 0
    assert stage.account.position("BTCUSDT", 0).margin == 0
    assert stage.exchange.account_info(UID)["marginMode"] == "REGULAR_MARGIN"


def test_no_isolated_mode_without_the_margin_for_it():
    stage = Stage("900")
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Buy", "0.01", "79000")
    stage.exchange._desk.accounts[UID].leverage["BTCUSDT"] = D(8)
    assert code(stage.exchange.set_margin_mode(UID, "ISOLATED_MARGIN", stage.now)) == 110007
