"""What is read of files and answers: strictly, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.data.sentiment_formats import from_csv, from_json, newest
from strategy.sentiment import Reading

NOW = 1_735_700_000_000


@pytest.mark.parametrize(
    "text, found",
    [
        (b'{"value": -0.4, "ts": 1735689600000}', [Reading(-0.4, 1_735_689_600_000)]),
        (b'{"value": 1}', [Reading(1.0, NOW)]),
        (
            b'{"name": "F&G", "data": [{"value": "31", "timestamp": "1735689600"}, {"value": "100", "timestamp": "1735603200"}]}',
            [Reading(-0.38, 1_735_689_600_000), Reading(1.0, 1_735_603_200_000)],
        ),
        (b'{"data": []}', []),
    ],
)
def test_both_forms_of_json(text: bytes, found: list[Reading]) -> None:
    assert from_json(text, NOW) == found


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b"{}",
        b'{"value": "fear"}',
        b'{"value": 1.2}',
        b'{"value": NaN}',
        b'{"value": 0.1, "ts": -5}',
        b'{"value": 0.1, "ts": "x"}',
        b'{"data": 3}',
        b'{"data": [{"value": "101", "timestamp": "1"}]}',
        b'{"data": [{"value": "nan", "timestamp": "1"}]}',
        b'{"data": [{"value": 5}]}',
        b'{"value": 0.1, "ts": 99999999999999999999999}',
    ],
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        from_json(text, NOW)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_do_more_than_be_refused(text: bytes) -> None:
    try:
        readings = from_json(text, NOW)
    except ValueError:
        return
    assert all(-1.0 <= one.value <= 1.0 for one in readings)


def test_csv_with_times_or_days() -> None:
    assert from_csv("ts,value\n1735689600000,50\n") == [Reading(0.0, 1_735_689_600_000)]
    assert from_csv("value,date,label\n0,2025-01-01,Extreme Fear\n") == [Reading(-1.0, 1_735_689_600_000)]
    assert from_csv("ts,value\n") == []


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "header"),
        ("a,b\n1,2\n", "header a, b"),
        ("ts,value\n1,2\nx,3\n", "line 3"),
        ("ts,value\n1,200\n", "line 2"),
        ("date,value\n2025-13-01,5\n", "line 2"),
        ("ts,value\n5\n", "line 2"),
    ],
)
def test_a_bad_csv_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_csv(text)


def test_what_a_file_says_of_later_days_was_not_known() -> None:
    readings = [Reading(0.5, NOW + 1), Reading(0.1, NOW - 5), Reading(-0.2, NOW)]
    assert newest(readings, NOW) == Reading(-0.2, NOW) and newest(readings[:1], NOW) is None
