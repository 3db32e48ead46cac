"""The pains of an account that is not as it should be: foreign positions, limits, modes, second bots, and getting out of it all."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from config import CONFIG
from modules.exchange.bybit import BybitVenue
from modules.flatten import LiveAccount, flatten_accounts
from modules.flatten_doors import ours_of
from modules.simulator.matching import Ladder, Point
from modules.simulator.order_types import Accepted, OrderRequest, Side
from modules.simulator.rate_limits import Grant
from modules.simulator.server import Simulator
from self_test.contracts.clients import venue
from self_test.contracts.whole import CATEGORY, Venue, Whole, alive
from state.accounts import Domain
from state.messages import AccountDown, OrderRejected, Protected
from utils.clock import SECOND, WallClock
from utils.errors import Refusal
from utils.files import DirectoryLock
from utils.throttle import Throttle

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("kernels")]
both = pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
DUST = Decimal("0.000001")
"""A step of the spot coin."""


def by_hand(simulator: Simulator, domain: Domain, side: Side, qty: str = "0.01", idx: int | None = None, link: str = "") -> None:
    """The owner of the account, or another program, trades."""
    exchange = simulator.private.exchange
    uid = list(exchange.accounts)[domain is Domain.PERPS]
    request = OrderRequest(
        category=CATEGORY[domain],
        symbol="BTCUSDT",
        side=side,
        order_type="Market",
        qty=Decimal(qty),
        position_idx=idx,
        link_id=link,
        market_unit="baseCoin" if domain is Domain.CRYPTO else "",
    )
    assert isinstance(exchange.create_order(uid, request, simulator._now()), Accepted)


def sent(bot: Whole) -> list[str]:
    return [link for wire in bot.wires for link, _ in wire.created]


@pytest.mark.parametrize("side", ["Buy", "Sell"])
async def test_pain_13_a_position_that_we_do_not_know_is_not_traded_as_flat(side: Side, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, Domain.PERPS) as bot:
        await bot.until(lambda: bot.free)
        by_hand(simulator, Domain.PERPS, side)
        await bot.until(lambda: not bot.free)
        for _ in range(3):
            bot.beat()
            await bot.fresh_reads()
        assert sent(bot) == [] and not bot.holding and not bot.free
        by_hand(simulator, Domain.PERPS, "Sell" if side == "Buy" else "Buy")
        await bot.until(lambda: "mismatch" not in bot.engine.state.holds["PERPS/LIVE"])
        assert abs(Venue(simulator).holds()) < DUST


async def test_pain_13_a_reading_that_failed_is_not_an_empty_account(tmp_path: Path) -> None:
    async with venue() as simulator:
        async with alive(simulator, tmp_path, Domain.PERPS) as bot:
            await bot.entered()
        fault = bot.fault(kind="http_status", status=503, match="/v5/position/list", count=0)
        async with alive(simulator, tmp_path, Domain.PERPS) as bot:
            await bot.until(lambda: bool(bot.told(AccountDown)))
            assert bot.holding and not bot.free and sent(bot) == []
            simulator.private.remove_fault(fault)
            await bot.until(lambda: bot.free)
            assert bot.holding and sent(bot) == []


@both
async def test_pain_31_the_limits_are_kept_and_what_protects_goes_first(domain: Domain, tmp_path: Path) -> None:
    """Sixty questions at once, more than an endpoint's second allows: the venue refuses none, and a close overtakes them."""
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered()
        await bot.rest()
        refusals: list[str] = []
        limits = simulator.private.rest._limits
        take, visit = limits.take, limits.visit

        def taking(uid: str, budget: str, per_second: int, wall_ms: int, count: int = 1) -> Grant:
            grant = take(uid, budget, per_second, wall_ms, count)
            refusals.extend([budget] * (grant.granted < count))
            return grant

        def visiting(address: str, wall_ms: int) -> bool:
            let_in = visit(address, wall_ms)
            refusals.extend([address] * (not let_in))
            return let_in

        limits.take, limits.visit = taking, visiting  # type: ignore[method-assign]
        port, key = bot.desk.venue, bot.engine.state.instruments[0].key
        async with asyncio.TaskGroup() as group:
            load = [group.create_task(port.order(key, link_id=f"nobody-{number}")) for number in range(60)]
            began = WallClock().monotonic_ns()
            bot.control("flatten")
            await bot.until(lambda: not bot.holding)
            took_s = (WallClock().monotonic_ns() - began) / SECOND
            waiting = sum(not one.done() for one in load)
            for one in load:
                one.cancel()
        assert refusals == [] and took_s < 2.0 and waiting > 0


