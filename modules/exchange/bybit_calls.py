"""One signed question to Bybit and what its outcome proves: its budgets, the bounded retries of reading, the clock, the verdict.

A write is sent once. Only a readable answer proves that it had no effect (`Rejected`, or `Transient` for limits, bans, a busy order, a
wrong clock), or a connection that never came to be; everything else (a timeout, a reset, half an answer, any other HTTP status) leaves it
`Unknown`. A read may be asked again, so it ends in an answer, `Rejected`, or `Transient`. A timestamp that the venue refuses is cured by
reading its clock and asking once more, in both. How bytes travel is behind `Wire`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from marketdata.bybit_rest import IP_LIMIT, IP_SCOPE
from modules.exchange.bybit_account import CATEGORY, shaped
from modules.exchange.bybit_codes import Verdict, meaning
from modules.ports import BAD_KEY, BARRED, Barred, free
from state.accounts import Domain
from utils.backoff import Backoff
from utils.clock import MS, Clock
from utils.errors import Rejected, Transient, Unknown
from utils.frames import FrameError
from utils.throttle import Banned, Limit, Throttle, Urgency

BAN_S = 600.0
WINDOW_S = 1.1
"""The venue counts a rolling second of arrivals; what leaves evenly arrives unevenly."""
TIME = "/v5/market/time"

Params = dict[str, Any]

_BOTH = 50
_SPOT_FASTER = {Domain.CRYPTO: 20, Domain.PERPS: 10}
PER_SECOND: dict[str, int | dict[Domain, int]] = {
    "/v5/order/create": _SPOT_FASTER,
    "/v5/order/cancel": _SPOT_FASTER,
    "/v5/order/amend": 10,
    "/v5/order/realtime": _BOTH,
    "/v5/order/history": _BOTH,
    "/v5/execution/list": _BOTH,
    "/v5/position/list": _BOTH,
    "/v5/position/trading-stop": 10,
    "/v5/position/set-leverage": 10,
    "/v5/position/switch-mode": 10,
    "/v5/account/wallet-balance": _BOTH,
    "/v5/account/info": _BOTH,
    "/v5/account/set-margin-mode": 5,
    "/v5/account/transaction-log": 25,
    "/v5/user/query-api": 10,
}
"""Calls a second of one account; spot and derivatives count apart. What is not here (the market) counts for the address only."""


class NotSent(Exception):
    """There was no connection, so nothing was sent."""


class NoAnswer(Exception):
    """It was sent, or may have been, and no whole answer came."""


class Reply(msgspec.Struct, frozen=True):
    """What came back; `body` is None when it is no JSON. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Said(msgspec.Struct, frozen=True):
    """A good answer: its result, and the venue's clock when it was given (ms)."""

    result: Any
    ts: int


class Wire(Protocol):
    """Signs and carries one request; raises NotSent or NoAnswer."""

    async def send(self, method: str, path: str, params: Params) -> Reply:
        """The answer, whatever its status."""
        ...


class CallLimits(msgspec.Struct, frozen=True):
    """Bounds of reading."""

    tries: int = 4
    backoff: Backoff = Backoff(base_s=0.2, cap_s=3.0)


class SigningClock:
    """The wall clock as the venue sees it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.offset_ms = 0
        """The venue's clock minus ours."""

    def now_ms(self) -> int:
        """What to sign with."""
        return self._clock.now_ms() + self.offset_ms


