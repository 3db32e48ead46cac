"""Whose money a run trades: stage, profile, gates and keys together decide which accounts there are, with a reason for each left out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from modules.confirm import last_digits, typed_digits
from modules.environment import Environment, IbkrPlace, ibkr_place, oanda_site, secret
from modules.options import MODEL_PRICED, RunOptions, domains_of
from modules.simulator.launcher import Endpoints
from state.accounts import OF_PAIRS, Account, Domain, Mode
from state.stages import STAGES, Cell, paper_account
from utils.errors import ExitCode, Refusal

KEY_NAMES = {
    Domain.CRYPTO: ("BYBIT_API_KEY", "BYBIT_API_SECRET"),
    Domain.PERPS: ("BYBIT_PERP_API_KEY", "BYBIT_PERP_API_SECRET"),
    Domain.FOREX: ("OANDA_ACCOUNT_ID", "OANDA_API_TOKEN"),
}
"""An account of its own for each domain, with what opens it."""
IBKR_NAME = "IBKR_ACCOUNT"
PRACTICE = "practice"
NONE_WRONG: Mapping[Domain, str] = {}


class Key(msgspec.Struct, frozen=True):
    """An API key and its secret, or the id of an account and the token for it; never shown."""

    key: str
    secret: str
    site: str = ""
    """Of the broker: `practice` or `live`; empty where a venue has one key for one place."""

    def __repr__(self) -> str:
        return "Key(…)"


class GatewayKey(Key, frozen=True):
    """What opens an account at Interactive Brokers: no secret, but where its gateway listens."""

    place: IbkrPlace | None = None


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

    def lacking(self, domain: Domain, reason: str) -> Lineup:
        """The line-up when nothing of a domain can be had."""
        return msgspec.structs.replace(
            self,
            domains=tuple(one for one in self.domains if one is not domain),
            live=tuple(one for one in self.live if one.domain is not domain),
            paper=tuple(one for one in self.paper if one.domain is not domain),
            notes=(*self.notes, f"{domain} unavailable: {reason}"),
        )

    def without(self, account: Account, reason: str) -> Lineup:
        """The line-up when a live account turned out not to be available: its domain trades on paper."""
        paper = paper_account(account.domain)
        return msgspec.structs.replace(
            self,
            live=tuple(one for one in self.live if one != account),
            paper=self.paper if paper in self.paper else (*self.paper, paper),
            notes=(*self.notes, f"{account} unavailable: {reason}; {account.domain} trades on paper"),
        )


def find_keys(
    env: Environment, environ: Mapping[str, str], simulator: Endpoints | None, wrong: dict[Domain, str] | None = None
) -> dict[Domain, Key]:
    """The keys at hand: the built-in exchange's own in `simulated`, else those of the environment.

    Refusal for half a pair, or one of a wrong place; with `wrong`, it is told there instead and the other domains keep theirs.
    """
    found = {}
    for domain in (*KEY_NAMES, Domain.OPTIONS):
        try:
            key = _key_of(domain, env, environ, simulator)
        except Refusal as refusal:
            if wrong is None:
                raise
            wrong[domain] = str(refusal)
        else:
            if key is not None:
                found[domain] = key
    return found


def keys_at_start(
    env: Environment, environ: Mapping[str, str], simulator: Endpoints | None
) -> tuple[dict[Domain, Key], Mapping[Domain, str]]:
    """The keys of a run, and why FOREX is left out where the broker's are of no use: nobody else waits for that. Refusal as `find_keys`."""
    wrong: dict[Domain, str] = {}
    keys = find_keys(env, environ, simulator, wrong)
    for domain, reason in wrong.items():
        if domain not in OF_PAIRS:
            raise Refusal(reason, ExitCode.CREDENTIALS)
    return keys, wrong


def _key_of(domain: Domain, env: Environment, environ: Mapping[str, str], simulator: Endpoints | None) -> Key | None:
    if domain is Domain.OPTIONS:
        return _gateway_of(env, environ)
    if env is Environment.SIMULATED:
        if simulator is None:
            return None
        key, word = {
            Domain.CRYPTO: (simulator.api_key, simulator.api_secret),
            Domain.PERPS: (simulator.perp_api_key, simulator.perp_api_secret),
            Domain.FOREX: (simulator.oanda_account, simulator.oanda_token),
        }[domain]
    else:
        key, word = (secret(name, environ) or "" for name in KEY_NAMES[domain])
    if bool(key) != bool(word):
        names = KEY_NAMES[domain]
        missing = names[1] if key else names[0]
        raise Refusal(f"--env {env}: {missing} is missing beside {names[0] if key else names[1]}", ExitCode.CREDENTIALS)
    if not key:
        return None
    return Key(key, word, oanda_site(env, environ) if domain is Domain.FOREX and env is not Environment.SIMULATED else "")


