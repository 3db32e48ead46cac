from __future__ import annotations

from modules.ui.flood import Again, Budget, Repeats
from utils.clock import SECOND


def test_the_first_passes_and_its_repeats_are_counted() -> None:
    repeats: Repeats[str] = Repeats(10)
    assert repeats.admit("a", 1_000, 0)
    assert not repeats.admit("a", 2_000, 1 * SECOND)
    assert not repeats.admit("a", 3_000, 2 * SECOND)
    assert repeats.admit("b", 4_000, 2 * SECOND)
    assert list(repeats.due(9 * SECOND)) == []
    assert list(repeats.due(12 * SECOND)) == [("a", Again(2, 1_000))]
    assert not repeats.admit("a", 5_000, 13 * SECOND)
    assert list(repeats.due(22 * SECOND)) == [("a", Again(1, 3_000))], "counted from where the last count ended"


def test_what_came_once_is_new_again_after_its_window() -> None:
    repeats: Repeats[str] = Repeats(10)
    assert repeats.admit("a", 1_000, 0)
    assert list(repeats.due(10 * SECOND)) == []
    assert repeats.admit("a", 5_000, 10 * SECOND)


def test_a_steady_stream_gives_one_line_a_window() -> None:
    repeats: Repeats[str] = Repeats(10)
    told = []
    for second in range(100):
        told += [second] * repeats.admit("a", second, second * SECOND)
        told += [again.count for _, again in repeats.due(second * SECOND)]
    assert len(told) == 10
    assert told[0] == 0
    assert sum(told[1:]) == 90, "every repeat up to the last window's end was counted, none twice"


def test_at_the_end_everything_held_back_is_told() -> None:
    repeats: Repeats[str] = Repeats(10)
    for key in ("a", "a", "b"):
        repeats.admit(key, 1_000, 0)
    assert list(repeats.due(1, everything=True)) == [("a", Again(1, 1_000))]
    assert list(repeats.due(1, everything=True)) == []


def test_a_budget_allows_a_burst_and_then_its_rate() -> None:
    budget = Budget(per_s=2, burst=3)
    assert [budget.take(0) for _ in range(5)] == [True, True, True, False, False]
    assert budget.missed() == 2
    assert budget.missed() == 0
    assert [budget.take(SECOND) for _ in range(3)] == [True, True, False]
    assert [budget.take(60 * SECOND) for _ in range(4)] == [True, True, True, False], "a pause saves up one burst, no more"
