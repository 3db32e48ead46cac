from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.breakers import (
    DAY_MS,
    DAY_STOPPED,
    HALF,
    HALT,
    NO_ENTRIES,
    NORMAL,
    ROLLED,
    STEPPED,
    mark,
    reset,
    resume,
    run_chance,
    streak_limit,
    trade_closed,
)
from self_test.fakes.books import M15, Books, books
from strategy.base import C1, C3
from utils.fixed import MONEY_SCALE

NOON = 20_000 * DAY_MS + DAY_MS // 2


def at(table: Books, equity: float, ts: int = NOON) -> int:
    table.acct[0]["cash"] = round(equity * MONEY_SCALE)
    return mark(table.pos, table.inst, table.acct, table.limits, 0, ts)


def opened(balance: float = 1_000) -> Books:
    table = books(balance=balance)
    table.acct[0]["day"] = NOON // DAY_MS
    return table


@pytest.mark.parametrize(
    "equity, level",
    [(1_000, NORMAL), (920.01, NORMAL), (920, HALF), (880.01, HALF), (880, NO_ENTRIES), (850.01, NO_ENTRIES), (850, HALT), (1, HALT)],
)
def test_drawdown_steps(equity: float, level: int) -> None:
    table = opened()
    found = at(table, equity)
    assert int(table.acct[0]["level"]) == level
    assert bool(found & STEPPED) == (level != NORMAL)


def test_drawdown_is_measured_from_the_peak_not_from_the_deposit() -> None:
    table = opened()
    at(table, 2_000)
    at(table, 1_841)
    assert int(table.acct[0]["level"]) == NORMAL
    at(table, 1_840)
    assert int(table.acct[0]["level"]) == HALF


def test_half_size_follows_the_drawdown_back_and_no_entries_does_not() -> None:
    table = opened()
    at(table, 915)
    assert at(table, 930) & STEPPED
    assert int(table.acct[0]["level"]) == NORMAL
    at(table, 879)
    for equity in (930, 1_000, 1_200):
        assert not at(table, equity) & STEPPED
        assert int(table.acct[0]["level"]) == NO_ENTRIES
    assert at(table, 1_020) & STEPPED  # 15 % below the new peak of 1,200
    at(table, 1_300)
    assert int(table.acct[0]["level"]) == HALT


def test_a_day_does_not_lift_a_drawdown_step() -> None:
    table = opened()
    at(table, 870)
    assert at(table, 990, NOON + DAY_MS) & ROLLED
    assert int(table.acct[0]["level"]) == NO_ENTRIES


