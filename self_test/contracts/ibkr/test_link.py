"""The line to the gateway of Interactive Brokers: not there, gone, silent, taken, and back."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest

from modules.exchange.ibkr_orders import STOP
from modules.exchange.reports import ExecutionReport, Link, OrderKind
from modules.ports import BAD_KEY
from self_test.contracts.ibkr.desk import EUR, LIMIT_S, QUICK, Desk, code_of, dealing, until
from self_test.fakes.tws import FakeTws
from utils.errors import Transient

pytestmark = pytest.mark.asyncio


async def test_a_gateway_that_is_not_there_at_the_start_is_told_once_and_found_when_it_comes() -> None:
    tws = FakeTws()
    await tws.start()
    await tws.stop()
    desk = Desk(tws)
    with pytest.raises(Transient, match="does not answer"):
        await desk.venue.wallet()
    with pytest.raises(Transient):
        await desk.create()
    async with asyncio.timeout(LIMIT_S), desk.listening() as items:
        lost = await anext(items)
        assert isinstance(lost, Link) and not lost.up and "does not answer" in lost.reason
        await tws.start()
        back = await anext(items)  # however often it was tried meanwhile
        assert isinstance(back, Link) and back.up
        assert (await desk.venue.wallet()).cash == 200_000
    await desk.venue.close()
    await tws.stop()


async def test_a_gateway_that_goes_in_the_middle_is_told_once_each_way_and_what_happened_is_read() -> None:
    async with dealing() as desk, desk.listening() as items:
        assert (await until(items, Link)).up
        await desk.create()
        await desk.tws.stop()
        gone = await until(items, Link)
        assert not gone.up and "closed the connection" in gone.reason
        with pytest.raises(Transient):
            await desk.venue.positions()
        desk.tws.move(desk.tws.options[0], 0.0040, 0.0041)  # the stop fires while we are away
        await desk.tws.start()
        back = await anext(items)
        assert isinstance(back, Link) and back.up
        assert await desk.venue.positions() == [] and await desk.venue.open_orders() == []
        entry, stopped = await desk.venue.executions(0)
        assert (entry.link_id, stopped.link_id, stopped.order_kind) == ("bot-1", "bot-1" + STOP, OrderKind.STOP_LOSS)
        await desk.create("bot-9", price=Decimal("0.0041"), stop=Decimal("0.0020"), target=Decimal("0.0090"))
        assert (await until(items, ExecutionReport)).link_id == "bot-9"  # and it is heard again


async def test_what_stood_before_a_reconnection_is_heard_and_can_be_moved_after_it() -> None:
    async with dealing() as desk, desk.listening() as items:
        await until(items, Link, up=True)
        await desk.create()
        desk.tws.hang_up()
        await until(items, Link, up=False)
        await until(items, Link, up=True)
        await desk.venue.set_stops(EUR, Decimal("0.0060"), Decimal("0.0160"))
        assert desk.tws.of("bot-1" + STOP).aux == "0.006" and len(desk.tws.open()) == 2
        desk.tws.move(desk.tws.options[0], 0.0059, 0.0060)
        assert (await until(items, ExecutionReport, side=-1)).order_kind is OrderKind.STOP_LOSS


async def test_a_gateway_without_its_broker_behind_it_is_down_too() -> None:
    async with dealing() as desk, desk.listening() as items:
        await until(items, Link, up=True)
        desk.tws.upstream(lost=True)
        desk.tws.upstream(lost=True)
        lost = await anext(items)
        assert isinstance(lost, Link) and not lost.up and "1100" in lost.reason
        with pytest.raises(Transient, match="nothing was sent"):
            await desk.create()
        desk.tws.upstream(lost=False)
        back = await anext(items)
        assert isinstance(back, Link) and back.up
        await desk.create()


async def test_a_line_that_says_nothing_is_dropped() -> None:
    async with dealing(msgspec.structs.replace(QUICK, beat_s=0.05, answer_s=0.1)) as desk, desk.listening() as items:
        await until(items, Link, up=True)
        desk.tws.silent.add("time")
        gone = await anext(items)
        assert isinstance(gone, Link) and not gone.up and "no answer" in gone.reason
        desk.tws.silent.clear()
        assert isinstance(back := await anext(items), Link) and back.up


async def test_a_client_id_that_is_taken_is_an_explicit_no() -> None:
    async with dealing(refuse_client=True) as desk:
        assert (await code_of(desk.venue.wallet()))[0] == BAD_KEY


async def test_an_account_that_is_not_fit_is_told_in_words_without_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    async with dealing() as desk:
        other = Desk(desk.tws, account="DU7654321", client=9)
        (why,) = (await other.venue.rights()).unfit
        assert "does not manage …321" in why and "DU7654321" not in why + repr(other.gateway.place)
        await other.venue.close()
    async with dealing(currency="EUR") as desk:
        assert (await desk.venue.rights()).unfit == ("its account is kept in EUR, not in USD",)
    assert "DU1234567" not in "".join(capsys.readouterr())


async def test_questions_that_get_no_answer_are_transient() -> None:
    async with dealing(msgspec.structs.replace(QUICK, answer_s=0.05)) as desk:
        desk.tws.silent |= {"summary", "contract"}
        with pytest.raises(Transient, match="account summary"):
            await desk.venue.wallet()
        with pytest.raises(Transient):
            await desk.venue.prepare(EUR)
