"""Playbooks of a live account: coins and cash to the last unit, closes, orders of which nobody knows, executions that fit nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from self_test.scenarios.desk import (
    LEVEL,
    Desk,
    LiveDesk,
    cash,
    close,
    kinds,
    only,
    refused,
    reports,
    rows,
    settled,
)
from state.books import FLAT, OPEN, PENDING
from state.intents import Approved, ExitReason
from state.ledger import fees_of
from state.messages import (
    Close,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Place,
    Report,
    StopFilled,
)
from state.orders import OrderState
from strategy.base import C4
from utils.errors import Invariant
from utils.fixed import MONEY_SCALE, money

CANARY_STEPS = 2_000
"""2 % of 1,000 at a price of 100."""
FEE = Decimal("0.001")


# --- coins and cash -------------------------------------------------------------------------------------------------------------------


def test_a_live_entry_is_a_canarys_and_bears_the_bots_tag() -> None:
    desk = LiveDesk()
    order = desk.enter()
    assert order.intent.steps == CANARY_STEPS and order.intent.account == desk.live
    assert order.order_id.startswith("CLabc-AAAUSDT-") and order.order_id.endswith("-e")
    with desk.on(desk.paper):
        assert desk.signal(strategy=C4)[0] == only(Place, desk.all[-2:])
        assert only(Place, desk.all[-2:]).order.order_id.startswith("CP-AAAUSDT-")


def test_fees_in_the_coin_leave_whole_steps_and_dust() -> None:
    desk = LiveDesk()
    desk.filled(desk.enter(), steps=1_999)
    assert desk.pos()["steps"] == 1_997 and desk.coins == {"AAA": Decimal("0.1997001")}
    assert cash(desk) == Decimal("980.01"), "the quote coin paid for what was bought, not for what is held"
    # The trade is charged with its fee at the price of the fill, the account with the dust.
    assert money(int(desk.pos()["fees"])) == Decimal("0.01999") and money(int(desk.pos()["value"])) == Decimal("19.97")
    settled(desk)


def test_dust_is_kept_and_completes_a_later_position() -> None:
    desk = LiveDesk()
    seen = []
    for _ in range(12):
        with_dust = desk.coins.get("AAA", Decimal(0))
        desk.filled(desk.enter(), steps=1_500)
        assert desk.pos()["steps"] == (with_dust + Decimal("0.15") * (1 - FEE)) // desk.coin().step
        seen.append(int(desk.pos()["steps"]))
        settled(desk)
        desk.closed(close(desk), 10_100)
        assert desk.pos()["status"] == FLAT and desk.coins["AAA"] < desk.coin().step
        settled(desk)
    assert set(seen) == {1_498, 1_499}, "half a step left over twice is a step"
    told = sum(Decimal(trade["pnl"]) for trade in rows(desk.all, "trade"))
    assert told == desk.venue_cash - 1_000 + desk.coins["AAA"] * 100, "all that trades do not tell of is the price of what is left"
    assert desk.engine.state.realised[0] == int(told * MONEY_SCALE)


def test_partial_fills_make_one_position() -> None:
    desk = LiveDesk()
    order = desk.enter()
    for steps, left in ((701, 1_299), (650, 649), (649, 0)):
        desk.filled(order, steps=steps, left=left)
        assert desk.pos()["steps"] == desk.coins["AAA"] // desk.coin().step
        assert desk.pos()["working"] == left, "what is executed works no more, whatever its fee took"
        settled(desk)
    assert (desk.pos()["steps"], desk.pos()["working"], desk.engine.state.orders) == (1_998, 0, {})
    assert len([one for one in reports(desk.all) if one[0] == "opened"]) == 1


def test_a_first_fill_too_small_for_a_step_is_paid_for_and_no_position_yet() -> None:
    desk = LiveDesk()
    order = desk.enter()
    desk.filled(order, steps=1, left=1_999)
    assert (desk.pos()["status"], desk.pos()["steps"], desk.pos()["working"]) == (PENDING, 0, 1_999)
    assert desk.coins == {"AAA": Decimal("0.0000999")} and not [one for one in reports(desk.all) if one[0] == "opened"]
    settled(desk)
    desk.filled(order, steps=1_999)
    assert (desk.pos()["status"], desk.pos()["steps"]) == (OPEN, 1_998)
    settled(desk)


@pytest.mark.parametrize("told_gone", [False, True])
def test_an_entry_that_brought_only_dust_frees_the_seat(told_gone: bool) -> None:
    desk = LiveDesk()
    order = desk.enter()
    desk.filled(order, steps=1, left=1_999 if told_gone else 0)
    if told_gone:
        desk.tell(OrderCancelled(desk.now, desk.live, order.order_id, "IOC"))
    assert desk.pos()["status"] == FLAT and desk.engine.state.orders == {} and rows(desk.all, "trade") == []
    settled(desk)
    desk.open()
    assert desk.pos()["steps"] == 1_998
    settled(desk)


@pytest.mark.parametrize("told_gone", [False, True])
def test_an_entry_below_the_venues_minimum_is_written_off_and_its_coins_are_kept(told_gone: bool) -> None:
    desk = LiveDesk()
    order = desk.enter()
    commands = desk.filled(order, steps=500, left=1_500 if told_gone else 0)
    if told_gone:
        assert desk.pos()["status"] == OPEN, "more may come"
        commands += desk.tell(OrderCancelled(desk.now, desk.live, order.order_id, "IOC"))
    (trade,) = rows(commands, "trade")
    assert (trade["reason"], trade["qty"], Decimal(trade["pnl"])) == ("dust", "0.0499", Decimal("-4.995"))
    assert desk.pos()["status"] == FLAT and desk.coins == {"AAA": Decimal("0.04995")} and kinds(commands, Close) == []
    settled(desk)
    desk.open()
    assert desk.pos()["steps"] == 1_998 + 499, "its coins are taken into the next position, at the price of the day"
    desk.closed(close(desk), LEVEL)
    assert desk.coins == {"AAA": Decimal("0.00005")}
    settled(desk)


def test_an_unsellable_rest_is_written_off() -> None:
    desk = LiveDesk()
    desk.open()
    commands = desk.closed(close(desk), 10_100, steps=1_600)
    (trade,) = rows(commands, "trade")
    assert desk.pos()["status"] == FLAT and desk.coins == {"AAA": Decimal("0.0398")}
    assert (trade["qty"], trade["reason"]) == ("0.1998", "target")
    assert Decimal(trade["pnl"]) == desk.venue_cash - 1_000
    settled(desk)


def test_a_rest_that_can_be_sold_stays_a_position() -> None:
    desk = LiveDesk()
    desk.open()
    assert rows(desk.closed(close(desk), 10_100, steps=1_400), "trade") == []
    assert (desk.pos()["status"], desk.pos()["steps"]) == (OPEN, 598)
    settled(desk)


def test_a_rest_is_judged_at_its_stop_too() -> None:
    """52 USDT-cents above the minimum at its mark, below it where its stop would sell it: the venue would refuse the stop."""
    desk = LiveDesk()
    desk.open()
    commands = desk.closed(close(desk), LEVEL, steps=1_998 - 510)  # 5.10 at 100, 4.95 at the stop of 97
    assert rows(commands, "trade") and desk.pos()["status"] == FLAT


def test_what_a_stop_left_over_frees_its_seat_once_nothing_moves() -> None:
    desk = LiveDesk()
    desk.open()
    assert rows(desk.stopped(9_700, steps=1_950, left=48), "trade") == [], "more of it may be sold yet"
    asked = close(desk)
    assert rows(desk.read(), "trade") == [] and desk.pos()["status"] == OPEN, "a close is on its way"
    (trade,) = rows(desk.tell(OrderRejected(desk.now, desk.live, asked.reduce.order_id, "below the minimum")), "trade")
    assert trade["reason"] == "stop", "the close sold nothing of it"
    assert desk.pos()["status"] == FLAT and desk.coins == {"AAA": Decimal("0.0048")}
    desk.open()
    held = int(desk.pos()["steps"])
    desk.stopped(9_700, steps=held - 30, left=30)
    (trade,) = rows(desk.read(), "trade")
    assert (trade["reason"], desk.pos()["status"], desk.coins) == ("stop", FLAT, {"AAA": Decimal("0.0030")})
    desk.enter()
    settled(desk)


@pytest.mark.parametrize("free, steps", [("5.18", 0), ("5.19", 517)])
def test_nothing_is_bought_that_could_not_be_sold_after_its_fee(free: str, steps: int) -> None:
    """516 steps are 5.005 USDT at the stop of 97, but 515 of them, which is what the fee leaves, are not."""
    desk = LiveDesk()
    desk.read(free=int(Decimal(free) * MONEY_SCALE))
    if not steps:
        assert refused(desk.signal()) == "no_balance"
        return
    order = desk.enter()
    assert order.intent.steps == steps
    desk.filled(order)
    assert (desk.pos()["status"], desk.pos()["steps"]) == (OPEN, 516), "a position, with a stop that the venue takes"


def test_paper_pays_in_the_quote_coin_and_writes_nothing_off() -> None:
    desk = LiveDesk()
    with desk.on(desk.paper):
        order = only(Place, desk.signal(strategy=C4)).order
        desk.filled(order, steps=30)
        assert (desk.pos()["status"], desk.pos()["steps"]) == (OPEN, 30)
        assert cash(desk) == 1_000 - Decimal("0.3") - Decimal("0.0003")
    settled(desk)


def test_before_the_venue_has_said_what_is_free_nothing_is_entered() -> None:
    desk = LiveDesk()
    desk.read(free=0)
    assert refused(desk.signal()) == "no_balance"
    desk.read(free=12 * MONEY_SCALE)
    order = desk.enter()
    assert 1_190 < order.intent.steps < 1_200, "not more than is free, less room for the fee"


# --- closes ---------------------------------------------------------------------------------------------------------------------------


def test_closes_of_one_position_have_names_of_their_own() -> None:
    desk = LiveDesk()
    desk.open()
    names = []
    for n in range(3):
        commands = desk.tick() if n else desk.control("flatten", account="CRYPTO/LIVE")
        names.append(only(Close, commands).reduce.order_id)
        assert kinds(desk.tick(), Close) == [], "asked for once"
        desk.tell(OrderRejected(desk.now, desk.live, names[-1], "busy"))
        desk.later(4_000)
    assert [name.rpartition("-")[2] for name in names] == ["x", "x2", "x3"] and len(set(names)) == 3
    again = only(Close, desk.tick())
    desk.closed(again, LEVEL)
    assert desk.pos()["status"] == FLAT and desk.engine.state.orders == {}
    desk.control("resume", account="CRYPTO/LIVE")
    desk.read()
    desk.open()
    again = close(desk)
    assert again.reduce.order_id.endswith("-x5"), "another position, but the same millisecond: an id is used once"
    desk.closed(again, LEVEL)
    desk.later(1).open()
    assert close(desk).reduce.order_id.endswith("-x"), "another position counts anew"


# --- unknown --------------------------------------------------------------------------------------------------------------------------


def unknown(desk: LiveDesk) -> Approved:
    order = desk.enter()
    said = desk.tell(OrderUnknown(desk.now, desk.live, order.order_id, "timeout"))
    assert reports(said) == [("order", "unknown")]
    assert desk.tell(OrderUnknown(desk.now, desk.live, order.order_id, "timeout")) == [], "said once"
    return order


def test_an_unknown_entry_counts_as_taken() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    order = unknown(desk)
    assert desk.engine.state.orders[order.order_id].state is OrderState.UNKNOWN
    assert refused(desk.signal()) == "position_open"
    for _ in range(4):
        desk.bar()
    assert desk.pos()["status"] == PENDING, "time proves nothing"
    desk.tell(OrderAccepted(desk.now, desk.live, order.order_id))
    assert desk.engine.state.orders[order.order_id].state is OrderState.OPEN


@pytest.mark.parametrize("end", [OrderCancelled, OrderRejected])
def test_evidence_that_nothing_was_bought_frees_the_seat(end: Any) -> None:
    desk = LiveDesk()
    order = unknown(desk)
    desk.tell(end(desk.now, desk.live, order.order_id, "not on the venue"))
    assert desk.pos()["status"] == FLAT and desk.engine.state.orders == {}
    desk.bar()
    assert desk.enter().order_id != order.order_id
    settled(desk)


@pytest.mark.parametrize("steps, left", [(CANARY_STEPS, 0), (900, 1_100)])
def test_evidence_of_a_fill_makes_it_a_position(steps: int, left: int) -> None:
    desk = LiveDesk()
    order = unknown(desk)
    desk.filled(order, steps=steps, left=left)
    assert desk.pos()["status"] == OPEN and (order.order_id in desk.engine.state.orders) == bool(left)
    if left:
        desk.tell(OrderCancelled(desk.now, desk.live, order.order_id, "IOC"))
        assert desk.pos()["working"] == 0 and desk.engine.state.orders == {}
    settled(desk)


def test_an_unknown_close_is_not_asked_for_twice() -> None:
    desk = LiveDesk()
    desk.open()
    asked = only(Close, desk.control("flatten", account="CRYPTO/LIVE"))
    desk.tell(OrderUnknown(desk.now, desk.live, asked.reduce.order_id, "timeout"))
    assert kinds(desk.bar() + desk.tick(), Close) == []
    desk.closed(asked, LEVEL)
    assert desk.pos()["status"] == FLAT
    settled(desk)


def test_an_unknown_close_that_never_was_is_asked_for_again() -> None:
    desk = LiveDesk()
    desk.open()
    asked = only(Close, desk.control("flatten", account="CRYPTO/LIVE"))
    desk.tell(OrderUnknown(desk.now, desk.live, asked.reduce.order_id, "timeout"))
    desk.tell(OrderRejected(desk.now, desk.live, asked.reduce.order_id, "never arrived"))
    assert only(Close, desk.bar()).reduce.order_id.endswith("-x2")


# --- late and stray -------------------------------------------------------------------------------------------------------------------


def test_a_fill_after_the_orders_end_is_booked_and_holds_the_account() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    order = desk.enter()
    desk.tell(OrderCancelled(desk.now, desk.live, order.order_id, "gone"))
    commands = desk.filled(order, steps=1_000)
    assert desk.pos()["status"] == FLAT and desk.causes == {"mismatch"} and len(rows(commands, "fill")) == 1
    settled(desk)
    assert "bought 0.1000 AAAUSDT" in only(Report, commands).text
    assert refused(desk.signal(1)) == "account_held"
    with desk.on(desk.paper):
        assert kinds(desk.signal(1, strategy=C4), Place), "paper is none of its business"
    desk.read()
    assert desk.causes == set(), "explained: what the venue has is what was booked"


def test_the_stop_and_a_close_that_both_sold_are_booked_and_hold_the_account() -> None:
    desk = LiveDesk()
    desk.open()
    asked = close(desk)
    desk.stopped(9_700)
    assert desk.pos()["status"] == FLAT
    fill = desk.execution(0, asked.reduce.order_id, -1, 9_690, 1_998)
    desk.tell(OrderFilled(desk.now, fill, 0))
    assert desk.causes == {"mismatch"} and desk.coins == {"AAA": Decimal("-0.1998")}
    settled(desk)


def test_an_exit_larger_than_the_position_is_no_bug_of_ours() -> None:
    desk = LiveDesk()
    desk.open()
    fill = desk.execution(0, "venue", -1, 9_700, 1_999)
    desk.tell(StopFilled(desk.now, fill, ExitReason.STOP, 0))
    assert desk.causes == {"mismatch"} and (desk.pos()["status"], desk.pos()["steps"]) == (OPEN, 1_998)
    settled(desk)


def test_a_fill_after_coins_went_another_way_is_paid_for_all_the_same() -> None:
    desk = LiveDesk()
    order = desk.enter()
    desk.filled(order, steps=1_000, left=1_000)
    desk.tell(OrderFilled(desk.now, desk.execution(0, "lost", -1, LEVEL, 100), 0))
    desk.filled(order, steps=50, left=950)
    assert desk.pos()["steps"] == 999, "fewer coins than steps: nothing to grow by"
    settled(desk)
    desk.filled(order, steps=950)
    assert desk.pos()["steps"] == desk.coins["AAA"] // desk.coin().step == 1_898
    settled(desk)


def test_on_paper_the_same_is_a_bug() -> None:
    desk = Desk()
    order = desk.enter()
    desk.tell(OrderCancelled(desk.now, desk.account, order.order_id, "gone"))
    with pytest.raises(Invariant, match="fits nothing"):
        desk.filled(order)


def test_the_same_execution_twice_counts_once() -> None:
    desk = LiveDesk()
    order = desk.enter()
    fill = desk.execution(0, order.order_id, 1, LEVEL, CANARY_STEPS)
    assert desk.tell(OrderFilled(desk.now, fill, 0)) and desk.tell(OrderFilled(desk.now, fill, 0)) == []
    out = desk.execution(0, "venue", -1, 9_700, 1_998)
    assert desk.tell(StopFilled(desk.now, out, ExitReason.STOP, 0))
    assert desk.tell(StopFilled(desk.now, out, ExitReason.STOP, 0)) == []
    assert desk.tell(OrderFilled(desk.now, out, 0)) == [] and desk.causes == set()
    settled(desk)


def test_fees_of_the_fills_are_those_of_their_trades() -> None:
    """The closing summary counts fills, the ledger trades: a fee taken in the coin counts in both at the price of its fill."""
    desk = LiveDesk()
    for price in (9_990, 10_007, 9_998):
        desk.open(price=price)
        desk.closed(close(desk), LEVEL)
    fills, trades = rows(desk.all, "fill"), rows(desk.all, "trade")
    assert [row["side"] for row in fills if "base_fee" in row] == ["buy"] * 3 and fills[0]["base_fee"] == "0.0002"
    assert sum(fees_of(row) for row in fills) == sum(Decimal(row["fees"]) for row in trades)
