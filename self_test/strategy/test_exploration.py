from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategy.exploration import CEILING, FLOOR, NO_ARM, draws, epsilon, explored_arm


@pytest.mark.parametrize("slider, p_chop, share", [(0.10, 0.0, 0.10), (0.10, 1.0, 0.25), (0.10, 0.5, 0.175), (0.25, 0.0, 0.25)])
def test_the_share_rises_from_the_slider_to_the_ceiling_with_chop(slider: float, p_chop: float, share: float) -> None:
    assert epsilon(slider, p_chop) == pytest.approx(share)


@given(st.floats(-1.0, 2.0), st.floats(0.0, 1.0))
def test_the_share_stays_between_floor_and_ceiling(slider: float, p_chop: float) -> None:
    assert FLOOR <= epsilon(slider, p_chop) <= CEILING


def test_a_draw_belongs_to_its_decision_alone() -> None:
    same = draws("1", "L0", "CL-BTC-1e")
    assert same == draws("1", "L0", "CL-BTC-1e")
    others = [draws("2", "L0", "CL-BTC-1e"), draws("1", "L1", "CL-BTC-1e"), draws("1", "L0", "CL-BTC-2e")]
    assert len({same, *others}) == 4


def test_over_many_decisions_the_share_is_as_asked_and_the_arms_are_equally_likely() -> None:
    found = [explored_arm(0b111, 1, 0.2, draws("1", "L0", str(n))) for n in range(20_000)]
    explored = [arm for arm in found if arm != NO_ARM]
    assert set(explored) == {0, 2}
    assert len(explored) / len(found) == pytest.approx(0.2, abs=0.01)
    assert explored.count(0) / len(explored) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    "valid, greedy, arm",
    [(0b111, 0, 1), (0b110, 1, 2), (0b010, 1, NO_ARM), (0b000, 0, NO_ARM), (0b111, NO_ARM, 0), (0b000, NO_ARM, NO_ARM)],
)
def test_only_a_valid_arm_that_the_policy_did_not_take_is_tried(valid: int, greedy: int, arm: int) -> None:
    assert explored_arm(valid, greedy, 0.1, (0.0, 0)) == arm


def test_at_the_share_itself_nothing_is_explored() -> None:
    assert explored_arm(0b111, 0, 0.1, (0.1, 0)) == NO_ARM
    assert explored_arm(0b111, 0, 0.1, (0.0999, 1)) == 2