async def test_pain_31_a_ban_freezes_everything_but_what_protects(tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, Domain.PERPS) as bot:
        await bot.entered()
        bot.fault(kind="http_status", status=403, match="/v5/account/wallet-balance")
        await bot.until(lambda: any("banned" in causes for causes in bot.engine.state.holds.values()))
        ear = bot.fault(kind="http_status", status=500, match="/v5/account", probability=0, count=0)
        best = max(one.stop for one in bot.told(Protected))
        bot.trail(1.01)
        await bot.until(lambda: bot.told(Protected)[-1].stop > best)
        bot.control("flatten")
        await bot.until(lambda: not bot.holding)
        assert [one["seen"] for one in simulator.private.faults.rows() if one["id"] == ear] == [0], "nothing was asked that can wait"
        assert abs(Venue(simulator).holds()) < DUST


@pytest.mark.parametrize("skew", [10_000, -10_000])
async def test_pain_32_a_clock_that_is_off_costs_neither_an_entry_nor_a_close(skew: int, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path) as bot:
        await bot.until(lambda: bot.free)
        bot.fault(kind="clock_skew", ms=skew)
        await bot.entered()
        bot.control("flatten")
        await bot.until(lambda: not bot.holding)
        assert len(Venue(simulator).links("e")) == len(Venue(simulator).links("x")) == 1
        assert abs(Venue(simulator).holds()) < DUST


@pytest.mark.parametrize(("mode", "idx"), [(0, None), (0, 0), (3, None), (3, 1), (3, 2)])
async def test_pain_33_position_mode_is_set_where_it_can_be_and_refused_where_it_cannot(mode: int, idx: int | None, tmp_path: Path) -> None:
    """mode 0 one-way, 3 hedge; idx of a position that somebody opened before us (None: flat)."""
    async with venue() as simulator:
        exchange = simulator.private.exchange
        uid = list(exchange.accounts)[1]
        if mode:
            assert exchange.switch_mode(uid, "BTCUSDT", mode, simulator._now()) is None
        async with alive(simulator, tmp_path, Domain.PERPS) as bot:
            await bot.until(lambda: bot.free)
            if idx is not None:
                by_hand(simulator, Domain.PERPS, "Sell" if idx == 2 else "Buy", idx=idx)
                await bot.until(lambda: not bot.free)
                bot.beat()
                await bot.fresh_reads()
                assert sent(bot) == [] and not bot.holding
                return
            await bot.entered()
            [row] = exchange.positions(uid, "BTCUSDT")
            assert (row["positionIdx"], row["leverage"]) == (0, str(CONFIG.domains[Domain.PERPS].costs.leverage))
            assert not bot.told(OrderRejected)


async def test_pain_33_an_entry_into_an_instrument_that_cannot_be_prepared_is_refused_here(tmp_path: Path) -> None:
    """The other side of the race: the hedge position appears after the last reading and before the entry."""
    async with venue() as simulator, alive(simulator, tmp_path, Domain.PERPS) as bot:
        await bot.until(lambda: bot.free)
        exchange = simulator.private.exchange
        exchange.switch_mode(list(exchange.accounts)[1], "BTCUSDT", 3, simulator._now())
        by_hand(simulator, Domain.PERPS, "Buy", idx=1)
        bot.beat()
        await bot.until(lambda: bool(bot.told(OrderRejected)) or not bot.free)
        await bot.fresh_reads()
        assert sent(bot) == [] and not bot.holding and not bot.free


async def test_pain_41_two_bots_on_one_account_find_each_other_and_both_stop_entering(tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path / "one") as one:
        await one.entered()
        async with alive(simulator, tmp_path / "two") as two:
            two.engine.state.tag = "xyz"
            await two.until(lambda: bool(two.engine.state.holds["CRYPTO/LIVE"].get("foreign")))
            two.beat()
            await two.fresh_reads()
            assert sent(two) == [] and not two.holding
        assert one.holding, "ours goes on, and is protected"
        by_hand(simulator, Domain.CRYPTO, "Buy", link="CLxyz-BTCUSDT-1-e")
        await one.until(lambda: not one.free)
        assert "another" in str(one.engine.state.holds) or "foreign" in str(one.engine.state.holds)
        one.control("flatten")
        await one.until(lambda: not one.holding)


