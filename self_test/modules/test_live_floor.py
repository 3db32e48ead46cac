"""The floor of live accounts: what their wallets open with, where commands go, and what is held."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from config import CONFIG
from modules import live_floor
from modules.accounts import Key
from modules.engine.inbox import Inbox
from modules.live_floor import LiveFloor, account_of, held_on, holding_live, new_tag
from modules.settings import Capital
from self_test.fakes.books import coin
from self_test.modules.street import BOTH, COINS, LINEUP, LIVE, NOW, PAPER, PERPS_LIVE, PERPS_PAPER, UNIT, Street, floor, no_filters, stored
from self_test.scenarios.desk import LiveDesk, only
from state.accounts import Account, Domain
from state.books import FLAT
from state.intents import ExitReason, Reduce, order_id
from state.messages import Cancel, Close, Command, OrderRejected, Place, Protect, Record, Report
from state.runtime import RuntimeState
from utils.errors import Transient


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    return Street(monkeypatch)


# --- wallets --------------------------------------------------------------------------------------------------------------------------


def opened(one: LiveFloor, state: RuntimeState) -> dict[str, int]:
    events = one.openings(state, NOW)
    assert all((event.name, event.ts, event.who) == ("open_wallet", NOW, "venue") for event in events)
    return {event.args["account"]: int(event.args["balance_units"]) for event in events}


@pytest.mark.asyncio
async def test_a_new_wallet_opens_with_what_the_venue_has_and_an_old_one_is_left_alone(street: Street) -> None:
    one = floor()
    street.spot.cash = Decimal("1000.00000000019")
    await one.introduce(BOTH, None)
    state = stored((LIVE, PAPER, PERPS_LIVE, PERPS_PAPER), (*COINS, coin("AAAUSDT", Domain.PERPS)))
    assert opened(one, state) == {"CRYPTO/LIVE": 1_000 * UNIT + 1, "PERPS/LIVE": 500 * UNIT}
    state.acct[state.accounts.index(LIVE)]["peak"] = 1
    assert opened(one, state) == {"PERPS/LIVE": 500 * UNIT}


@pytest.mark.asyncio
async def test_two_domains_under_one_key_share_its_wallet(street: Street) -> None:
    same = {Domain.CRYPTO: Key("k", "s"), Domain.PERPS: Key("k", "s")}
    street.doors[Domain.PERPS] = street.spot
    one = floor(keys=same, config=CONFIG.model_copy(update={"capital": Capital(crypto_share=0.7)}))
    await one.introduce(BOTH, None)
    state = stored((LIVE, PAPER, PERPS_LIVE, PERPS_PAPER), (*COINS, coin("AAAUSDT", Domain.PERPS)))
    assert opened(one, state) == {"CRYPTO/LIVE": 700 * UNIT, "PERPS/LIVE": 300 * UNIT}, "all of it, once"
    alone = floor(keys=same)
    await alone.introduce(LINEUP, None)
    assert opened(alone, state) == {"CRYPTO/LIVE": 1_000 * UNIT}


# --- wired ----------------------------------------------------------------------------------------------------------------------------


async def wired(street: Street, desk: LiveDesk | None = None, halted: Callable[[Account], bool] = lambda _: False) -> LiveFloor:
    desk = desk or LiveDesk()
    one = floor()
    await one.introduce(LINEUP, None)
    one.wire(desk.engine, Inbox(), lambda: desk.now, no_filters, halted)
    return one


@pytest.mark.asyncio
async def test_commands_go_to_the_account_they_are_for(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    one = await wired(street, desk)
    assert list(one.desks) == [LIVE] and one.idle
    sent: list[Command] = []
    monkeypatch.setattr(one.desks[LIVE].executor, "submit", sent.append)
    live = only(Place, desk.signal())
    desk.filled(live.order)
    asked = only(Close, desk.control("flatten", account="CRYPTO/LIVE"))
    cancel = Cancel(LIVE, desk.coin().key, live.order.order_id)
    protect = Protect(LIVE, desk.coin().key, 1, 10, 9_700, 11_200)
    mine: list[Command] = [live, asked, cancel, protect]
    assert all(one.dispatch(command) for command in mine) and sent == mine
    with desk.on(PAPER):
        paper = desk.enter(strategy=3)
    reduce = Reduce(ts=1, account=PAPER, key=desk.coin().key, order_id="x", reason=ExitReason.HALT)
    others: list[Command] = [Place(paper), Close(reduce), Cancel(PAPER, "k", "o"), Protect(PAPER, "k", 1, 10, 1, 2)]
    others += [Record("cash", {}), Report(ts=1, what="a", text="b", account="CRYPTO/LIVE")]
    assert not any(one.dispatch(command) for command in others) and sent == mine
    assert [account_of(command) for command in mine + others] == [LIVE] * 4 + [PAPER] * 4 + [None] * 2


@pytest.mark.asyncio
async def test_work_on_its_way_is_not_idle(street: Street) -> None:
    desk = LiveDesk()
    one = await wired(street, desk)
    assert one.dispatch(only(Place, desk.signal())) and not one.idle


@pytest.mark.asyncio
async def test_tasks_are_named_by_account_and_only_the_executor_is_fatal(street: Street) -> None:
    one = await wired(street)
    assert [(name, fatal) for name, _, fatal in one.jobs()] == [("executor CRYPTO/LIVE", True), ("watch CRYPTO/LIVE", False)]


@pytest.mark.asyncio
async def test_a_refusal_of_a_live_order_makes_its_watch_look_again(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await wired(street)
    doubts: list[str] = []
    monkeypatch.setattr(one.desks[LIVE].watch, "doubt", lambda: doubts.append("looked"))
    for account in (PAPER, PERPS_LIVE):
        one.observe(1, OrderRejected(NOW, account, "o", "why"), [])
    assert doubts == []
    one.observe(2, OrderRejected(NOW, LIVE, "o", "why"), [])
    assert doubts == ["looked"]


@pytest.mark.asyncio
async def test_a_venue_that_does_not_answer_at_the_start_is_asked_on_by_its_task(street: Street) -> None:
    one = await wired(street)
    street.spot.fault = Transient("no route")
    await one.start()
    assert one.uncovered_ms() == {"CRYPTO/LIVE": 0}


@pytest.mark.asyncio
async def test_the_market_does_not_wait_for_an_account_that_is_slow_to_read(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that hangs costs seconds of recovery: what is known by then is told, and the task of the account reads on."""
    monkeypatch.setattr(live_floor, "START_S", 0.05)
    one = await wired(street)
    monkeypatch.setattr(street.spot, "wallet", lambda _urgency=None: asyncio.Event().wait())
    await asyncio.wait_for(one.start(), 5)
    assert street.spot.asked[-1] == "executions" and one.desks[LIVE].watch.caught_up.is_set()


