from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest

from self_test.strategy.observing import MONTH, Watched, reference
from self_test.strategy.series import M5, M15, MIDNIGHT, Bars, generate
from strategy.base import C1, C4, DEMO, F1, F2, O1
from strategy.features import FEATURES, GAP, INDEX, NOT_FINITE, OBS_SCHEMA_HASH, REASONS, SEEN, SIZE, TOO_SHORT

LONG = generate(3 * MONTH + 900, seed=5)
"""30 days of primary bars and 300 more."""
RATES = [int(x) for x in np.random.default_rng(2).normal(10_000, 3_000, 110)]


def watched(bars: Bars = LONG, rates: list[int] = RATES) -> Watched:
    found = Watched().feed(bars)
    for k, rate in enumerate(rates):
        found.rate(MIDNIGHT + 28_800_000 * k, rate)
    return found


@pytest.fixture(scope="module")
def late() -> Watched:
    return watched()


@pytest.mark.parametrize("s, side", [(0, 1), (1, -1), (2, 1), (3, -1)])
@pytest.mark.parametrize("extra", [0, 1, 2])
def test_every_feature_is_what_its_formula_says(s: int, side: int, extra: int) -> None:
    bars = LONG.cut(0, 3 * MONTH + 600 + extra)  # at a primary close, and one and two confirm bars after it
    seen = watched(bars)
    code, found = seen.see(s, side)
    assert code == SEEN
    want = reference(bars, seen.market[0], RATES, s, side, 0.002, 0.0001)
    for k, feature in enumerate(FEATURES):
        assert found[k] == pytest.approx(want[k], rel=2e-5, abs=2e-5), feature.name


def test_a_stream_and_any_piece_of_it_that_is_long_enough_see_the_same_to_the_last_bit() -> None:
    stream, ends = Watched(), {3 * MONTH + 300: b"", 3 * MONTH + 451: b"", len(LONG.ts): b""}
    for k, bar in enumerate(zip(*(column.tolist() for column in LONG), strict=True), 1):
        stream.bar(*bar)
        if k in ends:
            ends[k] = stream.see()[1].tobytes()
    for end, found in ends.items():
        assert Watched().feed(LONG.cut(0, end)).see()[1].tobytes() == found


def test_what_comes_later_changes_nothing() -> None:
    end = 3 * MONTH + 450
    wild = LONG.each(lambda column: column.copy())
    wild.h[end:] *= 2
    wild.v[end:] *= 7.0
    first, second = watched(LONG.cut(0, end), []), watched(LONG.cut(0, end), [])
    before = first.see()[1]
    for k in range(end, len(wild.ts)):
        ts, o, h, low, c = (int(column[k]) for column in wild[:5])
        first.bar(ts, o, h, low, c, float(wild.v[k]))
    assert (second.see()[1] == before).all()
    assert (first.see()[1] != before).any(), "and what is now the past does"


def test_every_bar_that_counts_changes_the_observation() -> None:
    """The other way round: the newest primary bar is seen."""
    changed = LONG.each(lambda column: column.copy())
    changed.h[-1] += 5_000
    assert (watched(changed).see()[1] != watched().see()[1]).any()


def test_numbers_are_cut_off_and_in_single_precision(late: Watched) -> None:
    found = late.see(cost=10.0, spread=1.0)[1]
    assert found.dtype == np.float32 and len(found) == SIZE == 34
    assert found[INDEX["cost"]] == found[INDEX["spread"]] == 5.0
    assert all(abs(x) <= feature.clip for x, feature in zip(found, FEATURES, strict=True))


def test_forex_strategies_are_told_apart_in_the_places_of_trend_and_fade(late: Watched) -> None:
    names = ["is_c1", "is_c2", "is_c3", "is_c4"]
    seen = {s: late.see(s=s)[1] for s in (C1, C4, DEMO, F1, F2)}
    told = {s: [float(found[INDEX[name]]) for name in names] for s, found in seen.items()}
    assert told[F1] == told[C1] == [1, 0, 0, 0] and told[F2] == told[C4] == [0, 0, 0, 1] and told[DEMO] == [0] * 4
    assert seen[F2][INDEX["strength"]] == seen[C4][INDEX["strength"]] and seen[DEMO][INDEX["strength"]] == 0


def test_an_options_cost_and_spread_are_fractions_of_its_premium(late: Watched) -> None:
    found = late.see(s=O1, cost=0.03, spread=0.02)[1]
    assert found[INDEX["cost"]] == np.float32(0.03 / 0.5) and found[INDEX["spread"]] == np.float32(2.0)
    assert [float(found[INDEX[f"is_c{n}"]]) for n in (1, 2, 3, 4)] == [1, 0, 0, 0], "it is a trend, as F1"


def test_a_short_history_is_no_observation() -> None:
    assert watched(LONG.cut(0, 3 * MONTH - 1)).see()[0] == TOO_SHORT
    assert watched(LONG.cut(0, 3 * MONTH)).see()[0] == SEEN
    assert REASONS[TOO_SHORT] == "short_history"


@pytest.mark.parametrize("back, code", [(5, GAP), (3 * 50, GAP), (3 * 98, SEEN)])
def test_a_hole_among_the_last_bars_is_no_observation(back: int, code: int) -> None:
    n = len(LONG.ts)
    assert watched(LONG.without(n - back - 3, n - back)).see()[0] == code


def test_a_ring_that_lags_behind_its_row_is_no_observation(late: Watched) -> None:
    assert late.see(ts=int(LONG.ts[-1]) + M5 + M15)[0] == GAP
    assert late.see(ts=int(LONG.ts[-1]) - M15)[0] == GAP


def test_a_number_that_is_none_is_no_observation() -> None:
    seen = watched()
    seen.market[0]["adx"] = np.nan
    assert seen.see()[0] == NOT_FINITE


def test_a_market_that_does_not_move_is_seen_as_such() -> None:
    n = len(LONG.ts)
    flat = np.full(n, 50_000, np.int64)
    code, found = watched(Bars(LONG.ts, flat, flat, flat, flat, np.zeros(n)), [10_000] * 90).see()
    assert code == SEEN and np.isfinite(found).all()
    assert found[INDEX["ret_1"]] == found[INDEX["volatility"]] == found[INDEX["volume"]] == found[INDEX["funding"]] == 0


def test_a_bar_that_is_refused_leaves_no_trace(late: Watched) -> None:
    before = late.observed.tobytes()
    late.bar(int(LONG.ts[-1]), 1, 2, 1, 1, 9.0)
    assert late.observed.tobytes() == before


def test_a_rate_counts_once_and_the_last_ninety_do() -> None:
    seen = watched(rates=RATES)
    found = seen.see()[1][INDEX["funding"]]
    seen.rate(MIDNIGHT, 10**7)
    assert seen.see()[1][INDEX["funding"]] == found
    other = watched(rates=[10**7] * 20 + RATES[20:])
    assert other.see()[1][INDEX["funding"]] == found


def test_the_schema_is_the_names_formulas_and_limits() -> None:
    told = [(one.name, one.formula, one.clip) for one in FEATURES]
    assert hashlib.sha256(msgspec.json.encode(told)).hexdigest() == OBS_SCHEMA_HASH
    assert len(set(INDEX)) == SIZE
