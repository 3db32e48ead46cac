"""What an instrument's status allows: all of it while it trades, only closing while it is wound down, nothing while it is shut.

Trading: everything. Settling and Delivering (on its way out): cancel, stops and targets, and orders that close, new or amended: linear
ones that are reduce-only, spot sells; what rests is matched. PreLaunch and Closed: only cancel; nothing is matched and no trigger is
looked at until it trades again, prices go on being shown. Open orders and positions stay in every status; settlement by the venue is
not modelled.
"""

from __future__ import annotations

from modules.simulator.filters import Status
from modules.simulator.order_types import Refused

CLOSING: frozenset[Status] = frozenset({"Trading", "Settling", "Delivering"})
"""Where what is held can still be closed, and orders are matched."""
NOT_OPEN = {"spot": Refused(170157, "The trading pair is not open."), "linear": Refused(110074, "Contract not live")}


def refusal(category: str, status: Status, *, closes: bool) -> Refused | None:
    """The venue's no to an order, amend or stop; `closes`: it can only make what is held smaller, or protects it."""
    if status == "Trading" or (closes and status in CLOSING):
        return None
    return NOT_OPEN[category]
