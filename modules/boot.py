"""Bringing the engine up: recover what was stored, warm up what is new, and leave a snapshot from which the journal goes on.

There is no other start. A first start is a recovery from nothing: empty wallets, rows warmed from history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np

from modules.engine.core import Engine
from modules.engine.desk import make_state
from modules.engine.policies import Policies, missing
from modules.engine.recovery import Replayed, mend, replay_tail, restore, snapshot_of
from modules.learning.checkpoint import load, policy_of
from modules.settings import BotConfig
from state.accounts import Account, Domain
from state.books import FLAT
from state.chain import Chain
from state.conversion import home_currency, home_of, turn_rates
from state.instruments import Instrument
from state.ledger import LedgerRow, RowKind
from state.market import Candle
from state.runtime import RuntimeState
from state.store import Snapshot
from strategy.ring import watch_bar, watch_primary_bar
from utils.fixed import money

EVIDENCE = frozenset({RowKind.TRADE, RowKind.EQUITY, RowKind.VERDICT})


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the state directory knew."""

    state: RuntimeState | None
    warnings: tuple[str, ...]
    replayed: Replayed | None = None


def stored_policies(folder: Path) -> Policies:
    """What was trained and lies in a state folder: each is read, and every byte of it checked, when it is first asked for."""
    return Policies(lambda domain, version: policy_of(load(folder, Domain(domain), version)))


def recover(chain: Chain, policies: Policies | None = None) -> Stored:
    """The engine state at the end of the journal, the ledger completed on the way; state None when nothing was stored.

    `policies`: where those that the journal put in force are loaded from.
    """
    if chain.snapshot is None:
        return Stored(state=None, warnings=chain.warnings)
    engine, replayed, lost = resume(chain, chain.snapshot, policies)
    warnings = [*chain.warnings, *([lost] if lost else [])]
    warnings += [f"{domain}: {why}; the static policy decides" for domain, why in missing(engine.state, engine.mandate.policies).items()]
    if replayed.differing:
        warnings.append(
            f"{replayed.differing} of {replayed.events} journalled events would be decided differently by this version; "
            "what was done then stands"
        )
    return Stored(state=engine.state, warnings=tuple(warnings), replayed=replayed)


def resume(chain: Chain, snapshot: Snapshot, policies: Policies | None = None) -> tuple[Engine, Replayed, str]:
    """The engine at the end of the journal, under the terms of then; what replaying did; which rows of the ledger are lost, in words.

    The tail of the journal is replayed on the evidence of the snapshot, so that a day ending in it is judged and offered as it was then.
    """
    engine = restore(snapshot, policies)
    lost = mend(chain, snapshot, engine.state.ts)
    engine.state.evidence = evidence_of(chain.ledger.rows(), snapshot.seq)
    return engine, replay_tail(engine, chain, snapshot.seq), lost


def evidence_of(rows: Iterable[LedgerRow], seq: int) -> list[tuple[str, bytes]]:
    """The rows of a ledger that were evidence at the snapshot `seq`, as the engine keeps them."""
    return [(str(row.kind), bytes(row.row)) for row in rows if row.kind in EVIDENCE and row.ref.seq <= seq]


def needed(asked: Sequence[Instrument], stored: RuntimeState | None) -> tuple[Instrument, ...]:
    """The instruments to run: those asked for, and any with a position: what is held is always managed.

    Where something is held and the venue has made its grid finer, the row is carried over exactly (`assemble`); where the new grid cannot
    hold it, the stored one stays until it is flat.
    """
    held: dict[str, Instrument] = {}
    if stored is not None:
        held = {stored.instrument(i).key: stored.instrument(i) for i in range(len(stored.pos)) if stored.pos[i]["status"] != FLAT}
    chosen = [held[one.key] if one.key in held and finer(held[one.key], one) is None else one for one in asked]
    return (*chosen, *(one for key, one in held.items() if all(key != other.key for other in asked)))


def finer(old: Instrument, new: Instrument) -> tuple[int, int] | None:
    """New ticks in an old tick and new steps in an old step; None when they are no whole numbers."""
    if old.tick % new.tick or old.step % new.step:
        return None
    return int(old.tick / new.tick), int(old.step / new.step)


TICK_FIELDS = ("reference", "limit", "stop", "target", "initial_stop", "extreme", "mark", "risk", "atr")
STEP_FIELDS = ("steps", "working", "filled", "exit_steps")


def grid_of(instrument: Instrument) -> tuple[Decimal, Decimal]:
    """Tick and step."""
    return instrument.tick, instrument.step


def knows(stored: RuntimeState | None, config: BotConfig, instrument: Instrument) -> bool:
    """Whether the market row of `instrument` goes on from `stored`, on the same grid and timeframes, so that it needs no warm-up."""
    n = None if stored is None else stored.index.get(instrument.key)
    if stored is None or n is None or grid_of(stored.instruments[n]) != grid_of(instrument):
        return False
    frames = config.domains[instrument.domain].frames(instrument.symbol)
    return (int(stored.market[n]["primary_ms"]), int(stored.market[n]["confirm_ms"])) == (frames.primary_ms, frames.confirm_ms)


