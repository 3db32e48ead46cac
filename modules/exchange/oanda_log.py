"""The account's transactions as far as they were asked for, whole and in order: OANDA numbers them, so none can be missed unseen.

The first question is by time and read page by page, later ones only for what came since the last (`sinceid`).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import msgspec

from forex import oanda_parse as parse
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda_calls import OandaCalls
from modules.exchange.oanda_rows import Transaction
from utils.frames import FrameError
from utils.throttle import Urgency

ROOM = 20_000
"""Transactions remembered."""
PAGE = 1000


class _Pages(msgspec.Struct):
    pages: list[str]
    last_id: str = msgspec.field(name="lastTransactionID")


class _List(msgspec.Struct):
    transactions: list[msgspec.Raw]
    last_id: str = msgspec.field(name="lastTransactionID")


class OandaLog:
    """The log of one account."""

    def __init__(self, calls: OandaCalls) -> None:
        self._calls = calls
        self._rows: list[Transaction] = []
        self._times: list[int] = []
        self._from: int | None = None
        """Everything from this venue time (ms) on is here; None = nothing was asked yet."""
        self._last = 0

    async def since(self, ts: int, urgency: Urgency = Urgency.ACCOUNT) -> list[Transaction]:
        """Every transaction from `ts` (venue ms) up to now, oldest first; 0 = everything that the venue keeps. Raises as reading does."""
        if self._from is None or ts < self._from:
            await self._all(ts, urgency)
        else:
            self._add(await self.after(self._last, urgency))
        return self._rows[bisect_left(self._times, ts) :]

    async def after(self, last: int, urgency: Urgency = Urgency.ACCOUNT) -> list[Transaction]:
        """Every transaction after the one numbered `last`, oldest first."""
        found: list[Transaction] = []
        while True:
            page, newest = await self._calls.read("/transactions/sinceid", {"id": str(last)}, urgency, _list)
            found += page
            if not page or page[-1].number >= newest:
                return found
            last = page[-1].number

    async def made_by(self, client_id: str) -> Transaction | None:
        """The transaction that made the order with this client id, the newest of them; None when none is known by now."""
        if self._from is not None:
            self._add(await self.after(self._last, Urgency.CANCEL))
        return next((one for one in reversed(self._rows) if one.type in rows.MADE and one.ext.id == client_id), None)

    async def one(self, number: str, urgency: Urgency) -> Transaction | None:
        """The transaction of that number."""
        known = next((one for one in reversed(self._rows) if one.id == number), None)
        if known is not None:
            return known
        page, _ = await self._calls.read("/transactions/idrange", {"from": number, "to": number}, urgency, _list)
        return page[0] if page else None

    async def _all(self, ts: int, urgency: Urgency) -> None:
        asked = {"pageSize": str(PAGE)} | ({"from": parse.rfc3339(ts)} if ts else {})
        pages, newest = await self._calls.read("/transactions", asked, urgency, _pages)
        found: list[Transaction] = []
        for first, last in pages:
            page, _ = await self._calls.read("/transactions/idrange", {"from": str(first), "to": str(last)}, urgency, _list)
            found += page
        self._rows, self._times, self._from, self._last = [], [], ts, newest
        self._add(found)
        self._add(await self.after(self._last, urgency))  # what came while the pages were read

    def _add(self, found: list[Transaction]) -> None:
        """Take what is new; what is too much is forgotten, the oldest first."""
        known = self._rows[-1].number if self._rows else 0
        for one in found:
            if one.number > known:
                known = one.number
                self._rows.append(one)
                self._times.append(max(parse.time_ms(one.time), self._times[-1] if self._times else 0))
        self._last = max(self._last, known)
        if len(self._rows) > ROOM:
            spare = len(self._rows) - ROOM
            self._from = self._times[spare - 1] + 1
            del self._rows[:spare], self._times[:spare]


def _pages(raw: bytes) -> tuple[list[tuple[int, int]], int]:
    """(first, last) of each page, and the newest number; of the addresses only the numbers are taken: the token goes to one host."""
    where = "transactions"
    found = parse.decode(raw, _Pages, where)
    ranges = []
    for address in found.pages:
        query = parse_qs(urlsplit(address).query)
        first, last = (parse.integer(query.get(name, [""])[0], where, f"pages.{name}") for name in ("from", "to"))
        ranges.append((first, last))
    return ranges, parse.integer(found.last_id, where, "lastTransactionID")


def _list(raw: bytes) -> tuple[list[Transaction], int]:
    where = "transactions"
    found = parse.decode(raw, _List, where)
    page = [rows.transaction(bytes(one)) for one in found.transactions]
    if any(one.number >= other.number for one, other in pairwise(page)):
        raise FrameError(where, "id", "transactions out of order")
    return page, parse.integer(found.last_id, where, "lastTransactionID")
