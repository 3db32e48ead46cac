"""Whose money moved, decided by what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange.movements import Explained, explain
from modules.exchange.reconcile import ROUNDING_UNITS
from state.transfers import Movement

U = 10_000_000
PLENTY = 10**6 * U


def rows(*amounts: int, own: bool = False) -> list[Movement]:
    return [Movement(f"r{n}", n, "transfer", amount * U, own and amount > 0) for n, amount in enumerate(amounts)]


def moved(own: int, shown: int, told: list[Movement], room: int = PLENTY) -> list[tuple[str, int]]:
    return [(row.ref, amount // U) for row, amount in explain(own * U, shown * U, room, told).moved]


@pytest.mark.parametrize(
    ("shown", "amounts", "expected"),
    [
        (1_000, (), []),
        (1_000, (-50,), []),  # it was never ours
        (950, (-50,), [("r0", -50)]),
        (970, (-50,), [("r0", -30)]),  # 20 of it were not ours
        (940, (-50,), [("r0", -50)]),  # 10 are missing, and stay missing
        (920, (-50, -30), [("r0", -50), ("r1", -30)]),
        (940, (-50, -30), [("r0", -50), ("r1", -10)]),
        (1_000, (100, -100), []),  # to and fro
        (960, (-100, 60), [("r0", -40)]),
        (1_060, (60,), []),  # what comes stays outside
        (950, (60,), []),  # nothing left: a deficit
    ],
)
def test_only_what_the_wallet_has_less_than_our_own_was_ours(shown: int, amounts: tuple[int, ...], expected: list[tuple[str, int]]) -> None:
    assert moved(1_000, shown, rows(*amounts)) == expected


@pytest.mark.parametrize(
    ("shown", "amounts", "expected"),
    [
        (1_060, (60,), [("r0", 60)]),
        (1_500, (60,), [("r0", 60)]),  # the rest was there before
        (1_000, (100, -100), []),
        (1_030, (100, -70), [("r0", 30)]),
        (970, (100, -130), [("r1", -30)]),
        (1_000, (60,), []),
    ],
)
def test_what_comes_is_ours_where_it_is_set_as_far_as_the_wallet_shows_it(
    shown: int, amounts: tuple[int, ...], expected: list[tuple[str, int]]
) -> None:
    assert moved(1_000, shown, rows(*amounts, own=True)) == expected


def test_a_rounding_apart_is_the_whole_row() -> None:
    for off in (-ROUNDING_UNITS, ROUNDING_UNITS):
        [(_, left)] = explain(1_000 * U, 950 * U + off, PLENTY, rows(-50)).moved
        [(_, came)] = explain(1_000 * U, 1_050 * U + off, PLENTY, rows(50, own=True)).moved
        assert (left, came) == (-50 * U, 50 * U)
    assert explain(1_000 * U, 1_000 * U - ROUNDING_UNITS, PLENTY, rows(-50)) == Explained()


def test_more_than_may_leave_explains_nothing_and_is_not_forgotten() -> None:
    told = rows(-900, 300)
    assert explain(1_000 * U, 100 * U, 899 * U, told) == Explained(waiting=tuple(told))
    assert moved(1_000, 400, told, 899 * U) == [("r0", -600)], "part of it came back"


def test_a_shortage_without_a_row_keeps_what_came() -> None:
    told = rows(60, own=True)
    assert explain(1_000 * U, 900 * U, PLENTY, told) == Explained(waiting=tuple(told))


amounts = st.lists(st.integers(-500, 500).filter(bool), max_size=5)


@given(amounts, st.integers(0, 2_000), st.integers(0, 3_000), st.booleans())
def test_never_more_than_a_row_says_and_never_beyond_the_balance(told: list[int], own: int, shown: int, counts: bool) -> None:
    listed = rows(*told, own=counts)
    found = explain(own * U, shown * U, PLENTY, listed)
    total = sum(amount for _, amount in found.moved)
    assert all(0 < abs(amount) <= abs(row.amount) and (amount > 0) == (row.amount > 0) for row, amount in found.moved)
    before, after = (shown - own) * U, shown * U - own * U - total
    assert abs(after) <= abs(before) and (not total or (before > 0) == (total > 0))
    assert explain(own * U + total, shown * U, PLENTY, found.waiting).moved == (), "the same reading finds it once"
