"""Conversion: an instrument whose quote currency cannot be valued in the account's is not entered; exits are booked all the same.

Every cap counts in the account's currency. The rate comes from a pair of its own (`state/conversion.py`), which may not have closed a bar
yet.
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.books import Rows
from state.conversion import home_currency
from utils.kernel import kernel


@kernel
def unpriced(inst: Rows, i: int) -> bool:
    """Whether nobody knows what instrument `i`'s quote currency is worth in the account's."""
    return bool(inst[i]["rate_e9"] <= 0)


def _figure(facts: Facts) -> str:
    one = facts.instrument
    return f"{one.quote} in {home_currency(one)}: no bar yet of the pair of the two; its candles and its feed have to come first"


TOLD = {Rule.NO_CONVERSION: Told("what it is worth in the account's currency is not known", _figure)}
