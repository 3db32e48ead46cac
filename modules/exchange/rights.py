"""Whether an API key may do what its account needs, and nothing that it must not: judged, in words."""

from __future__ import annotations

from modules.exchange.reports import KeyRights
from state.accounts import Account, Domain
from utils.errors import ExitCode, Refusal


def faults(rights: KeyRights, domain: Domain, *, may_withdraw: bool = False) -> tuple[str, ...]:
    """What is wrong with the key for trading `domain`; empty when nothing is. `may_withdraw`: the setting that allows such a key."""
    found = []
    if rights.read_only:
        found.append("it is read-only")
    if domain is Domain.CRYPTO and not rights.spot:
        found.append("it may not trade spot")
    if domain is Domain.PERPS and not rights.derivatives:
        found.append("it may not trade derivatives")
    if rights.withdraw and not may_withdraw:
        found.append("it may withdraw, and a key that can is refused unless a setting allows it")
    if not rights.unified:
        found.append("its account is not a unified trading account")
    found += rights.unfit
    return tuple(found)


def hold_reason(account: Account, found: tuple[str, ...]) -> str:
    """Why the account may not enter while it runs."""
    return f"the API key of {account} is not fit to trade: {'; '.join(found)}"


def refusal(account: Account, env: str, reason: str) -> Refusal:
    """The end of a start with this key. Any key chooses `live`, so the message names `--env`."""
    return Refusal(
        f"{reason} (--env {env}). Give {account} a key that may trade and may not withdraw, or start with another --env",
        ExitCode.CREDENTIALS,
    )
