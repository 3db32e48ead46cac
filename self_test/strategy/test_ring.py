"""What the ring keeps; that observations from it are right is shown in `test_features.py`."""

from __future__ import annotations

import numpy as np

from self_test.strategy.observing import Watched
from self_test.strategy.series import M5, M15, MIDNIGHT, generate, rolled
from state.observed import BARS, RATES
from strategy.ring import TOLD, watch_bar, watch_bars, watch_primary_bar

BARS_5M = generate(3 * (BARS + 40) + 2, seed=4)


def test_the_ring_holds_the_newest_primary_bars_as_they_were() -> None:
    seen = Watched().feed(BARS_5M).observed[0]
    want = rolled(BARS_5M, 3)
    assert seen["n"] == BARS + 40
    order = (np.arange(BARS) + 40) % BARS
    for name, column in (("high", want.h), ("low", want.l), ("close", want.c), ("number", want.ts // M15)):
        assert (seen[name][order] == column[-BARS:]).all(), name
    assert (seen["volume"][order] == want.v[-BARS:].astype(np.float32)).all()


def test_a_primary_bar_with_a_missing_part_is_not_kept() -> None:
    bars = BARS_5M.cut(0, 30)
    assert Watched().feed(bars.without(10, 11)).observed[0]["n"] == Watched().feed(bars).observed[0]["n"] - 1


def test_the_volume_of_a_bar_that_began_before_a_gap_is_not_added_to_the_next() -> None:
    bars = BARS_5M.cut(0, 12)
    whole, torn = Watched().feed(bars).observed[0], Watched().feed(bars.without(5, 6)).observed[0]
    assert torn["volume"][1] == whole["volume"][2]


def test_native_primary_bars_come_without_a_volume_and_late_ones_not_at_all() -> None:
    seen = Watched()
    assert watch_primary_bar(seen.market, seen.observed, seen.params, 0, MIDNIGHT, 100, 110, 90, 105)
    assert not watch_primary_bar(seen.market, seen.observed, seen.params, 0, MIDNIGHT, 100, 110, 90, 105)
    assert (seen.observed[0]["n"], seen.observed[0]["volume"][0], seen.observed[0]["close"][0]) == (1, -1.0, 105)
    seen.bar(MIDNIGHT + M15, 100, 110, 90, 100, 7.0)
    assert not watch_primary_bar(seen.market, seen.observed, seen.params, 0, MIDNIGHT + 2 * M15, 100, 110, 90, 105)


def test_the_ring_of_rates_forgets_the_oldest() -> None:
    seen = Watched()
    for k in range(RATES + 5):
        seen.rate(MIDNIGHT + k * M5, k)
    seen.rate(MIDNIGHT, 999)
    assert seen.observed[0]["rates_n"] == RATES + 5
    assert sorted(seen.observed[0]["rates"]) == list(range(5, RATES + 5))


def test_bars_that_come_together_leave_what_they_leave_one_after_the_other() -> None:
    bars = BARS_5M.cut(0, 2_000)
    one, many = Watched(), Watched()
    last, k = 0, 0
    for width in (1, 5, 700, 1, 0, 1_293):
        part = range(k, k + width)
        numbers = np.array([(0, bars.ts[n], bars.o[n], bars.h[n], bars.l[n], bars.c[n]) for n in part], np.int64).ravel()
        watch_bars(many.market, many.observed, many.params, numbers, bars.v[k : k + width].astype(np.float64))
        for n, code, before in zip(part, numbers[::TOLD], numbers[1::TOLD], strict=True):
            bar = (int(bars.ts[n]), int(bars.o[n]), int(bars.h[n]), int(bars.l[n]), int(bars.c[n]), float(bars.v[n]))
            assert code == watch_bar(one.market, one.observed, one.params, 0, *bar)
            assert before == last
            last = bars.ts[n]
        assert many.market.tobytes() == one.market.tobytes()
        assert many.observed.tobytes() == one.observed.tobytes()
        k += width
    assert k == 2_000
