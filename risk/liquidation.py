"""Liquidation distance: a position that the venue closes by its own margin needs that point several stops away, or is not entered.

A stop is a market order in a falling market; where the venue's takeover lies close behind it, a gap past the stop costs the whole
margin. Isolated margin (bybit_v5 §14): liquidated where value / leverage less the loss meets the maintenance margin, so that much of
the entry price away: 1 / leverage - maintenance rate. Source: issue "Perpetuals complete", field notes 33.
"""

from __future__ import annotations

from risk.facts import Facts, Told
from risk.rules import Rule
from state.books import Rows
from utils.kernel import kernel


@kernel
def room(inst: Rows, i: int) -> float:
    """How far the price may go against a fresh position until it is liquidated, as a fraction of the entry price."""
    return float(1.0 / inst[i]["leverage"] - inst[i]["maintenance_ppm"] / 1e6)


@kernel
def too_near(inst: Rows, limits: Rows, i: int, distance: float) -> bool:
    """Whether liquidation is nearer than the asked multiple of `distance` (to the stop, fraction of the price); where there is any."""
    if inst[i]["maintenance_ppm"] == 0:
        return False
    return bool(room(inst, i) < limits[0]["liquidation_stops"] * distance)


def _figure(facts: Facts) -> str:
    inst, i, stops = facts.book.inst, facts.book.i, float(facts.book.limits[0]["liquidation_stops"])
    return f"liquidation {float(room(inst, i)):.1%} away, {stops:g} stops are {stops * facts.judged:.1%}"


TOLD = {Rule.LIQUIDATION_NEAR: Told("the venue would liquidate too soon behind the stop", _figure)}
