"""The numbered transactions of an account: pages by time, then only what is new, whole and in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from forex.oanda_parse import rfc3339, time_ms
from modules.exchange.oanda_calls import OandaCalls
from modules.exchange.oanda_log import OandaLog
from self_test.forex.scripted import ACCOUNT, rest_at, said, served
from self_test.modules.exchange.oanda_samples import BASE, FILLED, MADE, TS
from utils.errors import Transient
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio


class Account:
    """An account whose transactions are one second apart; answers as the venue does, `page` at a time."""

    def __init__(self, count: int, page: int = 1000) -> None:
        self.page = page
        self.rows = [BASE | {"id": str(number), "type": "CREATE", "time": rfc3339(TS + number * 1000)} for number in range(1, count + 1)]
        self.asked: list[str] = []

    def add(self, *rows: dict[str, Any]) -> None:
        for row in rows:
            number = len(self.rows) + 1
            self.rows.append(row | {"id": str(number), "time": rfc3339(TS + number * 1000)})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path, query = request.path.removeprefix(f"/v3/accounts/{ACCOUNT}/transactions"), request.query
        self.asked.append(path)
        newest = {"lastTransactionID": str(len(self.rows))}
        match path:
            case "":
                start = time_ms(query["from"]) if "from" in query else 0
                numbers = [int(row["id"]) for row in self.rows if time_ms(row["time"]) >= start]
                pages = [numbers[at : at + self.page] for at in range(0, len(numbers), self.page)]
                urls = [f"https://elsewhere.invalid/v3/x/transactions/idrange?from={one[0]}&to={one[-1]}" for one in pages]
                return web.json_response({"pages": urls, "count": len(numbers)} | newest)
            case "/idrange":
                found = [row for row in self.rows if int(query["from"]) <= int(row["id"]) <= int(query["to"])]
            case _:
                found = [row for row in self.rows if int(row["id"]) > int(query["id"])][: self.page]
        return web.json_response({"transactions": found} | newest)


@asynccontextmanager
async def log_of(account: Any) -> AsyncIterator[OandaLog]:
    async with served(account if callable(account) else account.answer) as url, rest_at(url, tries=1) as rest:
        yield OandaLog(OandaCalls(rest))


async def test_everything_then_only_what_is_new():
    account = Account(25, page=10)
    async with log_of(account) as log:
        assert [one.number for one in await log.since(0)] == list(range(1, 26))
        assert account.asked == ["", "/idrange", "/idrange", "/idrange", "/sinceid"]
        account.add(MADE, *[FILLED] * 12)
        account.asked.clear()
        assert [one.number for one in await log.since(TS + 24_000)] == list(range(24, 39))
        assert account.asked == ["/sinceid", "/sinceid"], "a page that is not the last is gone on from"
        account.asked.clear()
        assert len(await log.since(TS + 30_000)) == 9
        assert account.asked == ["/sinceid"]


async def test_from_a_time_and_then_from_an_earlier_one():
    account = Account(25)
    async with log_of(account) as log:
        assert [one.number for one in await log.since(TS + 20_000)] == list(range(20, 26))
        assert [one.number for one in await log.since(TS + 5_000)] == list(range(5, 26))


async def test_an_order_by_its_client_id_and_its_end_by_its_own():
    account = Account(3)
    async with log_of(account) as log:
        assert await log.made_by("FLabc-EURUSD-1-e") is None, "nothing was asked yet"
        await log.since(0)
        account.add(MADE, FILLED | {"orderID": "4"})
        made = await log.made_by("FLabc-EURUSD-1-e")
        assert made is not None and made.number == 4
        assert await log.made_by("nobody") is None
        one = await log.one("5", Urgency.CANCEL)
        assert one is not None and one.order_id == "4"


async def test_one_by_its_number_that_is_not_here():
    account = Account(9)
    async with log_of(account) as log:
        one = await log.one("7", Urgency.CANCEL)
        assert one is not None and one.number == 7
        assert await log.one("70", Urgency.CANCEL) is None


async def test_memory_is_bounded_and_what_was_forgotten_is_asked_for_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("modules.exchange.oanda_log.ROOM", 10)
    account = Account(25)
    async with log_of(account) as log:
        await log.since(0)
        assert [one.number for one in await log.since(TS + 16_000)] == list(range(16, 26))
        account.asked.clear()
        await log.since(TS + 15_000)
        assert account.asked[0] == ""


@pytest.mark.parametrize(
    "body",
    [
        {"transactions": [BASE | {"id": "2", "type": "CREATE"}, BASE | {"id": "1", "type": "CREATE"}], "lastTransactionID": "2"},
        {"transactions": [], "lastTransactionID": "many"},
        {"pages": ["https://x/idrange?from=1"], "lastTransactionID": "2"},
        {"transactions": [FILLED | {"pl": "NaN"}], "lastTransactionID": "8"},
    ],
)
async def test_what_cannot_be_understood_says_nothing(body: dict[str, Any]):
    async with log_of(said((200, body))[0]) as log:
        with pytest.raises(Transient):
            await log.since(0)
        with pytest.raises(Transient):
            await log.after(0)
