"""Time windows of the lists, and how a refusal leaves a handler."""

from __future__ import annotations

import pytest

from modules.simulator.envelope import ApiError
from modules.simulator.order_types import Accepted, Refused
from modules.simulator.private_calls import DAY_MS, WEEK_MS, accepted, done, listed_category, window
from modules.simulator.request_fields import Fields

NOW = 1_741_075_200_000


@pytest.mark.parametrize(
    ("sent", "span", "meant"),
    [
        ({}, WEEK_MS, (NOW - WEEK_MS, NOW)),
        ({}, DAY_MS, (NOW - DAY_MS, NOW)),
        ({"startTime": 5}, WEEK_MS, (5, 5 + WEEK_MS)),
        ({"endTime": str(NOW - 5)}, WEEK_MS, (NOW - 5 - WEEK_MS, NOW - 5)),
        ({"startTime": "5", "endTime": str(5 + WEEK_MS)}, DAY_MS, (5, 5 + WEEK_MS)),
        ({"startTime": "5", "endTime": "5"}, WEEK_MS, (5, 5)),
    ],
)
def test_windows(sent: dict[str, object], span: int, meant: tuple[int, int]) -> None:
    assert window(Fields(sent), NOW, span) == meant


@pytest.mark.parametrize("sent", [{"startTime": 5, "endTime": 6 + WEEK_MS}, {"startTime": 6, "endTime": 5}, {"endTime": "x"}])
def test_impossible_windows(sent: dict[str, object]) -> None:
    with pytest.raises(ApiError) as no:
        window(Fields(sent), NOW)
    assert no.value.code == 10001


def test_refusals_become_errors() -> None:
    taken = Accepted("1", "")
    assert accepted(taken) is taken and done(None).result == {}
    for call in (lambda: accepted(Refused(5, "no")), lambda: done(Refused(5, "no"))):
        with pytest.raises(ApiError) as no:
            call()
        assert (no.value.code, no.value.message) == (5, "no")
    assert [listed_category(one) for one in ("spot", "linear", "inverse", "option")] == ["spot", "linear", None, None]
