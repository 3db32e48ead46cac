"""What a wallet can never trade, and the smallest one that could (definitions, "Size of one trade")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modules.boot import least_order
from modules.doctor.findings import Finding, ok, skip, warn
from modules.engine.core import Engine
from modules.engine.desk import make_state
from modules.settings import BotConfig
from state.accounts import Account, Domain
from state.instruments import Instrument
from state.stages import paper_account
from utils.fixed import MONEY_SCALE, money


def smallest(config: BotConfig, instruments: Sequence[Instrument], prices: Mapping[str, int]) -> dict[str, int]:
    """Instrument key -> its smallest order at `prices` (ticks), in money units."""
    accounts = tuple(dict.fromkeys(paper_account(one.domain) for one in instruments))
    found: dict[str, int] = {}
    if instruments:
        state = make_state(config, tuple(instruments), accounts)
        for i, (_, m) in enumerate(state.seats):
            key = state.instruments[m].key
            found[key] = least_order(state.inst[i], prices[key])
    return found


def findings(config: BotConfig, instruments: Sequence[Instrument], prices: Mapping[str, int], engine: Engine | None) -> Iterator[Finding]:
    """A line for each account's wallet. Prices come from the venue, else from the last closes that were stored."""
    if not instruments and engine is not None:
        last = {one.key: int(engine.state.market[m]["last_close"]) for m, one in enumerate(engine.state.instruments)}
        prices = {key: price for key, price in last.items() if price}
        known = (one for one in engine.state.instruments if one.key in prices and one.domain in config.domains)
        instruments = [one for one in known if one.domain is not Domain.OPTIONS]  # what one costs is known when one is chosen
    if not instruments:
        yield skip("wallet", "no prices: neither the venue nor the stored state tells any")
        return
    least = smallest(config, instruments, prices)
    wallets = _wallets(config, instruments, engine)
    for account, equity in wallets.items():
        own = {one.symbol: least[one.key] for one in instruments if one.domain is account.domain}
        yield from _judged(account, equity, own, config, canary=_canary(engine, account))


def _wallets(config: BotConfig, instruments: Sequence[Instrument], engine: Engine | None) -> dict[Account, int]:
    """Account -> equity in money units; a wallet that was never opened counts as it will be."""
    domains = list(dict.fromkeys(one.domain for one in instruments))
    found = {paper_account(domain): config.domains[domain].paper_balance * MONEY_SCALE for domain in domains}
    if engine is not None:
        for a, account in enumerate(engine.state.accounts):
            if account.domain in domains and int(engine.state.acct[a]["equity"]):
                found[account] = int(engine.state.acct[a]["equity"])
    return found


def _canary(engine: Engine | None, account: Account) -> bool:
    if engine is None or account not in engine.state.accounts:
        return False
    return bool(engine.state.acct[engine.state.accounts.index(account)]["canary"].any())


def _judged(account: Account, equity: int, least: Mapping[str, int], config: BotConfig, *, canary: bool) -> Iterator[Finding]:
    share, small = float(config.risk.canary_base if canary else config.risk.base), float(config.risk.canary_base)
    if not least:
        return
    never = {symbol: units for symbol, units in sorted(least.items(), key=lambda one: one[1]) if units > share * equity}
    most = max(least.values())
    every = f"{money(round(most / share)):.2f} trades every pair, {money(round(most / small)):.2f} in a canary"
    if not never:
        yield ok("wallet", f"{account} {money(equity):.2f}: can trade all {len(least)} pairs at full size; {every}")
        return
    told = ", ".join(f"{symbol} from {money(round(units / share)):.2f}" for symbol, units in never.items())
    yield warn(
        "wallet",
        f"{account} {money(equity):.2f}: can never trade {len(never)} of {len(least)} pairs (one trade takes {share:.0%}): {told}",
        f"leave them out, or bring more: {every}",
    )
