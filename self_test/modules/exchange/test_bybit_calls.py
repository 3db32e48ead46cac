"""What each outcome of a request proves, what is asked again, and what the budgets are told; over a wire that plays a script."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from typing import Any

import pytest

from marketdata.bybit_rest import IP_SCOPE
from modules.exchange.bybit_calls import (
    PER_SECOND,
    BybitCalls,
    CallLimits,
    NoAnswer,
    NotSent,
    Params,
    Reply,
    SigningClock,
    scope_of,
)
from modules.ports import BAD_KEY, BARRED, NO_FUNDS
from state.accounts import Domain
from utils.clock import FakeClock
from utils.errors import BotError, Rejected, Transient, Unknown
from utils.throttle import Banned, Throttle, Urgency

CREATE, WALLET, TIME = "/v5/order/create", "/v5/account/wallet-balance", "/v5/market/time"
SCOPE = "bybit.test"
TRIES = 3
pytestmark = pytest.mark.asyncio


def said(code: int = 0, result: Any = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(200, named, {"retCode": code, "retMsg": "m", "result": result or {}, "retExtInfo": {}, "time": 1})


def status(code: int) -> Reply:
    return Reply(code, {}, None)


class Script:
    """A wire that answers what is next in line, and remembers what it was asked."""

    def __init__(self, clock: FakeClock, *answers: Reply | Exception) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.stamps: list[int] = []
        self.signing = SigningClock(clock)
        self.venue_ahead_ms = 0

    async def send(self, method: str, path: str, params: Params) -> Reply:
        self.asked.append((method, path))
        self.stamps.append(self.signing.now_ms())
        if path == TIME and not (self.answers and isinstance(self.answers[0], Exception)):
            now = self.clock.now_ms() + self.venue_ahead_ms
            return said(result={"timeSecond": str(now // 1000), "timeNano": str(now * 1_000_000)})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Desk:
    def __init__(self, *answers: Reply | Exception, domain: Domain = Domain.CRYPTO) -> None:
        self.clock = FakeClock()
        self.wire = Script(self.clock, *answers)
        self.throttle = Throttle({}, self.clock)
        limits = CallLimits(tries=TRIES)
        self.calls = BybitCalls(self.wire, domain, self.throttle, SCOPE, self.clock, self.wire.signing, random.Random(1), limits)

    async def done(self, call: Awaitable[Any], within_s: float = 60.0) -> Any:
        """The outcome of a call, while time goes on."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_caught(call))
            for _ in range(round(within_s * 10)):
                if task.done():
                    break
                await self.clock.advance(0.1)
            else:
                task.cancel()
        outcome = task.result()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def write(self) -> Any:
        return await self.done(self.calls.write(CREATE, {}, Urgency.ENTRY))

    async def read(self) -> Any:
        return await self.done(self.calls.read(WALLET, {}, Urgency.ACCOUNT))


