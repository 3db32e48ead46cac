"""Our own venue adapter pointed at a simulator, for the contract tests of the Venue port."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Generic, TypeVar

from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_calls import CallLimits
from modules.ports import Ticket, Venue
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


V = TypeVar("V", bound=Venue)


class Trades(Generic[V]):
    """One account's adapter, and the few sentences that tests say often."""

    creates = closes = "POST /v5/order/create"
    """What faults call the request of an entry, and of a close."""

    def __init__(self, simulator: Simulator, venue: V, key: str, qty: Decimal, tick: str) -> None:
        self.simulator, self.venue, self.key, self.qty = simulator, venue, key, qty
        self.price, self._tick = Decimal(0), Decimal(tick)

    def now(self) -> int:
        """The venue's time, as ours knows it."""
        return WallClock().now_ms()

    def at(self, share: str) -> Decimal:
        """A price on the grid, so many times the market's."""
        return (self.price * Decimal(share)).quantize(self._tick)

    def ticket(self, link_id: str, side: int = 1, **more: Any) -> Ticket:
        return Ticket(key=self.key, link_id=link_id, side=side, **{"qty": self.qty, **more})

    async def create(self, link_id: str, side: int = 1, **more: Any) -> str:
        return await self.venue.create(self.ticket(link_id, side, **more), Urgency.ENTRY)

    def fault(self, **fields: Any) -> str:
        return self.simulator.private.add_fault(parse(fields))


class Trader(Trades[BybitVenue]):
    """At Bybit."""

    def __init__(self, simulator: Simulator, domain: Domain, **more: Any) -> None:
        chosen: dict[str, Any] = {"limits": QUICK, "timeout_s": 5.0, **more}
        self.throttle = chosen.pop("throttle", None) or Throttle({}, WallClock())
        api_key = chosen.pop("api_key", simulator.private.api_key)
        secret = chosen.pop("secret", simulator.private.api_secret)
        venue = BybitVenue(simulator.http, api_key, secret, domain, self.throttle, WallClock(), random.Random(1), **chosen)
        super().__init__(simulator, venue, SPOT if domain is Domain.CRYPTO else PERP, QTY, "0.1")

    def now(self) -> int:
        return self.venue.venue_ms()


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
