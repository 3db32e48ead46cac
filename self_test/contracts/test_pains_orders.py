"""The pains of orders that are lost, doubled or sent when they may not be, with the whole bot on the simulator over loopback."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modules.exchange import pending
from modules.simulator.order_types import Accepted, OrderRequest
from self_test.contracts.clients import venue
from self_test.contracts.whole import CATEGORY, Venue, Whole, alive, hurry
from state.accounts import Domain
from state.messages import OrderFilled, OrderRejected, Protected, Record, StopFilled
from utils.clock import MS
from utils.fixed import money_units

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("kernels")]
both = pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
DUST = Decimal("0.000001")
"""A step of the spot coin."""
CREATE = "POST /v5/order/create"


async def flat(bot: Whole) -> None:
    await bot.until(lambda: not bot.holding)
    await bot.rest()


async def agrees(bot: Whole) -> None:
    """A fresh reading finds nothing to explain: sizes as at the venue, cash to the last unit."""
    await bot.rest()
    await bot.fresh_reads()
    assert bot.free, bot.engine.state.holds
    uid = list(bot.simulator.private.exchange.accounts)[bot.account.domain is Domain.PERPS]
    assert money_units(bot.simulator.private.exchange.accounts[uid].balance("USDT")) == int(bot.engine.state.acct[0]["cash"])
    one, pos = bot.engine.state.instruments[0], bot.engine.state.pos[0]
    assert abs(Venue(bot.simulator).holds() - one.qty(int(pos["side"] * pos["steps"]))) < DUST


FATES: list[dict[str, Any]] = [
    {"kind": "lose_reply"},
    {"kind": "cut"},
    {"kind": "duplicate"},
    {"kind": "http_status", "status": 502, "value": "after"},
    {"kind": "delay", "ms": 400},
]


@both
@pytest.mark.parametrize("fate", FATES, ids=lambda fate: str(fate["kind"]))
async def test_pain_08_whatever_becomes_of_the_reply_there_is_one_order(domain: Domain, fate: dict[str, Any], tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        bot.fault(match=CREATE, **fate)
        await bot.entered()
        assert len(Venue(simulator).links("e")) == 1
        bot.fault(match=CREATE, **fate)
        bot.control("flatten")
        await flat(bot)
        assert len(Venue(simulator).links("e")) == len(Venue(simulator).links("x")) == 1
        await agrees(bot)


@both
async def test_pain_09_an_order_that_nobody_can_see_for_a_while_is_neither_given_up_nor_sent_again(domain: Domain, tmp_path: Path) -> None:
    """The reply of the entry is lost, its frames too, and it is listed only later; the same with the close (pain 15)."""
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.until(lambda: bot.free)
        deaf = [bot.fault(kind="drop", match=topic, count=0) for topic in ("order", "execution", "position", "wallet")]
        bot.fault(kind="delay", match=CREATE, value="visibility", ms=1_500)
        await bot.entered()
        for one in deaf:
            simulator.private.remove_fault(one)
        assert len(Venue(simulator).links("e")) == 1 and not bot.told(OrderRejected)
        await agrees(bot)


@both
async def test_pain_15_a_close_whose_fill_is_seen_late_is_sent_once(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered()
        deaf = [bot.fault(kind="drop", match=topic, count=0) for topic in ("order", "execution", "position", "wallet")]
        bot.fault(kind="delay", match=CREATE, value="visibility", ms=1_500)
        bot.control("flatten")
        for _ in range(3):  # and it is asked for again and again
            await bot.until(lambda: True)
            bot.beat()
        await flat(bot)
        for one in deaf:
            simulator.private.remove_fault(one)
        assert len(Venue(simulator).links("x")) == 1 and abs(Venue(simulator).holds()) < DUST
        await agrees(bot)


@both
async def test_pain_11_frames_that_come_twice_and_out_of_order_count_once(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        for topic in ("order", "execution", "position", "wallet"):
            bot.fault(kind="duplicate", match=topic, count=0, probability=0.7)
            bot.fault(kind="reorder", match=topic, count=0, probability=0.4, ms=60)
            bot.fault(kind="drop", match=topic, count=0, probability=0.2)
        for _ in range(3):
            await bot.entered()
            bot.control("flatten")
            await flat(bot)
            bot.control("resume")
            await bot.until(lambda: not bot.engine.state.halted)
        await agrees(bot)
        fills = [one.row["exec_id"] for one in bot.said(Record) if one.kind == "fill"]
        executed = [one["execId"] for one in Venue(simulator).ledger["fills"]]
        assert sorted(fills) == sorted(executed) and len(set(fills)) == len(fills)


async def work(bot: Whole) -> None:
    """Enter, close, resume, enter again, for ever: something about orders always goes on."""
    while True:
        if not bot.engine.state.orders and bot.floor.idle and bot.free:
            if bot.holding:
                bot.control("flatten")
            elif bot.engine.state.halted:
                bot.control("resume")
            else:
                bot.beat()
        bot.news.clear()
        await bot.news.wait()


@both
async def test_pain_12_killed_at_every_write_it_goes_on_with_what_the_venue_has(
    domain: Domain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each life dies one write later than the one before, by turns before the venue has it and after; the last one lives."""
    monkeypatch.setattr(pending, "RECV_WINDOW_NS", 300 * MS)  # a request on loopback is there or never was
    monkeypatch.setattr(pending, "MARGIN_NS", 100 * MS)
    async with venue() as simulator:
        sent: list[str] = []
        for number in range(1, 7):
            async with alive(simulator, tmp_path, domain, dies=(number, number % 2 == 0)) as bot:
                [wire] = bot.wires
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(work(bot))
                    await asyncio.wait_for(wire.dead.wait(), 10)
                    task.cancel()
                sent += [link for link, _ in wire.created]
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.until(lambda: bot.free)
            await bot.rest()
            await agrees(bot)
            bot.control("flatten")
            await flat(bot)
            await agrees(bot)
            assert [one.trigger for one in bot.told(StopFilled)] == []
        links = [*Venue(simulator).links("e"), *Venue(simulator).links("x")]
        assert len(sent) >= 6 and len(set(links)) == len(links)
        assert abs(Venue(simulator).holds()) < DUST and Venue(simulator).open_orders() == []


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_pain_16_once_halted_nothing_that_opens_leaves_and_a_restart_changes_nothing(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with venue(symbols=("BTCUSDT", "ETHUSDT", "SOLUSDT")) as simulator:
        everything = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
        async with alive(simulator, tmp_path, Domain.CRYPTO, symbols=everything) as bot:
            await bot.until(lambda: bot.free)
            bot.fault(kind="delay", match="/v5/account/wallet-balance", count=3, ms=chance.randrange(1, 80))
            bot.beat()
            for _ in range(chance.randrange(0, 60)):
                await asyncio.sleep(0)
            bot.control("flatten")
            bot.beat()
            await flat(bot)
            bot.beat()
            await bot.fresh_reads()
            [wire] = bot.wires
            assert [link for link, halted in wire.created if halted and link.endswith("-e")] == []
            sent = len(Venue(simulator).links("e"))
        async with alive(simulator, tmp_path, Domain.CRYPTO, symbols=everything) as bot:
            await bot.until(lambda: bot.free)
            bot.beat()
            await bot.fresh_reads()
            assert bot.engine.state.halted and len(Venue(simulator).links("e")) == sent
            assert Venue(simulator).open_orders() == [] and abs(Venue(simulator).holds()) < DUST


@pytest.mark.parametrize("share", ["0.0002", "0.3", "0.7"])
@both
async def test_pain_17_an_entry_filled_in_part_is_protected_in_full_or_written_off(domain: Domain, share: str, tmp_path: Path) -> None:
    """The book has so much of the order at its price and no more."""
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.until(lambda: bot.free)
        exchange = simulator.private.exchange._desk
        book = exchange.books[f"{CATEGORY[domain]}:BTCUSDT"]
        one = bot.engine.state.instruments[0]
        asked: list[Decimal] = []
        whole = book._ladder_of

        def shallow(point: Any) -> Any:
            bids, asks = whole(point)
            size = max(one.step, (Decimal(share) * Decimal("0.0016" if domain is Domain.CRYPTO else "0.02")) // one.step * one.step)
            asked.append(size)
            return bids, [(asks[0][0], size)]

        book._ladder_of = shallow
        await hurry(simulator, 20_000)
        bot.beat()
        await bot.until(lambda: bool(bot.told(OrderFilled)))
        book._ladder_of = whole
        await bot.rest()
        await bot.fresh_reads()
        bought = sum((one.qty(event.fill.steps) for event in bot.told(OrderFilled)), Decimal(0))
        assert asked and bought == asked[-1]
        naked = [row for row in Venue(simulator).ledger["unprotected"] if row["to_ts"] is None]
        if bot.holding:
            assert naked == [] and len(Venue(simulator).open_orders()) >= 1
            bot.control("flatten")
            await flat(bot)
        else:
            assert bought * Decimal(100_000) < 10, "only what cannot be sold is written off"
        await bot.fresh_reads()
        assert bot.free and Venue(simulator).open_orders() == []


async def test_pain_46_an_order_older_than_any_list_is_found_after_a_restart(tmp_path: Path) -> None:
    """Killed when the venue had its entry; then its owner trades 510 times by hand: order/realtime remembers 500, a page far less."""
    many = 510
    async with venue() as simulator:
        async with alive(simulator, tmp_path, dies=(2, True)) as bot:
            await bot.until(lambda: bot.free)
            for topic in ("order", "execution", "position", "wallet"):
                bot.fault(kind="drop", match=topic)
            bot.beat()
            await asyncio.wait_for(bot.wires[0].dead.wait(), 10)
        [entry] = Venue(simulator).links("e")
        exchange = simulator.private.exchange
        uid = next(iter(exchange.accounts))
        for number in range(many):
            request = OrderRequest(
                category="spot", symbol="BTCUSDT", side="Sell" if number % 2 else "Buy", order_type="Market", qty=Decimal("0.0001"),
                market_unit="baseCoin", link_id=f"by-hand-{number}",
            )  # fmt: skip
            assert isinstance(exchange.create_order(uid, request, simulator._now()), Accepted)
        async with alive(simulator, tmp_path) as bot:
            await bot.until(lambda: bool(bot.told(Protected)))
            assert [one.fill.order_id for one in bot.told(OrderFilled)] == [entry]
            await bot.fresh_reads()
            assert list(bot.engine.state.holds["CRYPTO/LIVE"]) and "by-hand" in str(bot.engine.state.holds), "and what is not ours is told"
            sent = [link for link, _ in bot.wires[0].created]
            assert sent == [] and bot.holding
