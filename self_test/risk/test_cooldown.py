from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.cooldown import after_trade, pausing, run_chance, streak_limit
from risk.daily_loss import DAY_MS
from self_test.fakes.books import M15, Books, books

NOON = 20_000 * DAY_MS + DAY_MS // 2


def lose(table: Books, ts: int, style: int = 0) -> int:
    return after_trade(table.acct, table.limits, 0, style, M15, -1, ts)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, DAY_MS)), max_size=120))
def test_a_pause_never_shortens_follows_5_to_8_losses_and_lasts_at_least_its_bars(trades: list[tuple[bool, int]]) -> None:
    table, ts, run, until = books(), NOON, 0, 0
    for won, later in trades:
        ts += later
        found = after_trade(table.acct, table.limits, 0, 0, M15, 1 if won else -1, ts)
        run = 0 if won else run + 1
        if found:
            assert 5 <= run <= 8 and found >= max(until, ts + 4 * run * M15) and pausing(table.acct, 0, 0, found - 1)
            run, until = 0, found
        assert run < 8 and int(table.acct[0]["pause_until"][0]) == until and not pausing(table.acct, 0, 0, until)
    assert not table.acct[0]["trades"][1] and not pausing(table.acct, 0, 1, 0), "the other style is another matter"


@given(st.integers(30, 400), st.integers(0, 400), st.integers(0, 400))
def test_the_more_a_style_wins_the_sooner_a_run_of_losses_is_unlikely(trades: int, one: int, other: int) -> None:
    limits = books().limits
    fewer, more = sorted((min(one, trades), min(other, trades)))
    assert 5 <= streak_limit(trades, more, limits) <= streak_limit(trades, fewer, limits) <= 8


@given(st.floats(0, 1), st.integers(1, 12), st.integers(0, 150))
def test_the_chance_of_a_run_is_one_and_falls_with_its_length(rate: float, length: int, trials: int) -> None:
    chance = run_chance(rate, length, trials)
    assert -1e-12 <= chance <= 1 + 1e-9
    assert run_chance(rate, length + 1, trials) <= chance + 1e-9
    assert run_chance(rate, length, trials + 1) >= chance - 1e-9


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


def test_eight_losses_pause_the_style_and_pauses_double_within_a_day() -> None:
    table = books()
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
