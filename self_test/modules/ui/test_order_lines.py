"""From the decision to the fill of an order every line bears one id."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from modules.ui.order_lines import order_lines
from self_test.fakes.books import SPOT
from self_test.fakes.stored import Played
from state.messages import Cancel, OrderCancelled, OrderRejected, OrderUnknown, decode_commands, decode_event


def test_a_run_is_told_order_by_order(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(60)
    bot.close()
    with capture_logs() as lines:
        again = Played(tmp_path)
        again.close()
        for seq, event, commands in again.chain.journal.entries(0):
            order_lines(seq, decode_event(event), decode_commands(commands))
    told: dict[str, list[str]] = {}
    for line in lines:
        if "decision" in line:
            told.setdefault(line["decision"], []).append(line["event"])
    ways = {tuple(dict.fromkeys(events)) for events in told.values()}
    assert {("entry decided", "order accepted", "order filled"), ("exit decided", "order filled")} <= ways
    assert all(events[0] in {"entry decided", "exit decided"} for events in told.values()), "nothing is told of what was not decided"
    filled = [line for line in lines if line["event"] == "order filled"]
    assert all(line["account"] == str(SPOT) and line["price"] > 0 and line["steps"] > 0 and line["log_level"] == "info" for line in filled)


def test_whatever_else_may_become_of_an_order_is_told_too() -> None:
    with capture_logs() as lines:
        order_lines(1, OrderRejected(5, SPOT, "o1", "too poor", "funds"), [])
        order_lines(2, OrderUnknown(5, SPOT, "o2", "no answer"), [])
        order_lines(3, OrderCancelled(5, SPOT, "o2", "taken back"), [Cancel(SPOT, "CRYPTO:AAAUSDT", "o3")])
    assert [(line["event"], line["decision"], line["seq"], line["ts"]) for line in lines] == [
        ("order rejected", "o1", 1, 5),
        ("order unknown", "o2", 2, 5),
        ("order cancelled", "o2", 3, 5),
        ("order taken back", "o3", 3, 5),
    ]
