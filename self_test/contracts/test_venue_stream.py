"""The AccountStream port over the wire: what happens to the account is told, and losing the venue is told once and repaired."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, TypeVar

import msgspec
import pytest

from marketdata.bybit_ws import StreamLimits
from modules.exchange.bybit_stream import BybitAccountStream
from modules.exchange.reports import (
    AccountItem,
    ExecutionReport,
    Link,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from modules.simulator.keyring import KeyRequest
from self_test.contracts.venue_at import PERP, QTY, SPOT, Trader, trading
from state.accounts import Domain
from utils.backoff import Backoff
from utils.clock import WallClock

PATIENCE_S = 10.0
QUICK = StreamLimits(check_s=0.02, close_s=0.2, backoff=Backoff(base_s=0.01, cap_s=0.05))
T = TypeVar("T", bound=AccountItem)
pytestmark = pytest.mark.asyncio


class Ear:
    """One listener and everything it heard."""

    def __init__(self, items: AsyncGenerator[AccountItem, None]) -> None:
        self.items = items
        self.heard: list[AccountItem] = []

    async def one(self, kind: type[T], done: Callable[[T], bool] = lambda _: True) -> T:
        """The next of this kind that is like this."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                item = await anext(self.items)
                self.heard.append(item)
                if isinstance(item, kind) and done(item):
                    return item

    async def link(self) -> Link:
        return await self.one(Link)


@contextlib.asynccontextmanager
async def listening(trader: Trader, domain: Domain, **more: Any) -> AsyncIterator[Ear]:
    private = trader.simulator.private
    url = trader.simulator.http.replace("http", "ws") + "/v5/private"
    limits = msgspec.structs.replace(QUICK, **{name: more.pop(name) for name in list(more) if name in StreamLimits.__struct_fields__})
    secret = more.pop("secret", private.api_secret)
    stream = BybitAccountStream(
        url, private.api_key, secret, domain, WallClock(), trader.venue.venue_ms, random.Random(1), limits=limits, **more
    )
    async with contextlib.aclosing(stream.items()) as items:
        yield Ear(items)


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
async def test_what_happens_to_the_account_is_told_as_rest_tells_it(domain: Domain):
    async with trading(domain) as trader, listening(trader, domain) as ear:
        assert (await ear.link()).up
        venue_id = await trader.create("entry", price=trader.at("1.01"), stop=trader.at("0.95"), target=trader.at("1.05"))
        fill = await ear.one(ExecutionReport)
        assert [fill] == await trader.venue.executions_of(trader.key, venue_id)
        protective = {OrderKind.SPOT_BRACKET, OrderKind.STOP_LOSS}
        told = await ear.one(OrderReport, lambda one: one.kind in protective)
        if domain is Domain.PERPS:
            position = await ear.one(PositionReport, lambda one: one.size == QTY and one.stop > 0)
            [same] = await trader.venue.positions()
            assert (position.key, position.side, position.entry, position.stop) == (PERP, 1, same.entry, same.stop)
        await trader.create("exit", -1, qty=QTY if domain is Domain.PERPS else QTY / 2, reduce_only=domain is Domain.PERPS)
        wallet = await trader.venue.wallet()
        await ear.one(WalletReport, lambda one: (one.cash, one.coins) == (wallet.cash, wallet.coins))
        found = {one.link_id for one in ear.heard if isinstance(one, OrderReport) and one.status is OrderStatus.FILLED}
        assert "entry" in found and told.status is OrderStatus.WAITING


async def test_rows_of_the_other_domain_are_not_ours():
    async with trading(Domain.PERPS) as trader, listening(trader, Domain.CRYPTO) as ear:
        assert (await ear.link()).up
        await trader.create("other")
        await ear.one(WalletReport, lambda one: one.cash != 100_000)
        assert all(isinstance(one, (Link, WalletReport)) for one in ear.heard), "the wallet is everybody's"


async def test_a_cut_is_told_once_and_the_stream_comes_back():
    async with trading() as trader, listening(trader, Domain.CRYPTO) as ear:
        assert (await ear.link()).up
        trader.fault(kind="cut", match="execution")
        await trader.create("lost")
        lost = await ear.link()
        assert not lost.up and lost.reason
        assert (await ear.link()).up
        await trader.create("heard")
        assert (await ear.one(ExecutionReport)).link_id == "heard", "there is no replay"


async def test_a_half_open_socket_is_noticed():
    async with trading() as trader, listening(trader, Domain.CRYPTO, silent_s=0.3, ping_s=0.1) as ear:
        assert (await ear.link()).up
        trader.fault(kind="half_open", match="/v5/private")
        down = await ear.link()
        assert not down.up and "silent" in down.reason
        assert (await ear.link()).up


async def test_pings_keep_a_quiet_account_connected():
    async with trading() as trader, listening(trader, Domain.CRYPTO, silent_s=1.0, ping_s=0.1) as ear:
        assert (await ear.link()).up
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.4):
                await anext(ear.items)


async def test_a_wrong_signature_is_a_lost_link_and_nothing_worse():
    async with trading() as trader, listening(trader, Domain.CRYPTO, secret="wrong") as ear:
        down = await ear.link()
        assert not down.up and "auth" in down.reason
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(ear.items)


async def test_a_revoked_key_loses_the_link_until_it_is_good_again():
    async with trading() as trader, listening(trader, Domain.CRYPTO) as ear:
        assert (await ear.link()).up
        private = trader.simulator.private
        private.change_key(KeyRequest(key=private.api_key, revoked=True))
        assert not (await ear.link()).up
        private.change_key(KeyRequest(key=private.api_key, revoked=False))
        assert (await ear.link()).up


async def test_logins_are_dated_by_the_venues_clock():
    async with trading() as trader:
        trader.fault(kind="clock_skew", ms=30_000)
        await trader.venue.sync_clock()
        async with listening(trader, Domain.CRYPTO) as ear:
            assert (await ear.link()).up
            await trader.create("entry")
            assert (await ear.one(ExecutionReport)).key == SPOT
