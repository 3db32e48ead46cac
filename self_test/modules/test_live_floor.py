from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules import doors, live_floor
from modules.accounts import GatewayKey, Key, Lineup
from modules.engine.core import Engine
from modules.engine.desk import make_mandate, make_state
from modules.engine.inbox import Inbox
from modules.environment import BrokerHosts, Environment, Hosts, IbkrPlace
from modules.exchange.reports import KeyRights
from modules.live_floor import LiveFloor, account_of, held_on, holding_live, new_tag
from modules.options import RunOptions
from modules.settings import BotConfig, Capital
from self_test.fakes.account_venue import AccountVenue
from self_test.fakes.books import coin
from self_test.fakes.option_markets import slot
from self_test.scenarios.desk import LiveDesk, only
from state.accounts import Account, Domain, Mode
from state.books import FLAT
from state.instruments import Instrument
from state.intents import ExitReason, Reduce, order_id
from state.messages import AccountDown, AccountEvent, Cancel, Close, Command, OrderRejected, Place, Protect, Record, Report
from state.runtime import RuntimeState
from utils.clock import FakeClock
from utils.errors import ExitCode, Refusal, Rejected, Transient
from utils.throttle import Throttle

LIVE, PAPER = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.CRYPTO, Mode.PAPER)
PERPS_LIVE, PERPS_PAPER = Account(Domain.PERPS, Mode.LIVE), Account(Domain.PERPS, Mode.PAPER)
LINEUP = Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=(LIVE,))
BOTH = Lineup(domains=(Domain.CRYPTO, Domain.PERPS), paper=(PAPER, PERPS_PAPER), live=(LIVE, PERPS_LIVE))
COINS = (coin("AAAUSDT"), coin("BBBUSDT"))
UNIT = 10**10
NOW = 1_741_046_400_000


class Door(AccountVenue):
    """A venue that also remembers whether it was closed, and what it was opened with."""

    def __init__(self, cash: str = "1000") -> None:
        super().__init__(cash)
        self.key = msgspec.structs.replace(self.key, account_id="98761234")
        self.closed = 0
        self.opened_with: tuple[str, str, str] | None = None
        self.leverage = 0
        self.by_mark = False

    async def close(self) -> None:
        self.closed += 1

    def venue_ms(self) -> int:
        return NOW


