"""Stop cap: a stop farther away than its strategy allows is refused, never shortened. Source: definitions, "Stops, targets"."""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel


@kernel
def too_wide(rules: Rows, s: int, distance: float) -> bool:
    """Whether `distance` to the stop (fraction of the price) is beyond the cap of strategy `s`."""
    return bool(distance > rules[s]["stop_cap"])


def _figure(facts: Facts) -> str:
    return f"stop {facts.judged:.1%} away, cap {float(facts.book.rules[facts.book.s]['stop_cap']):.1%}"


TOLD = {Rule.STOP_TOO_WIDE: Told("the stop would be farther away than the cap", _figure)}
