"""The mood of a market: it can shrink an entry or prevent it, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.sentiment import Felt
from strategy.sentiment import HALF, Neutral, SentimentRule, mood, size_factor, vetoed

NOW = 1_700_000_000_000
HOUR = 3_600_000
RULE = SentimentRule()


def felt(value: float, age_h: float = 1.0) -> Felt:
    return Felt(milli=round(value * 1000), ts=NOW - int(age_h * HOUR))


@pytest.mark.parametrize(
    "said, found",
    [
        (None, (0.0, 0.0)),
        (Felt(), (0.0, 1.0)),
        (felt(-0.4), (-0.4, 0.0)),
        (felt(0.8, 48.0), (0.8, 0.0)),
        (felt(0.8, 48.1), (0.0, 1.0)),
        (felt(0.8, -1.0), (0.0, 1.0)),
        (Felt(milli=7_000, ts=NOW), (1.0, 0.0)),
    ],
    ids=["off", "nothing understood", "fresh", "just fresh", "stale", "of the future", "beyond its range"],
)
def test_what_is_old_or_missing_is_neutral_and_says_so(said: Felt | None, found: tuple[float, float]) -> None:
    assert mood(said, RULE, NOW) == found


@pytest.mark.parametrize("value, side, factor, no", [
    (-0.49, 1, 1.0, False), (-0.5, 1, HALF, False), (-0.9, 1, HALF, True), (-1.0, -1, 1.0, False), (0.6, -1, HALF, False),
    (1.0, 1, 1.0, False),
])  # fmt: skip
def test_a_mood_against_the_side_shrinks_then_prevents(value: float, side: int, factor: float, no: bool) -> None:
    assert (size_factor(felt(value), RULE, side, NOW), vetoed(felt(value), RULE, side, NOW)) == (factor, no)


@given(
    st.none() | st.builds(Felt, milli=st.integers(), ts=st.integers(0, 1 << 53)),
    st.builds(SentimentRule, shrink_at=st.floats(), veto_at=st.floats(), max_age_ms=st.integers()),
    st.sampled_from([1, -1]),
    st.integers(0, 1 << 53),
)
def test_whatever_is_said_and_configured_nothing_grows(said: Felt | None, rule: SentimentRule, side: int, now: int) -> None:
    assert size_factor(said, rule, side, now) in {1.0, HALF}
    if said is None:
        assert size_factor(said, SentimentRule(), side, now) == 1.0 and not vetoed(said, SentimentRule(), side, now)


def test_the_default_knows_nothing() -> None:
    assert asyncio.run(Neutral().latest(NOW)) is None and Neutral().name == "off"
