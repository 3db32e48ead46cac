"""The farthest of the last bars in deviations: against the plain reading, and for how long a jump is remembered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from self_test.strategy.series import M5, M15, Bars, feed, generate
from state.rows import MOVES, Rows
from strategy.market import new_market, new_params, on_bar
from strategy.moves import SETTLED, largest_move, root_of_share


def push(rows: Rows, params: Rows, bars: Bars, k: int) -> None:
    on_bar(rows, params, 0, int(bars.ts[k]), int(bars.o[k]), int(bars.h[k]), int(bars.l[k]), int(bars.c[k]), float(bars.v[k]))


def plain(bars: Bars) -> list[float]:
    """Bar by bar what the ring's newest entry ought to be."""
    rows, params, found = new_market(1, M5, M15), new_params(), []
    row = rows[0]
    for k in range(len(bars.ts)):
        far = 0.0
        if k and int(row["primary_bars"]) >= SETTLED:
            sigma = max(float(row["vol"]), float(row["vol_median"])) * math.sqrt((bars.ts[k] - bars.ts[k - 1]) / M15)
            far = max(bars.h[k] - bars.c[k - 1], bars.c[k - 1] - bars.l[k]) / bars.c[k - 1] / sigma
        found.append(far)
        push(rows, params, bars, k)
    return found


@pytest.mark.parametrize("gap", [None, (900, 930)])
def test_it_is_the_largest_of_the_last_bars(gap: tuple[int, int] | None) -> None:
    bars = generate(1_500, 4) if gap is None else generate(1_500, 4).without(*gap)
    moves = plain(bars)
    rows, params = new_market(1, M5, M15), new_params()
    for k in range(len(bars.ts)):
        push(rows, params, bars, k)
        assert largest_move(rows, 0) == pytest.approx(max(moves[max(0, k - MOVES + 1) : k + 1]), rel=1e-12)
    assert max(moves) > 2.0, "a comparison of nothing proves nothing"


@pytest.mark.parametrize("up", [True, False])
def test_a_jump_is_seen_by_the_bar_that_made_it_and_forgotten_after_an_hour(up: bool) -> None:
    bars = generate(1_200, 5)
    h, low = bars.h.copy(), bars.l.copy()
    if up:
        h[1_000] = bars.c[999] * 13 // 10
    else:
        low[1_000] = bars.c[999] * 7 // 10
    seen = []
    rows, params = new_market(1, M5, M15), new_params()
    for k in range(len(bars.ts)):
        push(rows, params, bars._replace(h=h, l=low), k)
        seen.append(largest_move(rows, 0) > 12.0)
    assert np.flatnonzero(seen).tolist() == list(range(1_000, 1_000 + MOVES))


def test_nothing_is_measured_before_there_is_a_day_of_bars() -> None:
    bars = generate(3 * SETTLED, 6)
    rows = new_market(1, M5, M15)
    feed(bars, rows)
    assert not rows["moves"].any()


def test_the_root_out_of_the_table_has_the_bits_of_the_computed_one() -> None:
    minute = 60_000
    for confirm_min, primary_min in ((5, 15), (5, 60), (15, 60), (5, 240), (15, 720), (5, 1_440)):
        for bars in (1, 2, 500):
            passed = bars * confirm_min * minute
            found = root_of_share(passed, confirm_min * minute, primary_min * minute, primary_min // confirm_min)
            assert found == math.sqrt(passed / (primary_min * minute))
