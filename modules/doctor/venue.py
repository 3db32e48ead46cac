"""The venue from here: its clock against ours, its public feeds, the rights of each key. Only reading, once each, with a short limit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence

import aiohttp
import msgspec

from marketdata.bybit_rest import IP_LIMIT, IP_SCOPE, BybitRest, RestLimits
from modules.accounts import KEY_NAMES, Key
from modules.confirm import DIGITS
from modules.doctor.findings import Finding, fail, ok, skip, warn
from modules.environment import CHANNELS, Environment, Hosts, secret
from modules.exchange import rights
from modules.exchange.bybit import BybitVenue
from modules.exchange.bybit_calls import CallLimits
from modules.exchange.reports import KeyRights
from modules.settings import BotConfig
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument
from utils.clock import Clock
from utils.errors import ExitCode, Rejected, Transient
from utils.frames import FrameError
from utils.throttle import Throttle

ANSWER_S = 4.0
"""Nobody waits longer for one answer."""
NOTICED_MS, REFUSED_MS = 500, 5_000
"""Signed requests are good for 5 s and are signed by the venue's clock; what the machine's own clock is off by shows in every log."""
FOREX_NAMES = ("OANDA_API_TOKEN", "OANDA_ACCOUNT_ID")
NETWORK = "check the network and its DNS, or take --env simulated"


class Market(msgspec.Struct, kw_only=True):
    """What the venue said."""

    findings: list[Finding]
    prices: dict[str, int]
    """Instrument key -> last price in ticks."""
    instruments: tuple[Instrument, ...] = ()
    reached: bool = False


async def market(hosts: Hosts, config: BotConfig, domains: Sequence[Domain], clock: Clock, *, own_time: bool) -> Market:
    """Clock and feeds of `hosts`; `own_time`: the venue keeps a time of its own, so ours is not compared with it."""
    found = Market(findings=[], prices={})
    async with aiohttp.ClientSession() as session:
        throttle = Throttle({IP_SCOPE: IP_LIMIT}, clock)
        rest = BybitRest(session, hosts.http, throttle, clock, random.Random(), RestLimits(timeout_s=ANSWER_S, tries=1))
        before = clock.now_ms()
        try:
            theirs = await rest.server_time_ms()
        except (Transient, Rejected, FrameError) as error:
            found.findings = [
                skip("clock", f"{hosts.http} did not answer, so there is nothing to compare with"),
                fail("venue", f"{hosts.http} cannot be asked: {error}", NETWORK, ExitCode.UNREACHABLE),
                skip("feeds", "could not be asked: the venue does not answer"),
            ]
            return found
        found.reached = True
        taken = clock.now_ms() - before
        found.findings.append(
            skip("clock", "the built-in exchange keeps a time of its own")
            if own_time
            else clock_finding(theirs - before - taken // 2, taken)
        )
        found.findings.append(ok("venue", f"{hosts.http} answers in {taken} ms"))
        answers = await asyncio.gather(*(_quotes(rest, config, domain, found) for domain in domains))
        found.findings += answers
        found.findings += await asyncio.gather(*(_stream(session, hosts, name) for name in CHANNELS))
    return found


def clock_finding(ahead_ms: int, taken_ms: int) -> Finding:
    """What it means that the venue's clock is `ahead_ms` before ours, read within `taken_ms`."""
    off = max(0, abs(ahead_ms) - taken_ms // 2)
    words = f"this machine's clock is {abs(ahead_ms)} ms {'behind' if ahead_ms > 0 else 'ahead of'} the venue's (±{taken_ms // 2} ms)"
    remedy = "switch time synchronisation on (timedatectl set-ntp true)"
    if off > REFUSED_MS:
        return fail("clock", words, remedy)
    return warn("clock", words, remedy) if off > NOTICED_MS else ok("clock", words)


async def _quotes(rest: BybitRest, config: BotConfig, domain: Domain, found: Market) -> Finding:
    name = f"feed {domain.lower()}"
    try:
        known = {one.symbol: one for one in await rest.instruments(domain)}
        ours = [known[symbol] for symbol in config.domains[domain].symbols if symbol in known and known[symbol].trading]
        tickers = await rest.tickers(domain, ours)
    except (Transient, Rejected, FrameError) as error:
        return fail(name, f"does not answer: {error}", NETWORK, ExitCode.UNREACHABLE)
    prices = {one.key: one.last for one in tickers if one.last}
    found.prices |= prices
    found.instruments += tuple(one for one in ours if one.key in prices)
    silent = [symbol for symbol in config.domains[domain].symbols if f"{domain}:{symbol}" not in prices]
    if not prices:
        return fail(name, "gives no price of any configured symbol", "check the symbols in config.py")
    if silent:
        return warn(
            name,
            f"{len(prices)} prices; not traded there: {', '.join(silent)}",
            "take them out of config.py, or leave it: they are left out",
        )
    return ok(name, f"{len(prices)} prices")


async def _stream(session: aiohttp.ClientSession, hosts: Hosts, name: str) -> Finding:
    url = hosts.ws + CHANNELS[name]
    try:
        async with asyncio.timeout(ANSWER_S), session.ws_connect(url) as socket:
            await socket.send_str('{"op":"ping"}')
            await socket.receive_str()
    except (aiohttp.ClientError, TimeoutError, TypeError) as error:
        remedy = "a proxy or firewall may cut WebSockets: let them through"
        return fail(f"stream {name}", f"{url} does not speak: {type(error).__name__}", remedy, ExitCode.UNREACHABLE)
    return ok(f"stream {name}", "open, and answers a ping")


async def key_findings(
    env: Environment, keys: Mapping[Domain, Key], hosts: Hosts | None, config: BotConfig, clock: Clock, *, reached: bool
) -> list[Finding]:
    """A line for each domain's key: what it may do and whose account it opens. Keys are never shown."""
    found = []
    for domain in (Domain.CRYPTO, Domain.PERPS):
        names, check = KEY_NAMES[domain], f"key {domain}"
        if domain not in keys:
            simulated = env is Environment.SIMULATED
            why = (
                "the built-in exchange is not running and makes its own"
                if simulated
                else f"{names[0]} is not set: {domain} trades on paper"
            )
            found.append(skip(check, why))
        elif hosts is None or not reached:
            found.append(skip(check, "there is one; its rights could not be asked: the venue does not answer"))
        else:
            found.append(await _key(check, env, Account(domain, Mode.LIVE), keys[domain], hosts, config, clock))
    return found


async def _key(check: str, env: Environment, account: Account, key: Key, hosts: Hosts, config: BotConfig, clock: Clock) -> Finding:
    throttle = Throttle({IP_SCOPE: IP_LIMIT}, clock)
    venue = BybitVenue(
        hosts.http, key.key, key.secret, account.domain, throttle, clock, random.Random(), timeout_s=ANSWER_S, limits=CallLimits(tries=1)
    )
    try:
        await venue.sync_clock()
        return judged(check, env, account.domain, await venue.rights(), may_withdraw=config.capital.key_may_withdraw)
    except Rejected as no:
        remedy = f"check key, secret and the key's list of addresses; --env {env} wants a key of that world"
        return fail(check, f"the venue refuses it: {no}", remedy, ExitCode.CREDENTIALS)
    except Transient as error:
        return fail(check, f"its rights could not be asked: {error}", NETWORK, ExitCode.UNREACHABLE)
    finally:
        await venue.close()


def judged(check: str, env: Environment, domain: Domain, found: KeyRights, *, may_withdraw: bool) -> Finding:
    """A key's rights as a finding. Of the account only the end of its id is told: the digits that --real-money asks for."""
    whose = f"account …{found.account_id.replace('-', '')[-DIGITS:]}"
    if wrong := rights.faults(found, domain, may_withdraw=may_withdraw):
        remedy = "make one at the venue that may trade and read, and nothing else"
        return fail(check, f"{whose}: {'; '.join(wrong)}", remedy, ExitCode.CREDENTIALS)
    may = "may trade" + (" AND WITHDRAW (a setting allows it)" if found.withdraw else ", may not withdraw")
    if env is Environment.LIVE and "*" in found.ips:
        return warn(
            check, f"{whose}: {may}, from any address", "bind it to this machine's address at the venue; one that is not bound expires"
        )
    bound = ", from any address" if "*" in found.ips else f", bound to {len(found.ips)} address(es)" if found.ips else ""
    return ok(check, f"{whose}: {may}{bound}")


def forex(env: Environment, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the broker's credentials are there: names only."""
    there = [name for name in FOREX_NAMES if secret(name, environ)]
    missing = [name for name in FOREX_NAMES if name not in there]
    if env is Environment.SIMULATED:
        yield skip("forex", "the built-in exchange is its own broker" + (f"; {', '.join(there)} set, not used here" if there else ""))
    elif there and missing:
        remedy = f"set {', '.join(missing)}, or unset {', '.join(there)}"
        yield fail("forex", f"{', '.join(there)} is set and {', '.join(missing)} is not", remedy, ExitCode.CREDENTIALS)
    elif missing:
        yield skip("forex", f"{', '.join(missing)} not set: no broker, FOREX stays off")
    else:
        yield ok("forex", f"{', '.join(there)} are set")
