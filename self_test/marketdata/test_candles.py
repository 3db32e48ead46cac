from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.candles import Gap, ceil_start, closed_within, find_gaps, floor_start, merge_candles, page_windows
from state.market import Candle

TF = 300_000


def candle(index: int, close: int = 10) -> Candle:
    return Candle("K", index * TF, 10, 10, 10, close, 1.0)


def test_starts_are_multiples_of_the_timeframe():
    assert (floor_start(TF + 1, TF), ceil_start(TF + 1, TF)) == (TF, 2 * TF)
    assert (floor_start(TF, TF), ceil_start(TF, TF)) == (TF, TF)


@given(st.integers(0, 50 * TF), st.integers(-TF, 50 * TF), st.integers(1, 30))
def test_windows_hold_every_start_once_and_never_more_than_the_limit(start: int, length: int, limit: int):
    windows = list(page_windows(start, start + length, TF, limit))
    starts = [ts for first, last in windows for ts in range(first, last + 1, TF)]
    assert starts == list(range(ceil_start(start, TF), start + length, TF))
    assert all((last - first) // TF + 1 <= limit for first, last in windows)


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="limit 0"):
        list(page_windows(0, TF, TF, 0))


@given(
    st.sets(st.integers(0, 60)), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=10), st.randoms(use_true_random=False)
)
def test_any_overlap_and_order_of_answers_gives_the_same_series(have: set[int], cuts: list[tuple[int, int]], rng: random.Random):
    whole = [candle(index) for index in sorted(have)]
    batches = [whole, *([c for c in whole if first * TF <= c.ts <= (first + length) * TF] for first, length in cuts)]
    for batch in batches:
        rng.shuffle(batch)
    rng.shuffle(batches)
    assert merge_candles(batches) == [candle(index) for index in sorted(have)]


def test_of_two_candles_of_one_start_the_later_told_stays():
    assert merge_candles([[candle(1, 10)], [candle(1, 11)]]) == [candle(1, 11)]


@given(st.integers(0, 100 * TF))
def test_a_running_candle_is_never_among_the_closed(now: int):
    closed = closed_within([candle(index) for index in range(100, -1, -1)], TF, 0, now)
    assert [c.ts for c in reversed(closed)] == list(range(0, floor_start(now, TF), TF))


@given(st.sets(st.integers(0, 59)), st.integers(0, 60), st.integers(0, 60))
def test_gaps_are_exactly_what_is_missing(have: set[int], first: int, length: int):
    start, end = first * TF, (first + length) * TF
    series = [candle(index) for index in sorted(have) if first <= index < first + length]
    holes = find_gaps(series, TF, start, end)
    missing = [ts for gap in holes for ts in range(gap.first, gap.last + 1, TF)]
    assert missing == [index * TF for index in range(first, first + length) if index not in have]
    assert sum(gap.count(TF) for gap in holes) == len(missing)
    assert all(b.first - a.last > TF for a, b in pairwise(holes))  # neighbours are told as one


def test_a_running_candle_is_no_gap():
    assert find_gaps([candle(0)], TF, 0, 2 * TF - 1) == []
    assert find_gaps([candle(0)], TF, 0, 2 * TF) == [Gap(TF, TF)]
