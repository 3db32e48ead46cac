from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.stops import after_bar, initial, trail
from self_test.fakes.books import books

MIN_R, MIN_TICKS = 0.1, 2


@given(
    st.sampled_from([1, -1]),
    st.integers(1_000, 50_000_000),
    st.floats(0.01, 100_000),
    st.sampled_from([2.0, 3.0, 4.0, 6.0, 8.0]),
    st.sampled_from([2.0, 4.0, 24.0]),
)
def test_initial_stop_and_target_round_towards_the_entry(side: int, reference: int, atr: float, stop_k: float, target_k: float) -> None:
    stop, target = initial(side, reference, atr, stop_k, target_k)
    assert isinstance(stop, int)
    for level, sign, exact in ((stop, -side, stop_k * atr), (target, side, target_k * atr)):
        distance = sign * (level - reference)
        assert distance == math.floor(exact)
        assert distance <= exact < distance + 1


@pytest.mark.parametrize(
    "side, stop, extreme, close, expected, why",
    [
        (1, 9_400, 10_300, 10_250, 9_700, "highest high less 6 ATR"),
        (1, 9_400, 10_030, 10_000, 9_400, "a gain below 0.1 R is no request"),
        (1, 9_400, 10_060, 10_000, 9_460, "exactly 0.1 R is"),
        (1, 9_700, 10_000, 10_000, 9_700, "never lower"),
        (1, 9_400, 10_300, 9_600, 9_599, "a level the close has passed goes one tick beyond the close"),
        (1, 9_400, 10_300, 9_420, 9_400, "unless that is not worth it"),
        (1, 9_400, 10_300, 9_700, 9_699, "a level at the close counts as passed"),
        (-1, 10_600, 9_700, 9_750, 10_300, "shorts mirrored"),
        (-1, 10_600, 9_700, 10_400, 10_401, "shorts mirrored beyond the close"),
        (-1, 10_300, 10_000, 10_000, 10_300, "shorts never higher"),
    ],
)
def test_trail(side: int, stop: int, extreme: int, close: int, expected: int, why: str) -> None:
    assert trail(side, stop, extreme, 100.0, 6.0, 600, close, MIN_R, MIN_TICKS) == expected, why


def test_two_ticks_are_the_least_move_whatever_the_risk() -> None:
    assert trail(1, 9_400, 10_001, 100.0, 6.0, 1, 10_000, MIN_R, MIN_TICKS) == 9_400
    assert trail(1, 9_400, 10_002, 100.0, 6.0, 1, 10_001, MIN_R, MIN_TICKS) == 9_402


def test_a_scalp_does_not_trail() -> None:
    assert trail(1, 9_400, 90_000, 100.0, 0.0, 600, 80_000, MIN_R, MIN_TICKS) == 9_400


def test_the_level_rounds_away_from_the_price() -> None:
    assert trail(1, 9_000, 10_000, 100.1, 5.0, 600, 9_990, MIN_R, MIN_TICKS) == 9_499  # 10,000 - 500.5
    assert trail(-1, 11_000, 10_000, 100.1, 5.0, 600, 10_010, MIN_R, MIN_TICKS) == 10_501


bars = st.lists(st.tuples(st.integers(-400, 400), st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=60)


@given(st.sampled_from([1, -1]), bars, st.floats(1.0, 300.0), st.sampled_from([4.0, 6.0, 12.0]), st.integers(1, 2_000))
def test_over_any_path_the_stop_never_moves_against_the_position(
    side: int, path: list[tuple[int, int, int]], atr: float, trail_k: float, risk: int
) -> None:
    table = books()
    table.hold(0, 50, price=50_000, side=side)
    row = table.pos[0]
    row["stop"] = row["initial_stop"] = 50_000 - side * risk
    row["atr"], row["trail_k"], row["risk"] = atr, trail_k, risk
    close, best = 50_000, 50_000
    for change, up, down in path:
        close = max(1_000, close + change)
        high, low = close + up, close - down
        best = max(best, high) if side > 0 else min(best, low)
        before = int(row["stop"])
        moved = after_bar(table.pos, 0, high, low, close, MIN_R, MIN_TICKS)
        gain = side * (int(row["stop"]) - before)
        assert int(row["mark"]) == close
        assert int(row["extreme"]) == best
        assert moved == (gain != 0)
        if moved:
            assert gain >= MIN_TICKS
            assert gain >= MIN_R * risk
            # Not above what the rule asks for, and on the right side of the market.
            assert side * (best - trail_k * atr - int(row["stop"])) >= 0 or side * (close - int(row["stop"])) == 1
            assert side * (close - int(row["stop"])) >= 1
        assert int(row["initial_stop"]) == 50_000 - side * risk
