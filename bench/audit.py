"""The books of a state directory, checked from the ledger alone: every fill, cash movement and trade must tell one story.

Spot only (a perpetual moves no value): a fill takes price x quantity and its fee out of cash or brings it back, a position is what the
fills of its symbol add up to, a trade is what happened between flat and flat.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from modules.boot import recover, stored_policies
from modules.engine.migrations import open_chain
from modules.engine.recovery import Replayed
from state.journal import read_journal
from state.ledger import LedgerRow, Ref, RowKind, read_ledger
from state.messages import Record, decode_commands

TOLERANCE = Decimal("1e-8")
ZERO = Decimal(0)


class Leg:
    """What happened in one symbol since it was last flat."""

    def __init__(self) -> None:
        self.held = self.bought = self.flow = self.fees = ZERO


def rows_of(folder: Path) -> list[LedgerRow]:
    """The ledger of an environment's folder, oldest row first, with what a killed bot had journalled but not yet written there."""
    rows = list(read_ledger(folder / "ledger"))
    last = rows[-1].ref if rows else Ref(0, -1)
    for seq, _, commands in read_journal(folder / "journal", max(0, last.seq - 1)):
        for index, command in enumerate(decode_commands(commands)):
            ref = Ref(seq, index)
            if isinstance(command, Record) and ref > last:
                rows.append(LedgerRow(RowKind(command.kind), ref, msgspec.Raw(msgspec.json.encode(command.row))))
    return rows


def replayed(folder: Path, scratch: Path) -> Replayed:
    """What a fresh engine makes of a copy (in `scratch`) of a stopped bot's snapshot and journal; AssertionError when there is none."""
    shutil.copytree(folder, scratch, ignore=shutil.ignore_patterns("*.sock", "venue", "simulator.*"))
    chain = open_chain(scratch)
    try:
        found = recover(chain, stored_policies(scratch)).replayed
    finally:
        chain.close()
        shutil.rmtree(scratch)
    if found is None:
        raise AssertionError(f"{folder} holds no snapshot")
    return found


def audit(rows: Sequence[LedgerRow], accounts: Mapping[str, Any]) -> list[str]:
    """Everything that does not fit, in words; empty when the books are right. `accounts`: those of `status --json` at that moment."""
    wrong = repeated([(row.ref.seq, row.ref.index) for row in rows], "ledger ref")
    legs: dict[tuple[str, str], Leg] = defaultdict(Leg)
    done: dict[tuple[str, str], list[Leg]] = defaultdict(list)
    cash: dict[str, Decimal] = defaultdict(Decimal)
    by_fill: dict[str, Decimal] = defaultdict(Decimal)
    flows: dict[str, Decimal] = {}
    trades: list[dict[str, Any]] = []
    execs: list[str] = []
    for row in rows:
        told = json.loads(bytes(row.row))
        if row.kind == "fill":
            execs.append(told["exec_id"])
            flows[told["exec_id"]] = _take(legs, done, told)
        elif row.kind == "cash":
            cash[told["account"]] += Decimal(told["amount"])
            by_fill[told["ref"]] += Decimal(told["amount"])
        elif row.kind == "trade":
            trades.append(told)
    wrong += repeated(execs, "execution")
    wrong += [f"execution {name} moved {flow}, the cash rows say {by_fill[name]}" for name, flow in flows.items() if by_fill[name] != flow]
    wrong += _trades(trades, done)
    for account, view in accounts.items():
        wrong += _account(account, view, cash[account], legs, [trade for trade in trades if trade["account"] == account])
    return wrong


def repeated(names: Iterable[Any], what: str) -> list[str]:
    """One line per name that comes up more than once."""
    seen: set[Any] = set()
    lines = []
    for name in names:
        if name in seen:
            lines.append(f"{what} {name} comes up twice")
        seen.add(name)
    return lines


def _take(legs: dict[tuple[str, str], Leg], done: dict[tuple[str, str], list[Leg]], fill: Mapping[str, Any]) -> Decimal:
    """Book a fill; returns what it did to cash."""
    where = (fill["account"], fill["symbol"])
    leg = legs[where]
    side = 1 if fill["side"] == "buy" else -1
    qty, fee = Decimal(fill["qty"]), Decimal(fill["fee"])
    flow = -side * qty * Decimal(fill["price"]) - fee
    leg.held += side * qty
    leg.bought += qty if side > 0 else ZERO
    leg.flow += flow
    leg.fees += fee
    if leg.held == 0:
        done[where].append(legs.pop(where))
    return flow


def _trades(trades: Sequence[Mapping[str, Any]], done: Mapping[tuple[str, str], Sequence[Leg]]) -> list[str]:
    """Whether the trades are those that the fills tell of, in order."""
    wrong = []
    told: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for trade in trades:
        told[trade["account"], trade["symbol"]].append(trade)
    for where in sorted({*told, *done}):
        legs = done.get(where, ())
        if len(legs) != len(told[where]):
            wrong.append(f"{where}: {len(legs)} round trips in fills, {len(told[where])} trades")
        for leg, trade in zip(legs, told[where], strict=False):
            found = (leg.bought, leg.fees, leg.flow)
            said = (Decimal(trade["qty"]), Decimal(trade["fees"]), Decimal(trade["pnl"]))
            if found != said:
                wrong.append(f"{where}, trade of {trade['entry_ts']}: quantity, fees and result are {said}, the fills say {found}")
    return wrong


def _account(
    account: str, view: Mapping[str, Any], cash: Decimal, legs: Mapping[tuple[str, str], Leg], trades: Sequence[Mapping[str, Any]]
) -> list[str]:
    wrong = []
    balance = Decimal(view["balance"])
    if cash != balance:
        wrong.append(f"{account}: cash rows sum to {cash}, the balance is {balance}")
    if view["closed_trades"] != len(trades):
        wrong.append(f"{account}: {view['closed_trades']} closed trades, the ledger has {len(trades)}")
    realised = sum((Decimal(trade["pnl"]) for trade in trades), ZERO)
    if realised != Decimal(view["realised_pnl"]):
        wrong.append(f"{account}: realised {view['realised_pnl']}, the trades sum to {realised}")
    held = {one["symbol"]: one for one in view["open_positions"]}
    booked = {symbol: leg for (owner, symbol), leg in legs.items() if owner == account}
    if set(held) != set(booked):
        wrong.append(f"{account}: open are {sorted(held)}, the fills leave {sorted(booked)}")
    for symbol in set(held) & set(booked):
        one, leg = held[symbol], booked[symbol]
        sign = 1 if one["side"] == "long" else -1
        if sign * Decimal(one["qty"]) != leg.held:
            wrong.append(f"{account}: {one['qty']} {symbol} open, the fills leave {leg.held}")
        # Cash and what is held at its entry price are, fees apart, what came in and what was earned.
        value = sign * Decimal(one["qty"]) * Decimal(one["entry"])
        if leg.held == leg.bought and abs(value + leg.flow + leg.fees) > TOLERANCE:
            wrong.append(f"{account}: {symbol} is open at {value}, the fills paid {-leg.flow - leg.fees}")
        if one["stop"] is None or one["target"] is None:
            wrong.append(f"{account}: {symbol} has no stop or no target")
    return wrong
