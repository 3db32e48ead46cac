"""What a flatten without a daemon needs: a venue for every live account, and what the stored state knew to be ours there."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec

from modules.accounts import find_keys, real_keys
from modules.broker import broker_hosts
from modules.doors import Doors
from modules.environment import PRIVATE_HOSTS, Environment, Hosts
from modules.flatten import LiveAccount
from modules.flatten_plan import Ours
from modules.settings import BotConfig
from modules.simulator import launcher, standby
from modules.simulator.venue_options import SimulatorOptions
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.intents import prefix_of
from state.runtime import RuntimeState
from utils.clock import Clock, VenueTime
from utils.errors import Transient
from utils.throttle import Throttle

ANSWER_LIMIT_S = 5.0


class _ClockNow(msgspec.Struct):
    now: int
    speed: float


def ours_of(state: RuntimeState, account: Account, ts: int) -> Ours:
    """What `state` knew of `account`. `ts` (ms) names this flatten's orders."""
    seats = state.seats_on(account)
    instruments = {key: state.instrument(i) for key, i in seats.items()}
    held = {
        key: int(state.pos[i]["side"]) * instruments[key].qty(int(state.pos[i]["steps"]))
        for key, i in seats.items()
        if state.pos[i]["status"] == OPEN
    }
    booked = frozenset(name.removeprefix(f"{account}/") for name in state.execs if name.startswith(f"{account}/"))
    since = state.cursors.get(str(account), state.ts)
    return Ours(account=account, tag=state.tag, ts=ts, held=held, instruments=instruments, booked=booked, since_ms=since)


def accounts_of(state: RuntimeState | None, keyed: Mapping[Domain, object]) -> list[Account]:
    """Which live accounts there are: those of the state, or one per key when the state is lost."""
    if state is not None:
        return [account for account in state.accounts if account.mode is Mode.LIVE]
    return [Account(domain, Mode.LIVE) for domain in keyed]


@asynccontextmanager
async def live_accounts(
    env: Environment, state_dir: Path, state: RuntimeState | None, config: BotConfig, environ: Mapping[str, str], clock: Clock
) -> AsyncIterator[tuple[list[LiveAccount], list[str]]]:
    """The live accounts with their venues open, and those without a key, in words.

    In `simulated` an exchange that is gone is started again where it stood; it ends by itself. A key that is half there, or of a wrong
    place, is told among the missing: the others are closed all the same.
    """
    async with AsyncExitStack() as stack:
        endpoints, http, venue_now = None, PRIVATE_HOSTS.get(env), clock.now_ms
        if env is Environment.SIMULATED and (state is None or accounts_of(state, {})):
            endpoints = await _simulator(state_dir, clock)
            if endpoints is not None:
                venue_now = await _time_of(endpoints.control, clock)
        wrong: dict[Domain, str] = {}
        keys = real_keys(env, find_keys(env, environ, endpoints, wrong))
        missing = list(wrong.values())
        if endpoints is not None:
            http = Hosts(endpoints.bybit_http, endpoints.bybit_ws)
        doors = Doors(
            config,
            http or Hosts("", ""),
            broker_hosts(env, keys.get(Domain.FOREX), endpoints),
            keys,
            Throttle({}, clock),
            clock,
            random.Random(),
            venue_now,
        )
        found = []
        for account in accounts_of(state, keys):
            if account.domain not in doors.keys:
                missing.append(f"{account}: there is no key for it, so nothing can be closed there")
                continue
            venue = doors.open(account)
            stack.push_async_callback(venue.close)
            if state is not None and state.tag:
                doors.sign(venue, prefix_of(account, state.tag))
            ts = clock.now_ms()
            known = Ours(account=account, ts=ts) if state is None else ours_of(state, account, ts)
            found.append(LiveAccount(known, venue))
        yield found, missing


async def _simulator(state_dir: Path, clock: Clock) -> launcher.Endpoints | None:
    """The exchange of this directory: the one that runs, untouched, else started again; None where there never was one."""
    known = launcher.read_record(state_dir)
    if known is not None and await launcher.answers(known):
        return known
    if not (state_dir / standby.FOLDER / standby.STATE).is_dir():
        return None
    return await launcher.ensure_running(state_dir, SimulatorOptions(), clock)


async def _time_of(control_url: str, clock: Clock) -> Callable[[], int]:
    """The simulator's venue time from now on; the wall's when it does not say."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)) as session,
            session.get(f"{control_url}/clock") as answer,
        ):
            told = msgspec.json.decode(await answer.read(), type=_ClockNow)
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
        raise Transient(f"the simulator at {control_url} does not say its time: {error!r}") from error
    time = VenueTime(clock, told.speed)
    time.observe(told.now)
    return time.estimate_ms
