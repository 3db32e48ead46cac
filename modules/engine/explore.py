"""Exploration: some decisions try another exit profile than the policy's own, on paper, to learn how fills come.

In the paper stages the trial replaces the policy's choice for that decision; beside live money the live account stays greedy and the paper
account of the domain tries. At most one explored position a symbol, and `SHARE` of the equity in all of them; each is tagged. With real
money it tries only where a person has switched that on (`modules/engine/explore_live.py`).
"""

from __future__ import annotations

import msgspec

from modules.engine import explore_live
from modules.engine.decide import Plan
from modules.engine.mandate import Mandate
from modules.engine.weigh import Weighed, decision_id
from risk.admission import sized, standing
from risk.caps import bound
from risk.rules import Rule
from state.accounts import Mode
from state.booking import gross_of
from state.books import FLAT, PAR_E9
from state.intents import Signal
from state.runtime import RuntimeState
from strategy.actions import ARMS, FULL, action_of, arm_of
from strategy.exploration import NO_ARM, draws, epsilon, explored_arm
from strategy.policy import Decision
from strategy.regime import CHOP

SHARE = 0.05
"""Most that explored positions may hold of the paper account's equity, together."""


def base_rate(state: RuntimeState, mandate: Mandate) -> float:
    """The share of decisions to explore before the regime adds to it: what the operator set, else the configuration's."""
    return state.exploration / 100 if state.exploration else mandate.explore_slider


def tries_itself(state: RuntimeState, mandate: Mandate, i: int, s: int, ts: int) -> bool:
    """Whether the policy's own decisions of strategy `s` on seat `i` explore: in a running bot, never the demo's, live only where asked."""
    if not (mandate.explore_own and mandate.strategies[s].confirmed):
        return False
    return state.account_of(i).mode is Mode.PAPER or explore_live.may_try(state, i, ts)


def drawn(
    state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, turnover: float, weighed: Weighed
) -> tuple[Decision, Plan | None]:
    """The decision after the draw, and the plan of the explored entry on seat `i`; no plan where the greedy decision stands.

    The share counts decisions with at least two valid profiles of which another than the greedy one could be entered now.
    """
    greedy, regime, ts = weighed.decision, signal.regime, signal.ts
    pos, inst, acct, rules, limits = state.pos, state.inst, state.acct, mandate.rules, mandate.limits
    side, own = int(signal.side), arm_of(greedy.greedy)
    if weighed.vetoed or weighed.arms.bit_count() < 2 or standing(pos, inst, acct, rules, limits, i, s, side, ts) != Rule.OK:
        return greedy, None
    plans = {}
    for arm in range(ARMS):
        if weighed.arms >> arm & 1 and arm != own:
            plan = _plan(state, mandate, i, s, signal, turnover, weighed, arm)
            if plan is not None:
                plans[arm] = plan
    if not plans:
        return greedy, None
    share = epsilon(base_rate(state, mandate), 1.0 if regime == CHOP else 0.0)
    draw = draws(mandate.explore_seed, greedy.version, decision_id(state, mandate, i, signal))
    arm = explored_arm(sum(1 << one for one in plans), own, share, draw)
    if arm == NO_ARM:
        return msgspec.structs.replace(greedy, propensity=1.0 - share), None
    told = msgspec.structs.replace(greedy, action=action_of(arm, FULL), propensity=share / len(plans), explored=True)
    return told, plans[arm]


def _plan(
    state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, turnover: float, weighed: Weighed, arm: int
) -> Plan | None:
    """An explored entry with exit profile `arm`, None when no room is left for an order that the venue takes."""
    inst, reference, regime = state.inst, signal.reference, signal.regime
    paper = state.account_of(i).mode is Mode.PAPER
    acct, limits = (state.acct, mandate.limits) if paper else explore_live.bounds(state, mandate, i, signal.ts)
    rule, steps, stop, target = sized(
        state.pos, inst, acct, mandate.rules, limits, i, s, arm, int(signal.side), regime, reference, signal.atr, turnover,
        weighed.cost, weighed.size,
    )  # fmt: skip
    if paper:
        steps = min(steps, _room(state, i, reference))
    least = max(int(inst[i]["min_steps"]), -(-int(inst[i]["min_notional"]) // (max(1, min(reference, stop)) * int(inst[i]["unit"]))))
    return Plan(arm, steps, stop, target, explored=True) if rule == Rule.OK and steps >= least else None


def _room(state: RuntimeState, i: int, reference: int) -> int:
    """Steps of seat `i` that still fit into the explored share of its account."""
    a = state.seats[i][0]
    held = sum(
        bound(state.inst, j, gross_of(state.pos, state.inst, j))
        for j, row in enumerate(state.pos)
        if state.seats[j][0] == a and row["status"] != FLAT and row["explored"]
    )
    room = SHARE * min(int(state.acct[a]["equity"]), int(state.acct[a]["day_start"])) - held
    inst, step = state.inst[i], reference * int(state.inst[i]["unit"])
    if inst["on_margin"] or inst["option"]:  # priced in a currency that may not be the account's
        return max(0, int(room * int(inst["leverage"]) * PAR_E9 // (step * max(1, int(inst["rate_e9"])))))
    return max(0, int(room // step))
