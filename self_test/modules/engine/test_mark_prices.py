from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.engine.mark_prices import on_grid, side_by_side
from modules.exchange.paper_bars import MarkBars
from self_test.fakes.books import M5, M15

TS = np.arange(0, 6 * M5, M5, dtype=np.int64)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


LAST = (
    ints(1_000, 1_010, 0, 1_020, 1_030, 1_000),
    ints(1_015, 1_090, 0, 1_040, 1_035, 1_010),
    ints(995, 1_005, 0, 1_015, 990, 995),
    ints(1_010, 1_012, 0, 1_030, 1_000, 1_005),
)
COARSE = MarkBars(ints(0, M15), ints(990, 1_040), ints(1_030, 1_050), ints(985, 1_005), ints(1_002, 1_020))


def test_a_coarse_mark_gives_its_open_its_close_and_its_range_and_follows_the_last_price_between() -> None:
    mark = on_grid(TS, LAST, M5, COARSE, M15)
    assert mark.open.tolist() == [990, 1_000, 0, 1_040, 1_050, 1_020]  # 1,000: 1,010 x 990 / 1,000; 1,050: the range ends
    assert mark.high.tolist() == [1_005, 1_030, 0, 1_050, 1_050, 1_030]  # the wick to 1,090 was the last price's alone
    assert mark.low.tolist() == [985, 995, 0, 1_035, 1_009, 1_015]
    assert mark.close.tolist() == [1_000, 1_002, 0, 1_050, 1_020, 1_020]


def test_where_there_is_no_mark_it_is_the_last_price() -> None:
    mark = on_grid(TS, LAST, M5, MarkBars(*(column[:1] for column in (COARSE.ts, COARSE.open, COARSE.high, COARSE.low, COARSE.close))), M15)
    assert [int(column[4]) for column in (mark.open, mark.high, mark.low, mark.close)] == [1_030, 1_035, 990, 1_000]
    bare = on_grid(TS, LAST, M5, MarkBars(*(ints() for _ in range(5))), M15)
    assert all((a == b).all() for a, b in zip((bare.open, bare.high, bare.low, bare.close), LAST, strict=True))


def test_a_mark_as_fine_as_the_grid_is_taken_as_it_is() -> None:
    fine = MarkBars(TS, *(np.where(column > 0, column + 3, 1) for column in LAST))
    mark = on_grid(TS, LAST, M5, fine, M5)
    there = LAST[0] > 0
    for got, given_ in zip((mark.open, mark.close), (fine.open, fine.close), strict=True):
        assert (got[there] == given_[there]).all() and not got[~there].any()


def test_bars_that_do_not_nest_are_refused() -> None:
    with pytest.raises(ValueError, match="whole bars"):
        on_grid(TS, LAST, M5, COARSE, M15 - 1)


PRICE = st.integers(500, 2_000)


@given(st.lists(st.tuples(PRICE, PRICE, PRICE, PRICE), min_size=6, max_size=6), st.lists(PRICE, min_size=4, max_size=4))
def test_a_mark_bar_holds_its_open_and_close_and_lies_within_the_coarse_one(bars: list[tuple[int, ...]], hour: list[int]) -> None:
    last = tuple(ints(*column) for column in ([b[0] for b in bars], [max(b) for b in bars], [min(b) for b in bars], [b[3] for b in bars]))
    coarse = MarkBars(ints(0), ints(hour[0]), ints(max(hour)), ints(min(hour)), ints(hour[3]))
    mark = on_grid(TS, last, M5, coarse, M15)  # type: ignore[arg-type]
    assert (mark.low <= np.minimum(mark.open, mark.close)).all() and (mark.high >= np.maximum(mark.open, mark.close)).all()
    assert (mark.low[:3] >= min(hour)).all() and (mark.high[:3] <= max(hour)).all()
    assert (mark.open[0], mark.close[2]) == (hour[0], hour[3])


def test_instruments_without_marks_stand_beside_those_with() -> None:
    mark = on_grid(TS, LAST, M5, COARSE, M15)
    last = np.stack([LAST[0], LAST[0]])
    found = side_by_side(["a", "b"], {"b": mark}, "open", last)
    assert (found[0] == LAST[0]).all() and (found[1] == mark.open).all()
    assert side_by_side(["a", "b"], {}, "open", last) is last
