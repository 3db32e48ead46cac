"""Templates to pages: everything that is written into one is escaped, a name that is missing is an error, numbers look alike everywhere."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"
MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


def amount(value: Decimal | float | str, digits: int = 2, *, sign: bool = False) -> str:
    """`1,234.50`; with `sign` a plus before what is above zero. A minus as long as a plus, and none before a zero."""
    # with a rounding of its own: a venue's client sets another for the whole thread
    text = f"{abs(Decimal(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN):,f}"
    nothing = not any(one in text for one in "123456789")
    if nothing:
        return text
    return (MINUS if Decimal(value) < 0 else "+" if sign else "") + text


def percent(fraction: float, digits: int = 2, *, sign: bool = False) -> str:
    """`12.34 %`."""
    return f"{amount(round(fraction * 100, digits + 2), digits, sign=sign)} %"


def sense(value: Decimal | float | str | None) -> str:
    """The class of a result: up, down, or nothing for what is neither."""
    if value is None or Decimal(value) == 0:
        return ""
    return "up" if Decimal(value) > 0 else "down"


def moment(ts: int) -> str:
    """`2026-11-22 21:45:03`, UTC; a dash for no time."""
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if ts else DASH


def clock(ts: int) -> str:
    """`11-22 21:45`, UTC."""
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%m-%d %H:%M") if ts else DASH


def span(ms: int) -> str:
    """`3 d 4 h`, `4 h 05 min`, `12 min`, `40 s`: a duration as people say it."""
    seconds = max(0, ms) // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60:02} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def base64_text(data: bytes) -> str:
    """Bytes as text, for a picture inside a page."""
    return base64.b64encode(data).decode()


@cache
def templates() -> Environment:
    """Every template of the panel, compiled: the first page must not hold up what trades for a tenth of a second."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= {
        "amount": amount,
        "percent": percent,
        "sense": sense,
        "moment": moment,
        "clock": clock,
        "span": span,
        "base64": base64_text,
    }
    for name in found.list_templates():
        found.get_template(name)
    return found


class Pages:
    """Templates by name."""

    def __init__(self) -> None:
        self._all = templates()

    def draw(self, name: str, **values: Any) -> str:
        """Template `name` (without ending) with `values`."""
        return self._all.get_template(f"{name}.html").render(values)
