"""Times and numbers of the wire."""

from __future__ import annotations

import pytest

from modules.simulator.oanda_types import Malformed, Rejected, money, parse_decimal, parse_time, stamp
from self_test.modules.simulator.oanda_toy import NOW, D


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-04T08:00:00.000000000Z",
        "2025-03-04T08:00:00Z",
        "2025-03-04T09:00:00+01:00",
        "2025-03-04T09:00:00.000+01:00",
        "1741075200.000000000",
        "1741075200",
    ],
)
def test_a_time_in_every_form(text: str) -> None:
    assert parse_time(text) == NOW
    assert stamp(NOW) == "2025-03-04T08:00:00.000000000Z"
    assert stamp(NOW + 123) == "2025-03-04T08:00:00.123000000Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-04T08:00:00Z", "NaN"])
def test_no_time(text: str) -> None:
    with pytest.raises(Malformed):
        parse_time(text)


def test_numbers() -> None:
    assert parse_decimal("1.50", "BAD") == D("1.5") and money(D("0.00005")) == D("0.0001")
    for bad in ("x", "Infinity", True, None):
        with pytest.raises(Rejected, match="BAD"):
            parse_decimal(bad, "BAD")
