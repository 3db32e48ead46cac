"""Daily break: nothing is entered around the minute at which a market with a session turns its day: the venue rests and spreads are wide.

From when until when stands in the instrument's row. Source: definitions, "Domains, instruments, timeframes".
"""

from __future__ import annotations

from risk.facts import MINUTE_MS, Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel


@kernel
def resting(inst: Rows, i: int, ts: int) -> bool:
    """Whether the market of instrument `i` rests at `ts`; one without a session never does."""
    return bool(inst[i]["rest_ts"] <= ts < inst[i]["rest_until"])


def _figure(facts: Facts) -> str:
    return f"for {max(0, int(facts.book.inst[facts.book.i]['rest_until']) - facts.ts) / MINUTE_MS:.0f} more minutes"


TOLD = {Rule.DAILY_BREAK: Told("the market takes its daily break", _figure)}
