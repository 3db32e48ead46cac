from __future__ import annotations

import json

import msgspec
import pytest

from modules.simulator.desk import KEEP_EVENTS
from modules.simulator.order_types import AmendRequest, Now, Refused
from self_test.modules.simulator.stage import UID, D, Stage, listed
from utils.errors import Invariant


def test_an_account_begins_with_rows_for_its_deposits():
    stage = Stage("500", BTC="2")
    rows = stage.exchange.transaction_log(UID)
    assert {(one.kind, one.coin, one.change) for one in rows} == {("TRANSFER_IN", "USDT", D(500)), ("TRANSFER_IN", "BTC", D(2))}
    assert stage.exchange.open_account(UID, {"USDT": D(9)}, stage.now).balance("USDT") == 500


def test_transfers_move_only_what_is_free():
    stage = Stage("1000")
    stage.place("spot", "Buy", "0.01", "79000")
    no = stage.exchange.transfer(UID, "USDT", D(-300), stage.now)
    assert no is not None and no.code == 170131
    assert stage.exchange.transfer(UID, "USDT", D(-200), stage.now) is None
    assert stage.exchange.transfer(UID, "USDT", D(50), stage.now) is None
    assert stage.usdt() == 850 and stage.account.ledger_sum("USDT") == 850


def test_unknown_accounts_are_our_bug():
    with pytest.raises(Invariant, match="not opened"):
        Stage().exchange.wallet("9")


def test_events_come_in_the_order_in_which_things_happened_and_once():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    assert [one.topic for one in stage.events()] == ["order", "execution", "order", "position", "wallet"]
    assert stage.events() == [] and stage.exchange.waiting() == []


def test_nobody_draining_does_not_fill_memory():
    stage = Stage()
    for number in range(KEEP_EVENTS // 4):
        stage.cancel(stage.place("linear", "Buy", "0.01", str(79_000 + number % 50)))
    assert len(stage.exchange.drain(UID)) == KEEP_EVENTS


def test_a_position_event_follows_every_change_of_an_order():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", "79000")
    assert [one.topic for one in stage.events()] == ["order", "position"]
    stage.amend(order, qty="0.2")
    assert "position" in [one.topic for one in stage.events()]


def test_orders_are_found_by_either_id_and_only_in_their_own_market():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", "79000", link_id="mine")
    cancel = stage.exchange.cancel_order
    answers = [
        cancel(UID, "linear", "BTCUSDT", stage.now),
        cancel(UID, "linear", "ETHUSDT", stage.now, order_id=order.order_id),
        cancel(UID, "spot", "BTCUSDT", stage.now, order_id=order.order_id),
        stage.exchange.amend_order(UID, AmendRequest(category="linear", symbol="BTCUSDT", order_id="nobody"), stage.now),
    ]
    assert [one.code for one in answers if isinstance(one, Refused)] == [10001, 110001, 170213, 110001]
    assert not isinstance(cancel(UID, "linear", "BTCUSDT", stage.now, link_id="mine"), Refused)


def test_cancelled_without_a_fill_is_shown_for_a_day_and_filled_for_longer():
    stage = Stage()
    filled = stage.place("linear", "Buy", "0.1")
    cancelled = stage.place("linear", "Buy", "0.1", "79000")
    stage.cancel(cancelled)
    closed = stage.exchange.orders_closed
    assert closed(UID, "linear", stage.now) == [cancelled, filled]
    assert closed(UID, "linear", Now(stage.now.ts + 86_400_000, 0)) == [filled]
    assert closed(UID, "spot", stage.now) == []


def test_open_orders_are_newest_first():
    stage = Stage()
    orders = [stage.place("linear", "Buy", "0.01", "79000") for _ in range(3)]
    assert stage.exchange.orders_open(UID, "linear") == orders[::-1]


def test_state_survives_a_round_trip_and_trading_goes_on():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.place("spot", "Buy", "0.01", "79000", take_profit="82000")
    stored = json.loads(json.dumps(stage.exchange.state()))
    other = Stage("1")
    other.exchange.load(stored)
    assert other.exchange.ledger(stage.now) == stage.exchange.ledger(stage.now)
    other.move("78999", taker="Sell")
    stage.move("78999", taker="Sell")
    other.move("78999", taker="Sell", category="spot")
    stage.move("78999", taker="Sell", category="spot")
    assert other.account.held() == [] and other.usdt() == stage.usdt()
    assert [one.order_id for one in other.open("spot")] == [one.order_id for one in stage.open("spot")]


def test_filters_may_change_under_open_orders():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.01", "79000.1")
    listing = listed("linear")
    stage.exchange.change_filters(msgspec.structs.replace(listing, instrument=msgspec.structs.replace(listing.instrument, tick=D(1))))
    assert stage.code("linear", "Buy", "0.01", "79000.1") == 10001
    stage.move("79000", taker="Sell")
    assert order.status == "Filled"
    with pytest.raises(Invariant, match="not listed"):
        stage.exchange.change_filters(listed("linear", "ETHUSDT"))


def test_fee_rates():
    rows = Stage().exchange.fee_rates("linear")
    assert rows == [{"symbol": "BTCUSDT", "takerFeeRate": "0.00055", "makerFeeRate": "0.0002"}]
    assert Stage().exchange.fee_rates("spot", "ETHUSDT") == []
