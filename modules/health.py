"""Counts of the error budget that the engine cannot see: feeds, decisions and acknowledgements, with those that were slow.

Measured on transport time by an observer of the runner; once an hour of venue time they go to the engine as an event, so verdicts replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import msgspec

from forex.sessions import is_open
from modules.engine.core import Engine
from state.accounts import OF_PAIRS, Account, Mode
from state.instruments import split_key
from state.messages import BarsClosed, Command, Control, Event, OrderAccepted, OrderFilled, OrderRejected, Place
from utils.clock import SECOND, Clock

HOUR_MS = 3_600_000
SLOW_S = 1.0
"""A decision, or a live order's way to its acknowledgement, that takes longer is slow (definitions, "KPIs and the gate")."""


class Health:
    """An observer of the runner; `put` leaves an event in the inbox, `also` is told, too, when a batch is taken."""

    def __init__(self, engine: Engine, clock: Clock, put: Callable[[Event], None], also: Callable[[], None]) -> None:
        self._engine, self._clock, self._put, self._also = engine, clock, put, also
        self._counts: dict[Account, Counter[str]] = {account: Counter() for account in engine.state.accounts}
        self._sent: dict[str, int] = {}
        self._taken_ns = clock.monotonic_ns()
        self._hour = 0

    def taken(self) -> None:
        """A batch has left the inbox: its decisions' clock starts."""
        self._taken_ns = self._clock.monotonic_ns()
        self._also()

    def __call__(self, _seq: int, event: Event, commands: list[Command]) -> None:
        """See what was decided and answered, and how long it took."""
        now = self._clock.monotonic_ns()
        for command in commands:
            if isinstance(command, Place):
                self._sent[command.order.order_id] = now
        if isinstance(event, OrderAccepted | OrderRejected):
            self._answered(event.account, event.order_id, now)
        elif isinstance(event, OrderFilled):
            self._answered(event.fill.account, event.fill.order_id, now)
        elif isinstance(event, BarsClosed) and not event.late:
            self._bars(event, now)

    def _answered(self, account: Account, order_id: str, now: int) -> None:
        sent = self._sent.pop(order_id, None)
        if sent is not None and account.mode is Mode.LIVE:
            self._count(account, "acks", "slow_acks", (now - sent) / SECOND > SLOW_S)

    def _bars(self, event: BarsClosed, now: int) -> None:
        """A close of any market is a moment at which every feed should be up, and a decision of the domains whose candles they are.

        A market that is shut owes nobody a feed.
        """
        ts, state, feeds = event.ts, self._engine.state, self._engine.mandate.feed_of
        down = {feed for feed in feeds.values() if feed in state.feeds_down}
        deciding = {split_key(candle.key)[0] for candle in event.candles}
        for account in state.accounts:
            mine = {feed for key, feed in feeds.items() if key.startswith(f"{account.domain}:")}
            if mine and (account.domain not in OF_PAIRS or is_open(ts)):
                self._count(account, "feeds", "slow_feeds", bool(mine & down))
            if account.domain in deciding:
                self._count(account, "decisions", "slow_decisions", (now - self._taken_ns) / SECOND > SLOW_S)
        if ts // HOUR_MS != self._hour:
            self._hour = ts // HOUR_MS
            args = {str(account): msgspec.json.encode(dict(counts)).decode() for account, counts in self._counts.items() if counts}
            self._put(Control(ts, "health", args, "the daemon"))
            for counts in self._counts.values():
                counts.clear()

    def _count(self, account: Account, all_of: str, slow: str, was_slow: bool) -> None:
        self._counts[account][all_of] += 1
        if was_slow:
            self._counts[account][slow] += 1
