from __future__ import annotations

from modules.engine import candidates
from self_test.scenarios.desk import Desk, kinds, reports
from state.books import FLAT
from state.market import Candle
from state.messages import Command, Place
from strategy.base import C1, DEMO, F1


def confirmed(desk: Desk, strategy: int, side: int) -> list[Command]:
    out: list[Command] = []
    candle = Candle(desk.quote(0).key, desk.now, 20_000, 20_000, 20_000, 20_000, 1.0)
    desk.engine.state.market[0]["atr"] = 50.0
    candidates.confirmed(desk.engine.state, desk.engine.mandate, 0, side << (2 * strategy), candle, desk.now, desk.quote(0), out)
    return out


def test_a_short_on_spot_and_a_strategy_that_may_not_trade_here_are_no_candidates() -> None:
    desk = Desk()
    assert confirmed(desk, C1, 2) == [] and confirmed(desk, F1, 1) == []
    assert confirmed(desk, C1, 1) != []
    assert confirmed(Desk(perps=True), C1, 2) != []


def test_the_demo_waits_for_its_time_and_for_an_empty_seat() -> None:
    desk = Desk(demo=True)
    state, mandate = desk.engine.state, desk.engine.mandate
    assert DEMO in mandate.allowed[desk.account]
    out: list[Command] = []
    desk.later(60_000)
    candidates.on_cadence(state, mandate, 0, desk.now, desk.quote(0), out)
    assert kinds(out, Place) or reports(out)
    told = len(out)
    candidates.on_cadence(state, mandate, 0, desk.now + 1, desk.quote(0), out)
    assert len(out) == told and (state.pos[0]["status"] != FLAT or reports(out))


def test_turnover_is_told_in_quote_units() -> None:
    desk = Desk()
    desk.engine.state.market[0]["median_turnover_ticks"] = 500.0
    assert candidates.turnover_of(desk.engine.state, 0) == 500.0 * float(desk.engine.state.inst[0]["tick"])
