"""Price jump: after a bar that went farther than any market goes, nothing is entered there until it has left the last hour of bars.

A wrong print and a broken quote look like this, and so does a crash; in neither can the price of the moment be traded on. It is judged
instrument by instrument, says nothing of drift, and never touches an exit. Source: learning, "Drift", data quality.
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from utils.kernel import kernel


@kernel
def jumped(largest: float, limit: float) -> bool:
    """Whether the `largest` move of the last bars (standard deviations) is beyond `limit`; a limit of 0 is none."""
    return bool(0.0 < limit < largest)


def _figure(facts: Facts) -> str:
    return f"{facts.health.largest_move:.1f} standard deviations, limit {facts.health.max_move:g}"


TOLD = {Rule.PRICE_JUMP: Told("one of the last bars jumped", _figure)}
