"""Rows and words of the way out; the order of events is told in the scenarios."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.engine import exits
from self_test.scenarios.desk import LEVEL, Desk, kinds, only, rows
from state.intents import ExitReason, Side
from state.messages import Cancel, Close, Command, Report
from strategy.base import C3
from utils.fixed import money


@pytest.mark.parametrize("perps, side", [(False, Side.LONG), (True, Side.LONG), (True, Side.SHORT)])
def test_the_cash_rows_of_any_life_sum_to_the_wallet(perps: bool, side: Side) -> None:
    desk = Desk(perps=perps)
    order = desk.enter(side=side)
    left = order.intent.steps
    for steps, price in ((1_111, LEVEL), (777, LEVEL + 3), (left - 1_888, LEVEL - 7)):
        left -= steps
        desk.filled(order, price, steps, left)
    held = order.intent.steps
    for steps, price in ((999, LEVEL + 11), (1_234, LEVEL - 5)):
        held -= steps
        desk.stopped(price, steps=steps, left=held)
    desk.stopped(LEVEL + 2)
    assert sum(Decimal(row["amount"]) for row in rows(desk.all, "cash")) == money(int(desk.acct["cash"]))
    (trade,) = rows(desk.all, "trade")
    assert Decimal(1_000) + Decimal(trade["pnl"]) == money(int(desk.acct["cash"]))
    assert Decimal(trade["fees"]) == sum(Decimal(row["fee"]) for row in rows(desk.all, "fill"))
    fills = rows(desk.all, "fill")
    bought = sum(Decimal(row["price"]) * Decimal(row["qty"]) for row in fills[:3]) / Decimal(trade["qty"])
    assert abs(Decimal(trade["entry"]) - bought) < Decimal("1e-20")


def test_a_trade_knows_its_average_prices_and_its_cards_words() -> None:
    desk = Desk(perps=True)
    order = desk.enter(strategy=C3, side=Side.SHORT, atr=70.0, regime=1)
    desk.filled(order, 10_000, 3_000, order.intent.steps - 3_000)
    desk.filled(order, 9_990, order.intent.steps - 3_000)
    (trade,) = rows(desk.stopped(9_900, trigger=ExitReason.TARGET), "trade")
    assert (trade["strategy"], trade["style"], trade["side"], trade["arm"], trade["regime"]) == ("C3", "scalp", "short", 2, 1)
    assert trade["exit"] == "99" and Decimal("99.9") < Decimal(trade["entry"]) < Decimal(100)
    assert Decimal(trade["stop"]) > 100 > Decimal(trade["target"])


def test_a_free_trade_moves_no_money_but_is_told() -> None:
    desk = Desk(perps=True)
    order = desk.enter()
    intent = order.intent
    fill = desk.execution(0, order.order_id, 1, LEVEL, intent.steps)
    out: list[Command] = []
    exits.entry_filled(desk.engine.state, 0, type(fill)(**{name: getattr(fill, name) for name in fill.__struct_fields__} | {"fee": 0}), out)
    assert rows(out, "cash") == [] and len(rows(out, "fill")) == 1


def test_the_report_of_a_close_says_what_it_was_worth() -> None:
    desk = Desk()
    desk.open()
    desk.later(90 * 60_000)
    (report,) = kinds(desk.stopped(9_700), Report)
    assert report.text == "long AAAUSDT closed by stop at 97 after 1.5 h: -1.5985 USDT, -1.07 R, fees 0.0985"


def test_a_close_is_asked_only_for_what_is_held_and_only_once() -> None:
    desk = Desk()
    out: list[Command] = []
    exits.close_position(desk.engine.state, 0, desk.now, ExitReason.OPERATOR, out)
    desk.enter()
    exits.close_position(desk.engine.state, 0, desk.now, ExitReason.OPERATOR, out)
    assert out == []
    desk = Desk()
    desk.open()
    for _ in range(2):
        exits.close_position(desk.engine.state, 0, desk.now, ExitReason.OPERATOR, out)
    assert only(Close, out).reduce.order_id.endswith("-x")


def test_entries_are_taken_back_on_their_own_coin_alone() -> None:
    desk = Desk("AAAUSDT", "BBBUSDT")
    mine = desk.enter(0)
    desk.enter(1)
    out: list[Command] = []
    exits.cancel_entries(desk.engine.state, 0, out)
    assert [cancel.order_id for cancel in kinds(out, Cancel)] == [mine.order_id] and len(out) == 1


def test_every_level_a_breaker_can_reach_has_its_words() -> None:
    assert sorted(exits.LEVEL_TEXT) == [0, 1, 2, 3]


def test_closes_of_one_moment_have_ids_of_their_own_also_across_positions() -> None:
    """Closed, resumed, entered again and closed within one millisecond of the venue: an id that was used would never be sent."""
    desk, names = Desk(), list[str]()

    def closes(ts: int) -> None:
        out: list[Command] = []
        desk.open()
        exits.close_position(desk.engine.state, desk.seat(), ts, ExitReason.OPERATOR, out)
        close = only(Close, out)
        names.append(close.reduce.order_id)
        desk.closed(close, LEVEL)

    for ts in (desk.now, desk.now, desk.now - 1, desk.now, desk.now + 1):
        closes(ts)
    assert [name.rpartition("-")[2] for name in names] == ["x", "x2", "x3", "x4", "x"]
    assert len(set(names)) == len(names)
