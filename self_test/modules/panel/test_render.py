from __future__ import annotations

from decimal import Decimal

import pytest
from jinja2 import UndefinedError

from modules.panel.render import TEMPLATES, Pages, amount, clock, moment, percent, sense, span, templates


@pytest.mark.parametrize(
    "value, text",
    [
        (Decimal("1234.5"), "1,234.50"),
        ("-1234.567", "−1,234.57"),
        (-0.001, "0.00"),
        (0, "0.00"),
        ("1e3", "1,000.00"),
        (Decimal("-0.005"), "0.00"),
    ],
)
def test_amounts(value: Decimal | float | str, text: str) -> None:
    assert amount(value) == text


def test_signs() -> None:
    assert (amount(1.5, sign=True), amount(-1.5, sign=True), amount(0, sign=True)) == ("+1.50", "−1.50", "0.00")
    assert (percent(0.1234), percent(-0.5, 0, sign=True), percent(0.29, 0)) == ("12.34 %", "−50 %", "29 %")
    assert (sense(1), sense("-0.1"), sense(0), sense(None)) == ("up", "down", "", "")


@pytest.mark.parametrize(
    "ms, text",
    [(-5, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (3_600_000, "1 h 00 min"), (86_399_000, "23 h 59 min"), (90_000_000, "1 d 1 h")],
)
def test_spans(ms: int, text: str) -> None:
    assert span(ms) == text


def test_times() -> None:
    assert (moment(1_741_184_700_000), clock(1_741_184_700_000)) == ("2025-03-05 14:25:00", "03-05 14:25")
    assert (moment(0), clock(0)) == ("–", "–")


def test_everything_is_escaped_and_nothing_may_be_missing() -> None:
    assert "&lt;b&gt;" in Pages().draw("parts/outcome", kind="done", text="<b>")
    with pytest.raises(UndefinedError):
        Pages().draw("parts/outcome", kind="done")


def test_no_template_switches_escaping_off() -> None:
    every = templates()
    names = every.list_templates()
    assert len(names) >= 15
    for name in names:
        every.get_template(name)
        assert "|safe" not in (TEMPLATES / name).read_text() and "autoescape" not in (TEMPLATES / name).read_text()


def test_every_template_is_compiled_before_anybody_asks_for_a_page() -> None:
    known = templates()
    assert known.cache is not None and {name for _, name in known.cache.keys()} == set(known.list_templates())  # noqa: SIM118  no mapping
