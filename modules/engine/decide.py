"""From a policy's values to an approved entry or a refusal with its figure.

`plan_entry` is the compiled arithmetic that sweep and replay share; the rest turns its answer into nouns, asks the gate, and says
in words why in or why not. Who is asked, and what is explored, is said in `modules/engine/choose.py`.
"""

from __future__ import annotations

import msgspec

from modules import rollout
from modules.engine import explore_live
from modules.engine.mandate import Mandate
from modules.engine.option_exits import remember as remember_option
from modules.engine.option_health import surface_facts
from modules.engine.option_prices import lead_of, longest_hold, sign
from modules.engine.refusals import refused
from modules.engine.scene import option_scene, remember, scene_of
from risk import gate
from risk.admission import affordable, halvable, objection, sized, standing
from risk.costs import slipped
from risk.facts import Book, Facts, Health
from risk.rules import Rule
from state.accounts import Account, Mode
from state.books import PENDING, Rows
from state.conversion import mul_div
from state.intents import Approved, ExitPlan, Intent, OrderType, Refused, Signal
from state.market import Quote
from state.messages import Command, Place, Report
from state.options import OptionContract
from state.orders import Order, OrderState
from state.runtime import RuntimeState
from strategy.actions import FULL, SKIP, Values, arm_of, choose_action, size_of, valid_actions, without_small
from strategy.moves import largest_move
from strategy.policy import ALL_ARMS, choose_arm, greedy_action, regime_mask
from utils.kernel import kernel

OK = int(Rule.OK)
POLICY_SKIP = int(Rule.POLICY_SKIP)
ARM_NAMES = ("tight", "base", "wide")


class Plan(msgspec.Struct, frozen=True):
    """How an entry would be made: exit profile, size in steps, stop and target in ticks."""

    arm: int
    steps: int
    stop: int
    target: int
    explored: bool = False


@kernel
def plan_entry(
    pos: Rows,
    inst: Rows,
    acct: Rows,
    rules: Rows,
    limits: Rows,
    i: int,
    s: int,
    side: int,
    regime: int,
    ts: int,
    reference: int,
    atr: float,
    turnover: float,
    spread: float,
    values: Values,
    learned: int,
    size: float,
) -> tuple[int, int, int, int, int, float]:
    """(rule, arm, steps, stop, target, figure): what strategy `s` may do on instrument `i` now.

    `reference` and `atr` in ticks, `turnover` in quote units per confirm bar, `spread` as a fraction of the price; `figure` is what a cost
    or stop rule judged. `values` (7,) are those of a policy, not looked at unless `learned`; `size` its factor while it is new.
    """
    rule = standing(pos, inst, acct, rules, limits, i, s, side, ts)
    if rule != OK:
        return rule, 0, 0, 0, 0, 0.0
    mask, cost = affordable(inst, acct, rules, limits, i, s, side, reference, atr, spread)
    action = greedy_action(values, learned, regime, mask)
    if inst[i]["option"] and action > SKIP and size_of(action) < FULL:
        halves = halvable(pos, inst, acct, rules, limits, i, s, side, regime, reference, atr, turnover, cost, size)
        action = choose_action(values, without_small(valid_actions(mask & regime_mask(regime)), halves))
    if action == SKIP:
        if learned and mask & regime_mask(regime):
            return POLICY_SKIP, 0, 0, 0, 0, 0.0
        wanted = max(choose_arm(regime, ALL_ARMS), 0)
        rule, figure = objection(inst, rules, limits, i, s, wanted, reference, atr, cost)
        return rule, wanted, 0, 0, 0, figure
    arm, share = arm_of(action), size * size_of(action)
    rule, steps, stop, target = sized(pos, inst, acct, rules, limits, i, s, arm, side, regime, reference, atr, turnover, cost, share)
    return rule, arm, steps, stop, target, cost


@kernel
def entry_limit(order_type: int, side: int, reference: int, target: int, touch: int, ioc_ppm: int, slip_cap_ppm: int) -> int:
    """Worst price (ticks) an entry accepts. `touch` = best opposite price of the quote used, 0 in bar replay.

    A resting order waits at the reference; an IOC limit stays within `ioc_ppm` of it (rounded towards it); a market entry is an IOC at
    the touch plus `slip_cap_ppm`, and over bars, where there is no touch, anything short of the target.
    """
    if order_type == 2:
        return reference
    if order_type == 1:
        return reference + side * mul_div(reference, ioc_ppm, 1_000_000)
    if touch > 0:
        return slipped(touch, slip_cap_ppm, side)
    return target - side


