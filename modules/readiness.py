"""When the bot counts as ready, what is still missing, and where it says so: `daemon.json`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from modules.engine.desk import FEEDS
from state.accounts import OF_PAIRS, Account, Domain
from state.messages import AccountUp, Command, Event, FeedUp
from state.runtime import RuntimeState
from utils.files import atomic_write

DAEMON_FILE = "daemon.json"


class Readiness:
    """Ready once every feed is up and every live account has been read; `observe` is an observer of the runner.

    Crypto's: the broker of FOREX may be away, or its market shut, and nobody waits for it. What is missing there is told with the domain.
    """

    def __init__(self, state: RuntimeState) -> None:
        self._state = state
        self.reached = asyncio.Event()

    def observe(self, _seq: int, event: Event, _commands: list[Command]) -> None:
        """Look again after news of a feed or an account."""
        if self.reached.is_set() or not isinstance(event, FeedUp | AccountUp):
            return
        if not self._down():
            self.reached.set()

    def missing(self) -> list[str]:
        """What is not ready yet, in words; nothing when all is."""
        return self._down() or ([] if self.reached.is_set() else ["starting"])

    def _down(self) -> list[str]:
        feeds, holds = self._state.feeds_down.items(), self._state.holds.items()
        down = [f"feed {name}: {reason}" for name, reason in feeds if name != FEEDS[Domain.FOREX]]
        mine = [(name, causes) for name, causes in holds if Account.parse(name).domain not in OF_PAIRS]
        return down + [f"account {name}: {causes['reconcile']}" for name, causes in mine if "reconcile" in causes]


def announce(folder: Path, http: str, simulator: str | None) -> None:
    """Tell where the ready daemon is found; OSError when the disk refuses."""
    record = {"pid": os.getpid(), "http": http, "simulator": simulator}
    atomic_write(folder / DAEMON_FILE, msgspec.json.encode(record), mode=0o600)
