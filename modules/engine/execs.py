"""Which executions and settlements were booked: streams, lists and restarts tell of the same one again, and it counts once."""

from __future__ import annotations

from state.accounts import Account
from state.runtime import RuntimeState

EXECS = 20_000
"""Ids remembered, of all accounts together."""
HOUR_MS = 3_600_000


def booked(state: RuntimeState, account: Account, execution: str) -> bool:
    """Whether the account's execution or settlement of that id was booked."""
    return f"{account}/{execution}" in state.execs


def repeated(state: RuntimeState, account: Account, execution: str) -> bool:
    """The same, and from now on it counts as booked."""
    if booked(state, account, execution):
        return True
    state.execs[f"{account}/{execution}"] = None
    if len(state.execs) > EXECS:
        del state.execs[next(iter(state.execs))]
    return False


def settlement(key: str, ts: int) -> str:
    """Names the funding settlement of an instrument at about `ts` (ms): no venue settles one position twice within an hour."""
    return f"{key} funding {(ts + HOUR_MS // 2) // HOUR_MS}"
