"""The Venue port in trouble: what is unknown and what is not, what is asked again, clocks, keys, bans, and long histories."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal

import pytest

from marketdata.bybit_rest import IP_SCOPE
from modules.exchange.reports import OrderStatus
from modules.ports import BAD_KEY, DUPLICATE_ID, World
from modules.simulator.keyring import KeyRequest
from modules.simulator.rate_limits import RateLimits
from self_test.contracts.clients import venue
from self_test.contracts.venue_at import SPOT, Trader, trader_at, trading
from state.accounts import Domain
from utils.clock import SECOND, WallClock
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Banned, Limit, Throttle, Urgency

CREATE = "/v5/order/create"
WALLET = "/v5/account/wallet-balance"
pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("fault", [{"kind": "lose_reply"}, {"kind": "cut"}, {"kind": "http_status", "status": 502, "value": "after"}])
async def test_an_order_whose_answer_is_lost_is_unknown_and_is_found_by_its_id(fault: dict[str, object]):
    async with trading() as trader:
        trader.fault(match=CREATE, **fault)
        with pytest.raises(Unknown):
            await trader.create("lost")
        found = await trader.venue.order(SPOT, link_id="lost")
        assert found is not None and found.status is OrderStatus.FILLED
        with pytest.raises(Rejected) as caught:
            await trader.create("lost")
        assert caught.value.code == DUPLICATE_ID
        assert len(await trader.venue.executions_of(SPOT, found.venue_id)) == 1


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "http_status", "status": 502}, {"kind": "http_status", "status": 429}])
async def test_an_order_that_never_arrived_is_unknown_too_and_is_found_nowhere(fault: dict[str, object]):
    async with trading() as trader:
        trader.fault(match=CREATE, **fault)
        with pytest.raises(Unknown):
            await trader.create("nowhere")
        assert await trader.venue.order(SPOT, link_id="nowhere") is None


async def test_a_late_answer_is_unknown_after_our_patience():
    async with trading(timeout_s=0.5) as trader:
        trader.fault(kind="delay", match=CREATE, ms=1200)
        with pytest.raises(Unknown):
            await trader.create("late")
        found = await trader.venue.order(SPOT, link_id="late")
        assert found is not None and found.status is OrderStatus.FILLED


@pytest.mark.parametrize("kind", ["drop", "lose_reply", "cut", "http_status"])
async def test_reading_asks_again_a_few_times_and_is_never_unknown(kind: str):
    async with trading() as trader:
        fault = {"kind": kind, "match": WALLET} | ({"status": 502} if kind == "http_status" else {})
        trader.fault(count=3, **fault)
        assert (await trader.venue.wallet()).cash == 100_000
        lasting = trader.fault(count=0, **fault)
        with pytest.raises(Transient):
            await trader.venue.wallet()
        trader.simulator.private.remove_fault(lasting)
        assert (await trader.venue.wallet()).cash == 100_000


async def test_an_overloaded_venue_is_unknown_for_an_order_and_transient_for_a_question():
    async with trading() as trader:
        trader.fault(kind="maintenance", match="/v5")
        with pytest.raises(Unknown):
            await trader.create("restarting")
        with pytest.raises(Transient):
            await trader.venue.wallet()


async def test_a_venue_that_is_gone_proves_that_nothing_was_sent():
    async with venue() as simulator:
        trader = Trader(simulator, Domain.CRYPTO)
    try:
        with pytest.raises(Transient):
            await trader.create("nobody-there")
        with pytest.raises(Transient):
            await trader.venue.wallet()
        with pytest.raises(Transient):
            await trader.venue.sync_clock()
    finally:
        await trader.venue.close()


@pytest.mark.parametrize("ms", [20_000, -20_000])
async def test_a_wrong_clock_is_corrected_and_the_order_sent_once(ms: int):
    async with trading() as trader:
        trader.fault(kind="clock_skew", ms=ms)
        await trader.create("on-time")
        found = await trader.venue.order(SPOT, link_id="on-time")
        assert found is not None and len(await trader.venue.executions_of(SPOT, found.venue_id)) == 1
        assert await trader.venue.sync_clock() == pytest.approx(ms, abs=900)


async def test_a_banned_address_sends_nothing_but_what_protects():
    async with trading() as trader:
        [bracket] = [await trader.create("stop", -1, trigger=trader.at("0.9"), world=World.PROTECTIVE)]
        trader.fault(kind="http_status", status=403, match=CREATE)
        with pytest.raises(Banned):
            await trader.create("banned")
        assert trader.throttle.banned_s(IP_SCOPE) > 500
        for _ in range(2):
            with pytest.raises(Banned):
                await trader.venue.wallet()
        await trader.venue.amend(SPOT, bracket, trigger=trader.at("0.91"))


async def test_more_than_the_venue_allows_is_spread_over_time_here():
    async with trading() as trader:
        low, clock = trader.at("0.95"), WallClock()

        async def insist(name: str) -> None:
            while True:  # a stalled machine bunches arrivals, and then the venue does refuse
                with contextlib.suppress(Transient):
                    await trader.create(name, price=low, immediate=False)
                    return

        began = clock.monotonic_ns()
        await asyncio.gather(*(insist(f"many-{number}") for number in range(45)))
        assert (clock.monotonic_ns() - began) / SECOND > 2.1, "eighteen in 1.1 s, the rest is kept for what protects"
        assert len(await trader.venue.open_orders()) == 45


async def test_what_another_program_spends_is_learned_and_refused_without_effect():
    async with trading() as trader, trader_at(trader.simulator) as stranger:
        low = trader.at("0.95")
        names = [(one, f"{word}-{number}") for number in range(20) for word, one in (("ours", trader), ("theirs", stranger))]
        told = await asyncio.gather(*(one.create(name, price=low, immediate=False) for one, name in names), return_exceptions=True)
        refused = [name for (_, name), error in zip(names, told, strict=True) if isinstance(error, Transient)]
        assert refused and all(isinstance(error, (str, Transient)) for error in told)
        assert {one.link_id for one in await trader.venue.open_orders()} == {name for _, name in names} - set(refused)


async def test_keys_that_are_none():
    async with (
        trading() as trader,
        trader_at(trader.simulator, api_key="nobody") as unknown,
        trader_at(trader.simulator, secret="wrong") as forged,
    ):
        for one in (unknown, forged):
            with pytest.raises(Rejected) as caught:
                await one.venue.wallet()
            assert caught.value.code == BAD_KEY
        key = trader.simulator.private.api_key
        trader.simulator.private.change_key(KeyRequest(key=key, permissions={"spot": False, "withdraw": True}))
        rights = await trader.venue.rights()
        assert (rights.spot, rights.withdraw, rights.derivatives) == (False, True, True)
        with pytest.raises(Rejected) as caught:
            await trader.create("not-allowed")
        assert caught.value.code == BAD_KEY
        trader.simulator.private.change_key(KeyRequest(key=key, revoked=True))
        with pytest.raises(Rejected) as caught:
            await trader.venue.rights()
        assert caught.value.code == BAD_KEY


async def test_long_histories_are_read_to_the_end_and_old_orders_are_still_found():
    """More than the 500 closed orders that order/realtime remembers, more than any page (pain 46)."""
    many = 510
    async with trading() as trader:
        trader.simulator.private.rest._limits = RateLimits(scale=1000, ip_limit=0)
        since = trader.venue.venue_ms() - 60_000
        clock = WallClock()
        async with trader_at(trader.simulator, throttle=Throttle({IP_SCOPE: Limit(100_000, 1.0)}, clock)) as quick:
            await quick.create("first", qty=Decimal("0.0001"))
            for start in range(1, many, 100):
                names = [f"n{number}" for number in range(start, min(start + 100, many))]
                await asyncio.gather(*(quick.create(name, qty=Decimal("0.0001")) for name in names))
            low = quick.at("0.95")
            await asyncio.gather(*(quick.create(f"r{number}", price=low, qty=Decimal("0.0001"), immediate=False) for number in range(120)))
            fills = await quick.venue.executions(since)
            assert len({one.exec_id for one in fills}) == len(fills) == many
            assert [one.ts for one in fills] == sorted(one.ts for one in fills)
            assert {one.link_id for one in fills} == {"first", *(f"n{number}" for number in range(1, many))}
            assert len(await quick.venue.open_orders()) == 120
            first = await quick.venue.order(SPOT, link_id="first")
            assert first is not None and first.status is OrderStatus.FILLED


async def test_executions_of_more_than_a_week_are_read_window_by_window():
    async with trading() as trader:
        await trader.create("now")
        [fill] = await trader.venue.executions(trader.venue.venue_ms() - 30 * 86_400_000)
        assert fill.link_id == "now"


async def test_a_deadline_while_waiting_cancels_cleanly():
    async with trading() as trader:
        trader.throttle.hold(IP_SCOPE, 30)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(trader.venue.wallet(Urgency.PROTECTIVE), 0.05)
