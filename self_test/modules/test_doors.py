"""Each domain behind its own door: Bybit's adapter for crypto, the broker's for FOREX, none where there is no way."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from config import CONFIG
from modules.accounts import GatewayKey, Key
from modules.doors import Door, Doors
from modules.environment import BrokerHosts, Hosts, IbkrPlace
from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_stream import BybitAccountStream
from modules.exchange.ibkr_slots import IbkrSlots, IbkrSlotStream
from modules.exchange.oanda import OandaVenue
from modules.exchange.oanda_stream import OandaAccountStream
from state.accounts import Account, Domain, Mode
from utils.clock import FakeClock
from utils.throttle import Throttle

SPOT, PERP, FX, FXO = (Account(domain, Mode.LIVE) for domain in (Domain.CRYPTO, Domain.PERPS, Domain.FOREX, Domain.OPTIONS))
GATEWAY = GatewayKey("DU1", "", "practice", IbkrPlace("127.0.0.1", 4002, 1, "DU1"))
BROKER = BrokerHosts("http://b", "http://s")
KEYS = {Domain.CRYPTO: Key("k", "s"), Domain.PERPS: Key("k", "s"), Domain.FOREX: Key("101", "token")}


def doors(broker: BrokerHosts | None = BROKER, keys: dict[Domain, Key] = KEYS) -> Doors:
    clock = FakeClock()
    return Doors(CONFIG, Hosts("http://h", "ws://h"), broker, keys, Throttle({}, clock), clock, random.Random(1), clock.now_ms)


@asynccontextmanager
async def opened(at: Doors, account: Account) -> AsyncIterator[Door]:
    door = at.open(account)
    try:
        yield door
    finally:
        await door.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("account", "venue", "stream"),
    [
        (SPOT, BybitVenue, BybitAccountStream),
        (PERP, BybitVenue, BybitAccountStream),
        (FX, OandaVenue, OandaAccountStream),
        (FXO, IbkrSlots, IbkrSlotStream),
    ],
)
async def test_each_domain_has_its_adapter_and_its_private_stream(account: Account, venue: type, stream: type) -> None:
    at = doors(keys=KEYS | {Domain.OPTIONS: GATEWAY})
    async with opened(at, account) as door:
        assert isinstance(door, venue)
        assert isinstance(at.stream(account, door), stream)


@pytest.mark.asyncio
async def test_the_brokers_door_knows_how_this_bots_trades_begin() -> None:
    at = doors(keys=KEYS | {Domain.OPTIONS: GATEWAY})
    async with opened(at, FX) as fx, opened(at, SPOT) as spot, opened(at, FXO) as options:
        for door in (fx, spot, options):
            at.sign(door, "FLabc-")
        assert isinstance(options, IbkrSlots) and options.prefix == "FLabc-"
        assert isinstance(fx, OandaVenue) and fx.prefix == "FLabc-"
        assert not hasattr(spot, "prefix"), "Bybit's holds one position, not trades"


def test_without_a_way_to_the_broker_there_is_no_door_to_forex() -> None:
    assert set(doors(None).keys) == {Domain.CRYPTO, Domain.PERPS}
    assert set(doors().keys) == set(KEYS)


def test_one_key_is_one_wallet_and_the_brokers_is_nobody_elses() -> None:
    others = dict.fromkeys((SPOT, PERP, FX))
    assert doors().sharing(SPOT, others) == (PERP,) and doors().sharing(FX, others) == ()
    apart = doors(keys=KEYS | {Domain.PERPS: Key("p", "t")})
    assert apart.sharing(SPOT, others) == ()