def assemble(
    config: BotConfig, instruments: tuple[Instrument, ...], accounts: Sequence[Account], stored: RuntimeState | None
) -> tuple[RuntimeState, frozenset[str]]:
    """A state over `instruments` and `accounts` that goes on from `stored`; also the keys whose market rows are new and need warming up.

    Accounts that were there before stay. Filters and costs are today's. Rows are in ticks and steps: an instrument whose grid
    or timeframes changed starts with fresh ones, what is held in it is carried over to the finer grid.
    """
    wanted = list(dict.fromkeys(accounts))
    if stored is not None:
        wanted += [account for account in stored.accounts if account not in wanted]
    state = make_state(config, instruments, tuple(wanted))
    if stored is None:
        return state, frozenset(state.index)
    fresh = set(state.index)
    for key, m in state.index.items():
        if knows(stored, config, instruments[m]):
            n = stored.index[key]
            state.market[m], state.observed[m] = stored.market[n], stored.observed[n]
            state.spreads[m], state.spread_n[m] = stored.spreads[n], stored.spread_n[n]
            fresh.discard(key)
    for i, (a, m) in enumerate(state.seats):
        j = stored.find(wanted[a], instruments[m].key)
        if j is not None:
            _carry(state, i, stored, j)
    for a, account in enumerate(wanted):
        if account in stored.accounts:
            b = stored.accounts.index(account)
            state.acct[a] = stored.acct[b]
            state.closed_trades[a], state.realised[a] = stored.closed_trades[b], stored.realised[b]
    state.orders = {name: order for name, order in stored.orders.items() if order.key in state.index}
    state.execs, state.halted, state.toggles = stored.execs, stored.halted, stored.toggles
    state.stage, state.ts, state.tag = stored.stage, stored.ts, stored.tag
    state.standings, state.samples, state.earned = stored.standings, stored.samples, stored.earned
    state.health, state.evidence = stored.health, stored.evidence
    state.holds, state.coins, state.outside_coins, state.cursors = stored.holds, stored.coins, stored.outside_coins, stored.cursors
    state.cash_logs = stored.cash_logs
    state.exploration, state.policies, state.waiting = stored.exploration, stored.policies, stored.waiting
    state.live_trials, state.drift, state.sentiment = stored.live_trials, stored.drift, stored.sentiment
    state.surfaces = stored.surfaces
    return state, frozenset(fresh)


def _carry(state: RuntimeState, i: int, stored: RuntimeState, j: int) -> None:
    """What seat `j` of `stored` holds goes on in seat `i`, in today's grid."""
    old, new = stored.instrument(j), state.instrument(i)
    state.inst[i]["funding_e8"] = stored.inst[j]["funding_e8"]
    if state.inst[i]["via"] >= 0:
        state.inst[i]["rate_e9"] = stored.inst[j]["rate_e9"]  # what is held is worth something before the first bar
    if grid_of(old) == grid_of(new):
        state.pos[i], state.demo_ts[i] = stored.pos[j], stored.demo_ts[j]
        return
    ratios = finer(old, new)
    if stored.pos[j]["status"] != FLAT and ratios is not None:
        state.pos[i] = stored.pos[j]
        for names, ratio in zip((TICK_FIELDS, STEP_FIELDS), ratios, strict=True):
            for name in names:
                state.pos[i][name] *= ratio


def warm_up(engine: Engine, before: Mapping[str, Sequence[Candle]], history: Mapping[str, Sequence[Candle]]) -> None:
    """Feed history to fresh market rows, native primary bars first; nothing is decided on it."""
    market, observed, params = engine.state.market, engine.state.observed, engine.mandate.params
    for key, bars in before.items():
        i = engine.state.index[key]
        for bar in bars:
            watch_primary_bar(market, observed, params, i, bar.ts, bar.open, bar.high, bar.low, bar.close)
    for key, candles in history.items():
        i = engine.state.index[key]
        for candle in candles:
            watch_bar(market, observed, params, i, candle.ts, candle.open, candle.high, candle.low, candle.close, candle.volume)
    turn_rates(engine.state.inst, market)


def frontier(engine: Engine) -> dict[str, int]:
    """By instrument the start of the first candle its row has not seen; rows that saw none are left out."""
    state, rows = engine.state, engine.state.market
    return {key: int(rows[i]["last_ts"]) + state.bar_ms(i) for key, i in state.index.items() if int(rows[i]["confirm_bars"]) > 0}


def least_order(inst: np.void, price: int) -> int:
    """The smallest order that an INST row allows at `price` (ticks), in money units."""
    return max(int(inst["min_steps"]) * price * int(inst["unit"]), int(inst["min_notional"]))


def never_tradable(engine: Engine) -> list[str]:
    """A line for each instrument whose smallest order is more than this wallet may ever put into one trade."""
    state, limits, lines = engine.state, engine.mandate.limits[0], []
    for i, (_, m) in enumerate(state.seats):
        instrument, inst, price = state.instruments[m], state.inst[i], int(state.market[m]["last_close"])
        equity = int(state.acct[int(inst["account"])]["equity"])
        if not price or not equity or inst["option"]:  # an option's price is known when one is chosen
            continue
        least = home_of(state.inst, i, max(int(inst["min_steps"]) * price * int(inst["unit"]), int(inst["min_notional"])))
        share = float(limits["canary_base" if state.acct[int(inst["account"])]["canary"].any() else "base"])
        share *= int(inst["leverage"]) if inst["on_margin"] else 1
        if least > share * equity:
            smallest, may = f"{money(least):.2f} {home_currency(instrument)}", f"{share:.0%} of {money(equity):.2f}"
            who = f"{state.account_of(i)} {instrument.symbol}"
            lines.append(f"{who}: never tradable with this wallet, its smallest order is {smallest}, one trade may take {may}")
    return lines


def checkpoint(engine: Engine, chain: Chain) -> None:
    """Store where the engine stands, so that the journal goes on from here."""
    chain.checkpoint(snapshot_of(engine, chain.journal.last_seq, chain.ledger.count))
