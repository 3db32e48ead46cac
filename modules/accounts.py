"""Whose money a run trades: stage, profile, gates and keys together decide which accounts there are, with a reason for each left out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from modules.confirm import DIGITS, typed_digits
from modules.environment import Environment, secret
from modules.options import PROFILES, RunOptions
from modules.simulator.launcher import Endpoints
from state.accounts import Account, Domain, Mode
from state.stages import STAGES, Cell, paper_account
from utils.errors import ExitCode, Refusal

KEY_NAMES = {
    Domain.CRYPTO: ("BYBIT_API_KEY", "BYBIT_API_SECRET"),
    Domain.PERPS: ("BYBIT_PERP_API_KEY", "BYBIT_PERP_API_SECRET"),
}
"""A sub-account and a key of its own for each domain."""


class Key(msgspec.Struct, frozen=True):
    """An API key and its secret; never shown."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return "Key(…)"


class Lineup(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of a run."""

    domains: tuple[Domain, ...]
    """Whose markets are fed."""
    paper: tuple[Account, ...]
    live: tuple[Account, ...]
    notes: tuple[str, ...] = ()
    """Why an account that the stage has is not there."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Live before paper of each domain, in the order of the domains."""
        return tuple(sorted((*self.live, *self.paper), key=lambda one: (self.domains.index(one.domain), one.mode is Mode.PAPER)))

    def without(self, account: Account, reason: str) -> Lineup:
        """The line-up when a live account turned out not to be available: its domain trades on paper."""
        paper = paper_account(account.domain)
        return msgspec.structs.replace(
            self,
            live=tuple(one for one in self.live if one != account),
            paper=self.paper if paper in self.paper else (*self.paper, paper),
            notes=(*self.notes, f"{account} unavailable: {reason}; {account.domain} trades on paper"),
        )


def find_keys(env: Environment, environ: Mapping[str, str], simulator: Endpoints | None) -> dict[Domain, Key]:
    """The keys at hand: the built-in exchange's own in `simulated`, else those of the environment. Refusal for half a pair."""
    if env is Environment.SIMULATED:
        if simulator is None:
            return {}
        pairs = {
            Domain.CRYPTO: (simulator.api_key, simulator.api_secret),
            Domain.PERPS: (simulator.perp_api_key, simulator.perp_api_secret),
        }
    else:
        pairs = {domain: (secret(key, environ) or "", secret(word, environ) or "") for domain, (key, word) in KEY_NAMES.items()}
    found = {}
    for domain, (key, word) in pairs.items():
        if bool(key) != bool(word):
            names = KEY_NAMES[domain]
            missing = names[1] if key else names[0]
            raise Refusal(f"--env {env}: {missing} is missing beside {names[0] if key else names[1]}", ExitCode.CREDENTIALS)
        if key:
            found[domain] = Key(key, word)
    return found


def line_up(options: RunOptions, keys: Mapping[Domain, Key]) -> Lineup:
    """The accounts of `options`, which were checked: what the stage's row has, as far as there are keys and the gate is open."""
    row, notes = STAGES[options.stage], []
    paper: list[Account] = []
    live: list[Account] = []
    for domain in PROFILES[options.profile]:
        cell = row.cell(domain)
        if cell is Cell.OFF:
            continue
        paper.append(paper_account(domain))
        if cell not in {Cell.LIVE, Cell.LIVE_IF_EARNED}:
            continue
        account = Account(domain, Mode.LIVE)
        if reason := _unavailable(options, domain, keys):
            notes.append(f"{account} unavailable: {reason}; {domain} trades on paper")
        else:
            live.append(account)
    return Lineup(domains=tuple(one.domain for one in paper), paper=tuple(paper), live=tuple(live), notes=tuple(notes))


def _unavailable(options: RunOptions, domain: Domain, keys: Mapping[Domain, Key]) -> str:
    if domain not in keys:
        if options.env is Environment.SIMULATED:
            return "a simulator given by --simulator-url keeps its keys to itself; leave the option out, or run paper"
        return f"{KEY_NAMES[domain][0]} is not set" + (" (perpetuals have a sub-account of their own)" if domain is Domain.PERPS else "")
    if options.env is not Environment.SIMULATED and options.real_money is None:
        return "--real-money with the last 4 digits of the account id is missing"
    return ""


def confirmed(options: RunOptions, account_id: str) -> str:
    """Why the account with the venue's id `account_id` may not be traded for real; empty when a person typed its last digits."""
    if options.env is Environment.SIMULATED:
        return ""
    told = len(account_id) >= DIGITS  # an id that the venue did not tell confirms nothing
    if told and account_id[-DIGITS:] in typed_digits(options.real_money):
        return ""
    return "--real-money does not match the last 4 digits of its id"