@pytest.mark.asyncio
async def test_what_a_stored_account_knew_is_known_again(street: Street) -> None:
    desk = LiveDesk()
    desk.open()
    one = await wired(street, desk)
    held = one.desks[LIVE].tracker.held(desk.coin().key)
    assert (held.side, held.steps, held.stop, held.target, held.coins) == (1, 1_998, 9_700, 11_200, Decimal("0.1998"))


# --- what is held ---------------------------------------------------------------------------------------------------------------------


def test_what_is_held_is_told_with_its_protection_and_all_coins() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", "CCCUSDT")
    desk.filled(desk.enter(0), steps=1_999)
    desk.filled(desk.enter(1), steps=100)  # written off: only its coins are left
    with desk.on(desk.paper):
        desk.filled(desk.enter(2, strategy=3))
    state = desk.engine.state
    found = held_on(state, LIVE)
    assert set(found) == {"CRYPTO:AAAUSDT", "CRYPTO:BBBUSDT"}
    one = found["CRYPTO:AAAUSDT"]
    assert (one.side, one.steps, one.stop, one.target, one.coins) == (1, 1_997, 9_700, 11_200, Decimal("0.1997001"))
    assert (found["CRYPTO:BBBUSDT"].steps, found["CRYPTO:BBBUSDT"].coins) == (0, Decimal("0.00999"))
    assert holding_live(state) == [LIVE]


def test_an_entry_under_way_wants_its_protection_from_the_first_fill() -> None:
    desk = LiveDesk()
    desk.enter()
    one = held_on(desk.engine.state, LIVE)[desk.coin().key]
    assert (one.side, one.steps, one.stop, one.target, one.coins) == (1, 0, 9_700, 11_200, Decimal(0))


def test_a_perpetual_has_no_coins() -> None:
    desk = LiveDesk(perps=True)
    order = desk.open()
    one = held_on(desk.engine.state, PERPS_LIVE)[desk.coin().key]
    assert (one.side, one.steps, one.coins) == (1, order.intent.steps, Decimal(0))
    desk.stopped(9_700)
    assert held_on(desk.engine.state, PERPS_LIVE) == {} and holding_live(desk.engine.state) == []
    assert desk.pos()["status"] == FLAT


def test_a_tag_is_three_unmistakable_letters() -> None:
    drawn = {new_tag() for _ in range(50)}
    assert len(drawn) > 40 and all(re.fullmatch(r"[A-HJ-NP-Za-km-z2-9]{3}", tag) for tag in drawn)
    assert order_id(LIVE, "CRYPTO:AAAUSDT", NOW, "e", next(iter(drawn))).startswith("CL")