class Street:
    """The doors by domain; stands where `BybitVenue` stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.doors = {Domain.CRYPTO: Door(), Domain.PERPS: Door("500")}
        monkeypatch.setattr(doors, "BybitVenue", self.open)

    def open(self, host: str, key: str, word: str, domain: Domain, *_rest: Any, leverage: int, by_mark: bool, **_more: Any) -> Door:
        door = self.doors[domain]
        door.opened_with, door.leverage, door.by_mark = (host, key, word), leverage, by_mark
        return door

    @property
    def spot(self) -> Door:
        return self.doors[Domain.CRYPTO]


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    return Street(monkeypatch)


def floor(keys: dict[Domain, Key] | None = None, config: BotConfig = CONFIG, **changes: Any) -> LiveFloor:
    plain: dict[str, Any] = {"stage": 2, "env": Environment.SIMULATED, "state_dir": Path("var"), "override_gates": True}
    clock = FakeClock(NOW)
    pair = {Domain.CRYPTO: Key("k", "s"), Domain.PERPS: Key("p", "t")} if keys is None else keys
    return LiveFloor(RunOptions(**(plain | changes)), config, Hosts("http://h", "ws://h"), pair, Throttle({}, clock), clock)


def stored(accounts: tuple[Account, ...] = (LIVE, PAPER), coins: tuple[Instrument, ...] = COINS) -> RuntimeState:
    state = make_state(CONFIG, coins, accounts)
    state.tag = "abc"
    return state


def holding(state: RuntimeState, account: Account = LIVE, key: str = "CRYPTO:AAAUSDT") -> RuntimeState:
    row = state.pos[state.row_of(account, key)]
    row["status"], row["side"], row["steps"], row["stop"], row["target"] = 2, 1, 1_998, 9_700, 11_200
    return state


REAL: dict[str, Any] = {"env": Environment.LIVE, "real_money": "1234"}


FX_LIVE, FX_PAPER = Account(Domain.FOREX, Mode.LIVE), Account(Domain.FOREX, Mode.PAPER)
THREE = Lineup(domains=(Domain.CRYPTO, Domain.FOREX), paper=(PAPER, FX_PAPER), live=(LIVE, FX_LIVE))


def three_doors(street: Street, monkeypatch: pytest.MonkeyPatch) -> tuple[Door, LiveFloor]:
    """A street with the broker in it, and a floor that has keys to everything."""
    broker, clock = Door("300"), FakeClock(NOW)
    monkeypatch.setattr(doors, "OandaVenue", lambda *_args, **_more: broker)
    keys = {Domain.CRYPTO: Key("k", "s"), Domain.FOREX: Key("101", "t")}
    wanted = RunOptions(stage=4, env=Environment.SIMULATED, state_dir=Path("var"), override_gates=True)
    hosts, way = Hosts("http://h", "ws://h"), BrokerHosts("http://b", "http://s")
    return broker, LiveFloor(wanted, CONFIG, hosts, keys, Throttle({}, clock), clock, way)


@pytest.mark.asyncio
async def test_the_brokers_account_opens_beside_the_others(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    broker, one = three_doors(street, monkeypatch)
    assert await one.introduce(THREE, None) == THREE
    pair = msgspec.structs.replace(coin("EURUSD"), domain=Domain.FOREX, base="EUR", quote="USD")
    state = stored((LIVE, PAPER, FX_LIVE, FX_PAPER), (*COINS, pair))
    told = {event.args["account"]: int(event.args["balance_units"]) for event in one.openings(state, NOW)}
    assert told == {"CRYPTO/LIVE": 1_000 * UNIT, "FOREX/LIVE": 300 * UNIT}, "each its own wallet, none shared"
    await one.close()
    assert broker.closed == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Transient("no answer"), "it cannot be read: no answer"),
        (Rejected("HTTP 401", code="bad_key"), "the broker refuses its token: HTTP 401"),
        (None, "its account is kept in EUR, not in USD"),
    ],
)
async def test_what_is_wrong_at_the_broker_leaves_forex_on_paper_and_touches_nobody(
    street: Street, monkeypatch: pytest.MonkeyPatch, error: Exception | None, reason: str
) -> None:
    broker, one = three_doors(street, monkeypatch)

    async def rights() -> KeyRights:
        if error is not None:
            raise error
        return msgspec.structs.replace(broker.key, unfit=("its account is kept in EUR, not in USD",))

    monkeypatch.setattr(broker, "rights", rights)
    found = await one.introduce(THREE, None)
    assert (found.live, found.paper) == ((LIVE,), (PAPER, FX_PAPER))
    assert found.notes == (f"FOREX/LIVE unavailable: {reason}; FOREX trades on paper",)
    assert broker.closed == 1 and street.spot.closed == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Rejected("the client library ib_async is not installed", code="bad_key"), "the client library ib_async is not installed"),
        (Transient("the gateway does not answer"), "it cannot be read: the gateway does not answer"),
        (Rejected("the gateway refuses this client (326)", code="bad_key"), "the gateway refuses this client (326)"),
    ],
)
async def test_what_is_wrong_at_the_gateway_leaves_options_on_paper_and_touches_nobody(
    street: Street, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    gateway, clock = Door("300"), FakeClock(NOW)
    monkeypatch.setattr(doors, "IbkrSlots", lambda *_args, **_more: gateway)

    async def sync_clock() -> int:
        raise error

    monkeypatch.setattr(gateway, "sync_clock", sync_clock)
    key = GatewayKey("U1", "", "live", IbkrPlace("127.0.0.1", 4001, 1, "U1"))
    keys = {Domain.CRYPTO: Key("k", "s"), Domain.OPTIONS: key}
    wanted = RunOptions(stage=5, env=Environment.SIMULATED, state_dir=Path("var"), override_gates=True)
    one = LiveFloor(wanted, CONFIG, Hosts("http://h", "ws://h"), keys, Throttle({}, clock), clock)
    options = Account(Domain.OPTIONS, Mode.LIVE)
    found = await one.introduce(Lineup(domains=(Domain.CRYPTO, Domain.OPTIONS), paper=(PAPER,), live=(LIVE, options)), None)
    assert found.live == (LIVE,) and found.notes == (f"OPTIONS/LIVE unavailable: {reason}; OPTIONS trades on paper",)
    assert gateway.closed == 1 and street.spot.closed == 0


OPTIONS_LIVE = Account(Domain.OPTIONS, Mode.LIVE)


def option_keys() -> dict[Domain, Key]:
    return {Domain.CRYPTO: Key("k", "s"), Domain.OPTIONS: GatewayKey("U1", "", "live", IbkrPlace("127.0.0.1", 4001, 1, "U1"))}


@pytest.mark.asyncio
async def test_an_option_that_is_held_where_the_client_library_is_missing_holds_its_account_and_nobody_else(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ib_async", None)
    clock = FakeClock(NOW)
    wanted = RunOptions(stage=5, env=Environment.SIMULATED, state_dir=Path("var"), override_gates=True)
    one = LiveFloor(wanted, CONFIG, Hosts("http://h", "ws://h"), option_keys(), Throttle({}, clock), clock)
    coins = (*COINS, slot("EURUSD"))
    state = holding(stored((LIVE, PAPER, OPTIONS_LIVE), coins), OPTIONS_LIVE, "OPTIONS:EURUSD")
    lineup = Lineup(domains=(Domain.CRYPTO, Domain.OPTIONS), paper=(PAPER,), live=(LIVE, OPTIONS_LIVE))
    found = await one.introduce(lineup, state)
    assert found.live == (LIVE,) and "make setup-ibkr" in found.notes[0] and one.unmanaged(state) == []
    engine = Engine(state, make_mandate(CONFIG, coins, state.accounts, frozenset(), quotes=True))
    told: list[AccountEvent] = []
    inbox = Inbox()
    monkeypatch.setattr(inbox, "put_account", told.extend)
    one.wire(engine, inbox, lambda: NOW, no_filters, lambda _: False)
    await one.start()
    assert one.desks[LIVE].watch.caught_up.is_set() and not one.desks[OPTIONS_LIVE].watch.caught_up.is_set()
    running = {name: work for name, work, _ in one.jobs()}["watch OPTIONS/LIVE"]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running())
        for _ in range(20):
            await clock.advance(1.0)
        task.cancel()
    down = {event.cause: event.reason for event in told if isinstance(event, AccountDown) and event.account == OPTIONS_LIVE}
    assert "make setup-ibkr" in down["keys"] and "make setup-ibkr" in down["stream"]


# --- introducing ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_every_live_account_opens_its_own_door(street: Street) -> None:
    one = floor()
    assert await one.introduce(BOTH, None) == BOTH
    assert street.spot.opened_with == ("http://h", "k", "s")
    assert street.doors[Domain.PERPS].opened_with == ("http://h", "p", "t")
    assert street.doors[Domain.PERPS].leverage == CONFIG.domains[Domain.PERPS].costs.leverage
    assert not street.doors[Domain.PERPS].by_mark
    assert street.spot.asked == ["sync_clock", "rights", "wallet"], "the clock first: requests are signed by it"
    await one.close()
    assert street.spot.closed == street.doors[Domain.PERPS].closed == 1


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_without_live_accounts_nobody_is_asked(street: Street) -> None:
    one = floor()
    lineup = Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=())
    assert await one.introduce(lineup, stored()) == lineup
    engine = Engine(stored(), make_mandate(CONFIG, COINS, (LIVE, PAPER), frozenset(), quotes=True))
    one.wire(engine, Inbox(), lambda: NOW, no_filters, lambda _: False)
    assert (one.desks, one.jobs(), one.openings(engine.state, NOW), one.idle) == ({}, [], [], True)
    assert street.spot.asked == [] and street.spot.opened_with is None
    await one.close()


@pytest.mark.parametrize(
    "changes, domain_lineup, said",
    [
        ({"read_only": True}, LINEUP, "it is read-only"),
        ({"spot": False}, LINEUP, "it may not trade spot"),
        ({"withdraw": True}, LINEUP, "it may withdraw"),
        ({"unified": False}, LINEUP, "not a unified trading account"),
    ],
)
@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_a_key_that_is_not_fit_ends_the_start(street: Street, changes: dict[str, Any], domain_lineup: Lineup, said: str) -> None:
    street.spot.key = msgspec.structs.replace(street.spot.key, **changes)
    with pytest.raises(Refusal, match=said) as refused:
        await floor().introduce(domain_lineup, None)
    assert refused.value.code is ExitCode.CREDENTIALS and "--env simulated" in str(refused.value)


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_a_key_that_may_withdraw_can_be_allowed(street: Street) -> None:
    street.spot.key = msgspec.structs.replace(street.spot.key, withdraw=True)
    config = CONFIG.model_copy(update={"capital": Capital(key_may_withdraw=True)})
    assert await floor(config=config).introduce(LINEUP, None) == LINEUP


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_a_key_that_the_venue_refuses_ends_the_start(street: Street) -> None:
    street.spot.fault = Rejected("10003: API key is invalid")
    with pytest.raises(Refusal, match="refuses the API key of CRYPTO/LIVE: 10003") as refused:
        await floor(**REAL).introduce(LINEUP, None)
    assert refused.value.code is ExitCode.CREDENTIALS and "--env live" in str(refused.value)


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_a_new_account_whose_venue_does_not_answer_ends_the_start(street: Street) -> None:
    street.spot.fault = Transient("no route")
    for known in (None, stored((PAPER,))):
        with pytest.raises(Refusal, match="CRYPTO/LIVE cannot be read: no route") as refused:
            await floor().introduce(LINEUP, known)
        assert refused.value.code is ExitCode.UNREACHABLE


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_one_that_was_here_before_goes_on_without_an_answer_in_the_built_in_exchange(street: Street) -> None:
    street.spot.fault = Transient("no route")
    one = floor()
    assert await one.introduce(LINEUP, holding(stored())) == LINEUP
    assert one.openings(stored(), NOW) == [], "what it has is not known"


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_real_money_that_cannot_be_confirmed_now_is_managed_and_no_more(street: Street) -> None:
    street.spot.fault = Transient("no route")
    one = floor(**REAL)
    found = await one.introduce(LINEUP, holding(stored()))
    assert (found.live, found.paper) == ((), (PAPER,)) and "cannot be confirmed: no route" in found.notes[0]
    assert one.unmanaged(holding(stored())) == [], "its venue is there: what is held goes on being managed"


@pytest.mark.parametrize("real_money", ["4321", None, ""])
@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_real_money_that_a_person_did_not_confirm_stays_on_paper(street: Street, real_money: str | None) -> None:
    one = floor(**(REAL | {"real_money": real_money}))
    found = await one.introduce(LINEUP, None)
    assert (found.live, found.paper) == ((), (PAPER,))
    assert found.notes == ("CRYPTO/LIVE unavailable: --real-money does not match the last 4 digits of its id; CRYPTO trades on paper",)
    assert street.spot.closed == 1 and "wallet" not in street.spot.asked and one.matched == {}
    engine = Engine(stored(), make_mandate(CONFIG, COINS, (LIVE, PAPER), frozenset(), quotes=True))
    one.wire(engine, Inbox(), lambda: NOW, no_filters, lambda _: False)
    assert one.desks == {}


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_real_money_that_a_person_confirmed_is_traded(street: Street) -> None:
    one = floor(**REAL)
    assert await one.introduce(LINEUP, None) == LINEUP
    assert one.matched == {str(LIVE): REAL["real_money"]}


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_what_is_held_on_an_account_that_trades_no_more_is_managed(street: Street) -> None:
    one, state = floor(stage=1), holding(stored())
    paper_only = Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=())
    assert await one.introduce(paper_only, state) == paper_only
    assert street.spot.opened_with is not None and one.unmanaged(state) == []
    assert one.openings(state, NOW) != [] and holding_live(state) == [LIVE]


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_what_is_held_without_a_key_is_said_to_be_unmanaged(street: Street) -> None:
    one, state = floor(keys={}), holding(stored())
    await one.introduce(Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=()), state)
    assert one.unmanaged(state) == [LIVE] and street.spot.opened_with is None


# --- wallets --------------------------------------------------------------------------------------------------------------------------


def opened(one: LiveFloor, state: RuntimeState) -> dict[str, int]:
    events = one.openings(state, NOW)
    assert all((event.name, event.ts, event.who) == ("open_wallet", NOW, "venue") for event in events)
    return {event.args["account"]: int(event.args["balance_units"]) for event in events}


@pytest.mark.asyncio
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


async def no_filters(_domain: Domain) -> dict[str, Instrument]:
    return {}


async def wired(street: Street, desk: LiveDesk | None = None, halted: Callable[[Account], bool] = lambda _: False) -> LiveFloor:
    desk = desk or LiveDesk()
    one = floor()
    await one.introduce(LINEUP, None)
    one.wire(desk.engine, Inbox(), lambda: desk.now, no_filters, halted)
    return one


@pytest.mark.asyncio
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
@pytest.mark.asyncio
async def test_work_on_its_way_is_not_idle(street: Street) -> None:
    desk = LiveDesk()
    one = await wired(street, desk)
    assert one.dispatch(only(Place, desk.signal())) and not one.idle


@pytest.mark.asyncio
@pytest.mark.asyncio
async def test_tasks_are_named_by_account_and_only_the_executor_is_fatal(street: Street) -> None:
    one = await wired(street)
    assert [(name, fatal) for name, _, fatal in one.jobs()] == [("executor CRYPTO/LIVE", True), ("watch CRYPTO/LIVE", False)]


@pytest.mark.asyncio
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
@pytest.mark.asyncio
async def test_a_venue_that_does_not_answer_at_the_start_is_asked_on_by_its_task(street: Street) -> None:
    one = await wired(street)
    street.spot.fault = Transient("no route")
    await one.start()
    assert one.uncovered_ms() == {"CRYPTO/LIVE": 0}


@pytest.mark.asyncio
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
