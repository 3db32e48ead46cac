"""What the gate computes: whether an account may enter at all, which exit profiles are affordable, and the sized plan.

Pure arithmetic on rows, the same for engine, replay and sweep; `risk/gate.py` turns its answer into an approval or a refusal.
"""

from __future__ import annotations

import math

from risk.conversion import unpriced
from risk.cooldown import pausing
from risk.cost_gate import too_costly
from risk.costs import median_hold_ms, round_trip
from risk.daily_break import resting
from risk.drawdown import forbids, halves
from risk.facts import Told
from risk.liquidation import too_near
from risk.rules import Rule
from risk.sizing import notional, steps_for
from risk.stop_cap import too_wide
from risk.stops import initial
from risk.weekend import near
from state.books import ARMS, FLAT, Rows
from utils.kernel import kernel

OK = int(Rule.OK)
DAILY_LOSS = int(Rule.DAILY_LOSS)
COOLDOWN = int(Rule.COOLDOWN)
WEEKEND = int(Rule.WEEKEND)
DAILY_BREAK = int(Rule.DAILY_BREAK)
POSITION_OPEN = int(Rule.POSITION_OPEN)
SIDE = int(Rule.SIDE_NOT_ALLOWED)
TOO_WIDE = int(Rule.STOP_TOO_WIDE)
TOO_COSTLY = int(Rule.COST_TOO_HIGH)
NO_CONVERSION = int(Rule.NO_CONVERSION)
TOO_NEAR = int(Rule.LIQUIDATION_NEAR)
BAD_PLAN = int(Rule.BAD_PLAN)
VOLATILE = 3
"""Regime code of a volatile market."""


TOLD = {
    Rule.POSITION_OPEN: Told("there is already a position or an order on it"),
    Rule.SIDE_NOT_ALLOWED: Told("this account cannot be short"),
    Rule.POLICY_SKIP: Told("the policy in force sees nothing in it"),
    Rule.NO_OBSERVATION: Told("the policy in force cannot see it"),
    Rule.SENTIMENT: Told("the mood of the market is too much against it"),
    Rule.BAD_PLAN: Told("stop and target do not lie on the right sides of the price"),
}


@kernel
def standing(pos: Rows, inst: Rows, acct: Rows, rules: Rows, limits: Rows, i: int, s: int, side: int, ts: int) -> int:
    """The first rule that keeps strategy `s` from entering instrument `i` now, whatever the price; OK when none does."""
    a = inst[i]["account"]
    if inst[i]["spot"] and side < 0:
        return SIDE
    if pos[i]["status"] != FLAT:
        return POSITION_OPEN
    if unpriced(inst, i):
        return NO_CONVERSION
    rule = forbids(acct, a)
    if rule != OK:
        return rule
    if acct[a]["day_stopped"]:
        return DAILY_LOSS
    if pausing(acct, a, rules[s]["style"], ts):
        return COOLDOWN
    if near(inst, limits, i, ts):
        return WEEKEND
    if resting(inst, i, ts):
        return DAILY_BREAK
    return OK


@kernel
def arm_rule(inst: Rows, rules: Rows, limits: Rows, i: int, s: int, arm: int, reference: int, atr: float, cost: float) -> tuple[int, float]:
    """OK or the rule against one exit profile, and its stop distance as a fraction of the price."""
    distance = math.floor(rules[s]["stop_k"][arm] * atr) / reference
    if too_wide(rules, s, distance):
        return TOO_WIDE, distance
    if too_near(inst, limits, i, distance):
        return TOO_NEAR, distance
    if too_costly(rules, s, distance, cost):
        return TOO_COSTLY, distance
    return OK, distance


@kernel
def affordable(
    inst: Rows, acct: Rows, rules: Rows, limits: Rows, i: int, s: int, side: int, reference: int, atr: float, spread: float
) -> tuple[int, float]:
    """Bit mask of the exit profiles that cost, stop cap and liquidation allow, and the round-trip cost as a fraction."""
    a = inst[i]["account"]
    hold = median_hold_ms(acct, a, rules, s, limits[0]["hold_min_trades"])
    cost = round_trip(inst, i, rules[s]["order_type"], side, spread, hold)
    mask = 0
    for arm in range(ARMS):
        if arm_rule(inst, rules, limits, i, s, arm, reference, atr, cost)[0] == OK:
            mask |= 1 << arm
    return mask, cost


@kernel
def objection(
    inst: Rows, rules: Rows, limits: Rows, i: int, s: int, arm: int, reference: int, atr: float, cost: float
) -> tuple[int, float]:
    """Why no profile could be chosen, told for the preferred one: the rule and the figure it judged."""
    rule, distance = arm_rule(inst, rules, limits, i, s, arm, reference, atr, cost)
    if rule in (TOO_WIDE, TOO_NEAR):
        return rule, distance
    return TOO_COSTLY, cost / distance if distance > 0.0 else math.inf


@kernel
def sellable(inst: Rows, i: int, steps: int, price: int) -> bool:
    """Whether what a spot buy of `steps` leaves after its fee in the coin is an order that the venue takes at `price` (ticks).

    Nothing is taken out of an option that is bought.
    """
    if inst[i]["option"]:
        return True
    kept = steps - (steps * inst[i]["taker_ppm"] + 999_999) // 1_000_000
    return bool(kept >= inst[i]["min_steps"] and kept * price * inst[i]["unit"] >= inst[i]["min_notional"])


@kernel
def sized(
    pos: Rows,
    inst: Rows,
    acct: Rows,
    rules: Rows,
    limits: Rows,
    i: int,
    s: int,
    arm: int,
    side: int,
    regime: int,
    reference: int,
    atr: float,
    turnover: float,
    cost: float,
    size: float,
) -> tuple[int, int, int, int]:
    """(rule, steps, stop, target) of an entry with exit profile `arm`; `turnover` in quote units per confirm bar.

    `size` is what the policy makes of what the rules allow, never more than all of it.
    """
    stop, target = initial(side, reference, atr, rules[s]["stop_k"][arm], rules[s]["target_k"][arm])
    if stop <= 0 or target <= 0 or target == reference:
        return BAD_PLAN, 0, stop, target
    factor = min(max(size, 0.0), 1.0)
    if regime == VOLATILE:
        factor *= limits[0]["volatile_factor"]
    if halves(acct, inst[i]["account"]):
        factor *= limits[0]["half_factor"]
    distance = abs(reference - stop) / reference
    binding, allowed = notional(pos, inst, acct, limits, i, side, distance, cost, turnover, factor, rules[s]["style"])
    steps = steps_for(inst, i, allowed, reference, stop)
    if acct[inst[i]["account"]]["live"] and inst[i]["spot"] and not sellable(inst, i, steps, min(reference, stop)):
        steps = 0
    return (OK if steps > 0 else binding), steps, stop, target


@kernel
def halvable(
    pos: Rows,
    inst: Rows,
    acct: Rows,
    rules: Rows,
    limits: Rows,
    i: int,
    s: int,
    side: int,
    regime: int,
    reference: int,
    atr: float,
    turnover: float,
    cost: float,
    size: float,
) -> int:
    """Bits of the exit profiles of which a policy may ask for half the size: those that allow two steps (or lots) or more.

    Arguments as for `sized`, `size` being what a policy's own factor comes on top of.
    """
    least = 2 * max(inst[i]["lot_steps"], inst[i]["min_steps"], 1)
    arms = 0
    for arm in range(ARMS):
        if sized(pos, inst, acct, rules, limits, i, s, arm, side, regime, reference, atr, turnover, cost, size)[1] >= least:
            arms |= 1 << arm
    return arms
