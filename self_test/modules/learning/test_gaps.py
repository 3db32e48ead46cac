"""The stream of fills against labels: oldest first, each moment once, nothing told that an older trade could still come before."""

from __future__ import annotations

import numpy as np
import pytest

from modules.learning.experience import Experience, Result, join
from modules.learning.gaps import SETTLE_MS, SLACK_MS, gaps_of
from modules.learning.labels import Why
from self_test.modules.learning.test_experience import HOLD, labelled, row

HOUR = 3_600_000
NOW = 100 * HOUR


def lived(*exits: int | None, r: float = 0.8) -> Experience:
    """One candidate an hour whose tight profile ended at these moments with `r`; its label says 1."""
    groups = [[row(n * HOUR)] for n in range(len(exits))]
    results = {f"o{n * HOUR}": Result(r + n / 10, 0, ts, natural=True) for n, ts in enumerate(exits) if ts is not None}
    return join(groups, labelled(len(exits)), results, HOLD)


def test_it_is_told_by_exit_and_what_was_told_is_not_told_again() -> None:
    found = lived(9 * HOUR, 5 * HOUR, None, 7 * HOUR)
    told, left = gaps_of(found, 0, NOW)
    assert [ts // HOUR for ts, _ in told] == [5, 7, 9] and not left
    assert [value for _, value in told] == pytest.approx([-0.1, 0.1, -0.2])
    assert [ts // HOUR for ts, _ in gaps_of(found, 5 * HOUR, NOW)[0]] == [7, 9]
    assert gaps_of(found, 9 * HOUR, NOW) == ([], False)


def test_exits_of_one_moment_are_one_value() -> None:
    ((ts, value),), left = gaps_of(lived(5 * HOUR, 5 * HOUR), 0, NOW)
    assert ts == 5 * HOUR and value == pytest.approx(-0.15) and not left


def test_an_open_label_holds_later_exits_back_until_it_can_no_longer_come() -> None:
    found = lived(5 * HOUR, 7 * HOUR, 9 * HOUR)
    found.labels.why[1], found.labels.r[1] = Why.STILL_OPEN, np.nan
    told, left = gaps_of(found, 0, 12 * HOUR)
    assert [ts // HOUR for ts, _ in told] == [5] and left
    assert gaps_of(found, 5 * HOUR, 12 * HOUR) == ([], True)
    told, left = gaps_of(found, 5 * HOUR, HOUR + int(HOLD[0]) + SLACK_MS)
    assert [ts // HOUR for ts, _ in told] == [9] and not left


def test_what_has_no_label_for_good_is_left_out_and_waited_for_by_nobody() -> None:
    found = lived(5 * HOUR, 7 * HOUR)
    found.labels.why[1], found.labels.r[1] = Why.GAP, np.nan
    told, left = gaps_of(found, 0, 12 * HOUR)
    assert [ts // HOUR for ts, _ in told] == [5] and not left


def test_what_has_just_closed_waits_a_little() -> None:
    found = lived(5 * HOUR)
    assert gaps_of(found, 0, 5 * HOUR + SETTLE_MS) == ([], True)
    assert len(gaps_of(found, 0, 5 * HOUR + SETTLE_MS + 1)[0]) == 1
