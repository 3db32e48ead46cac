"""What bars an account is said with its end, and agrees with what the rules do."""

from __future__ import annotations

import pytest

from risk import drawdown
from self_test.telemetry.samples import SPOT, T0, small_state
from state.barred import NO_ENTRIES, STYLE_WORDS, all_barred, barred, bars
from state.runtime import RuntimeState
from strategy.registry import Style
from utils.fixed import MONEY_SCALE

HOUR = 3_600_000


@pytest.fixture
def state() -> RuntimeState:
    found = small_state()
    found.acct["day_start"] = found.acct["equity"]
    return found


def test_it_speaks_of_the_rules_own_numbers() -> None:
    assert NO_ENTRIES == drawdown.NO_ENTRIES and tuple(Style) == STYLE_WORDS


def test_an_account_in_order_is_not_barred(state: RuntimeState) -> None:
    state.acct["level"] = drawdown.HALF
    assert (bars(state, 0), barred(state, 0), all_barred(state)) == ([], "", False)


def test_a_days_loss_bars_until_midnight(state: RuntimeState) -> None:
    state.acct[0]["day_stopped"], state.acct[0]["equity"] = 1, 969 * MONEY_SCALE
    assert bars(state, 0) == ["entries barred until 00:00 UTC: the day's loss reached its limit (now -3.1%)"]
    assert not all_barred(state), "the other account trades"
    state.acct[1]["day_stopped"], state.acct[1]["day_start"] = 1, 0
    assert all_barred(state) and barred(state, 1).endswith("(now +0.0%)")


def test_a_drawdown_bars_until_a_person_speaks_whatever_the_day(state: RuntimeState) -> None:
    state.acct[0]["level"], state.acct[0]["day_stopped"], state.acct[0]["equity"] = NO_ENTRIES, 1, 877 * MONEY_SCALE
    assert barred(state, 0) == "entries barred until a person resumes it: drawdown 12.3%"


def test_a_halted_account_says_so_itself(state: RuntimeState) -> None:
    state.acct["level"], state.halted[str(SPOT)] = drawdown.HALT, "drawdown"
    state.acct[0]["pause_until"][0] = T0 + HOUR
    assert bars(state, 0) == [] and all_barred(state), "but it enters nothing"


@pytest.mark.parametrize("hours, words", [(1, "15:25"), (10, "03-06 00:25")])
def test_a_style_pauses_alone(state: RuntimeState, hours: int, words: str) -> None:
    state.acct[0]["pause_until"][1] = T0 + hours * HOUR
    assert bars(state, 0) == [f"scalp entries barred until {words} UTC: a run of losses"] and barred(state, 0) == ""
    state.ts = T0 + hours * HOUR
    assert bars(state, 0) == []
