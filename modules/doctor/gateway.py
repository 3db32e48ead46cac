"""The gateway of options from here: whether one is configured, its library is there, it answers, and its account is fit. Only reading."""

from __future__ import annotations

import msgspec

from modules.doctor.findings import Finding, Verdict, fail, ok, skip
from modules.environment import Environment, IbkrPlace
from modules.exchange import rights
from modules.exchange.ibkr_gateway import REMEDY, GatewayLimits, IbkrGateway, library, masked
from modules.exchange.ibkr_reads import IbkrReads
from state.accounts import Domain
from utils.clock import Clock
from utils.errors import ExitCode, Rejected, Transient

CHECK = f"key {Domain.OPTIONS}"
ACCOUNT = "IBKR_ACCOUNT"
ANSWER_S = 4.0
MOST_CLIENT = 999_999
LIMITS = GatewayLimits(connect_s=ANSWER_S, answer_s=ANSWER_S)


async def findings(env: Environment, place: IbkrPlace | None, site: str, clock: Clock) -> list[Finding]:
    """What stands between here and the account behind `place` (`site`: practice or live); a running bot's connection is left alone."""
    if env is Environment.SIMULATED:
        return [skip(CHECK, "the built-in exchange has no options: they trade on paper")]
    if place is None:
        remedy = f"to trade them live set {ACCOUNT} and start a gateway (docs/ibkr.md)"
        return [Finding(CHECK, Verdict.SKIP, f"not configured: {ACCOUNT} is not set, OPTIONS trades on paper", remedy)]
    try:
        library()
    except Rejected:
        return [fail(CHECK, "the client library ib_async is not installed", REMEDY.partition(": ")[2], ExitCode.CREDENTIALS)]
    client = place.client_id
    beside = msgspec.structs.replace(place, client_id=client + 1 if client < MOST_CLIENT else client - 1)  # the bot has the other
    gateway = IbkrGateway(beside, LIMITS)
    try:
        found = await IbkrReads(gateway, clock).rights()
    except Rejected as no:
        return [fail(CHECK, str(no), "look at the gateway's API settings: clients from this machine, not read-only", ExitCode.CREDENTIALS)]
    except Transient as error:
        remedy = "start TWS or IB Gateway and log in there; check IBKR_HOST and IBKR_PORT (paper 4002, live 4001)"
        return [fail(CHECK, str(error), remedy, ExitCode.UNREACHABLE)]
    finally:
        gateway.close()
    whose = f"account {masked(found.account_id)} at {beside.host}:{beside.port}"
    if wrong := rights.faults(found, Domain.OPTIONS):
        return [fail(CHECK, f"{whose}: {'; '.join(wrong)}", f"correct {ACCOUNT}, or the gateway's login", ExitCode.CREDENTIALS)]
    return [ok(CHECK, f"{whose} ({site}): the gateway answers and manages it")]
