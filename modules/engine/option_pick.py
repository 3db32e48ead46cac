"""Which option an entry is made in: the first of the listed contracts, best first, that fits every limit with at least one step.

What is offered follows from the pair, its surface and the time alone; which of it fits, from the account. The sweep makes the offers by the
same function and takes from them by the same kernel.
"""

from __future__ import annotations

import numpy as np

from forex.options_chain import GRID, candidates
from modules.engine.decide import book_of, health_of, plan_entry
from modules.engine.mandate import Mandate
from modules.engine.option_prices import covers, quoted, terms_of
from modules.engine.refusals import refused
from modules.engine.weigh import NO_VALUES, size_factor
from risk.admission import standing
from risk.facts import Facts
from risk.rules import Rule
from state.books import Rows
from state.intents import Side, Signal
from state.market import Quote
from state.messages import Command
from state.options import OptionContract, Right, Surface, tick_digits
from state.runtime import RuntimeState
from strategy.actions import Values
from utils.kernel import kernel

OK = int(Rule.OK)
NO_SURFACE = int(Rule.NO_SURFACE)
BELOW_MIN = int(Rule.BELOW_MIN_ORDER)

OFFER = np.dtype([("right", "i8"), ("strike", "i8"), ("expiry_ts", "i8"), ("bid", "i8"), ("ask", "i8")])
"""A contract that may be bought, with its quote in ticks."""


def offers_of(surface: Surface, direction: int, ts: int, spot_bid: int, spot_ask: int) -> Rows:
    """What may be bought at `ts` for a rise (1: calls) or a fall (-1: puts) of the pair (ticks), best first (OFFER rows).

    None but those that the surface's tenors reach round, and none of a pair on which no options are listed.
    """
    if surface.pair not in GRID:
        return np.zeros(0, OFFER)
    terms, pair = terms_of(surface), surface.pair
    spot = 0.5 * (spot_bid + spot_ask) * 10.0 ** -tick_digits(pair)
    found = [one.contract for one in candidates(surface, spot, ts, Right(direction)) if covers(surface, one.contract, ts)]
    rows = np.zeros(len(found), OFFER)
    for row, one in zip(rows, found, strict=True):
        row["right"], row["strike"], row["expiry_ts"] = int(one.right), one.strike, one.expiry_ts
        row["bid"], row["ask"] = quoted(terms, int(one.right), one.strike, one.expiry_ts, ts, spot_bid, spot_ask)
    return rows


@kernel
def first_fitting(
    offers: Rows,
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
    part: float,
    values: Values,
    learned: int,
    size: float,
) -> tuple[int, int, int, int, int, int]:
    """(place in `offers`, rule, arm, steps, stop, target): the first that slot `i` may buy; else one and the rule that stopped it.

    The one is the cheapest whose one step was too much (BELOW_MIN_ORDER), without any the last of all. `part` of the premium is what the
    strategy's distances are multiples of. Place -1: nothing is offered. `side` is 1: options are bought.
    """
    rule = standing(pos, inst, acct, rules, limits, i, s, side, ts)
    if rule != OK or len(offers) == 0:
        return len(offers) - 1, rule if rule != OK else NO_SURFACE, 0, 0, 0, 0
    small = -1
    for n in range(len(offers)):
        ask = offers[n]["ask"]
        spread = (ask - offers[n]["bid"]) / ask
        rule, arm, steps, stop, target, _ = plan_entry(
            pos, inst, acct, rules, limits, i, s, side, regime, ts, ask, part * ask, 0.0, spread, values, learned, size
        )
        if rule == OK:
            return n, rule, arm, steps, stop, target
        if rule == BELOW_MIN and (small < 0 or ask < offers[small]["ask"]):
            small = n
    return (small, BELOW_MIN, 0, 0, 0, 0) if small >= 0 else (len(offers) - 1, rule, 0, 0, 0, 0)


def signal_of(
    state: RuntimeState,
    mandate: Mandate,
    i: int,
    s: int,
    direction: Side,
    ts: int,
    spot: tuple[int, int],
    part: float,
    quote: Quote | None,
    out: list[Command],
) -> Signal | None:
    """What strategy `s` wants on slot `i` that sees its pair go in `direction` from `spot` (bid, ask in ticks): a contract at its ask.

    None, and the refusal's report, where no surface prices one.
    """
    instrument, m = state.instrument(i), state.seats[i][1]
    surface, regime = state.surfaces.get(instrument.symbol), int(state.market[m]["regime"]) if mandate.strategies[s].confirmed else 0
    size = size_factor(state, mandate, i, int(direction), ts)
    if surface is not None:
        offers = offers_of(surface, int(direction), ts, *spot)
        found = first_fitting(
            offers,
            state.pos,
            state.inst,
            state.acct,
            mandate.rules,
            mandate.limits,
            i,
            s,
            int(Side.LONG),
            regime,
            ts,
            part,
            NO_VALUES,
            0,
            size,
        )
        if found[0] >= 0:
            row = offers[found[0]]
            contract = OptionContract(
                pair=instrument.symbol,
                right=Right(int(row["right"])),
                strike=int(row["strike"]),
                digits=tick_digits(instrument.symbol),
                expiry_ts=int(row["expiry_ts"]),
            )
            ask = int(row["ask"])
            return Signal(
                ts=ts,
                key=instrument.key,
                strategy=s,
                side=Side.LONG,
                regime=regime,
                atr=part * ask,
                reference=ask,
                contract=contract,
                bid=int(row["bid"]),
            )
    signal = Signal(ts=ts, key=instrument.key, strategy=s, side=direction, regime=regime, atr=0.0, reference=spot[1])
    facts = Facts(book=book_of(state, mandate, i, s), health=health_of(state, mandate, i, s, quote, ts), instrument=instrument, ts=ts)
    out.append(refused(state, mandate, signal, Rule.NO_SURFACE, facts))
    return None
