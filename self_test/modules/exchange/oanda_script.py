"""A venue of OANDA that answers by a script, for the tests of its adapter."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from aiohttp import web

from forex.oanda_rest import RestLimits
from modules.exchange.oanda import OandaVenue
from modules.ports import Ticket
from self_test.forex.scripted import ACCOUNT, TOKEN, QuickClock, served
from self_test.modules.exchange.oanda_samples import FILLED, KEY, MADE, SUMMARY, WHOLE
from utils.throttle import Throttle

NONE_SUCH = (404, {"errorCode": "ORDER_DOESNT_EXIST", "errorMessage": "no such order"})
DONE = (201, {"orderCreateTransaction": MADE, "orderFillTransaction": FILLED, "lastTransactionID": "8"})


class Script:
    """Answers by "METHOD /path below the account" (the last one of a list repeats); what was asked, with its body."""

    def __init__(self, **_: Any) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {
            "GET ": [(200, {"account": WHOLE, "lastTransactionID": "10"})],
            "GET /summary": [(200, {"account": SUMMARY})],
        }
        self.asked: list[tuple[str, Any]] = []

    def on(self, what: str, *answers: tuple[int, Any]) -> None:
        self.answers[what] = list(answers)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} {request.path.removeprefix(f'/v3/accounts/{ACCOUNT}')}"
        self.asked.append((name, await request.json() if request.can_read_body else dict(request.query)))
        found = self.answers.get(name, [(404, {"errorMessage": f"nothing is said of {name}"})])
        status, body = found.pop(0) if len(found) > 1 else found[0]
        return web.json_response(body, status=status)

    def writes(self) -> list[tuple[str, Any]]:
        return [one for one in self.asked if not one[0].startswith("GET")]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[OandaVenue]:
    async with served(script.answer) as url:
        venue = OandaVenue(
            url,
            TOKEN,
            ACCOUNT,
            Throttle({}, QuickClock()),
            QuickClock(),
            random.Random(1),
            venue_now=lambda: 77,
            limits=RestLimits(tries=1),
        )
        try:
            yield venue
        finally:
            await venue.close()


def ticket(**more: Any) -> Ticket:
    return Ticket(**{"key": KEY, "link_id": "FLabc-EURUSD-1-e", "side": 1, "qty": Decimal(1000), **more})
