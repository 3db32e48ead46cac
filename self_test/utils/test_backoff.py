from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from utils.backoff import Backoff


@given(st.integers(1, 10_000), st.integers())
def test_a_pause_lies_between_half_and_all_of_the_capped_doubling(failures: int, seed: int):
    pause = Backoff(base_s=0.5, cap_s=30.0).delay_s(failures, random.Random(seed))
    full = min(30.0, 0.5 * 2.0 ** min(failures - 1, 20))
    assert full / 2 <= pause <= full


def test_pauses_differ_by_chance():
    rng = random.Random(1)
    assert len({Backoff().delay_s(3, rng) for _ in range(10)}) == 10
