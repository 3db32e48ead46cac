"""How large one trade may be: the smallest of every cap, in whole steps, rounded down, or nothing at all.

Source: definitions, "Size of one trade".
"""

from __future__ import annotations

from risk.caps import capped
from risk.facts import Facts, Told
from risk.option_caps import too_dear
from risk.rules import Rule
from state.books import FLAT, Rows
from state.conversion import home_of
from utils.fixed import money
from utils.kernel import kernel

THIN = int(Rule.THIN_MARKET)
BALANCE = int(Rule.NO_BALANCE)


@kernel
def available(pos: Rows, inst: Rows, acct: Rows, a: int) -> float:
    """Free money of account `a` (money units): cash less what entries in flight will take and, except for spot, margin.

    On a live account never more than the venue last said.
    """
    free = float(acct[a]["cash"])
    venue_free = float(acct[a]["free"])
    for i in range(len(pos)):
        if pos[i]["status"] != FLAT and inst[i]["account"] == a:
            waiting = pos[i]["reference"] * pos[i]["working"] * inst[i]["unit"]
            if inst[i]["spot"]:
                free -= home_of(inst, i, waiting)
            else:
                free -= home_of(inst, i, waiting + pos[i]["value"]) / inst[i]["leverage"]
                marked = pos[i]["mark"] * pos[i]["steps"] * inst[i]["unit"]
                free += min(0.0, float(home_of(inst, i, pos[i]["side"] * (marked - pos[i]["value"]))))
    return min(free, venue_free) if acct[a]["live"] else free


@kernel
def notional(
    pos: Rows,
    inst: Rows,
    acct: Rows,
    limits: Rows,
    i: int,
    side: int,
    distance: float,
    cost: float,
    turnover: float,
    factor: float,
    style: int,
) -> tuple[int, float]:
    """The rule that binds and the allowed notional (money units).

    `distance` = |entry - stop| / entry; `cost` the round trip as a fraction; `turnover` the median confirm-bar turnover in quote
    units, which bounds neither FOREX nor options (the volume of currencies is a count of ticks); `factor` shrinks the result (regime,
    drawdown step), a canary's not below its own floor. Base is the smaller of equity now and at the day's start.
    """
    a = inst[i]["account"]
    base = float(min(acct[a]["equity"], acct[a]["day_start"]))
    loss = limits[0]["loss"]
    if acct[a]["canary"][style]:
        loss = limits[0]["canary_loss"]
        factor = max(factor, limits[0]["canary_factor"])
    rule, allowed = capped(pos, inst, acct, limits, i, side, style, loss * base / (distance + cost))
    if inst[i]["on_margin"] == 0 and inst[i]["option"] == 0:
        market_room = limits[0]["volume"] * turnover * 1e10
        if market_room < allowed:
            allowed, rule = market_room, THIN
    # Room for the fee and for the price between decision and fill.
    free = available(pos, inst, acct, a) * inst[i]["leverage"] / (1.0 + cost)
    if free < allowed:
        allowed, rule = free, BALANCE
    return rule, max(0.0, allowed) * factor


@kernel
def steps_for(inst: Rows, i: int, allowed: float, reference: int, stop: int) -> int:
    """Whole steps (in whole lots) within `allowed` money units at `reference`.

    0 below the venue's minimum there or at the stop, or without a rate.
    """
    step_value = float(reference * inst[i]["unit"]) * (inst[i]["rate_e9"] / 1e9)
    if step_value <= 0.0:
        return 0
    steps = int(allowed // step_value)
    steps = min(steps, inst[i]["max_steps"])
    if inst[i]["lot_steps"] > 1:
        steps -= steps % inst[i]["lot_steps"]
    low = min(reference, stop)
    if steps < inst[i]["min_steps"] or steps * low * inst[i]["unit"] < inst[i]["min_notional"]:
        return 0
    return int(steps)


def _balance(facts: Facts) -> str:
    book = facts.book
    return f"{money(int(available(book.pos, book.inst, book.acct, book.a))):.2f} free"


def _minimum(facts: Facts) -> str:
    row, one = facts.book.inst[facts.book.i], facts.instrument
    if row["option"]:
        return too_dear(facts)
    return f"minimum {one.qty(int(row['min_steps']))} {one.base} and {money(int(row['min_notional'])):.2f} {one.quote}"


TOLD = {
    Rule.THIN_MARKET: Told("too large for what usually trades in five minutes"),
    Rule.NO_BALANCE: Told("not enough free balance", _balance),
    Rule.BELOW_MIN_ORDER: Told("smaller than the venue accepts, at entry or at the stop", _minimum),
}