@kernel
def reserve(
    pos: Rows,
    rules: Rows,
    i: int,
    s: int,
    arm: int,
    regime: int,
    side: int,
    steps: int,
    reference: int,
    limit: int,
    ts: int,
    expires_ts: int,
    stop: int,
    target: int,
    atr: float,
) -> None:
    """Put an approved entry into its position row: exposure counts it from here on."""
    pos[i]["status"] = PENDING
    pos[i]["strategy"] = s
    pos[i]["arm"] = arm
    pos[i]["regime"] = regime
    pos[i]["side"] = side
    pos[i]["steps"] = 0
    pos[i]["working"] = steps
    pos[i]["value"] = 0
    pos[i]["paid"] = 0
    pos[i]["order_type"] = rules[s]["order_type"]
    pos[i]["reference"] = reference
    pos[i]["mark"] = reference
    pos[i]["limit"] = limit
    pos[i]["decided_ts"] = ts
    pos[i]["expires_ts"] = expires_ts
    pos[i]["stop"] = stop
    pos[i]["target"] = target
    pos[i]["atr"] = atr
    pos[i]["trail_k"] = rules[s]["trail_k"][arm]
    pos[i]["max_hold_ms"] = rules[s]["max_hold_ms"]
    pos[i]["closing"] = 0


def book_of(state: RuntimeState, mandate: Mandate, i: int, s: int, pos: Rows | None = None) -> Book:
    """The rows that strategy `s` on seat `i` is judged against; `pos` instead of the positions as they are."""
    return Book(
        pos=state.pos if pos is None else pos,
        inst=state.inst,
        acct=state.acct,
        rules=mandate.rules,
        limits=mandate.limits,
        i=i,
        s=s,
        tag=state.tag_of(i),
    )


def health_of(
    state: RuntimeState,
    mandate: Mandate,
    i: int,
    s: int,
    quote: Quote | None,
    ts: int,
    contract: OptionContract | None = None,
    *,
    explored: bool = False,
) -> Health:
    """What the gate must know of seat `i` at `ts` besides the rows; `quote` is its market's, of an option its pair's."""
    account, m = state.account_of(i), state.seats[i][1]
    key = state.instruments[m].key
    feed, holds = mandate.feed_of[key], state.holds.get(str(account), {})
    return Health(
        feed_up=feed not in state.feeds_down,
        feed_reason=state.feeds_down.get(feed, ""),
        account_held=bool(holds),
        held_by="; ".join(holds.values()),
        halted_by=state.halted.get(str(account), ""),
        paused=state.toggles.paused,
        switched_on=not mandate.switched or state.toggles.lets_in(account.domain),
        allowed=_here(state, mandate, i, s, account, explored=explored) and key not in mandate.closing_only,
        bar_age_ms=ts - int(state.market[m]["last_ts"]) - state.bar_ms(m),
        confirm_ms=state.bar_ms(m),
        quote=quote,
        quote_needed=mandate.quotes,
        spread_median=state.spread_median(m),
        max_spread_ratio=mandate.max_spread_ratio,
        largest_move=largest_move(state.market, m),
        max_move=float(mandate.limits[0]["max_move"]),
        **surface_facts(state, i, contract, ts),
    )


def _here(state: RuntimeState, mandate: Mandate, i: int, s: int, account: Account, *, explored: bool) -> bool:
    """Whether strategy `s` may enter on seat `i`: where its style stands; explored on paper also where it stands elsewhere, live if on."""
    if explored and s in mandate.explores.get(account, frozenset()):
        return True
    if explored and not (mandate.explore_own and (account.mode is Mode.PAPER or explore_live.is_on(state, account))):
        return False
    return s in mandate.allowed.get(account, frozenset()) and rollout.policy_here(state, mandate, i, s)