def _gateway_of(env: Environment, environ: Mapping[str, str]) -> Key | None:
    """The gateway of options; paper accounts begin with a D, and go where no real money is. Refusal for the other in the wrong place."""
    place = None if env is Environment.SIMULATED else ibkr_place(environ)
    if place is None:
        return None
    site = PRACTICE if place.account.startswith("D") else "live"
    if site != PRACTICE and env is not Environment.LIVE:
        raise Refusal(f"{IBKR_NAME} is no paper account, and does not go with --env {env}", ExitCode.CREDENTIALS)
    return GatewayKey(place.account, "", site, place)


def real_keys(env: Environment, keys: Mapping[Domain, Key]) -> dict[Domain, Key]:
    """Those that open the accounts of `env`: at `live` an account of the broker's practice site is not one of them."""
    return {domain: key for domain, key in keys.items() if not (env is Environment.LIVE and key.site == PRACTICE)}


def line_up(options: RunOptions, keys: Mapping[Domain, Key], wrong: Mapping[Domain, str] = NONE_WRONG) -> Lineup:
    """The accounts of `options`, which were checked: what the stage's row has, as far as there are keys and the gate is open.

    `wrong`: what is the matter with the keys of a domain that has some and is left out for them.
    """
    row, notes = STAGES[options.stage], []
    paper: list[Account] = []
    live: list[Account] = []
    for domain in domains_of(options):
        cell = row.cell(domain)
        if cell is Cell.OFF:
            continue
        if domain in OF_PAIRS and Domain.FOREX not in keys:
            notes.append(f"{domain} unavailable: {wrong.get(Domain.FOREX) or _no_broker(options)}")
            continue
        paper.append(paper_account(domain))
        if cell not in {Cell.LIVE, Cell.LIVE_IF_EARNED, Cell.LIVE_BY_OVERRIDE}:
            continue
        account = Account(domain, Mode.LIVE)
        if reason := _unavailable(options, domain, keys, wrong):
            notes.append(f"{account} unavailable: {reason}; {domain} trades on paper")
        else:
            live.append(account)
    return Lineup(domains=tuple(one.domain for one in paper), paper=tuple(paper), live=tuple(live), notes=tuple(notes))


def _no_broker(options: RunOptions) -> str:
    """Why there is no way to the broker; without a token it does not even tell prices."""
    if options.env is not Environment.SIMULATED:
        return f"{KEY_NAMES[Domain.FOREX][1]} is not set"
    return "the simulator that runs here has no broker" if options.simulator_url is None else "--simulator-url brings no broker"


def _no_options_live(options: RunOptions) -> str:
    """Why no option is bought with real money; their gate cannot open, so a person must."""
    if options.env is Environment.SIMULATED:
        return "the simulator has no options venue"
    if not options.override_gates or options.real_money is None:
        return f"only --override-gates with --real-money opens it, because {MODEL_PRICED}"
    return ""


def _unavailable(options: RunOptions, domain: Domain, keys: Mapping[Domain, Key], wrong: Mapping[Domain, str]) -> str:
    if domain is Domain.OPTIONS and (reason := _no_options_live(options)):
        return reason
    if domain in keys and domain not in real_keys(options.env, keys):
        return f"{IBKR_NAME} is a paper account" if domain is Domain.OPTIONS else f"OANDA_ENV={PRACTICE}: no real money there"
    if domain is Domain.OPTIONS and domain not in keys:
        return wrong.get(domain) or f"{IBKR_NAME} is not set: they are bought at Interactive Brokers alone (docs/ibkr.md)"
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
    try:
        matches = last_digits(account_id) in typed_digits(options.real_money)
    except Refusal:  # an id that the venue did not tell confirms nothing
        matches = False
    return "" if matches else "--real-money does not match the last 4 digits of its id"
