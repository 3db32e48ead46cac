"""The scene of a decision: where it comes from, how it reaches the ledger, what slippage is claimed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.engine.scene import scene_of
from self_test.scenarios.desk import LEVEL, Desk, only, rows
from state.intents import ExitReason, Side
from state.market import Quote
from state.messages import Close


def test_volatility_is_that_of_an_hour_and_the_share_that_of_an_hours_turnover() -> None:
    desk = Desk()
    state = desk.engine.state
    row = state.market[0]
    row["vol"], row["median_turnover_ticks"] = 0.002, 1e6
    steps = 10_000  # 1 coin at 100.00 = 10,000 ticks, of 12e6 an hour
    scene = scene_of(state, 0, desk.quote(spread=4), LEVEL, steps)
    assert scene is not None
    assert (scene.bid, scene.ask) == (LEVEL - 2, LEVEL + 2)
    assert scene.sigma_bp == pytest.approx(20.0 * 2.0)  # 15-minute bars, four an hour
    assert scene.share == pytest.approx(10_000 / 12e6)
    row["median_turnover_ticks"] = 0.0
    unknown = scene_of(state, 0, desk.quote(), LEVEL, steps)
    assert unknown is not None and unknown.share == 0.0


def test_without_a_quote_that_can_be_traded_on_there_is_no_scene() -> None:
    desk = Desk()
    state = desk.engine.state
    assert scene_of(state, 0, None, LEVEL, 1) is None
    assert scene_of(state, 0, Quote(desk.coin().key, desk.now, LEVEL, LEVEL, 1, 1), LEVEL, 1) is None


@pytest.mark.parametrize("side, price, slip", [(Side.LONG, LEVEL + 3, 3.0), (Side.SHORT, LEVEL - 3, 3.0), (Side.SHORT, LEVEL + 2, -2.0)])
def test_an_entrys_row_says_what_it_lost_to_the_mid_of_its_decision(side: Side, price: int, slip: float) -> None:
    desk = Desk(perps=True)
    decided = desk.now
    order = desk.enter(side=side, quote=desk.quote(spread=4))
    desk.later(700)
    (row,) = rows(desk.filled(order, price), "fill")
    assert (row["mid"], row["spread_bp"], row["slip_bp"], row["decided_ts"]) == ("100", 4.0, slip, decided)
    assert row["ts"] - row["decided_ts"] == 700 and {"sigma_bp", "share"} <= set(row)
    (left,) = rows(desk.stopped(LEVEL), "fill")
    assert "slip_bp" not in left, "an exit was not decided on this mid"


@pytest.mark.parametrize(
    "trigger, away, of_exit",
    [(ExitReason.STOP, -7, 7), (ExitReason.STOP, 4, -4), (ExitReason.TARGET, -5, 5)],
)
def test_a_trades_slippage_is_that_of_its_entry_and_its_exit(trigger: ExitReason, away: int, of_exit: int) -> None:
    desk = Desk()
    order = desk.open(price=LEVEL + 2)
    level = order.intent.exits.stop if trigger is ExitReason.STOP else order.intent.exits.target
    (trade,) = rows(desk.stopped(level + away, trigger=trigger), "trade")
    assert Decimal(trade["slippage"]) == Decimal(2 + of_exit) / 100 * Decimal(trade["qty"])


def test_a_close_of_ours_is_held_against_the_last_close() -> None:
    desk = Desk()
    desk.open()
    desk.bar(LEVEL + 30)
    (trade,) = rows(desk.closed(only(Close, desk.control("flatten")), LEVEL + 26), "trade")
    assert Decimal(trade["slippage"]) == Decimal("0.04") * Decimal(trade["qty"])


def test_without_a_quote_no_slippage_is_claimed_not_even_that_of_the_position_before() -> None:
    desk = Desk()
    desk.engine.mandate = type(desk.engine.mandate)(
        **{name: getattr(desk.engine.mandate, name) for name in desk.engine.mandate.__struct_fields__} | {"quotes": False}
    )
    desk.open(price=LEVEL + 2)
    desk.stopped(9_700)
    order = desk.enter(blind=True)
    assert order.intent.scene is None
    (fill,) = rows(desk.filled(order), "fill")
    assert "slip_bp" not in fill
    (trade,) = rows(desk.stopped(9_700), "trade")
    assert "slippage" not in trade
