"""Setting up an engine for a set of instruments: rows, tables, wallets and permissions, from the configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from modules.engine.core import Engine
from modules.engine.costs import cost_event
from modules.engine.mandate import Mandate, StrategyCard
from modules.engine.policies import Policies
from modules.exchange.ibkr_size import fit_to_contracts
from modules.parameters import param_rows
from modules.settings import BotConfig, instrument_rows, limit_rows, rule_rows
from modules.timeframes import BY_DAYS, map_of
from risk.cost_model import CostModel
from state.accounts import OF_PAIRS, Account, Domain, Mode
from state.books import Rows
from state.instruments import Instrument
from state.messages import Command, Control
from state.rows import MARKET
from state.runtime import RuntimeState
from state.stages import paper_account
from strategy.market import new_market
from strategy.registry import BY_ID, STRATEGIES
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE

FEEDS = {Domain.CRYPTO: "bybit-spot", Domain.PERPS: "bybit-linear", Domain.FOREX: "oanda", Domain.OPTIONS: "oanda"}
"""Which feed a domain's candles come from; options are priced from their pairs'."""


def chosen_strategies(names: Sequence[str] | None) -> frozenset[int]:
    """Indices of the strategies asked for (default: all but the demo); Refusal names an unknown one and what there is."""
    if names is None:
        return frozenset(entry.index for entry in STRATEGIES if entry.counts)
    unknown = [name for name in names if name not in BY_ID]
    if unknown:
        raise Refusal(f"--strategies: unknown {', '.join(unknown)}; there are {', '.join(BY_ID)}")
    return frozenset(BY_ID[name].index for name in names)


def permissions(accounts: Sequence[Account], chosen: frozenset[int]) -> dict[Account, frozenset[int]]:
    """Which of the chosen strategies may trade each account, by the registry's domain lists.

    Where a style stands decides each time which of a domain's two accounts its policy trades on (`modules/rollout.py`).
    """
    return {
        account: frozenset(
            entry.index for entry in STRATEGIES if account.domain in (entry.domains if account.mode is Mode.PAPER else entry.live_domains)
        )
        & chosen
        for account in accounts
    }


def explorers(accounts: Sequence[Account], chosen: frozenset[int]) -> dict[Account, frozenset[int]]:
    """Strategies that paper accounts try with other exit profiles: those that trade live beside them."""
    live = {account.domain for account in accounts if account.mode is Mode.LIVE}
    return {
        account: frozenset(entry.index for entry in STRATEGIES if entry.counts and account.domain in entry.live_domains) & chosen
        for account in accounts
        if account.mode is Mode.PAPER and account.domain in live
    }


def make_mandate(
    config: BotConfig,
    instruments: tuple[Instrument, ...],
    accounts: tuple[Account, ...],
    chosen: frozenset[int],
    *,
    quotes: bool,
    closing_only: frozenset[str] = frozenset(),
    idle: Collection[Account] = (),
    env: str = "simulated",
    procedures: Mapping[str, str] | None = None,
    policies: Policies | None = None,
    explore_own: bool = False,
    switched: bool = False,
) -> Mandate:
    """The tables and permissions of an engine over `instruments`.

    Accounts that are `idle` are managed to their exits and enter nothing. `policies`: what can be put in force beside the static one.
    `explore_own`: decisions on paper explore, as a running bot's do; `switched`: forex and options enter while their switches are on.
    """
    primaries = {domain: config.domains[domain].primary_ms for domain in dict.fromkeys(one.domain for one in instruments)}
    return Mandate(
        rules=rule_rows(primaries, config.parameters),
        limits=limit_rows(config.risk),
        params=param_rows(config.parameters),
        strategies=tuple(StrategyCard(name=entry.id, style=str(entry.style), confirmed=entry.counts) for entry in STRATEGIES),
        allowed=permissions([one for one in accounts if one not in idle], chosen) | dict.fromkeys(idle, frozenset()),
        lives={one: frozenset(entry.index for entry in STRATEGIES if one in entry.live_domains) & chosen for one in Domain},
        explores=explorers([one for one in accounts if one not in idle], chosen),
        explore_own=explore_own,
        switched=switched,
        explore_slider=config.learning.explore,
        policies=policies or Policies(),
        closing_only=closing_only,
        feed_of={instrument.key: FEEDS[instrument.domain] for instrument in instruments},
        env=env,
        gate=config.gates,
        canary=config.canary,
        demotion=config.demotion,
        sentiment=config.sentiment.rule(),
        procedures=dict(procedures or {}),
        quotes=quotes,
        max_spread_ratio=config.risk.max_spread_ratio,
        option_frames=map_of(config.domains[Domain.OPTIONS].by_days if Domain.OPTIONS in config.domains else BY_DAYS),
    )


def market_rows(config: BotConfig, instruments: Sequence[Instrument]) -> Rows:
    """Empty market rows, each on the timeframes of its instrument."""
    frames = [config.domains[one.domain].frames(one.symbol) for one in instruments]
    rows = [
        new_market(1, one.confirm_ms, one.primary_ms, instrument.domain in OF_PAIRS)
        for one, instrument in zip(frames, instruments, strict=True)
    ]
    # Into rows of the very dtype: numba knows it by the object it saw first and compares an equal one field by field at every call.
    return np.concatenate(rows, out=np.empty(len(rows), MARKET))


def make_state(config: BotConfig, instruments: tuple[Instrument, ...], accounts: tuple[Account, ...]) -> RuntimeState:
    """Empty rows for `instruments`; the wallets are still empty."""
    state = RuntimeState(instruments, accounts, market_rows(config, instruments))
    state.inst = instrument_rows(instruments, state.seats, config.domains)
    for a, account in enumerate(accounts):
        state.acct[a]["live"] = int(account.mode is Mode.LIVE)
    fit_to_contracts(state)
    return state


def wallet_events(config: BotConfig, accounts: tuple[Account, ...], ts: int, balance: int | None = None) -> list[Control]:
    """The events that open each account's paper wallet at `ts`; `balance` in quote currency overrides the configured one."""
    return [
        Control(
            ts,
            "open_wallet",
            {"account": str(account), "balance_units": str((balance or config.domains[account.domain].paper_balance) * MONEY_SCALE)},
            "start",
        )
        for account in accounts
        if account.mode is Mode.PAPER
    ]


def fresh_engine(
    config: BotConfig,
    instruments: tuple[Instrument, ...],
    chosen: frozenset[int],
    ts: int,
    *,
    quotes: bool,
    balance: int | None = None,
    costs: Iterable[CostModel] = (),
) -> tuple[Engine, list[Command]]:
    """An engine with new paper wallets at `ts`, and the ledger rows of their deposits. `balance` in quote currency overrides.

    `costs`: models to put into force over the configured figures.
    """
    accounts = tuple(paper_account(domain) for domain in dict.fromkeys(instrument.domain for instrument in instruments))
    state = make_state(config, instruments, accounts)
    engine = Engine(state, make_mandate(config, instruments, accounts, chosen, quotes=quotes))
    events = [*wallet_events(config, accounts, ts, balance), *cost_event(costs, ts, "start")]
    rows = [command for event in events for command in engine.process(event)]
    return engine, rows