def intend(state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, quote: Quote | None, plan: Plan) -> Intent:
    """A planned entry as what the gate judges."""
    side, ts, reference = int(signal.side), signal.ts, signal.reference
    order_type, limits = int(mandate.rules[s]["order_type"]), mandate.limits[0]
    touch = 0 if quote is None else (quote.ask if side > 0 else quote.bid)
    hold_ms = int(mandate.rules[s]["max_hold_ms"])
    if signal.contract is not None:
        touch = 0 if quote is None else reference
        hold_ms = int(longest_hold(hold_ms, signal.contract.expiry_ts, ts, lead_of(mandate.limits)))
    return Intent(
        ts=ts,
        account=state.account_of(i),
        key=signal.key,
        strategy=mandate.strategies[s].name,
        arm=ARM_NAMES[plan.arm],
        side=signal.side,
        steps=plan.steps,
        order_type=OrderType(order_type),
        reference=reference,
        limit=entry_limit(order_type, side, reference, plan.target, touch, int(limits["ioc_cap_ppm"]), int(limits["slip_cap_ppm"])),
        expires_ts=ts + state.bar_ms(state.seats[i][1]),
        exits=ExitPlan(
            stop=plan.stop,
            target=plan.target,
            atr=signal.atr,
            trail_atr=float(mandate.rules[s]["trail_k"][plan.arm]),
            max_hold_ms=hold_ms,
        ),
        explored=plan.explored,
        contract=signal.contract,
        scene=scene_of(state, i, quote, reference, plan.steps) if signal.contract is None else option_scene(state, i, quote, signal),
    )


def enter(
    state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, quote: Quote | None, plan: Plan, out: list[Command]
) -> tuple[str, str]:
    """Ask the gate for a planned entry; append the order and its report, or the refusal's. Returns the order's id, or the rule."""
    book = book_of(state, mandate, i, s)
    health = health_of(state, mandate, i, s, quote, signal.ts, signal.contract, explored=plan.explored)
    verdict = gate.review(intend(state, mandate, i, s, signal, quote, plan), book, health)
    if isinstance(verdict, Refused):
        facts = Facts(book=book, health=health, instrument=state.instrument(i), ts=signal.ts)
        out.append(refused(state, mandate, signal, Rule[verdict.rule.upper()], facts))
        return "", verdict.rule
    place(state, mandate, i, s, plan.arm, signal.regime, verdict, out)
    return verdict.order_id, ""


def place(state: RuntimeState, mandate: Mandate, i: int, s: int, arm: int, regime: int, approved: Approved, out: list[Command]) -> None:
    """Record an approved entry as in flight and ask for it to be sent."""
    intent = approved.intent
    reserve(
        state.pos,
        mandate.rules,
        i,
        s,
        arm,
        regime,
        int(intent.side),
        intent.steps,
        intent.reference,
        intent.limit,
        intent.ts,
        intent.expires_ts,
        intent.exits.stop,
        intent.exits.target,
        intent.exits.atr,
    )
    state.pos[i]["explored"] = intent.explored
    remember(state.pos[i], intent.scene)
    if intent.contract is not None:
        one = intent.contract
        sign(state.pos, i, int(one.right), one.strike, one.expiry_ts, intent.ts, lead_of(mandate.limits))
        remember_option(state, i, one, intent.ts)
    order = Order(order_id=approved.order_id, account=intent.account, key=intent.key, entry=True, steps=intent.steps, ts=intent.ts)
    state.orders[order.order_id] = order.to(OrderState.IN_FLIGHT)
    state.count(intent.account, "orders")
    out.append(Place(approved))
    instrument = state.instrument(i)
    out.append(
        Report(
            ts=intent.ts,
            what="order",
            account=str(intent.account),
            key=intent.key,
            text=(
                f"{intent.strategy} {intent.side.word} {state.symbol_of(i)} {instrument.qty(intent.steps)} near "
                f"{instrument.price(intent.reference)}, stop {instrument.price(intent.exits.stop)}, "
                f"target {instrument.price(intent.exits.target)} ({intent.arm}{', explored' if intent.explored else ''})"
            ),
        )
    )


def demo_steps(state: RuntimeState, mandate: Mandate, i: int, reference: int, stop: int) -> int:
    """A little more than the venue's minimum, valid at entry and at the stop, in whole lots."""
    inst = state.inst[i]
    lowest = min(reference, stop) * int(inst["unit"])
    least = max(int(inst["min_steps"]), -(-int(inst["min_notional"]) // lowest), 1)
    most = max(least, int(least * mandate.demo_min_multiple))
    return most - most % max(int(inst["lot_steps"]), 1)
