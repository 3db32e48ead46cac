"""Positions, trades, profit and loss."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from modules.ui.commands import Wanted
from modules.ui.operator import Answer, Table
from modules.ui.option_view import contract_words, figures, greek_words, style_words
from modules.ui.periods import monday_of
from modules.ui.recent import TRADES, Sum
from modules.ui.scene import (
    DAY_MS,
    Scene,
    age,
    cents,
    held,
    marked,
    moment,
    percent,
    quote_of,
    r_text,
    short_symbol,
    unrealised,
)
from modules.ui.wording import price, span
from state.books import PENDING
from state.conversion import home_currency
from state.intents import Side
from state.runtime import account_view, holding
from utils.fixed import money, plain

MOST_BUTTONS = 6
WHY = {"max_hold": "time", "operator": "person", "unprotected": "naked", "liquidation": "seized", "external": "outside"}
"""Exit reasons in few letters where their own name is long."""
PERIODS = {"day": "today", "week": "this week", "all": "ever"}


def positions(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """What is open: stop, target, result so far in R and money, age."""
    state, now = scene.state, scene.now
    rows, lines, more = [], [], []
    data: dict[str, list[dict[str, Any]]] = {str(account): [] for account in state.accounts}
    for i in held(state):
        pos, instrument, account = state.pos[i], state.instrument(i), str(state.account_of(i))
        one = holding(state, i, lambda state, i: figures(state, i, now, scene.mandate.option_frames))
        net, r = marked(state, i)
        mark, entry = instrument.price(int(pos["mark"])), Decimal(one.entry)
        tag = f", {scene.mandate.strategies[int(pos['strategy'])].name}{', explored' if pos['explored'] else ''}"
        lines.append(f"{one.symbol} {one.side} {one.qty}, {account}{tag}")
        if one.option is not None:
            lines += [f"  {words}" for words in (contract_words(one.option), greek_words(one.option, home_currency(instrument)))]
        word = "entry" if one.option is None else "premium"
        worth = "" if one.option is None or one.option.intrinsic is None else f", intrinsic {price(one.option.intrinsic)}"
        lines += [
            f"  {word} {price(one.entry)}, now {plain(mark)} ({percent(float(mark / entry) - 1.0, sign=True)}){worth}",
            f"  stop {one.stop} ({percent(float(Decimal(one.stop) / mark) - 1.0, sign=True)})",
            f"  target {one.target} ({percent(float(Decimal(one.target) / mark) - 1.0, sign=True)})",
            f"  {r_text(r)}, {cents(money(net), sign=True)} {home_currency(instrument)}, held {span((now - one.opened_ts) / 1000)}",
        ]
        if one.option is not None and (said := style_words(one.option, instrument.symbol)):
            lines.append(f"  premium as quoted: {said}")
        if int(pos["closing"]):
            lines.append("  is being closed")
        rows.append(
            (short_symbol(state, account, one.symbol), one.side, r_text(r, ""), cents(money(net), sign=True), age(now - one.opened_ts))
        )
        data[account].append(
            msgspec.to_builtins(one)
            | {
                "account": account,
                "mark": plain(mark),
                "r": None if r is None else round(r, 4),
                "pnl": plain(money(net)),
                "age_ms": now - one.opened_ts,
                "strategy": scene.mandate.strategies[int(pos["strategy"])].name,
                "explored": bool(pos["explored"]),
                "initial_stop": plain(instrument.price(int(pos["initial_stop"]))),
                "closing": bool(pos["closing"]),
            }
        )
        more.append((f"close {one.symbol}", Wanted("close", {"symbol": one.symbol, "account": account})))
    waiting = [i for i in range(len(state.pos)) if state.pos[i]["status"] == PENDING]
    lines += [
        f"{state.symbol_of(i)} {Side(int(state.pos[i]['side'])).word}: an entry is on its way, {state.account_of(i)}" for i in waiting
    ]
    return Answer(
        title=f"{len(rows)} open position{'' if len(rows) == 1 else 's'}",
        lines=lines or ["nothing is held"],
        table=Table(("pair", "side", "R", "pnl", "age"), tuple(rows)) if rows else None,
        data=data,
        more=tuple(more[:MOST_BUTTONS]),
    )


def trades(scene: Scene, args: Mapping[str, str]) -> Answer:
    """The newest closed trades."""
    n = int(args.get("n", "10"))
    found = scene.recent.newest_trades(n)
    rows = tuple(
        (
            moment(int(row["exit_ts"]), scene.now),
            short_symbol(scene.state, str(row["account"]), str(row["symbol"])),
            f"{float(row['r']):+.2f}",
            cents(Decimal(row["pnl"]), sign=True),
            WHY.get(str(row["reason"]), str(row["reason"])),
        )
        for row in found
    )
    lines = [
        f"{row['symbol']} {row['side']} {row['strategy']} by {row['reason']}: {price(str(row['entry']))} to {price(str(row['exit']))}, "
        f"{r_text(float(row['r']))}, {row['account']}{', explored' if row.get('explored') else ''}"
        for row in found[:3]
    ]
    if len(found) == TRADES:
        lines.append("older ones: in the ledger and in the reports")
    more = ((f"trades {min(2 * n, 50)}", Wanted("trades", {"n": str(min(2 * n, 50))})),) if len(found) == n < 50 else ()
    return Answer(
        title=f"The last {len(found)} trades" if found else "Trades",
        lines=lines or ["no trade has closed yet"],
        table=Table(("time", "pair", "R", "pnl", "why"), rows) if rows else None,
        data=found,
        more=more,
    )


def pnl(scene: Scene, args: Mapping[str, str]) -> Answer:
    """Profit and loss by account: what closed in the period, what is open now."""
    state, now, period = scene.state, scene.now, args.get("period", "day")
    today = now // DAY_MS
    first = {"day": today, "week": monday_of(today), "all": 0}[period]
    rows, lines = [], []
    data: dict[str, Any] = {"period": period, "from_ts": first * DAY_MS, "until_ts": now, "accounts": {}}
    for a, account in enumerate(state.accounts):
        name, quote = str(account), quote_of(state, a)
        found, open_now = scene.recent.summed(name, first * DAY_MS, now), unrealised(state, a)
        rows.append((name, str(found.trades), won_text(found), cents(found.pnl, sign=True), cents(open_now, sign=True)))
        before = _began(scene, a, period, first)
        change = None if before is None else float(money(int(state.acct[a]["equity"]))) - before
        if found.trades:
            lines.append(f"{name}: {found.r:+.2f} R; fees {cents(found.fees)}, funding {cents(found.funding)} {quote} are in the result")
        if change is not None and before:
            lines.append(f"{name}: equity {cents(change, sign=True)} {quote} ({percent(change / before, 2, sign=True)})")
        view = account_view(state, a)
        if period == "all" and view.closed_trades != found.trades:
            lines.append(f"{name}: {view.closed_trades} of them since its wallet was reset: {cents(Decimal(view.realised_pnl), sign=True)}")
        data["accounts"][name] = {
            "trades": found.trades,
            "won": found.won,
            "net": plain(found.pnl),
            "r": round(found.r, 4),
            "fees": plain(found.fees),
            "funding": plain(found.funding),
            "open": plain(open_now),
            "equity_change": None if change is None else round(change, 2),
            "quote": quote,
        }
    more = tuple((PERIODS[one], Wanted("pnl", {"period": one})) for one in PERIODS if one != period)
    return Answer(
        title=f"Profit and loss, {PERIODS[period]}",
        lines=lines or ["no trade has closed in this time"],
        table=Table(("account", "n", "won", "net", "open"), tuple(rows)),
        data=data,
        more=more,
    )


def won_text(found: Sum) -> str:
    """The share of trades that won."""
    return percent(found.won / found.trades, 0) if found.trades else "–"


def _began(scene: Scene, a: int, period: str, first: int) -> float | None:
    """The equity that account `a` had when the period began; None when nobody wrote it down."""
    acct, today = scene.state.acct[a], scene.now // DAY_MS
    opened = float(money(int(acct["day_start"])))
    if period == "day" or first == today:
        return opened if period != "all" else None
    days = scene.recent.days.get(str(scene.state.accounts[a]), ())
    return next((one.start for one in days if one.day >= first and one.start is not None), opened) if period == "week" else None
