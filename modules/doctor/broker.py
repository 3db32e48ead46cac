"""The broker of FOREX from here: whose account its token opens, whether it is fit, which pairs it lacks. Only reading, a few questions."""

from __future__ import annotations

import random

from forex.oanda_rest import RestLimits
from modules.accounts import Key
from modules.confirm import DIGITS
from modules.doctor.findings import Finding, fail, ok, warn
from modules.doctor.venue import ANSWER_S, NETWORK
from modules.environment import BrokerHosts, Environment
from modules.exchange.oanda import HOME, OandaVenue
from modules.settings import BotConfig
from state.accounts import Domain
from utils.clock import Clock
from utils.errors import ExitCode, Rejected, Transient
from utils.frames import FrameError
from utils.throttle import Throttle

CHECK = f"key {Domain.FOREX}"


async def findings(env: Environment, key: Key | None, hosts: BrokerHosts | None, config: BotConfig, clock: Clock) -> list[Finding]:
    """What it says of the account; nothing where there is no way to it. The token is never shown."""
    if key is None or hosts is None:
        return []
    limits = RestLimits(timeout_s=ANSWER_S, connect_s=ANSWER_S, tries=1)
    venue = OandaVenue(hosts.http, key.secret, key.key, Throttle({}, clock), clock, random.Random(), limits=limits)
    try:
        account = await venue.rights()
        listed = {one.instrument.symbol for one in await venue.rest.terms()}
    except Rejected as no:
        remedy = "check OANDA_API_TOKEN, OANDA_ACCOUNT_ID and OANDA_ENV: practice and live have tokens of their own"
        return [fail(CHECK, f"the broker refuses it: {no}", remedy, ExitCode.CREDENTIALS)]
    except (Transient, FrameError) as error:
        return [fail(CHECK, f"the broker could not be asked: {error}", NETWORK, ExitCode.UNREACHABLE)]
    finally:
        await venue.close()
    whose = f"account …{account.account_id.replace('-', '')[-DIGITS:]}"
    if account.unfit:
        return [fail(CHECK, f"{whose}: {'; '.join(account.unfit)}", "make another account at the broker", ExitCode.CREDENTIALS)]
    lacking = [symbol for symbol in config.domains[Domain.FOREX].symbols if symbol not in listed]
    if lacking:
        return [warn(CHECK, f"{whose}: it does not list {', '.join(lacking)}", "take them out of domains.forex.symbols")]
    money = "" if env is Environment.SIMULATED else f" ({key.site})"
    return [ok(CHECK, f"{whose}{money}: kept in {HOME}, nets, lists every pair")]