class _Envelope(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_msg: str
    result: Any
    time: int


class _Time(msgspec.Struct, rename="camel"):
    time_nano: str


def scope_of(api_key: str) -> str:
    """A name for the budgets of a key's account that does not tell the key."""
    return f"bybit.{hashlib.sha256(api_key.encode()).hexdigest()[:8]}"


class BybitCalls:
    """Questions of one account of one domain. `scope`: the account's name in `throttle`, shared by all who use the same account."""

    def __init__(
        self,
        wire: Wire,
        domain: Domain,
        throttle: Throttle,
        scope: str,
        clock: Clock,
        signing: SigningClock,
        rng: random.Random,
        limits: CallLimits | None = None,
    ) -> None:
        self._wire = wire
        self._throttle = throttle
        self._clock = clock
        self._signing = signing
        self._rng = rng
        self._limits = limits or CallLimits()
        throttle.add(IP_SCOPE, IP_LIMIT)
        self._scopes = {path: f"{scope}:{path.removeprefix('/v5/')}:{CATEGORY[domain]}" for path in PER_SECOND}
        for path, rate in PER_SECOND.items():
            throttle.add(self._scopes[path], Limit(rate if isinstance(rate, int) else rate[domain], WINDOW_S))

    async def read(self, path: str, params: Params, urgency: Urgency) -> Said:
        """The answer to a question, asked again where that may help. Transient or Rejected, never Unknown."""
        failures = 0
        while True:
            try:
                return await self._timed("GET", path, params, urgency)
            except Unknown as error:
                failures += 1
                if failures >= self._limits.tries:
                    raise Transient(str(error)) from error
            except _Again as error:
                failures += 1
                if failures >= self._limits.tries:
                    raise Transient(str(error)) from error
            await self._clock.sleep(self._limits.backoff.delay_s(failures, self._rng))

    async def write(self, path: str, params: Params, urgency: Urgency, barred: Barred = free) -> Said:
        """Send a request that changes something, once. Rejected, Transient (no effect) or Unknown. `barred`: see `Venue.create`."""
        return await self._timed("POST", path, params, urgency, barred)

    async def sync_clock(self) -> int:
        """Read the venue's clock and sign by it from now on; the venue's minus ours, ms."""
        failures = 0
        while True:
            before = self._clock.now_ms()
            try:
                said = await self._once("GET", TIME, {}, Urgency.CANCEL)
                now = int(shaped(said.result, _Time, TIME).time_nano) // MS
            except (Unknown, _Again, FrameError, ValueError) as error:
                failures += 1
                if failures >= self._limits.tries:
                    raise Transient(f"the venue's clock cannot be read: {error}") from error
                await self._clock.sleep(self._limits.backoff.delay_s(failures, self._rng))
                continue
            # the answer was made about half way between question and answer
            self._signing.offset_ms = now - (before + self._clock.now_ms()) // 2
            return self._signing.offset_ms

    async def _timed(self, method: str, path: str, params: Params, urgency: Urgency, barred: Barred = free) -> Said:
        """Once; when the venue refuses our time, once more with its own."""
        try:
            return await self._once(method, path, params, urgency, barred)
        except _WrongTime:
            await self.sync_clock()
        try:
            return await self._once(method, path, params, urgency, barred)
        except _WrongTime as error:
            raise Transient(str(error)) from error

    async def _once(self, method: str, path: str, params: Params, urgency: Urgency, barred: Barred = free) -> Said:
        scopes = [IP_SCOPE, self._scopes[path]] if path in self._scopes else [IP_SCOPE]
        await self._throttle.acquire(scopes, urgency)
        if why := barred():
            raise Rejected(why, code=BARRED)
        try:
            reply = await self._wire.send(method, path, params)
        except NotSent as error:
            raise _Again(f"{path}: {error}") from error
        except NoAnswer as error:
            raise Unknown(f"{path}: {error}") from error
        self._told(path, reply.headers)
        if reply.status == 403:
            self._throttle.ban(IP_SCOPE, BAN_S)
            raise Banned(IP_SCOPE, BAN_S)
        if urgency is Urgency.PROTECTIVE:
            self._throttle.lift(IP_SCOPE)  # one that was let through a ban was answered: the ban is over
        if reply.status == 401:
            raise Rejected(f"{path}: HTTP 401", code=BAD_KEY)
        if reply.status != 200:
            if method == "GET" and reply.status < 500 and reply.status != 429:
                raise Rejected(f"{path}: HTTP {reply.status}", code=reply.status)
            raise Unknown(f"{path}: HTTP {reply.status}")
        try:
            answer = shaped(reply.body, _Envelope, path)
        except FrameError as error:
            raise Unknown(f"{path}: unreadable answer ({error})") from error
        return self._judged(path, answer)

    def _judged(self, path: str, answer: _Envelope) -> Said:
        found = meaning(answer.ret_code)
        text = f"{path}: {answer.ret_code} {answer.ret_msg}"
        match found.verdict:
            case Verdict.DONE:
                return Said(answer.result, answer.time)
            case Verdict.UNKNOWN:
                raise Unknown(text)
            case Verdict.CLOCK:
                raise _WrongTime(text)
            case Verdict.LIMITED | Verdict.BUSY:
                if found.verdict is Verdict.LIMITED and path in self._scopes:
                    self._throttle.hold(self._scopes[path], 0.1)  # the headers, where there are any, have said how long really
                raise _Again(text)
            case Verdict.REFUSED:
                raise Rejected(text, code=found.code)

    def _told(self, path: str, headers: Mapping[str, str]) -> None:
        """Hand on what the headers say of the budget, where they say it."""
        names = ("x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp")
        limit, left, reset = (headers.get(name, "") for name in names)
        if path in self._scopes and limit.isdigit() and left.isdigit() and reset.isdigit():
            self._throttle.told(self._scopes[path], int(limit), int(left), int(reset) - self._signing.now_ms())


class _Again(Transient):
    """Surely without effect, and asking again may help."""


class _WrongTime(Exception):
    """The venue refused our timestamp."""
