from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.learning.search_settings import Optimize
from modules.learning.walkforward import DAY_MS, windows
from utils.errors import Refusal

PLAN = Optimize()


@given(days=st.integers(300, 1200), hold=st.sampled_from((DAY_MS // 2, DAY_MS, 10 * DAY_MS)), train=st.integers(120, 180))
def test_no_label_of_training_reaches_a_test_and_none_of_a_test_the_lock(days: int, hold: int, train: int) -> None:
    plan = Optimize(train_days=train)
    try:
        found = windows(0, days * DAY_MS, hold, plan)
    except Refusal:
        return
    assert len(found.folds) >= plan.min_folds
    assert found.end - found.locked_from == plan.locked_days * DAY_MS
    for fold in found.folds:
        assert 0 <= fold.train_from < fold.train_to
        assert fold.train_to + hold - fold.train_from == train * DAY_MS
        assert fold.test_from - (fold.train_to + hold) == hold + DAY_MS
        assert fold.test_to + hold + DAY_MS <= found.locked_from
    assert all(a.test_to == b.test_from for a, b in zip(found.folds, found.folds[1:], strict=False))


def test_too_little_data_says_how_much_is_missing() -> None:
    needed = 120 + 6 * 14 + 2 * 2 + 60
    assert len(windows(0, needed * DAY_MS, DAY_MS, PLAN).folds) == 6
    with pytest.raises(Refusal, match=rf"6 folds need {needed} days .* there are {needed - 1} after"):
        windows(0, (needed - 1) * DAY_MS, DAY_MS, PLAN)
