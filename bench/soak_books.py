"""Whose books: the bot's ledger and figures against the exchange's, the broker's, and against themselves. Pure, but for `rows`.

The exchange is compared as chaos does it (`modules/chaos/verdict.py`), the broker here: every fill once, with its price, side and size, and
cash to the last unit. Paper accounts have no other side: there the cash rows must sum to the balance and the trades to the result.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from bench.audit import repeated
from modules.chaos.verdict import Told, judge
from modules.simulator.account import KEEP_ROWS
from state.ledger import read_ledger

Row = Mapping[str, Any]
ZERO = Decimal(0)
AT_THE_EXCHANGE = ("CRYPTO/", "PERPS/")
AT_THE_BROKER = "FOREX/LIVE"
DOLLARS, QUOTE = "USD", "USDT"


def rows(folder: Path) -> list[Told]:
    """The ledger of an environment's folder."""
    return [Told(kind=str(one.kind), row=msgspec.json.decode(one.row)) for one in read_ledger(folder / "ledger")]


def books(told: Sequence[Told], venue: Row, accounts: Mapping[str, Row]) -> list[str]:
    """Everything that does not fit, in words. venue: `GET /control/ledger`; accounts: those of `status`. The bot is flat and at rest."""
    return [*exchange(told, venue), *broker(told, venue["oanda"], accounts.get(AT_THE_BROKER)), *own(told, accounts)]


def exchange(told: Sequence[Told], venue: Row) -> list[str]:
    """The live accounts at the exchange. Times without a stop are not judged: at this speed a wall second is a venue minute."""
    most = most_remembered(venue)
    wrong = (
        [f"the exchange keeps {KEEP_ROWS} rows of an account and has {most}: older ones cannot be compared"] if most >= KEEP_ROWS else []
    )
    ours = [one for one in told if str(one.row.get("account", "")).startswith(AT_THE_EXCHANGE)]
    return wrong + judge(ours, venue, limit_s=math.inf).broken


def most_remembered(venue: Row) -> int:
    """Rows of the longest list that the exchange keeps of an account: it forgets the oldest beyond `KEEP_ROWS`."""
    return max(
        (count for name in ("orders", "fills", "cash") for count in Counter(one["account"] for one in venue[name]).values()), default=0
    )


def broker(told: Sequence[Told], venue: Row, view: Row | None) -> list[str]:
    """The live account at the broker. venue: its section of the ledger."""
    fills = [one.row for one in told if one.kind == "fill" and one.row["account"] == AT_THE_BROKER]
    ours = {row["exec_id"]: (row["symbol"], _signed(row), Decimal(row["price"])) for row in fills}
    theirs = {row["id"]: (row["instrument"].replace("_", ""), Decimal(row["units"]), Decimal(row["price"])) for row in venue["fills"]}
    wrong = repeated([row["exec_id"] for row in fills], "execution")
    wrong += [f"lost fill at the broker: {name} {theirs[name]}" for name in sorted(theirs.keys() - ours.keys())]
    wrong += [f"the broker does not know fill {name} {ours[name]}" for name in sorted(ours.keys() - theirs.keys())]
    wrong += [
        f"fill {name} is booked as {ours[name]}, the broker says {theirs[name]}"
        for name in sorted(ours.keys() & theirs.keys())
        if ours[name] != theirs[name]
    ]
    there = sum((Decimal(row["amount"]) for row in venue["cash"] if row["coin"] == DOLLARS), ZERO)
    here = sum((Decimal(one.row["amount"]) for one in told if one.kind == "cash" and one.row["account"] == AT_THE_BROKER), ZERO)
    if (fills or theirs) and here != there:
        wrong.append(f"{AT_THE_BROKER}: the cash rows sum to {here}, the broker has {there}, off by {here - there}")
    if view is not None and Decimal(view["balance"]) != there:
        wrong.append(f"{AT_THE_BROKER}: the balance is {view['balance']}, the broker has {there}")
    return wrong + [f"not flat at the broker: {one['instrument']}" for one in venue["positions"]]


def own(told: Sequence[Told], accounts: Mapping[str, Row]) -> list[str]:
    """Each account by itself: balance, trades, result, nothing open."""
    wrong = []
    for account, view in accounts.items():
        mine = [one for one in told if one.row.get("account") == account]
        cash = sum((Decimal(one.row["amount"]) for one in mine if one.kind == "cash" and one.row.get("coin", QUOTE) == QUOTE), ZERO)
        trades = [one.row for one in mine if one.kind == "trade"]
        result = sum((Decimal(row["pnl"]) for row in trades), ZERO)
        if cash != Decimal(view["balance"]):
            wrong.append(f"{account}: the cash rows sum to {cash}, the balance is {view['balance']}")
        if len(trades) != view["closed_trades"]:
            wrong.append(f"{account}: {view['closed_trades']} closed trades, the ledger has {len(trades)}")
        if result != Decimal(view["realised_pnl"]):
            wrong.append(f"{account}: realised {view['realised_pnl']}, the trades sum to {result}")
        wrong += [f"not flat: {one['symbol']} of {account}" for one in view["open_positions"]]
    return wrong


def _signed(fill: Row) -> Decimal:
    return Decimal(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
