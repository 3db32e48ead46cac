"""A scripted HTTP server on loopback for OANDA's requests and streams, and rows as the venue writes them (its own documents)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from aiohttp import web

from forex.oanda_rest import OandaRest, RestLimits, open_session
from state.accounts import Domain
from state.instruments import Instrument
from utils.clock import Clock, WallClock
from utils.throttle import Throttle

TOKEN, ACCOUNT = "token-that-nobody-may-read", "101-004-1234567-001"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
EURUSD = Instrument(
    domain=Domain.FOREX,
    symbol="EURUSD",
    base="EUR",
    quote="USD",
    tick=Decimal("0.00001"),
    step=Decimal(1),
    min_qty=Decimal(1),
    min_notional=Decimal(0),
    max_qty=Decimal(100_000_000),
)
INSTRUMENT: dict[str, Any] = {
    "name": "EUR_USD",
    "type": "CURRENCY",
    "displayName": "EUR/USD",
    "pipLocation": -4,
    "displayPrecision": 5,
    "tradeUnitsPrecision": 0,
    "minimumTradeSize": "1",
    "maximumTrailingStopDistance": "1.00000",
    "minimumTrailingStopDistance": "0.00050",
    "maximumPositionSize": "0",
    "maximumOrderUnits": "100000000",
    "marginRate": "0.02",
    "guaranteedStopLossOrderMode": "DISABLED",
    "tags": [{"type": "ASSET_CLASS", "name": "CURRENCY"}],
    "financing": {
        "longRate": "-0.0225",
        "shortRate": "0.0047",
        "financingDaysOfWeek": [
            {"dayOfWeek": day, "daysCharged": count}
            for day, count in zip(
                ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"), (1, 1, 3, 1, 1, 0, 0), strict=True
            )
        ],
    },
}
PRICE: dict[str, Any] = {
    "type": "PRICE",
    "instrument": "EUR_USD",
    "time": "2025-03-04T08:00:00.123456789Z",
    "tradeable": True,
    "status": "tradeable",
    "bids": [{"price": "1.10010", "liquidity": 1_000_000}, {"price": "1.10008", "liquidity": 2_000_000}],
    "asks": [{"price": "1.10024", "liquidity": 500_000}],
    "closeoutBid": "1.10006",
    "closeoutAsk": "1.10028",
}


def candle(time: str, o: str, h: str, l: str, c: str, *, complete: bool = True) -> dict[str, Any]:
    return {"time": time, "volume": 7, "complete": complete, "bid": {"o": o, "h": h, "l": l, "c": c}}


class QuickClock(WallClock):
    """The machine's clock, except that waiting takes no time and is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The address of a server whose answers are a function of the request."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def said(*answers: tuple[int, Any]) -> tuple[Handler, list[web.Request]]:
    """Answers in order, the last one repeats; and the requests that came."""
    left, asked = list(answers), list[web.Request]()

    async def handler(request: web.Request) -> web.StreamResponse:
        await request.read()
        asked.append(request)
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return web.json_response(body, status=status, headers={"RequestID": "42"})

    return handler, asked


@asynccontextmanager
async def rest_at(url: str, clock: Clock | None = None, throttle: Throttle | None = None, **limits: Any) -> AsyncIterator[OandaRest]:
    budget = throttle or Throttle({}, WallClock())
    async with open_session(budget) as session:
        yield OandaRest(session, url, TOKEN, ACCOUNT, budget, clock or QuickClock(), random.Random(1), RestLimits(**limits))
