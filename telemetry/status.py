"""What `status --json` shows, whether a running engine or what it left on disk answers."""

from __future__ import annotations

import msgspec

from state.option_figures import Figures, no_figures
from state.runtime import AccountView, RuntimeState, account_view


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The bot in one object (the command line's contract): amounts as decimal strings, `time` in ms UTC venue time."""

    env: str
    stage: int
    live: bool
    """True when the running daemon answered."""
    halted: bool
    """True when any account is."""
    time: int
    accounts: dict[str, AccountView]


def status_of(state: RuntimeState, env: str, *, live: bool = True, figures: Figures = no_figures) -> Status:
    """A running engine's state, or a stored one's (`live` False); `figures` prices what is an option."""
    accounts = {str(account): account_view(state, a, figures) for a, account in enumerate(state.accounts)}
    return Status(env=env, stage=state.stage, live=live, halted=bool(state.halted), time=state.ts, accounts=accounts)
