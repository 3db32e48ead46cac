"""Roll-up, joining and the small arithmetic of Bars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataio.bars import join, make_bars, newest_wins, no_bars, parse_timeframe, roll_up, timeframe_name, utc_text
from self_test.dataio.samples import DAY, H1, M5, M15, MONDAY, walk


def test_roll_up_is_open_extremes_close_and_sum() -> None:
    fine = make_bars(M5, [MONDAY, MONDAY + M5, MONDAY + 2 * M5], [10, 11, 12], [11.5, 14, 12.5], [9.5, 10.5, 8], [11, 12, 9], [1, 2, 4])
    one = roll_up(fine, M15)
    row = (one.ts[0], one.open[0], one.high[0], one.low[0], one.close[0], one.volume[0])
    assert (len(one), row) == (1, (MONDAY, 10, 14, 8, 9, 7))


def test_roll_up_leaves_out_buckets_with_a_missing_part() -> None:
    fine = walk(MONDAY + M5, 8)  # 00:05 to 00:40: only 00:15 to 00:30 is whole, 00:30 lacks its last part
    assert roll_up(fine, M15).ts.tolist() == [MONDAY + M15, MONDAY + 2 * M15]
    holed = fine.take(np.arange(8) != 3)
    assert roll_up(holed, M15).ts.tolist() == [MONDAY + 2 * M15]
    assert len(roll_up(no_bars(M5), M15)) == 0


@given(st.sets(st.integers(0, 60), max_size=60))
def test_roll_up_matches_a_plain_loop(present: set[int]) -> None:
    fine = walk(MONDAY, 61).take(np.array(sorted(present), np.int64))
    want = []
    for first in range(0, 61, 3):
        if {first, first + 1, first + 2} <= present:
            rows = [int(np.searchsorted(fine.ts, MONDAY + (first + part) * M5)) for part in range(3)]
            want.append(
                (
                    MONDAY + first * M5,
                    fine.open[rows[0]],
                    max(fine.high[rows]),
                    min(fine.low[rows]),
                    fine.close[rows[2]],
                    fine.volume[rows[0]] + fine.volume[rows[1]] + fine.volume[rows[2]],
                )
            )
    got = roll_up(fine, M15)
    assert list(zip(got.ts, got.open, got.high, got.low, got.close, got.volume, strict=True)) == want


def test_roll_up_refuses_a_timeframe_that_is_not_a_multiple() -> None:
    with pytest.raises(ValueError, match=r"15m is not a multiple of 1h"):
        roll_up(walk(MONDAY, 3, H1), M15)


def test_between_takes_opens_from_start_up_to_end() -> None:
    bars = walk(MONDAY, 10)
    assert bars.between(MONDAY + M5, MONDAY + 3 * M5).ts.tolist() == [MONDAY + M5, MONDAY + 2 * M5]
    assert len(bars.between(None, None)) == 10
    assert len(bars.between(MONDAY + 5 * M5, MONDAY)) == 0
    assert bars.end_ms == MONDAY + 10 * M5
    with pytest.raises(ValueError, match=r"no bars"):
        _ = no_bars(M5).end_ms


def test_newest_wins_sorts_and_keeps_the_last_given() -> None:
    old, new = walk(MONDAY, 4, seed=1), walk(MONDAY + 2 * M5, 4, seed=2)
    merged = newest_wins(join([old, new]))
    assert merged.ts.tolist() == [MONDAY + i * M5 for i in range(6)]
    assert merged.close.tolist() == [*old.close[:2].tolist(), *new.close.tolist()]
    assert newest_wins(join([new, old])).close.tolist() == [*old.close.tolist(), *new.close[2:].tolist()]


def test_same_sees_one_bit() -> None:
    bars, other = walk(MONDAY, 5), walk(MONDAY, 5)
    assert bars.same(other)
    other.low[2] = np.nextafter(other.low[2], 0)
    assert not bars.same(other)
    assert not bars.same(walk(MONDAY, 4))


def test_unequal_columns_and_mixed_timeframes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unequal length"):
        make_bars(M5, [1, 2], [1], [1], [1], [1], [1])
    with pytest.raises(ValueError, match=r"one common timeframe"):
        join([no_bars(M5), no_bars(M15)])


@pytest.mark.parametrize("text, value", [("1m", 60_000), ("5m", M5), ("4h", 4 * H1), ("1d", DAY)])
def test_timeframe_names_go_both_ways(text: str, value: int) -> None:
    assert (parse_timeframe(text), timeframe_name(value)) == (value, text)


@pytest.mark.parametrize("text", ["", "5", "m5", "05m", "5s", "5 m", "-5m"])
def test_what_is_no_timeframe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"timeframe"):
        parse_timeframe(text)


def test_timeframe_name_refuses_seconds() -> None:
    with pytest.raises(ValueError, match=r"whole number of minutes"):
        timeframe_name(1_000)


def test_utc_text_survives_nonsense() -> None:
    assert utc_text(MONDAY) == "2025-03-10 00:00"
    assert utc_text(10**18) == str(10**18)
