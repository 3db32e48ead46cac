"""Cost gate: a trade whose round trip costs too much of what its stop risks is not worth entering.

What a round trip costs is in `risk/costs.py`. Source: definitions, "Guardrails".
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel


@kernel
def too_costly(rules: Rows, s: int, distance: float, cost: float) -> bool:
    """Whether `cost` (round trip) is more of `distance` (to the stop) than strategy `s` bears; both are fractions of the price.

    A stop at no distance bears no cost at all; a `free` strategy (the demo) is asked for nothing else.
    """
    if distance <= 0.0:
        return True
    return bool(rules[s]["free"] == 0 and cost / distance > rules[s]["cost_limit"])


def _figure(facts: Facts) -> str:
    return f"cost {facts.judged:.2f} R, limit {float(facts.book.rules[facts.book.s]['cost_limit']):.2f} R"


TOLD = {Rule.COST_TOO_HIGH: Told("fees, spread and slippage are too large against the stop distance", _figure)}
