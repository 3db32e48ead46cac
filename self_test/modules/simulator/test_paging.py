"""Pages reach every row once, whatever comes and goes between them, and they end."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.simulator.envelope import ApiError
from modules.simulator.paging import page, stamp


def key(row: int) -> str:
    return stamp(1_700_000_000_000 + row, "id")


@given(st.integers(0, 40), st.integers(1, 7), st.booleans())
def test_all_rows_once(count: int, limit: int, newest_first: bool) -> None:
    rows = sorted(range(count), reverse=newest_first)
    seen, cursor, calls = [], "", 0
    while calls == 0 or cursor:
        found, cursor = page(rows, key, limit, cursor, newest_first=newest_first)
        seen += found
        calls += 1
        assert calls <= count + 1 and (len(found) == limit or not cursor)
    assert seen == rows


def test_rows_that_come_and_go() -> None:
    first, cursor = page([9, 8, 7, 6, 5], key, 2, "")
    assert first == [9, 8]
    assert page([11, 10, 9, 7, 6], key, 2, cursor)[0] == [7, 6], "8 has gone, 10 and 11 are new"


def test_a_cursor_is_opaque_text_that_may_come_back_encoded() -> None:
    _, cursor = page([3, 2, 1], key, 1, "")
    assert "%3A" in cursor and "%2C" in cursor and ":" not in cursor
    assert page([3, 2, 1], key, 1, cursor) == page([3, 2, 1], key, 1, quote(cursor, safe=""))


@pytest.mark.parametrize("cursor", ["nonsense", "a,", ",b", "%"])
def test_a_made_up_cursor(cursor: str) -> None:
    with pytest.raises(ApiError) as no:
        page([1], key, 1, cursor)
    assert no.value.code == 10001
