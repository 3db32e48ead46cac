"""Bringing the engine up: recover what was stored, warm up what is new, and leave a snapshot from which the journal goes on.

There is no other start. A first start is a recovery from nothing: empty wallets, rows warmed from history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec

from modules.engine.core import Engine
from modules.engine.desk import make_state
from modules.engine.recovery import SCHEMA, Replayed, replay_tail, restore, snapshot_of
from modules.settings import BotConfig
from state.accounts import Domain
from state.books import FLAT
from state.chain import Chain
from state.instruments import Instrument
from state.market import Candle
from state.runtime import RuntimeState
from state.stages import paper_account
from strategy.market import on_bar, on_primary_bar
from utils.fixed import money


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the state directory knew."""

    state: RuntimeState | None
    warnings: tuple[str, ...]
    replayed: Replayed | None = None


def recover(chain: Chain) -> Stored:
    """The engine state at the end of the journal, the ledger completed on the way; state None when nothing was stored."""
    if chain.snapshot is None:
        return Stored(state=None, warnings=chain.warnings)
    engine = restore(chain.snapshot)
    replayed = replay_tail(engine, chain, chain.snapshot.seq)
    warnings = list(chain.warnings)
    if replayed.differing:
        warnings.append(
            f"{replayed.differing} of {replayed.events} journalled events would be decided differently by this version; "
            "what was done then stands"
        )
    return Stored(state=engine.state, warnings=tuple(warnings), replayed=replayed)


def needed(asked: Sequence[Instrument], stored: RuntimeState | None) -> tuple[Instrument, ...]:
    """The instruments to run: those asked for, and any with a position: what is held is always managed.

    Where something is held and the venue has made its grid finer, the row is carried over exactly (`assemble`); where the new grid cannot
    hold it, the stored one stays until it is flat.
    """
    held: dict[str, Instrument] = {}
    if stored is not None:
        held = {one.key: one for i, one in enumerate(stored.instruments) if stored.pos[i]["status"] != FLAT}
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


def assemble(
    config: BotConfig, instruments: tuple[Instrument, ...], domains: Sequence[Domain], stored: RuntimeState | None
) -> tuple[RuntimeState, frozenset[str]]:
    """A state over `instruments` that goes on from `stored`; also the keys whose rows are new and need warming up.

    Filters and costs are today's. Rows are in ticks and steps: an instrument whose grid changed starts with fresh ones, what is held in it
    is carried over to the finer grid.
    """
    wanted = list(dict.fromkeys(paper_account(domain) for domain in domains))
    if stored is not None:
        wanted += [account for account in stored.accounts if account not in wanted]
    state = make_state(config, instruments, tuple(wanted))
    if stored is None:
        return state, frozenset(state.index)
    fresh = set(state.index)
    for key, i in state.index.items():
        j = stored.index.get(key)
        if j is None:
            continue
        old, new = stored.instruments[j], instruments[i]
        if grid_of(old) != grid_of(new):
            ratios = finer(old, new)
            if stored.pos[j]["status"] != FLAT and ratios is not None:
                state.pos[i] = stored.pos[j]
                for names, ratio in zip((TICK_FIELDS, STEP_FIELDS), ratios, strict=True):
                    for name in names:
                        state.pos[i][name] *= ratio
            continue  # the market row counts in ticks: it is warmed anew
        state.market[i], state.pos[i] = stored.market[j], stored.pos[j]
        state.spreads[i], state.spread_n[i], state.demo_ts[i] = stored.spreads[j], stored.spread_n[j], stored.demo_ts[j]
        state.inst[i]["funding_e8"] = stored.inst[j]["funding_e8"]
        fresh.discard(key)
    for a, account in enumerate(wanted):
        if account in stored.accounts:
            b = stored.accounts.index(account)
            state.acct[a] = stored.acct[b]
            state.closed_trades[a], state.realised[a] = stored.closed_trades[b], stored.realised[b]
    state.orders = {name: order for name, order in stored.orders.items() if order.key in state.index}
    state.execs, state.halted, state.toggles = stored.execs, stored.halted, stored.toggles
    state.stage, state.ts = stored.stage, stored.ts
    return state, frozenset(fresh)


def warm_up(engine: Engine, before: Mapping[str, Sequence[Candle]], history: Mapping[str, Sequence[Candle]]) -> None:
    """Feed history to fresh market rows, native primary bars first; nothing is decided on it."""
    market, params = engine.state.market, engine.mandate.params
    for key, bars in before.items():
        i = engine.state.index[key]
        for bar in bars:
            on_primary_bar(market, params, i, bar.ts, bar.open, bar.high, bar.low, bar.close)
    for key, candles in history.items():
        i = engine.state.index[key]
        for candle in candles:
            on_bar(market, params, i, candle.ts, candle.open, candle.high, candle.low, candle.close, candle.volume)


def frontier(engine: Engine) -> dict[str, int]:
    """By instrument the start of the first candle its row has not seen; rows that saw none are left out."""
    rows, step = engine.state.market, engine.mandate.confirm_ms
    return {key: int(rows[i]["last_ts"]) + step for key, i in engine.state.index.items() if int(rows[i]["confirm_bars"]) > 0}


def never_tradable(engine: Engine) -> list[str]:
    """A line for each instrument whose smallest order is more than this wallet may ever put into one trade."""
    state, limits, lines = engine.state, engine.mandate.limits[0], []
    for i, instrument in enumerate(state.instruments):
        inst, price = state.inst[i], int(state.market[i]["last_close"])
        equity = int(state.acct[int(inst["account"])]["equity"])
        if not price or not equity:
            continue
        least = max(int(inst["min_steps"]) * price * int(inst["unit"]), int(inst["min_notional"]))
        if least > limits["base"] * equity:
            smallest, may = f"{money(least):.2f} {instrument.quote}", f"{float(limits['base']):.0%} of {money(equity):.2f}"
            lines.append(
                f"{instrument.symbol}: never tradable with this wallet, its smallest order is {smallest}, one trade may take {may}"
            )
    return lines


def open_chain(folder: Path) -> Chain:
    """The durable state of `folder`."""
    return Chain.open(folder, SCHEMA)


def checkpoint(engine: Engine, chain: Chain) -> None:
    """Store where the engine stands, so that the journal goes on from here."""
    chain.checkpoint(snapshot_of(engine, chain.journal.last_seq))
