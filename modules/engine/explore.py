"""Exploration beside live money: what the live account enters by its policy, the paper account of the domain sometimes enters otherwise.

The explored exit profile trades on paper alone, in the domain's paper wallet, with at most `SHARE` of its equity in all; its trades are
tagged.
"""

from __future__ import annotations

import msgspec

from modules.engine.mandate import Mandate
from risk.admission import affordable, sized, standing
from risk.rules import Rule
from state.books import FLAT
from state.intents import Signal, order_id
from state.runtime import RuntimeState
from strategy.exploration import NO_ARM, draws, epsilon, explored_arm
from strategy.policy import choose_arm, regime_mask
from strategy.regime import CHOP

SHARE = 0.05
"""Most that explored positions may hold of the paper account's equity, together."""
VERSION = "L0"


class Plan(msgspec.Struct, frozen=True):
    """How an entry would be made: exit profile, size in steps, stop and target in ticks."""

    arm: int
    steps: int
    stop: int
    target: int
    explored: bool = False


def base_rate(state: RuntimeState, mandate: Mandate) -> float:
    """The share of decisions to explore before the regime adds to it: what the operator set, else the configuration's."""
    return state.exploration / 100 if state.exploration else mandate.explore_slider


def plan_explored(state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, turnover: float, spread: float) -> Plan | None:
    """An explored entry on paper seat `i`; None when this decision does not explore or may not. Arguments as for `decide.plan_entry`."""
    side, regime, ts, reference, atr = int(signal.side), signal.regime, signal.ts, signal.reference, signal.atr
    pos, inst, acct, rules, limits = state.pos, state.inst, state.acct, mandate.rules, mandate.limits
    if standing(pos, inst, acct, rules, limits, i, s, side, ts) != Rule.OK:
        return None
    mask, cost = affordable(inst, acct, rules, limits, i, s, side, reference, atr, spread)
    valid = mask & regime_mask(regime)
    share = epsilon(base_rate(state, mandate), 1.0 if regime == CHOP else 0.0)
    decision = order_id(state.account_of(i), state.instrument(i).key, ts, "e")
    arm = explored_arm(valid, choose_arm(regime, mask), share, draws(mandate.explore_seed, VERSION, f"{decision}{s}"))
    if arm == NO_ARM:
        return None
    rule, steps, stop, target = sized(pos, inst, acct, rules, limits, i, s, arm, side, regime, reference, atr, turnover, cost)
    steps = min(steps, _room(state, i, reference))
    least = max(int(inst[i]["min_steps"]), -(-int(inst[i]["min_notional"]) // (max(1, min(reference, stop)) * int(inst[i]["unit"]))))
    return Plan(arm, steps, stop, target, explored=True) if rule == Rule.OK and steps >= least else None


def _room(state: RuntimeState, i: int, reference: int) -> int:
    """Steps of seat `i` that still fit into the explored share of its account."""
    a = state.seats[i][0]
    held = sum(
        int((row["mark"] * row["steps"] + row["reference"] * row["working"]) * state.inst[j]["unit"])
        for j, row in enumerate(state.pos)
        if state.seats[j][0] == a and row["status"] != FLAT and row["explored"]
    )
    room = SHARE * min(int(state.acct[a]["equity"]), int(state.acct[a]["day_start"])) - held
    return max(0, int(room // (reference * int(state.inst[i]["unit"]))))
