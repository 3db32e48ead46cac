"""Daily loss: what an account may lose between two UTC midnights, realised and not, before it enters nothing for the rest of the day.

Source: definitions, "Guardrails".
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel

DAY_MS = 86_400_000


@kernel
def rolled(acct: Rows, a: int, equity: int, ts: int) -> bool:
    """Begin another UTC day of account `a` with `equity` (money units) when `ts` lies in one; whether it did."""
    day = ts // DAY_MS
    if day == acct[a]["day"]:
        return False
    acct[a]["day"] = day
    acct[a]["day_start"] = equity
    acct[a]["day_stopped"] = 0
    return True


@kernel
def stopped(acct: Rows, limits: Rows, a: int, equity: int) -> bool:
    """Whether `equity` (money units) has just used up the day's limit: told once, it holds until the day ends."""
    if acct[a]["day_stopped"] == 0 and equity - acct[a]["day_start"] <= -limits[0]["daily_loss"] * acct[a]["day_start"]:
        acct[a]["day_stopped"] = 1
        return True
    return False


def _figure(facts: Facts) -> str:
    acct, limits = facts.book.acct[facts.book.a], facts.book.limits[0]
    return f"today {facts.share(int(acct['equity']) - int(acct['day_start']))}, limit -{float(limits['daily_loss']):.0%}"


TOLD = {Rule.DAILY_LOSS: Told("today's loss limit is used up; entries return at 00:00 UTC", _figure)}