async def _caught(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except BotError as error:
        return error


LOST = [NoAnswer("reset"), status(500), status(502), status(429), status(404), status(200), said(10000), said(10016), said(170147)]


@pytest.mark.parametrize("answer", LOST)
async def test_a_write_without_a_readable_answer_is_unknown_and_sent_once(answer: Reply | Exception):
    desk = Desk(answer)
    with pytest.raises(Unknown):
        await desk.write()
    assert len(desk.wire.asked) == 1


@pytest.mark.parametrize("answer", [NotSent("refused"), said(10006), said(170191), said(110079), said(170222)])
async def test_a_write_that_surely_had_no_effect_is_transient_and_sent_once(answer: Reply | Exception):
    desk = Desk(answer)
    with pytest.raises(Transient):
        await desk.write()
    assert len(desk.wire.asked) == 1


@pytest.mark.parametrize("answer, code", [(said(170131), NO_FUNDS), (said(10003), BAD_KEY), (status(401), BAD_KEY), (said(424242), 424242)])
async def test_an_explicit_no_is_rejected_for_both_and_never_repeated(answer: Reply, code: int | str):
    for ask in (Desk.write, Desk.read):
        desk = Desk(answer)
        with pytest.raises(Rejected) as caught:
            await ask(desk)
        assert caught.value.code == code and len(desk.wire.asked) == 1


@pytest.mark.parametrize("code", [0, 34040, 110043, 110025])
async def test_not_modified_is_success(code: int):
    assert (await Desk(said(code)).write()).ts == 1


@pytest.mark.parametrize("answer", [*(one for one in LOST if one != status(404)), NotSent("refused"), said(10006), said(40004)])
async def test_a_read_is_asked_again_until_it_is_answered_or_the_tries_are_used_up(answer: Reply | Exception):
    desk = Desk(*[answer] * (TRIES - 1), said(result={"a": 1}))
    assert (await desk.read()).result == {"a": 1} and len(desk.wire.asked) == TRIES
    desk = Desk(*[answer] * TRIES)
    with pytest.raises(Transient):
        await desk.read()
    assert len(desk.wire.asked) == TRIES


async def test_a_question_that_the_venue_does_not_know_is_rejected():
    with pytest.raises(Rejected) as caught:
        await Desk(status(404)).read()
    assert caught.value.code == 404


async def test_a_refused_timestamp_is_cured_by_the_venues_clock_once():
    desk = Desk(said(10002), said(result={"a": 1}))
    desk.wire.venue_ahead_ms = 5_000
    assert (await desk.write()).result == {"a": 1}
    assert [path for _, path in desk.wire.asked] == [CREATE, TIME, CREATE]
    assert desk.wire.stamps[2] - desk.wire.stamps[0] == 5_000, "signed anew"
    for ask in (Desk.write, Desk.read):
        desk = Desk(said(10002), said(10002), said())
        with pytest.raises(Transient):
            await ask(desk)
        assert [path for _, path in desk.wire.asked].count(TIME) == 1


async def test_the_clock_is_read_and_read_again_when_that_fails():
    desk = Desk(NoAnswer("reset"), NotSent("refused"))
    desk.wire.venue_ahead_ms = -700
    assert await desk.done(desk.calls.sync_clock()) == -700
    desk = Desk(*[NoAnswer("reset")] * TRIES)
    with pytest.raises(Transient):
        await desk.done(desk.calls.sync_clock())
    assert desk.wire.signing.offset_ms == 0


async def test_a_ban_stops_everything_but_what_protects():
    desk = Desk(status(403), said())
    with pytest.raises(Banned):
        await desk.write()
    assert desk.throttle.banned_s(IP_SCOPE) > 599
    with pytest.raises(Banned):
        await desk.read()
    assert len(desk.wire.asked) == 1, "nothing was sent"
    await desk.done(desk.calls.write(CREATE, {}, Urgency.PROTECTIVE))
    assert len(desk.wire.asked) == 2


async def test_an_order_is_looked_at_again_after_its_wait_for_budget():
    desk, halted = Desk(*[said()] * 18), ""
    for _ in range(18):
        await desk.calls.write(CREATE, {}, Urgency.PROTECTIVE)

    async def halt() -> None:
        nonlocal halted
        await desk.clock.sleep(0.5)
        halted = "halted by a person"

    async with asyncio.TaskGroup() as group:
        group.create_task(halt())
        with pytest.raises(Rejected, match="halted by a person") as caught:
            await desk.done(desk.calls.write(CREATE, {}, Urgency.ENTRY, lambda: halted))
    assert caught.value.code == BARRED and len(desk.wire.asked) == 18, "it waited behind the closes, then it was too late"


async def test_a_protective_request_that_is_answered_ends_the_ban():
    desk = Desk(status(403), said(), said())
    with pytest.raises(Banned):
        await desk.write()
    await desk.done(desk.calls.write(CREATE, {}, Urgency.PROTECTIVE))
    await desk.write()
    assert len(desk.wire.asked) == 3


async def test_what_the_headers_say_holds_the_scope_back():
    desk = Desk(said(10006, x_bapi_limit="20", x_bapi_limit_status="0", x_bapi_limit_reset_timestamp=str(FakeClock().now_ms() + 700)))
    with pytest.raises(Transient):
        await desk.write()
    scope = f"{SCOPE}:order/create:spot"
    assert 0.4 <= desk.throttle.wait_s(scope) <= 1.1
    assert desk.throttle.wait_s(f"{SCOPE}:order/cancel:spot") == 0, "others are not held"


async def test_without_headers_too_many_still_means_a_pause():
    desk = Desk(said(10006))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_caught(desk.calls.write(CREATE, {}, Urgency.ENTRY)))
    assert isinstance(task.result(), Transient)
    assert desk.throttle.wait_s(f"{SCOPE}:order/create:spot") == pytest.approx(0.1)


async def test_headers_that_say_nothing_change_nothing():
    desk = Desk(said(x_bapi_limit="", x_bapi_limit_status="0", x_bapi_limit_reset_timestamp="9"))
    await desk.write()
    assert desk.throttle.wait_s(f"{SCOPE}:order/create:spot") == 0


@pytest.mark.parametrize("domain, name, rate", [(Domain.CRYPTO, "spot", 20), (Domain.PERPS, "linear", 10)])
async def test_every_endpoint_has_a_budget_of_its_own_per_category(domain: Domain, name: str, rate: int):
    desk = Desk(domain=domain)
    left = desk.throttle.snapshot().left
    assert left[f"{SCOPE}:order/create:{name}"] == rate and left[f"{SCOPE}:account/set-margin-mode:{name}"] == 5
    assert len(left) == len(PER_SECOND) + 1 and IP_SCOPE in left


async def test_a_scope_does_not_tell_the_key():
    assert scope_of("abcdefgh") == scope_of("abcdefgh") != scope_of("abcdefgi")
    assert "abcdefgh" not in scope_of("abcdefgh")
