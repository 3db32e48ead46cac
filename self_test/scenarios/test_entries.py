"""Playbooks of the way in: signal, order, fills, and every reason why not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from self_test.scenarios.desk import DAY_MS, LEVEL, STOP, TARGET, Desk, kinds, only, refused, reports, rows
from state.books import FLAT, OPEN, PENDING
from state.intents import ExitReason, OrderType, Side
from state.messages import Cancel, Close, Command, FeedDown, FeedUp, OrderAccepted, OrderCancelled, OrderRejected, Place
from state.orders import OrderState
from strategy.base import C3, C4, DEMO
from utils.errors import Invariant


def test_a_signal_becomes_an_order_with_stop_and_target_in_flight() -> None:
    desk = Desk()
    commands = desk.signal()
    order = only(Place, commands).order
    assert reports(commands) == [("order", "")]
    assert (order.intent.exits.stop, order.intent.exits.target) == (STOP, TARGET)
    assert order.intent.steps == 5_000, "5 % of 1,000 at 100.00"
    assert order.intent.limit == 10_022, "the touch, 10,001, and 0.2 %"
    assert desk.engine.state.orders[order.order_id].state is OrderState.IN_FLIGHT
    assert (desk.pos()["status"], desk.pos()["working"], desk.pos()["steps"]) == (PENDING, 5_000, 0)
    assert refused(desk.signal()) == "position_open", "exposure counts from the moment it is sent"


@pytest.mark.parametrize("strategy, order_type, limit", [(C3, OrderType.IOC_LIMIT, 10_003), (C4, OrderType.MAKER, LEVEL)])
def test_each_strategy_sends_its_kind_of_order(strategy: int, order_type: OrderType, limit: int) -> None:
    intent = Desk().enter(strategy=strategy, atr=80.0).intent
    assert (intent.order_type, intent.limit) == (order_type, limit)


def test_a_fill_opens_the_position_and_moves_the_wallet() -> None:
    desk = Desk()
    order = desk.enter()
    desk.tell(OrderAccepted(desk.now, desk.account, order.order_id))
    assert desk.engine.state.orders[order.order_id].state is OrderState.OPEN
    commands = desk.later(200).filled(order, 10_001)
    assert reports(commands) == [("opened", "")]
    assert [(row["side"], row["price"], row["qty"], row["fee"]) for row in rows(commands, "fill")] == [("buy", "100.01", "0.5", "0.050005")]
    assert [(row["kind"], row["amount"]) for row in rows(commands, "cash")] == [("trade", "-50.005"), ("fee", "-0.050005")]
    assert (desk.pos()["status"], desk.pos()["working"], desk.pos()["steps"]) == (OPEN, 0, 5_000)
    assert order.order_id not in desk.engine.state.orders


def test_a_perpetual_moves_only_its_fee() -> None:
    desk = Desk(perps=True)
    commands = desk.filled(desk.enter(side=Side.SHORT), 9_999)
    assert [row["kind"] for row in rows(commands, "cash")] == ["fee"]
    assert desk.pos()["stop"] > LEVEL > desk.pos()["target"]


def test_a_fill_that_is_told_twice_is_booked_once() -> None:
    desk = Desk()
    order = desk.enter()
    desk.filled(order, steps=2_000, left=3_000)
    cash = int(desk.acct["cash"])
    desk.execs -= 1  # the same execution id again
    assert desk.filled(order, steps=2_000, left=3_000) == []
    assert (desk.acct["cash"], desk.pos()["steps"]) == (cash, 2_000)


def test_a_partial_entry_whose_rest_is_cancelled_is_a_position_of_what_filled() -> None:
    desk = Desk()
    order = desk.enter()
    first = desk.filled(order, steps=2_000, left=3_000)
    assert reports(first) == [("opened", "")]
    assert reports(desk.filled(order, 10_010, steps=1_000, left=2_000)) == [], "opened is told once"
    commands = desk.tell(OrderCancelled(desk.now, desk.account, order.order_id, "the rest was not there"))
    assert reports(commands) == [("order", "cancelled")]
    assert (desk.pos()["status"], desk.pos()["steps"], desk.pos()["working"]) == (OPEN, 3_000, 0)
    assert desk.engine.state.orders == {}
    trade = rows(desk.stopped(STOP), "trade")[0]
    assert (trade["qty"], Decimal(trade["entry"]).quantize(Decimal("0.0001"))) == ("0.3", Decimal("100.0333"))


@pytest.mark.parametrize("end, rule", [(OrderCancelled, "cancelled"), (OrderRejected, "rejected")])
def test_an_entry_that_never_filled_frees_its_row(end: type[OrderCancelled | OrderRejected], rule: str) -> None:
    desk = Desk()
    order = desk.enter()
    assert reports(desk.tell(end(desk.now, desk.account, order.order_id, "no"))) == [("order", rule)]
    assert desk.pos()["status"] == FLAT and desk.engine.state.orders == {}
    assert desk.tell(end(desk.now, desk.account, order.order_id, "no")) == [], "told twice"
    assert desk.later(1).enter().order_id != order.order_id


def test_a_fill_of_an_order_that_was_never_sent_stops_everything() -> None:
    desk = Desk()
    order = desk.enter()
    other = Desk().enter()
    stranger = type(order)(intent=other.intent, order_id="CP-AAAUSDT-0-e")
    with pytest.raises(Invariant, match="fits nothing"):
        desk.filled(stranger)


def test_a_stop_that_takes_a_half_filled_entry_keeps_the_row_until_the_rest_is_known_to_be_gone() -> None:
    desk = Desk()
    order = desk.enter(strategy=C4)
    desk.filled(order, steps=2_000, left=3_000)
    commands = desk.stopped(9_900)
    assert only(Cancel, commands).order_id == order.order_id
    assert len(rows(commands, "trade")) == 1
    assert refused(desk.later(1).signal()) == "position_open", "unknown is not flat: the rest may still fill"
    desk.tell(OrderCancelled(desk.now, desk.account, order.order_id, "taken back"))
    assert desk.pos()["status"] == FLAT
    again = desk.enter()
    assert desk.pos()["working"] == again.intent.steps


def test_a_rest_that_fills_before_its_cancel_arrives_is_a_position_with_the_stop_of_its_order() -> None:
    desk = Desk()
    order = desk.enter(atr=30.0)
    desk.filled(order, steps=2_000, left=3_000)
    desk.bar(12_000)
    assert desk.pos()["stop"] > order.intent.exits.stop
    desk.stopped(11_700)
    assert reports(desk.filled(order, 11_000, steps=3_000)) == [("opened", "")]
    assert (desk.pos()["stop"], desk.pos()["initial_stop"]) == (order.intent.exits.stop, order.intent.exits.stop)
    assert (desk.pos()["steps"], desk.pos()["working"], desk.engine.state.orders) == (3_000, 0, {})


# --- and why not ----------------------------------------------------------------------------------------------------------------------


def _feed_down(desk: Desk) -> list[Command]:
    assert reports(desk.tell(FeedDown(desk.now, "bybit-spot", "silent"))) == [("feed", "down")]
    assert desk.tell(FeedDown(desk.now, "bybit-spot", "silent")) == [], "said once"
    return desk.signal()


def _paused(desk: Desk) -> list[Command]:
    assert reports(desk.control("pause")) == [("control", "pause")]
    return desk.signal()


def _crossed(desk: Desk) -> list[Command]:
    return desk.signal(quote=desk.quote(spread=0))


def _wide(desk: Desk) -> list[Command]:
    for _ in range(12):
        desk.bar(spread=2)
    assert kinds(desk.signal(1, quote=desk.quote(1, spread=6)), Place), "three times the median is still allowed"
    return desk.signal(quote=desk.quote(spread=7))


def _stale(desk: Desk) -> list[Command]:
    assert kinds(desk.later(330_000).signal(1), Place)
    return desk.later(1).signal()


@pytest.mark.parametrize(
    "given, rule",
    [
        (_feed_down, "feed_down"),
        (_paused, "paused"),
        (_crossed, "stale_quote"),
        (lambda desk: desk.signal(blind=True), "stale_quote"),
        (_wide, "wide_spread"),
        (_stale, "stale_bar"),
        (lambda desk: desk.signal(side=Side.SHORT), "side_not_allowed"),
        (lambda desk: desk.signal(strategy=DEMO, atr=100.0), "not_allowed_here"),
        (lambda desk: desk.signal(atr=5.0), "cost_too_high"),
        (lambda desk: desk.signal(atr=200.0), "stop_too_wide"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entry_is_refused_with_its_rule(given: object, rule: str) -> None:
    desk = Desk("AAAUSDT", "BBBUSDT")
    assert callable(given)
    assert refused(given(desk)) == rule
    assert desk.pos()["status"] == FLAT


def test_what_stood_against_an_entry_goes_away_again() -> None:
    desk = Desk()
    _feed_down(desk)
    assert reports(desk.tell(FeedUp(desk.now, "bybit-spot"))) == [("feed", "up")]
    assert desk.tell(FeedUp(desk.now, "bybit-spot")) == []
    _paused(desk)
    desk.control("unpause")
    desk.enter()


def test_a_wallet_too_small_for_the_venue_skips_and_never_rounds_up() -> None:
    assert refused(Desk(balance=50).signal()) in {"below_min_order", "pair_limit"}


def test_the_demo_enters_every_minute_with_little_and_closes_after_one() -> None:
    desk = Desk(demo=True)
    order = only(Place, desk.later(60_000).tick()).order
    notional = order.intent.steps * desk.coin().unit * LEVEL / 1e10
    assert 5 < notional < 7, "a little more than the venue's least order"
    desk.filled(order)
    assert kinds(desk.later(59_999).tick(), Place) == []
    close = desk.later(1).tick()
    assert [type(one).__name__ for one in close] == ["Close"], "its time is up; the next entry waits until it is flat"
    desk.closed(only(Close, close), LEVEL)
    assert len(kinds(desk.tick(), Place)) == 1
    assert kinds(desk.tick(), Place) == []
    assert desk.acct["trades"].tolist() == [0, 0], "its trades never count"
    assert rows(desk.all, "trade")[0]["reason"] == ExitReason.MAX_HOLD


def test_the_demo_turns_its_side_on_perpetuals_every_minute() -> None:
    sides = []
    for minute in range(4):
        desk = Desk(perps=True, demo=True)
        sides.append(int(only(Place, desk.later(60_000 * (minute + 1)).tick()).order.intent.side))
    assert sides in ([1, -1, 1, -1], [-1, 1, -1, 1])


def test_a_day_later_everything_is_still_possible() -> None:
    desk = Desk()
    desk.later(DAY_MS).bar()
    desk.enter()
    assert rows(desk.all, "equity") and rows(desk.all, "equity")[-1]["equity"] == "1000"
