"""An outage is told once when it begins and once when it is over."""

from __future__ import annotations

from modules.exchange.causes import Causes
from self_test.modules.exchange.watching import LIVE_SPOT
from state.messages import AccountDown, AccountEvent, AccountUp


def test_told_once_each_way_whatever_the_reason() -> None:
    told: list[AccountEvent] = []
    causes = Causes(LIVE_SPOT, told.extend, lambda: 5)
    assert causes.down("venue", "no answer") and not causes.down("venue", "still no answer") and "venue" in causes
    assert causes.up("venue") and not causes.up("venue") and "venue" not in causes
    assert told == [AccountDown(5, LIVE_SPOT, "venue", "no answer"), AccountUp(5, LIVE_SPOT, "venue")]


def test_a_standing_cause_was_told_by_somebody_else_and_is_ended_here() -> None:
    told: list[AccountEvent] = []
    causes = Causes(LIVE_SPOT, told.extend, lambda: 5, standing=["reconcile"])
    assert not causes.down("reconcile", "again")
    causes.up("reconcile")
    assert told == [AccountUp(5, LIVE_SPOT, "reconcile")]
