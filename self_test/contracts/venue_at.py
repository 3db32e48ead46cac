"""Our own venue adapter pointed at a simulator, for the contract tests of the Venue port."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_calls import CallLimits
from modules.ports import Ticket
from modules.simulator.faults import parse
from modules.simulator.server import Simulator
from self_test.contracts.clients import venue
from state.accounts import Domain
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.throttle import Throttle, Urgency

SPOT, PERP = "CRYPTO:BTCUSDT", "PERPS:BTCUSDT"
QTY = Decimal("0.01")
QUICK = CallLimits(backoff=Backoff(base_s=0.005, cap_s=0.01))


class Trader:
    """One account's adapter, and the few sentences that tests say often."""

    def __init__(self, simulator: Simulator, domain: Domain, **more: Any) -> None:
        self.simulator = simulator
        self.key = SPOT if domain is Domain.CRYPTO else PERP
        chosen: dict[str, Any] = {"limits": QUICK, "timeout_s": 5.0, **more}
        self.throttle = chosen.pop("throttle", None) or Throttle({}, WallClock())
        api_key = chosen.pop("api_key", simulator.private.api_key)
        secret = chosen.pop("secret", simulator.private.api_secret)
        self.venue = BybitVenue(simulator.http, api_key, secret, domain, self.throttle, WallClock(), random.Random(1), **chosen)
        self.price = Decimal(0)

    def at(self, share: str) -> Decimal:
        """A price on the grid, so many times the market's."""
        return (self.price * Decimal(share)).quantize(Decimal("0.1"))

    def ticket(self, link_id: str, side: int = 1, **more: Any) -> Ticket:
        return Ticket(key=self.key, link_id=link_id, side=side, **{"qty": QTY, **more})

    async def create(self, link_id: str, side: int = 1, **more: Any) -> str:
        return await self.venue.create(self.ticket(link_id, side, **more), Urgency.ENTRY)

    def fault(self, **fields: Any) -> str:
        return self.simulator.private.add_fault(parse(fields))


@contextlib.asynccontextmanager
async def trader_at(simulator: Simulator, domain: Domain = Domain.CRYPTO, **more: Any) -> AsyncIterator[Trader]:
    """An adapter with a synced clock that knows the price; closed at the end."""
    found = Trader(simulator, domain, **more)
    try:
        await found.venue.sync_clock()
        found.price = await found.venue._last(found.key, Urgency.MARKET)
        yield found
    finally:
        await found.venue.close()


@contextlib.asynccontextmanager
async def trading(domain: Domain = Domain.CRYPTO, **more: Any) -> AsyncIterator[Trader]:
    """A simulator at speed 1 and an adapter of its account; `more` is the adapter's."""
    async with venue() as simulator, trader_at(simulator, domain, **more) as trader:
        yield trader
