"""An outage is told once when it begins and once when it is over."""

from __future__ import annotations

from structlog.testing import capture_logs

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


def test_the_log_has_a_line_for_each_end_of_it() -> None:
    with capture_logs() as lines:
        causes = Causes(LIVE_SPOT, lambda _: None, lambda: 5, standing=["reconcile"])
        for cause in ("stream", "venue", "keys", "banned"):
            causes.down(cause, f"{cause} is out")
            causes.down(cause, "still")
            causes.up(cause)
            causes.up(cause)
        causes.up("reconcile")
    account = str(LIVE_SPOT)
    assert [(one["log_level"], one["event"], one["what"], one["account"]) for one in lines] == [
        ("warning", event, cause, account) for cause in ("stream", "venue", "keys", "banned") for event in ("outage", "outage over")
    ]
    assert lines[0]["reason"] == "stream is out"
