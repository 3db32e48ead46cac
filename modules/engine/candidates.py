"""Who may want to enter: the strategies whose signal a bar confirmed, and the demo on its cadence; each is judged in `choose`."""

from __future__ import annotations

from modules import rollout
from modules.engine import choose, coins, option_pick
from modules.engine.mandate import Mandate
from state.books import FLAT
from state.intents import Side, Signal
from state.market import Candle, Quote
from state.messages import Command
from state.options import Right
from state.rows import STRATEGIES as CONFIRMED
from state.runtime import RuntimeState
from strategy.base import DEMO, LONG, SHORT
from strategy.demo import demo_due, demo_side

SIDES = {LONG: Side.LONG, SHORT: Side.SHORT}
"""Side codes of the market kernel as nouns."""

NOTHING: frozenset[int] = frozenset()
WHOLE = 1.0
"""O1's stop and target are fractions of all of the premium."""


def confirmed(
    state: RuntimeState, mandate: Mandate, i: int, code: int, candle: Candle, ts: int, quote: Quote | None, out: list[Command]
) -> None:
    """Judge every strategy that `code`, what the market kernel said of a bar, lets in on seat `i`."""
    account = state.account_of(i)
    allowed, explores = mandate.allowed[account], mandate.explores.get(account, NOTHING)
    row = state.market[state.seats[i][1]]
    for s in range(CONFIRMED):
        side = (code >> (2 * s)) & 3
        if not side or s not in allowed | explores or (side == SHORT and long_only(state, i)):
            continue
        policy = s in allowed and rollout.policy_here(state, mandate, i, s)
        if not policy and s not in explores:
            continue
        if state.inst[i]["option"]:
            spot = (candle.close, candle.close) if quote is None or quote.crossed else (quote.bid, quote.ask)
            signal = option_pick.signal_of(state, mandate, i, s, SIDES[side], ts, spot, WHOLE, quote, out)
        else:
            signal = Signal(
                ts=ts,
                key=candle.key,
                strategy=s,
                side=SIDES[side],
                regime=int(row["regime"]),
                atr=float(row["atr"]),
                reference=candle.close,
            )
        if signal is not None:
            follow = choose.decide if policy else choose.explore
            follow(state, mandate, i, s, signal, quote, turnover_of(state, i), out)


def on_cadence(state: RuntimeState, mandate: Mandate, i: int, ts: int, quote: Quote, out: list[Command]) -> None:
    """Let the demo enter on seat `i`, where it is idle and its time has come."""
    idle = state.pos[i]["status"] == FLAT and not quote.crossed
    if not demo_due(ts, int(state.demo_ts[i]), idle, mandate.demo_every_ms):
        return
    state.demo_ts[i] = ts
    signal: Signal | None
    option = bool(state.inst[i]["option"])
    # Of options the other right than last time; by the minute an hour of entries two minutes apart would all be calls.
    turn = int(state.pos[i]["right"] == Right.CALL) if option else ts // mandate.demo_every_ms
    side = SIDES[demo_side(turn, long_only(state, i))]
    if option:
        part = mandate.option_demo_fraction
        signal = option_pick.signal_of(state, mandate, i, DEMO, side, ts, (quote.bid, quote.ask), part, quote, out)
    else:
        reference = quote.ask if side is Side.LONG else quote.bid
        atr = reference * mandate.demo_fraction
        signal = Signal(ts=ts, key=quote.key, strategy=DEMO, side=side, regime=0, atr=atr, reference=reference)
    if signal is not None:
        choose.decide(state, mandate, i, DEMO, signal, quote, turnover_of(state, i), out)


def long_only(state: RuntimeState, i: int) -> bool:
    """Whether seat `i` cannot follow a fall: coins cannot be borrowed on spot; a slot of options buys puts."""
    return coins.in_coins(state, i)


def turnover_of(state: RuntimeState, i: int) -> float:
    """Median turnover of a confirm bar of seat `i`'s market, in quote units."""
    return float(state.market[state.seats[i][1]]["median_turnover_ticks"]) * float(state.inst[i]["tick"])
