from __future__ import annotations

import msgspec
import pytest

from modules.simulator.account import KEEP_LINKS, KEEP_ORDERS, cash, lock_of
from self_test.modules.simulator.stage import D, Stage


def test_histories_are_bounded():
    stage = Stage()
    account = stage.account
    for _ in range(200):
        stage.cancel(stage.place("linear", "Buy", "0.01", "79000"))
    template = next(iter(account.orders.values()))
    for number in range(2 * KEEP_ORDERS):
        order = msgspec.structs.replace(template, order_id=str(number), link_id=f"link{number}", status="")
        account.remember(order)
        order.status = "Cancelled"
        account.retire(order)
    assert len(account.orders) <= 1.2 * KEEP_ORDERS and len(account.closed_ids) == len(account.orders)


def test_the_ledger_still_sums_when_old_rows_are_gone():
    stage = Stage()
    row = stage.account.log[0]
    for _ in range(50_000):
        stage.account.book(msgspec.structs.replace(row, change=D("0.1"), balance=stage.usdt() + D("0.1")))
    assert len(stage.account.log) < 25_000
    assert stage.account.ledger_sum("USDT") == stage.usdt() == 15_000


def test_cash_has_ten_decimals():
    assert cash(D(1) / 3) == D("0.3333333333")


@pytest.mark.parametrize(
    "side, price, more, coin, amount",
    [
        ("Buy", "79000", {}, "USDT", "790"),
        ("Sell", "81000", {}, "BTC", "0.01"),
        ("Buy", "81000", {"order_filter": "StopOrder", "trigger_price": "81000"}, "BTC", "0"),
        ("Buy", "81000", {"order_filter": "tpslOrder", "trigger_price": "82000"}, "USDT", "820"),
        ("Sell", "", {"order_filter": "tpslOrder", "trigger_price": "79000"}, "BTC", "0.01"),
    ],
)
def test_what_an_open_spot_order_holds(side: str, price: str, more: dict[str, str], coin: str, amount: str):
    stage = Stage(BTC="1")
    order = stage.place("spot", side, "0.01", price, **more)
    assert lock_of(order, "BTC") == (coin, D(amount))
    assert stage.account.locked(coin, {"BTCUSDT": "BTC"}) == D(amount)


def test_link_ids_are_remembered_as_far_as_memory_is_bounded():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.01", "79000", link_id="first")
    for number in range(KEEP_LINKS):
        stage.account.remember(msgspec.structs.replace(order, link_id=str(number)))
    assert len(stage.account.links) == KEEP_LINKS and "first" not in stage.account.links