def test_daily_loss_stops_entries_until_midnight_utc() -> None:
    table = opened()
    assert at(table, 970.01) == 0
    assert at(table, 970) & DAY_STOPPED
    midnight = (NOON // DAY_MS + 1) * DAY_MS
    # A recovery does not lift it, and it is told once.
    assert at(table, 1_000, midnight - 1) == 0
    assert int(table.acct[0]["day_stopped"]) == 1
    assert at(table, 960, midnight) == ROLLED
    assert int(table.acct[0]["day_stopped"]) == 0
    assert int(table.acct[0]["day_start"]) == 960 * MONEY_SCALE
    assert at(table, 931.3, midnight + 1) == 0
    assert at(table, 931.2, midnight + 2) & DAY_STOPPED


def test_unrealised_loss_counts() -> None:
    table = opened()
    table.hold(0, 500)
    table.acct[0]["cash"] = 500 * MONEY_SCALE
    table.pos[0]["mark"] = 9_399
    assert mark(table.pos, table.inst, table.acct, table.limits, 0, NOON) & DAY_STOPPED


def test_a_wallet_that_was_never_opened_is_not_stopped() -> None:
    table = books(balance=0)
    assert not mark(table.pos, table.inst, table.acct, table.limits, 0, NOON) & (DAY_STOPPED | STEPPED)
    assert int(table.acct[0]["day_stopped"]) == 0


@pytest.mark.parametrize("trials, length", [(1, 1), (5, 2), (10, 3), (12, 5), (4, 5)])
@pytest.mark.parametrize("loss_rate", [0.1, 0.4, 0.5, 0.75])
def test_run_chance_equals_exact_enumeration(trials: int, length: int, loss_rate: float) -> None:
    total = 0.0
    for outcomes in product((0, 1), repeat=trials):
        if "1" * length in "".join(map(str, outcomes)):
            losses = sum(outcomes)
            total += loss_rate**losses * (1 - loss_rate) ** (trials - losses)
    assert run_chance(loss_rate, length, trials) == pytest.approx(total, abs=1e-12)


def test_run_chance_agrees_with_simulated_trades() -> None:
    rng = np.random.default_rng(1)
    for loss_rate, length in ((0.3, 5), (0.5, 8), (0.6, 8)):
        lost = rng.random((20_000, 100)) < loss_rate
        run = np.zeros(20_000, np.int64)
        hit = np.zeros(20_000, bool)
        for k in range(100):
            run = np.where(lost[:, k], run + 1, 0)
            hit |= run >= length
        assert run_chance(loss_rate, length, 100) == pytest.approx(hit.mean(), abs=0.015)


@pytest.mark.parametrize("loss_rate, expected", [(0.0, 0.0), (1.0, 1.0)])
def test_run_chance_at_its_ends(loss_rate: float, expected: float) -> None:
    assert run_chance(loss_rate, 8, 100) == pytest.approx(expected)


@given(st.integers(0, 400), st.floats(0, 1))
def test_the_streak_limit_is_the_shortest_unlikely_run_between_5_and_8(trades: int, share: float) -> None:
    table = books()
    wins = int(trades * share)
    found = streak_limit(trades, wins, table.limits)
    if trades < 30:
        assert found == 8
        return
    unlikely = [n for n in range(5, 8) if run_chance(1 - wins / trades, n, 100) <= 0.05]
    assert found == (unlikely[0] if unlikely else 8)


@pytest.mark.parametrize("wins, expected", [(90, 5), (75, 6), (70, 6), (60, 8), (10, 8)])
def test_streak_limits_at_known_win_rates(wins: int, expected: int) -> None:
    assert streak_limit(100, wins, books().limits) == expected


def lose(table: Books, ts: int, s: int = C1) -> int:
    return trade_closed(table.acct, table.rules, table.limits, 0, s, -1, ts - 1_000, ts)


def test_eight_losses_pause_the_style_and_pauses_double_within_a_day() -> None:
    table = opened()
    first = [lose(table, NOON + k) for k in range(8)]
    assert first[:7] == [0] * 7
    assert first[7] == NOON + 7 + 4 * 8 * M15
    assert table.acct[0]["pause_until"].tolist() == [first[7], 0]
    second = [lose(table, NOON + 100 + k) for k in range(8)]
    assert second[7] == NOON + 107 + 2 * 4 * 8 * M15
    third = [lose(table, NOON + 200 + k) for k in range(8)]
    assert third[7] == NOON + 207 + 4 * 4 * 8 * M15
    tomorrow = [lose(table, NOON + DAY_MS + k) for k in range(8)]
    assert tomorrow[7] == third[7], "a new day's shorter pause never ends a longer one early"
    later = [lose(table, NOON + 3 * DAY_MS + k) for k in range(8)]
    assert later[7] == NOON + 3 * DAY_MS + 7 + 4 * 8 * M15


def test_a_win_ends_the_streak_and_styles_are_counted_apart() -> None:
    table = opened()
    for k in range(7):
        lose(table, NOON + k)
    assert trade_closed(table.acct, table.rules, table.limits, 0, C1, 1, NOON, NOON + 8) == 0
    assert [lose(table, NOON + 10 + k) for k in range(7)] == [0] * 7
    assert lose(table, NOON + 20, C3) == 0
    assert table.acct[0]["streak"].tolist() == [7, 1]
    assert table.acct[0]["trades"].tolist() == [15, 1]
    assert table.acct[0]["wins"].tolist() == [1, 0]


def test_break_even_is_no_win() -> None:
    table = opened()
    trade_closed(table.acct, table.rules, table.limits, 0, C1, 0, NOON, NOON)
    assert table.acct[0]["streak"].tolist() == [1, 0]


def test_holding_times_go_round_a_ring() -> None:
    table = opened()
    for k in range(70):
        trade_closed(table.acct, table.rules, table.limits, 0, C1, 1, NOON, NOON + k)
    assert int(table.acct[0]["hold_n"][C1]) == 70
    assert sorted(table.acct[0]["holds_ms"][C1].tolist()) == list(range(6, 70))


def test_reset_starts_a_new_peak_and_clears_every_breaker() -> None:
    table = opened()
    for k in range(8):
        lose(table, NOON + k)
    at(table, 840)
    table.acct[0]["halted"] = 1
    reset(table.acct, 0)
    assert at(table, 840) == 0
    assert int(table.acct[0]["level"]) == NORMAL
    assert int(table.acct[0]["peak"]) == 840 * MONEY_SCALE
    for name in ("halted", "day_stopped"):
        assert int(table.acct[0][name]) == 0
    assert table.acct[0]["pause_until"].tolist() == [0, 0]
    at(table, 772.81)
    assert int(table.acct[0]["level"]) == NORMAL
    at(table, 772.79)
    assert int(table.acct[0]["level"]) == HALF


def test_a_resume_starts_a_new_peak_and_sample_and_forgives_nothing_of_the_day() -> None:
    table = opened()
    acct = table.acct[0]
    acct["halted"], acct["level"], acct["day_stopped"], acct["trades"][:] = 1, 3, 1, 7
    acct["pause_until"][0], acct["peak"] = NOON, 2 * int(acct["equity"])
    resume(table.acct, 0)
    assert (acct["halted"], acct["level"], acct["peak"]) == (0, 0, acct["equity"])
    assert acct["trades"].sum() == 0
    assert (acct["day_stopped"], acct["pause_until"][0]) == (1, NOON)
