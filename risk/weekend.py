"""Weekend: what is held towards the week's close is closed, tightened or carried, and nothing is entered until the market opens again.

An instrument without a session (`INST.session` 0: crypto) knows no weekend; the option's premium is its loss, so options carry. When the
session opens and closes stands in the instrument's row. Source: definitions, "Stops, targets, exit profiles".
"""

from __future__ import annotations

from risk.facts import MINUTE_MS, Facts, Told
from risk.rules import Rule
from risk.stops import trail
from state.books import Rows
from utils.kernel import kernel

OFF, CLOSE, TIGHTEN, CARRY = 0, 1, 2, 3
"""LIMITS.weekend."""
ALWAYS, WEEKLY, CARRIED = 0, 1, 2
"""INST.session: trades day and night; has a weekend; has one, and always carries over it."""
TIGHT = 0
"""The exit profile whose trail a tightened stop takes."""


@kernel
def near(inst: Rows, limits: Rows, i: int, ts: int) -> bool:
    """Whether instrument `i` stands so close before its weekend, or in it, that nothing is entered."""
    if inst[i]["session"] == ALWAYS or inst[i]["close_ts"] == 0 or limits[0]["weekend"] == OFF:
        return False
    return bool(ts >= inst[i]["close_ts"] - limits[0]["weekend_lead_min"] * MINUTE_MS)


@kernel
def must_be_flat(pos: Rows, inst: Rows, limits: Rows, i: int, ts: int) -> bool:
    """Whether position `i` is to be closed for the weekend: from the lead before the close on, and never asked of a closed market.

    One that stands from an earlier session (its close did not go through, or the bot was away) goes when the market is open again.
    """
    if limits[0]["weekend"] != CLOSE or inst[i]["session"] != WEEKLY or inst[i]["close_ts"] == 0 or ts >= inst[i]["close_ts"]:
        return False
    return near(inst, limits, i, ts) or bool(pos[i]["opened_ts"] < inst[i]["open_ts"])


@kernel
def tighten(pos: Rows, inst: Rows, rules: Rows, limits: Rows, i: int, ts: int, close: int, min_r: float, min_ticks: int) -> int:
    """At a bar's close within the lead before the weekend: the stop of position `i` to the tight profile's trail, and to the entry price.

    The better of the two, by the terms on which any stop moves (`risk/stops.py`): in favour only, when it is worth a request, one tick
    from a close that has passed it; the entry price only while the close is beyond it. Returns 1 when the stop moved.
    """
    if limits[0]["weekend"] != TIGHTEN or inst[i]["session"] != WEEKLY or not near(inst, limits, i, ts) or ts >= inst[i]["close_ts"]:
        return 0
    before, side, steps = pos[i]["stop"], pos[i]["side"], pos[i]["steps"] * inst[i]["unit"]
    k = rules[pos[i]["strategy"]]["trail_k"][TIGHT]
    stop = trail(side, before, pos[i]["extreme"], pos[i]["atr"], k, pos[i]["risk"], close, min_r, min_ticks)
    # In whole ticks, rounded in favour: a stop there loses nothing but fees.
    entry = side * -((-side * pos[i]["value"]) // steps)
    if side * (close - entry) > 0:
        stop = trail(side, stop, entry, 0.0, 1.0, pos[i]["risk"], close, min_r, min_ticks)
    pos[i]["stop"] = stop
    return 1 if stop != before else 0


def _figure(facts: Facts) -> str:
    row = facts.book.inst[facts.book.i]
    left = int(row["close_ts"]) - facts.ts
    if left > 0:
        return f"closes in {left / MINUTE_MS:.0f} minutes"
    return f"opens in {max(0, int(row['rest_until']) - facts.ts) / (60 * MINUTE_MS):.1f} hours"


TOLD = {Rule.WEEKEND: Told("the market closes for the weekend; entries return when it is open again", _figure)}
