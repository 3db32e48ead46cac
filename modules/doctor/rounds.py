"""Every check in order, for one environment. A bot that runs is asked over its socket; nothing on disk or at a venue changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from modules.accounts import GatewayKey, find_keys
from modules.broker import broker_hosts
from modules.doctor import broker, chat, gateway, machine, stored, venue, wallet
from modules.doctor.findings import Finding, fail, ok, skip, warn
from modules.environment import HOSTS, PRIVATE_HOSTS, Environment, Hosts
from modules.exchange.bybit import load
from modules.overrides import in_force
from modules.settings import BotConfig
from modules.simulator import launcher
from state.accounts import Domain
from telemetry import client
from utils.clock import Clock
from utils.errors import ExitCode, Refusal, Transient

SOCKET = "control.sock"
ANSWER_S = 3.0


async def examine(env: Environment, state_dir: Path, file: BotConfig, environ: Mapping[str, str], clock: Clock) -> list[Finding]:
    """All findings. Ends within seconds whatever does not answer."""
    place = state_dir / str(env)
    bot, running = await _bot(place)
    found: list[Finding] = [bot]
    config = file
    try:
        config = in_force(file, place, environ)
        found.append(ok("config", "every value is within its bounds"))
    except Refusal as refusal:
        found.append(fail("config", str(refusal), "correct it; the rest was looked at with config.py alone"))
    found += [*machine.versions(), machine.kernels(), *machine.disk(place)]
    found.append(machine.port(config.http.host, config.http.port, place, running=running))
    on_disk, engine = stored.look(place, running=running)
    found += [*on_disk, *stored.resets(engine, config, place)]
    simulator = launcher.read_record(state_dir) if env is Environment.SIMULATED else None
    if simulator is not None and not await launcher.answers(simulator):
        simulator = None
    wrong: dict[Domain, str] = {}
    keys = find_keys(env, environ, simulator, wrong)
    found += [fail("keys", text, "set both halves of the pair, or neither", ExitCode.CREDENTIALS) for text in wrong.values()]
    domains = [domain for domain in (Domain.CRYPTO, Domain.PERPS) if domain in config.domains]
    market = venue.Market(findings=[], prices={})
    own = env is Environment.SIMULATED
    hosts = HOSTS.get(env) if simulator is None else Hosts(simulator.bybit_http, simulator.bybit_ws)
    if hosts is None:
        market.findings = [skip(name, "the built-in exchange is not running; it starts with the bot") for name in ("clock", "feeds")]
    else:
        market = await venue.market(hosts, config, domains, clock, own_time=own)
    found += market.findings
    if keys and market.reached:
        await asyncio.to_thread(load)
    found += await venue.key_findings(env, keys, PRIVATE_HOSTS.get(env, hosts), config, clock, reached=market.reached)
    found += venue.forex(env, environ)
    forex = keys.get(Domain.FOREX)
    found += await broker.findings(env, forex, broker_hosts(env, forex, simulator), config, clock)
    options = keys.get(Domain.OPTIONS)
    there = options.place if isinstance(options, GatewayKey) else None
    found += await gateway.findings(env, there, "" if options is None else options.site, clock)
    found += await chat.findings(environ, config.telegram.api_base)
    found += wallet.findings(config, market.instruments, market.prices, engine)
    return found


async def _bot(place: Path) -> tuple[Finding, bool]:
    """Whether a bot runs on this folder, and what it says of itself."""
    try:
        ready = await client.ask(place / SOCKET, "/readyz", ANSWER_S)
    except client.Silent as error:
        return warn("bot", str(error), "look at its log; the supervisor restarts one that hangs"), True
    except Transient:
        return skip("bot", f"none runs on {place}"), False
    missing = ready.get("missing") if isinstance(ready, dict) else None
    if missing:
        return warn("bot", f"runs, not ready: {'; '.join(map(str, missing))}", "wait, then ask again; status tells more"), True
    return ok("bot", "runs and is ready"), True