async def test_pain_41_a_second_start_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path), pytest.raises(Refusal, match=str(tmp_path)), DirectoryLock(tmp_path):
        pass


async def exits(bot: Whole, simulator: Simulator) -> None:
    async with asyncio.timeout(15):
        await bot.until(lambda: not bot.holding)
    assert abs(Venue(simulator).holds()) < DUST and Venue(simulator).open_orders() == []


async def test_pain_50_flatten_of_the_bot_gets_out_while_requests_fail_and_one_account_is_down(tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, Domain.CRYPTO, Domain.PERPS) as bot:
        await bot.until(lambda: bot.free)
        bot.beat()
        await bot.until(lambda: len(bot.holding) == 2)
        uids = list(simulator.private.exchange.accounts)
        for status in (429, 502):
            bot.fault(kind="http_status", status=status, match="/v5/", probability=0.1, count=0)
        down = bot.fault(kind="http_status", status=503, match="/v5/", account=uids[1], count=0)
        bot.control("flatten")
        spot = bot.engine.state.row_of(bot.account, bot.engine.state.instruments[0].key)
        await bot.until(lambda: spot not in bot.holding)
        assert bot.holding, "the other account's venue is down; it is tried on"
        simulator.private.remove_fault(down)
        await exits(bot, simulator)


async def test_pain_50_flatten_without_the_bot_does_the_same_and_reads_it_back(tmp_path: Path) -> None:
    """Killed with both accounts in positions, 429s, thin books (each close fills in parts), one account down for two seconds."""
    async with venue() as simulator:
        async with alive(simulator, tmp_path, Domain.CRYPTO, Domain.PERPS) as bot:
            await bot.until(lambda: bot.free)
            bot.beat()
            await bot.until(lambda: len(bot.holding) == 2 and len(bot.told(Protected)) >= 2)
            state, now = bot.engine.state, bot.now()
        exchange = simulator.private.exchange
        uids = list(exchange.accounts)
        for key, size in (("spot:BTCUSDT", Decimal("0.0007")), ("linear:BTCUSDT", Decimal("0.009"))):
            book = exchange._desk.books[key]
            book._ladder_of = partial(_thin, book._ladder_of, size)
            book.move(book.point)  # type: ignore[arg-type]
        bot.fault(kind="http_status", status=429, match="/v5/", probability=0.2, count=0)
        bot.fault(kind="maintenance", match="/v5/", account=uids[1], ms=2_000)
        clock, said = WallClock(), list[str]()
        throttle = Throttle({}, clock)
        accounts = []
        for account, holder in zip(state.accounts, simulator.private.keyring.accounts, strict=True):
            port = BybitVenue(
                simulator.http, holder.api_key, holder.api_secret, account.domain, throttle, clock,
                random.Random(1), venue_now=lambda: simulator.clock.now_ms,
            )  # fmt: skip
            accounts.append(LiveAccount(ours_of(state, account, now), port))
        async with asyncio.TaskGroup() as group:
            refresh = group.create_task(_move(simulator))
            reports = await flatten_accounts(accounts, clock, limit_s=15, say=said.append)
            refresh.cancel()
        for one in accounts:
            await one.venue.close()
        assert all(one.verified and one.seconds < 15 for one in reports), reports
        spot, perps = reports
        assert spot.seconds < perps.seconds >= 1.9, "nobody waited for the account whose venue was down"
        assert spot.closed >= 2 and perps.closed >= 2, "in parts"
        assert abs(Venue(simulator).holds()) < DUST and Venue(simulator).open_orders() == []


def _thin(whole: Callable[[Point], Ladder], size: Decimal, point: Point) -> Ladder:
    """A book whose bid side has one level of so much."""
    bids, asks = whole(point)
    return [(bids[0][0], size)], asks


async def _move(simulator: Simulator) -> None:
    """The book fills up again ten times a second."""
    while True:
        await asyncio.sleep(0.1)
        for book in simulator.private.exchange._desk.books.values():
            if book.point is not None:
                book.move(book.point)
