"""What a candidate looks like, and what the policies make of it: the one in force, and the challenger in its shadow."""

from __future__ import annotations

import msgspec
import numpy as np

from modules.engine.mandate import Mandate
from modules.engine.policies import in_force, in_shadow, size_of_trust
from risk.admission import affordable
from risk.costs import round_trip
from state.decisions import DecisionRow, as_record
from state.intents import Signal, order_id
from state.market import Quote
from state.messages import Record
from state.runtime import RuntimeState
from strategy import drift_levels, sentiment
from strategy.actions import ACTIONS, Values
from strategy.features import INDEX, REASONS, SCHEMA, SEEN, SIZE, observe
from strategy.policy import Decision, Observation, Policy, decide, regime_mask

NO_VALUES: Values = np.zeros(ACTIONS, np.float32)
"""What the kernel is given where the regime decides; not looked at."""


class Weighed(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A candidate as it was seen, and the greedy answers to it."""

    observation: Observation
    policy: Policy
    decision: Decision
    values: Values
    size: float
    """Factor on the size: while the policy is new, after drift, against a strong mood. Never above 1."""
    vetoed: bool
    """The mood is too much against it."""
    arms: int
    """Exit profiles that cost, stop cap and regime allow, bits."""
    cost: float
    """Round trip as a fraction."""
    spread: float
    shadow: Decision | None

    @property
    def blind(self) -> bool:
        """Whether the policy knows nothing for want of an observation."""
        return self.observation.features is None and bool(np.isnan(self.values[1:]).all())


def spread_of(quote: Quote | None, reference: int) -> float:
    """The spread of a quote as a fraction of the price; 0 without one that can be traded on."""
    return (quote.ask - quote.bid) / reference if quote is not None and not quote.crossed else 0.0


def weigh(state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, quote: Quote | None) -> Weighed:
    """Look at a candidate of strategy `s` on seat `i` and ask the policies of its domain."""
    side, reference, atr = int(signal.side), signal.reference, signal.atr
    domain = str(state.account_of(i).domain)
    spread = spread_of(quote, reference) if signal.contract is None else (reference - signal.bid) / reference
    arms, cost = affordable(state.inst, state.acct, mandate.rules, mandate.limits, i, s, side, reference, atr, spread)
    observation = seen(state, mandate, i, s, signal, spread)
    policy = in_force(state, mandate.policies, domain)
    challenger = in_shadow(state, mandate.policies, domain)
    decision = decide(policy, observation, arms)
    return Weighed(
        observation=observation,
        policy=policy,
        decision=decision,
        values=NO_VALUES if decision.values is None else np.array(decision.values, np.float32),
        size=size_factor(state, mandate, i, signal.direction, signal.ts),
        vetoed=sentiment.vetoed(state.sentiment.get(domain), mandate.sentiment, signal.direction, signal.ts),
        arms=arms & regime_mask(signal.regime),
        cost=cost,
        spread=spread,
        shadow=None if challenger is None else decide(challenger, observation, arms),
    )


def size_factor(state: RuntimeState, mandate: Mandate, i: int, direction: int, ts: int) -> float:
    """What makes an entry on seat `i` smaller: a new policy, drift, a mood against its `direction`. Never above 1."""
    domain = str(state.account_of(i).domain)
    return (
        size_of_trust(state, domain, ts)
        * drift_levels.size_factor(state.drift.get(domain))
        * sentiment.size_factor(state.sentiment.get(domain), mandate.sentiment, direction, ts)
    )


def seen(state: RuntimeState, mandate: Mandate, i: int, s: int, signal: Signal, spread: float) -> Observation:
    """The observation of a candidate; without features, and with the reason, where there are none."""
    side, told = int(signal.side), {"strategy": s, "side": signal.direction, "regime": signal.regime}
    if not mandate.strategies[s].confirmed:
        return Observation(features=None, reason="demo", **told)
    inst, rules = state.inst, mandate.rules
    out = np.empty(SIZE, np.float32)
    usual = spread if spread > 0.0 else int(inst[i]["spread_ppm"]) / 1e6
    cost = round_trip(inst, i, int(rules[s]["order_type"]), side, spread, float(rules[s]["prior_hold_ms"]))
    market = state.seats[i][1]
    mood, stale = sentiment.mood(state.sentiment.get(str(state.account_of(i).domain)), mandate.sentiment, signal.ts)
    code = observe(state.market, state.observed, market, inst, i, rules, s, signal.direction, signal.ts, cost, usual, mood, stale, out)
    return Observation(features=out if code == SEEN else None, reason=REASONS[code], **told)


def decision_id(state: RuntimeState, mandate: Mandate, i: int, signal: Signal) -> str:
    """Names the candidate on its account; what is drawn for it depends on nothing else but seed and version."""
    return order_id(state.account_of(i), signal.key, signal.ts, "e") + mandate.strategies[signal.strategy].name


def record(
    state: RuntimeState,
    mandate: Mandate,
    i: int,
    signal: Signal,
    weighed: Weighed,
    decision: Decision,
    turnover: float,
    order: str,
    rule: str,
) -> Record:
    """The row that this decision leaves in the ledger."""
    features, shadow = weighed.observation.features, weighed.shadow
    row = DecisionRow(
        id=decision_id(state, mandate, i, signal),
        ts=signal.ts,
        account=str(state.account_of(i)),
        key=signal.key,
        strategy=mandate.strategies[signal.strategy].name,
        side=signal.direction,
        contract="" if signal.contract is None else signal.contract.symbol,
        regime=signal.regime,
        reference=signal.reference,
        atr=signal.atr,
        turnover=turnover,
        spread=weighed.spread,
        cost=weighed.cost,
        costs="/".join(str(int(state.inst[i][f"{name}_ppm"])) for name in ("taker", "maker", "slip", "spread")),
        obs=None if features is None else [float(str(x)) for x in features],
        schema=SCHEMA,
        no_obs=weighed.observation.reason,
        mask=weighed.arms,
        greedy=decision.greedy,
        action=decision.action,
        propensity=decision.propensity,
        explored=decision.explored,
        level=decision.level,
        policy=decision.version,
        values=_told(decision),
        challenger="" if shadow is None else shadow.version,
        challenger_action=0 if shadow is None else shadow.action,
        challenger_values=None if shadow is None else _told(shadow),
        sentiment=0.0 if features is None else float(str(features[INDEX["sentiment"]])),
        order=order,
        refused=rule,
    )
    return Record("decision", as_record(row))


def _told(decision: Decision) -> list[float | None] | None:
    """Its values as JSON can say them, the shortest decimals of their float32."""
    if decision.values is None:
        return None
    return [float(str(np.float32(value))) if np.isfinite(value) else None for value in decision.values]
