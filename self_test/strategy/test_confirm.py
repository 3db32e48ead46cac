from __future__ import annotations

import pytest

from state.rows import Rows
from strategy.base import C1, C2, C3, C4, F1, F2, LONG, NONE, O1, SHORT, side_of
from strategy.confirm import arm, try_confirm
from strategy.market import new_market, new_params

LEVEL = 1_000.0
LONG_BAR = (990, 1_010, 985, 1_005)
"""Open, high, low, close of a bar that every long agrees with: above the level, above its open, low above the last low."""
SHORT_BAR = (1_010, 1_015, 990, 995)
DULL_BAR = (1_000, 1_010, 970, 1_000)
"""On the level, not past it; low below the last low, high not below the last high; close on its open."""


def watching(side: int, *strategies: int) -> Rows:
    """A row with these strategies armed at LEVEL, calm, with volume, after a bar of 1,020 / 980."""
    rows = new_market(1, 300_000, 900_000)
    rows["confirm_bars"], rows["confirm_atr"], rows["confirm_atr_median"] = 1_000, 3.0, 1.0
    rows["volume_z"] = 1.5
    rows["ema_fast"] = LEVEL
    rows["previous_high"], rows["previous_low"] = 1_020, 980
    for s in strategies:
        arm(rows[0], s, side, LEVEL)
    return rows


def answer(rows: Rows, bar: tuple[int, int, int, int], strategy: int) -> int:
    return side_of(try_confirm(rows[0], new_params()[0], *bar), strategy)


@pytest.mark.parametrize("strategy", [C1, C2, C3, C4, F1, F2, O1])
@pytest.mark.parametrize(
    "side, bars, answers",
    [
        (LONG, [LONG_BAR], [LONG]),
        (LONG, [DULL_BAR, LONG_BAR], [NONE, LONG]),
        (LONG, [DULL_BAR, DULL_BAR, LONG_BAR], [NONE, NONE, LONG]),
        (LONG, [DULL_BAR, DULL_BAR, DULL_BAR, LONG_BAR], [NONE, NONE, NONE, NONE]),  # expired
        (LONG, [LONG_BAR, LONG_BAR], [LONG, NONE]),  # taken once
        (LONG, [SHORT_BAR, SHORT_BAR, SHORT_BAR], [NONE, NONE, NONE]),
        (SHORT, [SHORT_BAR], [SHORT]),
        (SHORT, [LONG_BAR, SHORT_BAR], [NONE, SHORT]),
        (SHORT, [DULL_BAR, DULL_BAR, DULL_BAR, SHORT_BAR], [NONE, NONE, NONE, NONE]),
    ],
)
def test_which_candidate_is_taken(strategy: int, side: int, bars: list[tuple[int, int, int, int]], answers: list[int]) -> None:
    if strategy == C2 and side == LONG and SHORT_BAR in bars:
        bars = [DULL_BAR if bar == SHORT_BAR else bar for bar in bars]
    rows = watching(side, strategy)
    assert [answer(rows, bar, strategy) for bar in bars] == answers
    if answers[-1] or len(bars) > 2:
        assert rows["armed"][0] == 0


@pytest.mark.parametrize(
    "why, strategy, side, bar, change",
    [
        ("close only reaches the level", C1, LONG, (990, 1_010, 985, 1_000), {}),
        ("close only reaches the level", C1, SHORT, (1_010, 1_015, 990, 1_000), {}),
        ("close not beyond EMA50", C2, LONG, (990, 1_010, 985, 999), {}),
        ("low equals the previous low", C2, LONG, (990, 1_010, 980, 1_005), {}),
        ("high equals the previous high", C2, SHORT, (1_010, 1_020, 990, 995), {}),
        ("volume z not above 1", C3, LONG, LONG_BAR, {"volume_z": 1.0}),
        ("close inside the extreme", C3, LONG, (990, 1_010, 985, 1_000), {}),
        ("close on the open", C4, LONG, (1_005, 1_010, 985, 1_005), {}),
        ("close on the open", C4, SHORT, (995, 1_015, 990, 995), {}),
        ("not calm", C1, LONG, LONG_BAR, {"confirm_atr": 3.001}),
        ("not calm", C2, LONG, LONG_BAR, {"confirm_atr": 3.001}),
        ("not calm", C3, LONG, LONG_BAR, {"confirm_atr": 3.001}),
        ("not calm", C4, LONG, LONG_BAR, {"confirm_atr": 3.001}),
        ("close only reaches the level", F1, LONG, (990, 1_010, 985, 1_000), {}),
        ("close on the open", F2, SHORT, (995, 1_015, 990, 995), {}),
        ("not calm", F1, LONG, LONG_BAR, {"confirm_atr": 3.001}),
        ("close only reaches the level", O1, SHORT, (1_010, 1_015, 990, 1_000), {"ema_fast": 2_000}),
        ("the hours' trend is broken: close on EMA50", O1, LONG, LONG_BAR, {"ema_fast": 1_005}),
        ("the hours' trend is broken: close on EMA50", O1, SHORT, SHORT_BAR, {"ema_fast": 995}),
        ("not calm", O1, LONG, LONG_BAR, {"confirm_atr": 3.001}),
        ("ATR28 not yet full", C1, LONG, LONG_BAR, {"confirm_bars": 28}),
    ],
)
def test_each_condition_alone_can_refuse(
    why: str, strategy: int, side: int, bar: tuple[int, int, int, int], change: dict[str, float]
) -> None:
    rows = watching(side, strategy)
    for name, value in change.items():
        rows[name] = value
    assert answer(rows, bar, strategy) == NONE, why
    assert rows["arm_left"][0, strategy] == 2, "refused on this candidate, still on watch for two"


@pytest.mark.parametrize("fade", [C4, F2])
def test_a_fade_has_no_level(fade: int) -> None:
    rows = watching(LONG, fade)
    assert answer(rows, (500, 520, 490, 510), fade) == LONG


def test_a_new_arm_replaces_the_old_with_three_fresh_candidates() -> None:
    rows = watching(LONG, C1)
    assert answer(rows, DULL_BAR, C1) == NONE
    arm(rows[0], C1, SHORT, 900.0)
    assert rows["arm_left"][0, C1] == 3
    assert answer(rows, LONG_BAR, C1) == NONE, "the old side is forgotten"
    assert answer(rows, (890, 905, 880, 899), C1) == SHORT


def test_arming_nothing_changes_nothing() -> None:
    rows = watching(LONG, C1)
    before = rows.tobytes()
    arm(rows[0], C1, NONE, 5.0)
    assert rows.tobytes() == before


def test_strategies_are_confirmed_side_by_side() -> None:
    rows = watching(LONG, C1, C3, C4)
    rows["volume_z"] = 0.0
    code = try_confirm(rows[0], new_params()[0], *LONG_BAR)
    assert [side_of(code, s) for s in range(4)] == [LONG, NONE, NONE, LONG]
    assert rows["armed"][0] == 1 << C3
