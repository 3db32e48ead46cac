"""Our adapter of OANDA pointed at a simulator, for the contract tests of the Venue port. Its market is open: a Tuesday morning."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from forex.oanda_rest import RestLimits
from forex.oanda_stream import StreamLimits
from modules.exchange.oanda import OandaVenue
from modules.exchange.oanda_stream import OandaAccountStream
from modules.simulator.server import Simulator
from self_test.contracts.clients import venue
from self_test.contracts.venue_at import Trades
from state.instruments import Instrument
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.throttle import Limit, Throttle

PAIR = "FOREX:EURUSD"
UNITS = Decimal(1000)
OPEN_MS = 1_741_075_200_000
"""2025-03-04 08:00 UTC."""
QUICK = RestLimits(timeout_s=5.0, backoff=Backoff(base_s=0.005, cap_s=0.01))
QUICK_STREAM = StreamLimits(backoff=Backoff(base_s=0.01, cap_s=0.05))


class Broker(Trades[OandaVenue]):
    """At OANDA. New connections are not counted here: each test is a machine of its own."""

    def __init__(self, simulator: Simulator, **more: Any) -> None:
        self.throttle = Throttle({"oanda.connect": Limit(1000, 1.0)}, WallClock())
        self.token = more.pop("token", simulator.oanda.token)
        self.account = simulator.oanda.account_id
        self.creates, self.closes = f"POST /v3/accounts/{self.account}/orders", f"PUT /v3/accounts/{self.account}/positions"
        chosen = {"limits": QUICK, "venue_now": lambda: simulator.clock.now_ms, **more}
        http = simulator.oanda.ready()["oanda"]["http"]
        adapter = OandaVenue(http, self.token, self.account, self.throttle, WallClock(), random.Random(1), **chosen)
        super().__init__(simulator, adapter, PAIR, UNITS, "0.00001")

    def now(self) -> int:
        return self.simulator.clock.now_ms

    def stream(self, limits: StreamLimits = QUICK_STREAM) -> OandaAccountStream:
        """Its private stream."""
        url = self.simulator.oanda.ready()["oanda"]["stream"]
        return OandaAccountStream(self.venue, url, self.token, WallClock(), random.Random(3), limits)

    async def instrument(self) -> Instrument:
        [found] = await self.venue.rest.instruments(["EURUSD"])
        return found


@contextlib.asynccontextmanager
async def broker_at(simulator: Simulator, **more: Any) -> AsyncIterator[Broker]:
    """An adapter that knows the price; closed at the end."""
    found = Broker(simulator, **more)
    try:
        yield found
    finally:
        await found.venue.close()


@contextlib.asynccontextmanager
async def dealing(**more: Any) -> AsyncIterator[Broker]:
    """A simulator at speed 1 and an adapter of its account that knows the price; `from_ms` is the simulator's, the rest the adapter's."""
    begins = {"from_ms": more.pop("from_ms", OPEN_MS), "symbols": ("EURUSD",)}
    async with venue(**begins) as simulator, broker_at(simulator, **more) as broker:
        one = await broker.instrument()
        [priced] = await broker.venue.rest.prices([one])
        broker.price = one.price(priced.quote.bid)
        yield broker
