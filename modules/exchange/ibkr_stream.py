"""The gateway's news as an `AccountStream`: orders, executions with their commission, and the link, lost once and back once.

The gateway pushes by itself while it is connected. When it goes, the link is lost and a new connection is tried with growing pauses; what
happened meanwhile is read by the comparison (`modules/exchange/watch.py`) that every return of a link starts. A gateway that keeps the
line open and says nothing is asked for the time, and dropped when it does not answer.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

import structlog

from modules.exchange import ibkr_codes as codes
from modules.exchange import ibkr_rows as rows
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import Heard
from modules.exchange.reports import AccountItem, Link
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Rejected, Transient

BACKOFF = Backoff(base_s=1.0, cap_s=60.0)
_log = structlog.get_logger(__name__)


class IbkrAccountStream:
    """The private stream of `venue`'s account. Read `items()` in one place; close it with `aclosing`."""

    def __init__(self, venue: IbkrVenue, clock: Clock, rng: random.Random, backoff: Backoff = BACKOFF) -> None:
        self._venue, self._clock, self._rng, self._backoff = venue, clock, rng, backoff
        self._news: asyncio.Queue[Heard] = asyncio.Queue()
        self._up: bool | None = None
        self._failures = 0

    async def items(self) -> AsyncGenerator[AccountItem, None]:
        """See `modules.ports.AccountStream`."""
        gateway = self._venue.gateway
        gateway.ears.append(self._news.put_nowait)
        try:
            while True:
                failure = await self._connected()
                if failure:
                    if (link := self._link(up=False, reason=failure)) is not None:
                        yield link
                    await self._clock.sleep(self._pause())
                    continue
                try:
                    async with asyncio.timeout(gateway.limits.beat_s):
                        news = await self._news.get()
                except TimeoutError:
                    await gateway.beat()
                    continue
                for item in self._told(news):
                    yield item
        finally:
            gateway.ears.remove(self._news.put_nowait)

    async def _connected(self) -> str:
        """Why there is no connection; empty when there is one. News that wait are told before another is tried."""
        gateway = self._venue.gateway
        if not self._news.empty():
            return ""
        try:
            await gateway.ready()
        except (Transient, Rejected) as error:
            self._failures += 1
            return str(error)
        self._failures = 0
        if self._up is None and gateway.up and self._news.empty():  # it was connected before we listened
            self._news.put_nowait(Heard(up=True))
        return ""

    def _pause(self) -> float:
        return self._backoff.delay_s(max(1, self._failures), self._rng)

    def _link(self, *, up: bool, reason: str = "") -> Link | None:
        """The link's news, None when it is none."""
        if self._up is up:
            return None
        self._up = up
        (_log.info if up else _log.warning)("the gateway is back" if up else "the gateway is gone", reason=reason)
        return Link(up=up, ts=self._clock.now_ms(), reason=reason)

    def _told(self, news: Heard) -> list[AccountItem]:
        """What is to be told of one piece of news; a row that makes no sense breaks the link for a moment, so that the account is read."""
        if news.up is not None:
            link = self._link(up=news.up, reason=news.reason)
            return [] if link is None else [link]
        try:
            item = self._row(news)
        except Transient as error:
            _log.warning("a row of the gateway cannot be understood", reason=str(error))
            now = self._clock.now_ms()
            return [Link(up=False, ts=now, reason=str(error)), Link(up=True, ts=now)]
        return [] if item is None else [item]

    def _row(self, news: Heard) -> AccountItem | None:
        if news.fill is not None:
            return rows.execution(news.fill) if news.fill.execution.acctNumber == self._venue.account_id else None
        number, words = self._venue.gateway.error_of(news.trade)
        if news.trade.orderStatus.status in rows.GONE and number in codes.NO_PROOF:
            return None  # the library's own guess; the gateway says what became of it
        report = rows.order(news.trade, self._clock.now_ms(), {}, reason=words)
        return None if report is None else self._venue.as_asked(report)
