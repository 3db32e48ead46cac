"""A desk at Interactive Brokers: the real client library against a gateway of our own on loopback.

`make test-ibkr` runs what stands here in the environment that the library needs; elsewhere these modules are skipped, for one reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from decimal import Decimal
from typing import Any

import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import GatewayLimits, IbkrGateway
from modules.exchange.ibkr_stream import IbkrAccountStream
from modules.exchange.reports import AccountItem
from modules.ports import Ticket
from self_test.fakes.tws import FakeTws
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.errors import Rejected
from utils.throttle import Urgency

pytest.importorskip("ib_async", reason="ib_async is not installed here: `make test-ibkr` runs these in an environment of its own")

EUR, JPY = "OPTIONS:EURUSD-20261204-C-1.10000", "OPTIONS:JPYUSD-20261204-P-0.0065000"
UNITS, YEN = Decimal(125_000), Decimal(12_500_000)
QUICK = GatewayLimits(connect_s=2.0, answer_s=2.0, order_s=0.5, beat_s=5.0)
LIMIT_S = 20.0


class Desk:
    """One adapter and the gateway that it talks to."""

    def __init__(self, tws: FakeTws, limits: GatewayLimits = QUICK, account: str = "", client: int = 7) -> None:
        self.tws = tws
        self.gateway = IbkrGateway(IbkrPlace("127.0.0.1", tws.port, client, account or tws.account), limits)
        self.venue = IbkrVenue(self.gateway, WallClock())

    async def create(self, link_id: str = "bot-1", side: int = 1, **more: Any) -> str:
        plain: dict[str, Any] = {"key": EUR, "qty": UNITS}
        if side > 0:
            plain |= {"price": Decimal("0.0080"), "stop": Decimal("0.0048"), "target": Decimal("0.0160")}
        barred = more.pop("barred", lambda: "")
        return await self.venue.create(Ticket(link_id=link_id, side=side, **(plain | more)), Urgency.ENTRY, barred)

    async def close(self, link_id: str = "bot-2", **more: Any) -> str:
        return await self.create(link_id, -1, reduce_only=True, **more)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncGenerator[AccountItem, None]]:
        stream = IbkrAccountStream(self.venue, WallClock(), random.Random(1), Backoff(base_s=0.01, cap_s=0.02))
        async with contextlib.aclosing(stream.items()) as items:
            yield items

    def written(self, kind: str = "3") -> int:
        return sum(1 for one in self.tws.asked if one[0] == kind)


@contextlib.asynccontextmanager
async def dealing(limits: GatewayLimits = QUICK, **fields: Any) -> AsyncIterator[Desk]:
    tws = FakeTws(**fields)
    await tws.start()
    desk = Desk(tws, limits)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield desk
    finally:
        await desk.venue.close()
        await tws.stop()


async def code_of(call: Awaitable[object]) -> tuple[object, str]:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code, str(caught.value)


async def until(items: AsyncGenerator[AccountItem, None], sort: type[Any], **wanted: Any) -> Any:
    """The next item of that sort with those values; whatever comes before is left."""
    while True:
        item = await anext(items)
        if isinstance(item, sort) and all(getattr(item, name) == value for name, value in wanted.items()):
            return item
