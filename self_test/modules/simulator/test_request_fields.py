"""Strings and numbers alike, strays ignored, everything else 10001."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.simulator.envelope import ApiError
from modules.simulator.request_fields import Fields, decimal

D = Decimal


def code(call: Any) -> int:
    with pytest.raises(ApiError) as no:
        call()
    return no.value.code


NO_NUMBERS: list[Any] = ["", "x", "NaN", "Infinity", "1_0", " 1", "٣", True, None, [], {}, 1.5, "1e99", "1e-30", "9" * 30]


@pytest.mark.parametrize("sent", NO_NUMBERS)
def test_no_numbers(sent: Any) -> None:
    assert decimal(sent) is None


@pytest.mark.parametrize(
    ("sent", "read"), [("1.50", D("1.50")), (7, D(7)), (D("0.1"), D("0.1")), ("1e-7", D("1e-7")), ("-3", D(-3)), ("5.", D(5))]
)
def test_numbers(sent: Any, read: Decimal) -> None:
    assert decimal(sent) == read


@given(st.text(max_size=30) | st.integers() | st.booleans() | st.none() | st.decimals() | st.lists(st.text(max_size=2), max_size=2))
def test_nothing_but_an_api_error_ever_leaves(value: Any) -> None:
    fields = Fields({"x": value, "limit": value, "category": value})
    calls = (
        lambda: fields.text("x"), lambda: fields.number("x"), lambda: fields.integer("x", (0, 1)), lambda: fields.flag("x"),
        lambda: fields.time("x"), lambda: fields.limit(1, 5), fields.category, lambda: fields.words("x"),
        lambda: fields.choice("x", ("a",)),
    )  # fmt: skip
    for call in calls:
        with contextlib.suppress(ApiError):
            call()


def test_missing_is_null_is_empty() -> None:
    for raw in ({}, {"x": None}, {"x": ""}):
        fields = Fields(raw)
        assert fields.text("x") == "" and fields.number("x") is None and fields.integer("x", (1,)) is None
        assert fields.flag("x") is False and fields.time("x") is None and fields.words("x") == [] and not fields.has("x")
        assert fields.choice("x", ("a", "b"), "b") == "b"
        assert code(lambda fields=fields: fields.needed("x")) == code(lambda fields=fields: fields.needed_number("x")) == 10001
        assert code(lambda fields=fields: fields.choice("x", ("a",))) == 10001


def test_values() -> None:
    fields = Fields(
        {
            "n": "-1",
            "t": "1700000000000",
            "long": "1" * 14,
            "b": "True",
            "c": "a,,b",
            "i": 2,
            "w": "x" * 501,
            "limit": "9999",
            "q": 0,
            "e": D("2.0"),
        }
    )
    assert code(lambda: fields.number("n")) == 10001
    assert fields.time("t") == 1_700_000_000_000 and code(lambda: fields.time("long")) == 10001
    assert fields.flag("b") is True and fields.words("c") == ["a", "b"]
    assert fields.integer("i", (1, 2)) == 2 and code(lambda: fields.integer("i", (1,))) == 10001
    assert fields.integer("e", (1, 2)) == 2
    assert code(lambda: fields.text("w")) == 10001 and code(lambda: fields.text("i")) == 10001
    assert fields.limit(20, 50) == 50 and Fields({}).limit(20, 50) == 20
    assert fields.number("q") == 0
    for bad in ("0", "-1", "1.5", "x"):
        assert code(lambda bad=bad: Fields({"limit": bad}).limit(20, 50)) == 10001


def test_category() -> None:
    assert Fields({"category": "inverse"}).category() == "inverse" and Fields({}).category("linear") == "linear"
    assert code(lambda: Fields({}).category()) == code(lambda: Fields({"category": "Spot"}).category()) == 10001
