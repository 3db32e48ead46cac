"""The pains of protection, with the whole bot on the simulator, which keeps its own account of every instant without a stop."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from modules.exchange.reports import OrderKind
from modules.simulator.faults import parse
from modules.simulator.filters import Category
from modules.simulator.server import Simulator
from self_test.contracts.clients import venue
from self_test.contracts.whole import Venue, Whole, alive, hurry
from state.accounts import Domain
from state.intents import ExitReason
from state.messages import OrderAccepted, Protect, Protected, Record, StopFilled
from state.orders import OrderState

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("kernels")]
both = pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
DUST = Decimal("0.000001")
"""A step of the spot coin."""
HOUR_MS = 3_600_000
MOVE = {Domain.CRYPTO: "POST /v5/order/amend", Domain.PERPS: "POST /v5/position/trading-stop"}
MISHAPS = (
    {"kind": "lose_reply"},
    {"kind": "cut"},
    {"kind": "drop"},
    {"kind": "http_status", "status": 502},
    {"kind": "http_status", "status": 502, "value": "after"},
    {"kind": "delay", "ms": 150},
)


def stop_of(bot: Whole) -> int:
    return int(bot.engine.state.pos[0]["stop"])


async def flat(bot: Whole) -> None:
    await bot.until(lambda: not bot.holding)
    await bot.rest()


async def crash(simulator: Simulator) -> None:
    """The price falls by a fifth, whoever looks."""
    simulator.private.add_fault(parse({"kind": "price_gap", "symbol": "BTCUSDT", "value": -0.2}))
    await hurry(simulator, 61_000)


@pytest.mark.parametrize(("domain", "side"), [(Domain.CRYPTO, 1), (Domain.PERPS, 1), (Domain.PERPS, -1)])
async def test_pain_01_a_stop_stands_at_every_instant_while_it_trails(domain: Domain, side: int, tmp_path: Path) -> None:
    chance = random.Random(f"{domain} {side}")
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered(side)
        stops, share = [stop_of(bot)], 0.0
        while share < 0.015:  # up and down, and always a little further
            share += chance.uniform(-0.002, 0.005)
            if chance.random() < 0.6:
                bot.fault(match=MOVE[domain], **chance.choice(MISHAPS))
            bot.trail(1 + side * share)
            await bot.rest()
            await bot.until(lambda: bot.told(Protected)[-1].stop == stop_of(bot))
            stops.append(stop_of(bot))
        assert len(set(stops)) >= 4 and sorted(stops, reverse=side < 0) == stops
        assert Venue(simulator).ledger["unprotected"] == []
        assert len(bot.said(Protect)) == len(set(stops)) - 1


@both
async def test_pain_02_nothing_is_left_standing_whichever_way_it_ends(domain: Domain, tmp_path: Path) -> None:
    ways = ["stop", "target", "close", "race", "race", *(["taken"] if domain is Domain.PERPS else [])]
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        for way in ways:
            await bot.entered()
            if way in {"close", "race"}:
                bot.control("flatten")
            if way == "taken":
                bot.fault(kind="liquidate", symbol="BTCUSDT")
            elif way != "close":
                await bot.gap(0.05 if way == "target" else -0.05)
            await flat(bot)
            await bot.fresh_reads()
            assert Venue(simulator).open_orders() == [] and abs(Venue(simulator).holds()) < DUST, way
            if bot.engine.state.halted:
                bot.control("resume")
                await bot.until(lambda: not bot.engine.state.halted)
        closed = [one.row["reason"] for one in bot.said(Record) if one.kind == "trade"]
        assert len(closed) == len(ways) and {"stop", "target", "operator"} <= set(closed)


@both
async def test_pain_03_an_hour_with_a_resting_exit_costs_no_write(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered()
        await bot.rest()
        ear = bot.fault(kind="http_status", status=500, match="POST /v5/", probability=0, count=0)
        began = bot.now()
        while bot.now() < began + HOUR_MS:
            await hurry(simulator, HOUR_MS // 12, speed=3_600)
            bot.trail(1.0)
            await bot.rest()
        await bot.fresh_reads()
        assert bot.holding and [one["seen"] for one in simulator.private.faults.rows() if one["id"] == ear] == [0]


@both
async def test_pain_04_killed_right_after_the_entry_was_taken_the_venue_closes(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator:
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.until(lambda: bot.free)
            bot.beat()
            await bot.until(lambda: bool(bot.told(OrderAccepted)))
        assert Venue(simulator).holds() > DUST, "dead, and something is held"
        await crash(simulator)
        assert abs(Venue(simulator).holds()) < DUST and Venue(simulator).open_orders() == []
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.until(lambda: bot.free)
            assert not bot.holding and [one.trigger for one in bot.told(StopFilled)] == [ExitReason.STOP]


@both
async def test_pain_05_a_gap_through_the_stop_ends_flat(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered()
        stop = stop_of(bot)
        await bot.gap(-0.2)
        await flat(bot)
        [stopped] = bot.told(StopFilled)
        assert (stopped.trigger, stopped.left) == (ExitReason.STOP, 0) and stopped.fill.price < stop * 0.85
        assert abs(Venue(simulator).holds()) < DUST


@both
async def test_pain_06_a_stop_whose_frames_were_all_lost_is_found_by_asking(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered()
        for topic in ("order", "execution", "position", "wallet"):
            bot.fault(kind="drop", match=topic, count=0)
        await bot.gap(-0.05)
        await flat(bot)
        await bot.fresh_reads()
        assert len(bot.told(StopFilled)) == 1 and bot.free
        assert [one.row["reason"] for one in bot.said(Record) if one.kind == "trade"] == ["stop"]


@pytest.mark.parametrize(("kind", "share"), [("liquidate", None), ("adl", None), ("adl", "half")])
async def test_pain_07_what_the_venue_takes_is_booked_as_that_and_halts_the_account(kind: str, share: str | None, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, Domain.PERPS) as bot:
        await bot.entered()
        size = Venue(simulator).holds()
        bot.fault(kind=kind, symbol="BTCUSDT", value=str((size / 2).quantize(Decimal("0.001"))) if share else None)
        await flat(bot)  # the rest of a half is closed by the halt
        await bot.fresh_reads()
        reason = "liquidation" if kind == "liquidate" else "adl"
        assert ("halted", reason) in bot.reports() and bot.engine.state.halted == {"PERPS/LIVE": reason}
        assert [one.trigger for one in bot.told(StopFilled)] == [ExitReason(reason)]
        [trade] = [one.row for one in bot.said(Record) if one.kind == "trade"]
        assert trade["reason"] == (reason if share is None else "halt") and trade["unprotected_s"] < 2
        assert Venue(simulator).holds() == 0 and bot.free
        bot.beat()
        await bot.fresh_reads()
        assert not bot.holding


@both
@pytest.mark.parametrize("share", [-0.05, 0.05])
async def test_pain_14_after_a_restart_either_leg_ends_the_trade_as_what_it_is(domain: Domain, share: float, tmp_path: Path) -> None:
    async with venue() as simulator:
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.entered()
            standing = Venue(simulator).open_orders()
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.until(lambda: bot.free)
            await bot.until(lambda: bool(bot.told(Protected)))
            assert Venue(simulator).open_orders() == standing and bot.holding, "found again, not made anew"
            await bot.gap(share)
            await flat(bot)
        [trade] = [one.row for one in bot.said(Record) if one.kind == "trade"]
        assert trade["reason"] == ("stop" if share < 0 else "target")
        assert Venue(simulator).open_orders() == [] and Venue(simulator).ledger["unprotected"] == []


@both
async def test_pain_14_a_protection_that_went_while_nobody_looked_is_attached_anew(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator:
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.entered()
            stop = stop_of(bot)
        exchange, perps = simulator.private.exchange, domain is Domain.PERPS
        uid = list(exchange.accounts)[perps]
        for name in Venue(simulator).open_orders():
            category: Category = "linear" if perps else "spot"
            world = "" if perps else "tpslOrder"
            exchange.cancel_order(uid, category, "BTCUSDT", simulator._now(), order_id=name, order_filter=world)
        assert Venue(simulator).open_orders() == []
        async with alive(simulator, tmp_path, domain) as bot:
            await bot.until(lambda: bool(bot.told(Protected)))
            assert bot.told(Protected)[-1].stop == stop == stop_of(bot) and bot.told(Protected)[-1].gap_ms < 2_000
            await bot.gap(-0.05)
            await flat(bot)
        assert abs(Venue(simulator).holds()) < DUST


@both
async def test_pain_36_a_stop_that_does_not_echo_what_was_meant_is_put_right(domain: Domain, tmp_path: Path) -> None:
    async with venue() as simulator, alive(simulator, tmp_path, domain) as bot:
        await bot.entered()
        one = bot.engine.state.instruments[0]
        right, wrong = one.price(stop_of(bot)), one.price(stop_of(bot)) - 500
        port, target = bot.desk.venue, one.price(int(bot.engine.state.pos[0]["target"]))
        if domain is Domain.PERPS:
            await port.set_stops(one.key, wrong, target)
        else:
            [bracket] = await port.open_orders()
            await port.amend(one.key, bracket.venue_id, stop=wrong)
        stops: set[Decimal] = set()
        while stops != {right}:
            await bot.fresh_reads()
            orders = await port.open_orders()
            stops = {order.stop or order.trigger for order in orders if order.kind in {OrderKind.STOP_LOSS, OrderKind.SPOT_BRACKET}}
        assert Venue(simulator).ledger["unprotected"] == []
        assert all(order.state is not OrderState.UNKNOWN for order in bot.engine.state.orders.values())
