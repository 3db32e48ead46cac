"""What bars an account, or one style of it, from entering by a rule of risk, and until when: for whoever shows an account.

A halted account says so itself and is not told of here; nor are causes from outside (`RuntimeState.holds`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from state.runtime import RuntimeState

NO_ENTRIES = 2
"""ACCT.level without entries (`risk.drawdown`)."""
STYLE_WORDS = ("swing", "scalp")
"""Styles by their number in the rows of an account."""


def barred(state: RuntimeState, a: int) -> str:
    """Why account `a` enters nothing now, and until when; empty when no rule bars the whole of it."""
    acct = state.acct[a]
    if str(state.accounts[a]) in state.halted:
        return ""
    if acct["level"] >= NO_ENTRIES:
        return f"entries barred until a person resumes it: drawdown {-_change(acct['equity'], acct['peak']):.1%}"
    if acct["day_stopped"]:
        return f"entries barred until 00:00 UTC: the day's loss reached its limit (now {_change(acct['equity'], acct['day_start']):+.1%})"
    return ""


def bars(state: RuntimeState, a: int) -> list[str]:
    """What bars account `a`, and its styles that pause after a run of losses; each in a sentence with its end."""
    whole = barred(state, a)
    pauses = [
        f"{word} entries barred until {_moment(until, state.ts)} UTC: a run of losses"
        for word, until in zip(STYLE_WORDS, map(int, state.acct[a]["pause_until"]), strict=True)
        if until > state.ts and str(state.accounts[a]) not in state.halted
    ]
    return [*filter(None, [whole]), *pauses]


def all_barred(state: RuntimeState) -> bool:
    """Whether nothing at all is entered, by a rule of risk or a halt."""
    return bool(state.accounts) and all(str(name) in state.halted or barred(state, a) for a, name in enumerate(state.accounts))


def _change(now: int, before: int) -> float:
    return float(now) / float(before) - 1.0 if before else 0.0


def _moment(ts: int, now: int) -> str:
    """A time of today as `14:30`, of another day with its date."""
    then, today = (datetime.fromtimestamp(one / 1000, UTC) for one in (ts, now))
    return f"{then:%H:%M}" if then.date() == today.date() else f"{then:%m-%d %H:%M}"
