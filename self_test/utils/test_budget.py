from __future__ import annotations

import pytest

from utils.budget import Budget
from utils.clock import MS, SECOND


def used(calls: int, *stamps_ms: int) -> Budget:
    """A budget a second with calls counted at these times."""
    budget = Budget(calls, SECOND)
    for ms in stamps_ms:
        budget.count(ms * MS)
    return budget


def ready_ms(budget: Budget, now_ms: int, ahead: int = 0, *, protective: bool = True) -> int:
    return budget.ready_ns(now_ms * MS, ahead, protective=protective) // MS


@pytest.mark.parametrize("calls, kept", [(1, 0), (2, 1), (10, 1), (19, 1), (20, 2), (500, 50)])
def test_the_last_tenth_is_for_what_protects(calls: int, kept: int) -> None:
    budget = Budget(calls, SECOND)
    assert (budget.left(0), budget.left(0, protective=False)) == (calls, calls - kept)


@pytest.mark.parametrize("ahead, at", [(0, 500), (1, 1000), (2, 1300), (3, 1500), (4, 2000), (6, 2500)])
def test_in_a_window_with_room_the_first_goes_at_once(ahead: int, at: int) -> None:
    assert ready_ms(used(3, 0, 300), 500, ahead) == at


@pytest.mark.parametrize("ahead, at", [(0, 1000), (1, 1300), (2, 1400), (3, 2000), (5, 2400)])
def test_in_a_full_window_each_waits_for_the_one_that_leaves_it(ahead: int, at: int) -> None:
    assert ready_ms(used(3, 0, 300, 400), 500, ahead) == at


def test_a_call_leaves_the_window_exactly_after_it() -> None:
    budget = used(1, 0)
    assert (budget.left(SECOND - 1), budget.left(SECOND)) == (0, 1)


def test_a_call_given_back_is_as_never_made_and_only_once() -> None:
    budget = used(3, 0, 100)
    budget.give_back(100 * MS)
    budget.give_back(100 * MS)
    assert budget.left(200 * MS) == 2


def test_calls_of_others_with_the_same_key_are_counted() -> None:
    budget = used(10, 0)
    budget.told(100 * MS, limit=10, left=3, reset_ms=0)
    assert budget.left(100 * MS) == 3
    assert budget.left(1000 * MS) == 4
    assert budget.left(1100 * MS) == 10


def test_calls_that_the_venue_has_not_seen_yet_are_not_forgotten() -> None:
    budget = used(10, 0, 0, 0, 0)
    budget.told(50 * MS, limit=10, left=9, reset_ms=0)
    assert budget.left(50 * MS) == 6


def test_an_old_answer_is_compared_with_its_own_time() -> None:
    budget = used(10, *range(10))
    budget.told(1200 * MS, limit=10, left=0, reset_ms=-900)  # said at 300, when we had counted ten as well
    assert budget.left(1200 * MS) == 10
    budget.told(1200 * MS, limit=10, left=4, reset_ms=-100)  # said at 1100, when ours were gone: six are not ours
    assert budget.left(1200 * MS) == 4
    assert budget.left(2100 * MS) == 10
    budget.told(2200 * MS, limit=10, left=0, reset_ms=-1000)  # a whole window old: says nothing of now
    assert budget.left(2200 * MS) == 10


def test_a_limit_is_raised_and_lowered() -> None:
    budget = used(10, 0)
    budget.told(0, limit=20, left=19, reset_ms=0)
    assert budget.left(0) == 19
    budget.told(0, limit=5, left=4, reset_ms=0)
    assert budget.left(0) == 4


@pytest.mark.parametrize("limit, left", [(0, 0), (-5, 0), (10, 11), (10, -1)])
def test_figures_that_cannot_be_change_nothing(limit: int, left: int) -> None:
    budget = used(8, 0)
    budget.told(0, limit, left, reset_ms=5000)
    assert (budget.calls, budget.left(0), ready_ms(budget, 0)) == (8, 7, 0)


@pytest.mark.parametrize("reset_ms, at", [(400, 500), (999_999, 1100), (0, 100), (-50, 100)])
def test_exhausted_holds_until_the_reset_but_no_longer_than_a_window(reset_ms: int, at: int) -> None:
    budget = used(1)
    budget.told(100 * MS, limit=1, left=0, reset_ms=reset_ms)
    assert budget.ready_ns(100 * MS, 0, protective=True) // MS == max(at, ready_ms(used(1, 100 + min(0, reset_ms)), 100))


def test_a_hold_holds_everybody_and_a_ban_all_but_one_protective_a_second() -> None:
    budget = used(10, 0)
    budget.hold(0, 300 * MS)
    assert (ready_ms(budget, 0), ready_ms(budget, 300)) == (300, 300)
    budget.ban(0, 60 * SECOND)
    assert [ready_ms(budget, 400, ahead) for ahead in range(3)] == [1000, 2000, 3000]
    assert ready_ms(budget, 400, protective=False) == 60_000
    assert (budget.banned_ns(0), budget.banned_ns(60 * SECOND)) == (60 * SECOND, 0)
    assert ready_ms(budget, 60_000, 5) == 60_000


def test_a_ban_that_the_venue_has_lifted_is_over() -> None:
    budget = used(10, 0)
    budget.ban(0, 60 * SECOND)
    budget.lift()
    assert (budget.banned_ns(0), ready_ms(budget, 5, protective=False)) == (0, 5)
