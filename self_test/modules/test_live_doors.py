"""Which live accounts open at the start, which stay on paper, and what ends it: keys, real money, brokers and gateways."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules import doors
from modules.accounts import GatewayKey, Key, Lineup
from modules.engine.core import Engine
from modules.engine.desk import make_mandate
from modules.engine.inbox import Inbox
from modules.environment import BrokerHosts, Environment, Hosts, IbkrPlace
from modules.exchange.reports import KeyRights
from modules.live_floor import LiveFloor, holding_live
from modules.options import RunOptions
from modules.settings import Capital
from self_test.fakes.books import coin
from self_test.fakes.option_markets import slot
from self_test.modules.street import BOTH, COINS, LINEUP, LIVE, NOW, PAPER, UNIT, Door, Street, floor, holding, no_filters, stored
from state.accounts import Account, Domain, Mode
from state.messages import AccountDown, AccountEvent
from utils.clock import FakeClock
from utils.errors import ExitCode, Refusal, Rejected, Transient
from utils.throttle import Throttle

REAL: dict[str, Any] = {"env": Environment.LIVE, "real_money": "1234"}
FX_LIVE, FX_PAPER = Account(Domain.FOREX, Mode.LIVE), Account(Domain.FOREX, Mode.PAPER)
THREE = Lineup(domains=(Domain.CRYPTO, Domain.FOREX), paper=(PAPER, FX_PAPER), live=(LIVE, FX_LIVE))


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Street:
    return Street(monkeypatch)


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
async def test_a_key_that_is_not_fit_ends_the_start(street: Street, changes: dict[str, Any], domain_lineup: Lineup, said: str) -> None:
    street.spot.key = msgspec.structs.replace(street.spot.key, **changes)
    with pytest.raises(Refusal, match=said) as refused:
        await floor().introduce(domain_lineup, None)
    assert refused.value.code is ExitCode.CREDENTIALS and "--env simulated" in str(refused.value)


@pytest.mark.asyncio
async def test_a_key_that_may_withdraw_can_be_allowed(street: Street) -> None:
    street.spot.key = msgspec.structs.replace(street.spot.key, withdraw=True)
    config = CONFIG.model_copy(update={"capital": Capital(key_may_withdraw=True)})
    assert await floor(config=config).introduce(LINEUP, None) == LINEUP


@pytest.mark.asyncio
async def test_a_key_that_the_venue_refuses_ends_the_start(street: Street) -> None:
    street.spot.fault = Rejected("10003: API key is invalid")
    with pytest.raises(Refusal, match="refuses the API key of CRYPTO/LIVE: 10003") as refused:
        await floor(**REAL).introduce(LINEUP, None)
    assert refused.value.code is ExitCode.CREDENTIALS and "--env live" in str(refused.value)


@pytest.mark.asyncio
async def test_a_new_account_whose_venue_does_not_answer_ends_the_start(street: Street) -> None:
    street.spot.fault = Transient("no route")
    for known in (None, stored((PAPER,))):
        with pytest.raises(Refusal, match="CRYPTO/LIVE cannot be read: no route") as refused:
            await floor().introduce(LINEUP, known)
        assert refused.value.code is ExitCode.UNREACHABLE


@pytest.mark.asyncio
async def test_one_that_was_here_before_goes_on_without_an_answer_in_the_built_in_exchange(street: Street) -> None:
    street.spot.fault = Transient("no route")
    one = floor()
    assert await one.introduce(LINEUP, holding(stored())) == LINEUP
    assert one.openings(stored(), NOW) == [], "what it has is not known"


@pytest.mark.asyncio
async def test_real_money_that_cannot_be_confirmed_now_is_managed_and_no_more(street: Street) -> None:
    street.spot.fault = Transient("no route")
    one = floor(**REAL)
    found = await one.introduce(LINEUP, holding(stored()))
    assert (found.live, found.paper) == ((), (PAPER,)) and "cannot be confirmed: no route" in found.notes[0]
    assert one.unmanaged(holding(stored())) == [], "its venue is there: what is held goes on being managed"


@pytest.mark.parametrize("real_money", ["4321", None, ""])
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
async def test_real_money_that_a_person_confirmed_is_traded(street: Street) -> None:
    one = floor(**REAL)
    assert await one.introduce(LINEUP, None) == LINEUP
    assert one.matched == {str(LIVE): REAL["real_money"]}


@pytest.mark.asyncio
async def test_what_is_held_on_an_account_that_trades_no_more_is_managed(street: Street) -> None:
    one, state = floor(stage=1), holding(stored())
    paper_only = Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=())
    assert await one.introduce(paper_only, state) == paper_only
    assert street.spot.opened_with is not None and one.unmanaged(state) == []
    assert one.openings(state, NOW) != [] and holding_live(state) == [LIVE]


@pytest.mark.asyncio
async def test_what_is_held_without_a_key_is_said_to_be_unmanaged(street: Street) -> None:
    one, state = floor(keys={}), holding(stored())
    await one.introduce(Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=()), state)
    assert one.unmanaged(state) == [LIVE] and street.spot.opened_with is None
