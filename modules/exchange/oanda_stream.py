"""OANDA's transaction stream as an `AccountStream`: orders and executions of one account, for ever, none of them missed unseen.

The stream opens, then what stands is read once, then what happened since is taken by its numbers: a number that was skipped, or a heartbeat
that knows of more than we heard, is a gap, and what lies in it is asked for before anything after it is told. While it cannot be had the
link counts as lost. No fault of the network, the token or a row is an exception here.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from forex import oanda_parse as parse
from forex.oanda_parse import Beat
from forex.oanda_stream import LineStream, StreamLimits
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda import HOME, OandaVenue
from modules.exchange.oanda_book import OandaBook
from modules.exchange.oanda_rows import Transaction
from modules.exchange.reports import AccountItem, Link
from utils.clock import Clock
from utils.errors import Rejected, Transient
from utils.frames import Down, FrameError, Malformed, Up

_log = structlog.get_logger(__name__)


class OandaAccountStream:
    """The private stream of `venue`'s account. `stream_url`: the streaming host. Read `items()` in one place; close it with `aclosing`."""

    def __init__(
        self, venue: OandaVenue, stream_url: str, token: str, clock: Clock, rng: random.Random, limits: StreamLimits | None = None
    ) -> None:
        self._venue, self._clock, self._rng = venue, clock, rng
        self._limits = limits or StreamLimits()
        url = f"{stream_url.rstrip('/')}/v3/accounts/{venue.account_id}/transactions/stream"
        self._lines: LineStream[Transaction | Beat] = LineStream(venue.session, url, token, {}, line, clock, rng, self._limits)
        self._book: OandaBook | None = None
        self._up = False

    async def items(self) -> AsyncGenerator[AccountItem, None]:
        """See `modules.ports.AccountStream`."""
        async with aclosing(self._lines.items()) as items:
            async for item in items:
                if isinstance(item, Down):
                    self._up = False
                    yield Link(up=False, ts=item.ts, reason=item.reason)
                elif isinstance(item, Malformed):
                    _log.warning("a line of the account stream cannot be understood", reason=item.reason)  # its number will be missed
                elif isinstance(item, Up):
                    async with aclosing(self._caught_up()) as missed:
                        async for news in missed:
                            yield news
                else:
                    async with aclosing(self._heard(item)) as told:
                        async for news in told:
                            yield news

    async def _heard(self, item: Transaction | Beat) -> AsyncGenerator[AccountItem, None]:
        """What a line means, after what was missed before it."""
        book = self._book
        if book is None:
            return
        if (item.last_id > book.cursor) if isinstance(item, Beat) else (item.number > book.cursor + 1):
            async with aclosing(self._caught_up()) as missed:
                async for news in missed:
                    yield news
        if isinstance(item, Transaction):
            for news in self._told(book, item):
                yield news

    async def _caught_up(self) -> AsyncGenerator[AccountItem, None]:
        """What happened since the last transaction we know; asked for until it is had, and up to then the link is lost."""
        failures = 0
        while True:
            try:
                if self._book is None:
                    self._book = OandaBook(await self._venue.snapshot(), HOME)
                missed = await self._venue.log.after(self._book.cursor)
                break
            except (Transient, Rejected, FrameError) as error:
                failures += 1
                if self._up or failures == 1:
                    self._up = False
                    yield Link(up=False, ts=self._clock.now_ms(), reason=f"what was missed cannot be read: {error}")
                await self._clock.sleep(self._limits.backoff.delay_s(failures, self._rng))
        if not self._up:
            self._up = True
            yield Link(up=True, ts=self._clock.now_ms())
        for one in missed:
            for news in self._told(self._book, one):
                yield news

    def _told(self, book: OandaBook, one: Transaction) -> list[AccountItem]:
        """The news of one transaction; a row that makes no sense breaks the link for a moment, so that the account is read."""
        try:
            return book.take(one)
        except FrameError as error:
            _log.warning("a transaction cannot be understood", number=one.id, type=one.type, field=error.field, reason=str(error))
            now = self._clock.now_ms()
            return [Link(up=False, ts=now, reason=str(error)), Link(up=True, ts=now)]


def line(raw: bytes) -> Transaction | Beat | None:
    """A line of the stream."""
    where = "transactions"
    if parse.kind_of(raw, where) == "HEARTBEAT":
        return parse.beat(raw, where)
    return rows.transaction(raw)
