from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.ui.notices import Notice, Notices, Topic, Urgency, booted, report_ready
from self_test.fakes.rollout import LIVE, PAPER, Floor
from self_test.scenarios.desk import LEVEL, STOP, Desk, LiveDesk, close, kinds
from state.messages import (
    AccountDown,
    AccountUp,
    CashMoved,
    Close,
    Command,
    Control,
    Event,
    FeedDown,
    FeedUp,
    OrderCancelled,
    OrderFilled,
    ProtectionFailed,
    Record,
    Report,
    Tick,
)
from strategy.base import C4
from telemetry.gates import State


class Heard:
    """Notices beside a desk: each event that it tells is told to them, too."""

    def __init__(self, desk: Desk) -> None:
        self.notices, self.all, self.desk = Notices(), list[Notice](), desk
        process = desk.engine.process

        def told(event: Event) -> list[Command]:
            commands = process(event)
            self.all += self.notices(event, commands, desk.engine.state)
            return commands

        desk.engine.process = told  # type: ignore[method-assign]  # listening in

    def new(self, *kinds: Topic) -> list[Notice]:
        """What was told since the last call."""
        found, self.all = self.all, []
        return [one for one in found if not kinds or one.kind in kinds]


def test_a_trade_is_told_with_reason_size_stop_target_r_and_fees() -> None:
    desk = Desk()
    heard = Heard(desk)
    desk.open()
    (entry,) = heard.new()
    assert (entry.kind, entry.urgency, entry.silent) == (Topic.ENTRY, Urgency.NEVER_DROP, False)
    assert entry.text.splitlines() == [
        "ENTER long AAAUSDT (CRYPTO/PAPER)",
        "C1 swing",
        "0.5 at 100",
        "stop 97 (-3.00%)",
        "target 112 (+12.00%)",
        "1 R = 1.50 USDT, fees 0.0500",
    ]
    desk.later(7_200_000)
    desk.stopped(STOP)
    (gone,) = heard.new()
    assert (gone.kind, gone.urgency) == (Topic.EXIT, Urgency.NEVER_DROP)
    assert gone.text.splitlines() == [
        "CLOSED long AAAUSDT by stop (CRYPTO/PAPER)",
        "-1.60 USDT, -1.07 R after 2 h",
        "C1 swing: 0.5 from 100 to 97",
        "stop 97, target 112",
        "fees 0.0985",
    ]
    desk.bar()
    assert heard.new() == []


def test_an_entry_in_parts_is_told_at_its_first_fill_and_when_it_is_whole() -> None:
    desk = Desk()
    heard = Heard(desk)
    order = desk.enter()
    whole = order.intent.steps
    for done, left in ((10, whole - 10), (10, whole - 20), (whole - 20, 0)):
        desk.filled(order, steps=done, left=left)
    first, last = heard.new()
    assert first.title.startswith("ENTER long") and "still working" in first.lines[1]
    assert last.title.startswith("FILLED long") and "still working" not in last.lines[1]


def test_a_scalp_wakes_nobody_but_is_never_dropped() -> None:
    desk = Desk()
    heard = Heard(desk)
    desk.open(strategy=C4)
    desk.stopped(STOP)
    assert [(one.silent, one.urgency) for one in heard.new(Topic.ENTRY, Topic.EXIT)] == [(True, Urgency.NEVER_DROP)] * 2


def test_an_outage_is_told_once_on_loss_and_once_on_return() -> None:
    desk = Desk()
    heard = Heard(desk)
    desk.tell(FeedUp(desk.now, "spot"))  # the first connection is no return
    for reason in ("gone", "still gone"):
        desk.tell(FeedDown(desk.now, "spot", reason))
    desk.later(125_000)
    desk.tell(FeedUp(desk.now, "spot"))
    lost, back = heard.new()
    assert (lost.kind, lost.title, lost.over) == (Topic.OUTAGE, "Feed spot lost: gone", False)
    assert (back.title, back.lines, back.over) == ("Feed spot is up", ("after 2 min 5 s",), True)
    assert lost.key == back.key


def test_a_venue_that_is_silent_is_told_once_whatever_reasons_it_gives() -> None:
    desk = LiveDesk()
    heard = Heard(desk)
    for reason in ("timeout", "reset by peer <b>"):
        desk.tell(AccountDown(desk.now, desk.live, "venue", reason))
    desk.tell(AccountDown(desk.now, desk.live, "stream", "cut"))
    desk.tell(AccountUp(desk.now, desk.live, "venue"))
    desk.tell(AccountUp(desk.now, desk.live, "stream"))
    assert [one.title for one in heard.new()] == [
        "CRYPTO/LIVE: entries off, timeout",
        "CRYPTO/LIVE: entries off, cut",
        "CRYPTO/LIVE: venue is settled; still held by stream",
        "CRYPTO/LIVE: stream is settled, entries on again",
    ]


def test_a_start_says_what_is_off_with_a_tap_to_turn_it_on() -> None:
    desk = Desk()
    boot = booted(desk.now, desk.engine.state)
    assert (boot.kind, boot.title) == (Topic.BOOT, "Started: stage 1, Crypto Paper (Learn)")
    assert boot.lines == ("accounts CRYPTO/PAPER", "0 open positions", "Forex/Options are OFF")
    assert ("Forex on", "forex on") in boot.buttons and ("Options on", "options on") in boot.buttons
    desk.open()
    desk.control("pause")
    desk.control("flatten")
    boot = booted(desk.now, desk.engine.state)
    assert boot.lines[1:4] == ("1 open position", "entries are paused", "CRYPTO/PAPER is halted: flatten by me")


def test_an_entry_is_told_also_when_the_state_has_moved_on_since() -> None:
    desk = Desk()
    order = desk.enter()
    commands = desk.filled(order)
    event = OrderFilled(desk.now, desk.execution(0, order.order_id, 1, LEVEL, 1), 0)
    desk.stopped(STOP)
    (one,) = Notices()(event, commands, desk.engine.state)
    assert (one.kind, one.urgency) == (Topic.ENTRY, Urgency.NEVER_DROP)
    assert one.title == "ENTER long AAAUSDT opened at 100.00 x 0.5000, stop 97.00, target 112.00 (CRYPTO/PAPER)"


def test_a_disaster_on_paper_is_told_until_it_is_flat_once() -> None:
    desk = Desk("AAAUSDT", "BBBUSDT")
    heard = Heard(desk)
    for i in range(2):
        desk.open(i)
    heard.new()
    asked = kinds(desk.control("flatten"), Close)
    (began,) = heard.new()
    assert (began.kind, began.urgency, began.account, began.over) == (Topic.DISASTER, Urgency.NEVER_DROP, "CRYPTO/PAPER", False)
    assert began.lines == ("left: 2 positions, 2 orders", "halted: flatten by me")
    desk.closed(asked[0], LEVEL)
    (progress,) = heard.new(Topic.DISASTER)
    assert (progress.urgency, progress.lines[0]) == (Urgency.STATUS, "left: 1 position, 1 order")
    desk.closed(asked[1], LEVEL)
    (flat,) = heard.new(Topic.DISASTER)
    assert (flat.urgency, flat.over, flat.lines[0]) == (Urgency.NEVER_DROP, True, "verified flat")
    assert flat.key == began.key == progress.key
    desk.bar()
    assert heard.new(Topic.DISASTER) == [], "it is flat, and that was told"
    desk.control("flatten")
    assert [one.over for one in heard.new(Topic.DISASTER)] == [True], "who asks again is told again"
    desk.tell(Control(desk.now, "flatten", {}, "the HALTED file"))
    assert heard.new(Topic.DISASTER) == []
    desk.control("resume")
    assert [one.title for one in heard.new(Topic.ASKED)] == ["CRYPTO/PAPER: resumed by me: new drawdown peak"]
    desk.control("flatten")
    assert [one.over for one in heard.new(Topic.DISASTER)] == [True]


def test_a_live_account_is_flat_when_its_venue_was_read_and_agrees() -> None:
    desk = LiveDesk(perps=True)
    heard = Heard(desk)
    desk.open()
    heard.new()
    (asked,) = kinds(desk.control("flatten", account=str(desk.live)), Close)
    desk.read()
    desk.closed(asked, LEVEL)
    told = heard.new(Topic.DISASTER)
    assert [one.lines[0] for one in told] == ["left: 1 position, 1 order", "nothing left, the venue is being read again"]
    assert not any(one.over for one in told)
    desk.read(positions={desk.coin().key: 3})
    assert heard.new(Topic.DISASTER) == [], "the venue does not agree"
    desk.read()
    (flat,) = heard.new(Topic.DISASTER)
    assert flat.over and flat.lines[0] == "verified flat"
    desk.read()
    assert heard.new() == []


def test_a_halt_that_stands_at_a_boot_is_not_told_as_a_new_disaster() -> None:
    desk = Desk()
    desk.control("flatten")
    heard = Heard(desk)
    desk.control("boot", stage="1")
    desk.bar()
    assert heard.new() == []


def test_breakers_are_never_dropped() -> None:
    desk = LiveDesk()
    heard = Heard(desk)
    desk.open()
    heard.new()
    desk.tell(ProtectionFailed(desk.now, desk.live, desk.coin().key, "no stop <stands>", 2_000))
    (naked,) = heard.new()
    assert (naked.kind, naked.urgency) == (Topic.BREAKER, Urgency.NEVER_DROP)
    assert naked.title == "CRYPTO/LIVE: AAAUSDT: no stop could be confirmed on the venue (no stop <stands>); closing at market"


def told(report: Report, event: Event | None = None) -> list[Notice]:
    desk = Desk()
    return Notices()(event or Tick(desk.now), [report], desk.engine.state)


@pytest.mark.parametrize(
    "report, kind, urgency, title",
    [
        (Report(1, "breaker", "daily loss stop", "CRYPTO/PAPER"), Topic.BREAKER, Urgency.NEVER_DROP, "CRYPTO/PAPER: daily loss stop"),
        (
            Report(1, "halted", "CRYPTO/LIVE: the venue took AAA away", "CRYPTO/LIVE"),
            Topic.BREAKER,
            Urgency.NEVER_DROP,
            "CRYPTO/LIVE: the venue took AAA away",
        ),
        (Report(1, "cooldown", "a run of losses", "CRYPTO/PAPER"), Topic.BREAKER, Urgency.NORMAL, "CRYPTO/PAPER: a run of losses"),
        (
            Report(1, "rollout", "CRYPTO/swing: live -> canary, deep", "CRYPTO/LIVE", rule="demoted"),
            Topic.DEMOTION,
            Urgency.NEVER_DROP,
            "CRYPTO/swing: live -> canary, deep",
        ),
        (
            Report(1, "rollout", "CRYPTO/swing: live -> canary, resumed", "CRYPTO/LIVE", rule="probation"),
            Topic.DEMOTION,
            Urgency.NEVER_DROP,
            "CRYPTO/swing: live -> canary, resumed",
        ),
        (Report(1, "rollout", "stage 2 is earned", rule="stage"), Topic.STAGE, Urgency.NEVER_DROP, "Stage 2 is earned"),
        (Report(1, "rollout", "a fresh sample begins", rule="sample"), Topic.VERDICT, Urgency.NORMAL, "a fresh sample begins"),
        (
            Report(1, "account", "CRYPTO/LIVE: 5 is not ours", "CRYPTO/LIVE", rule="outside"),
            Topic.ASKED,
            Urgency.NORMAL,
            "CRYPTO/LIVE: 5 is not ours",
        ),
    ],
)
def test_what_a_report_becomes(report: Report, kind: Topic, urgency: Urgency, title: str) -> None:
    (one,) = told(report)
    assert (one.kind, one.urgency, one.title) == (kind, urgency, title)


def test_an_offer_carries_the_tap_that_takes_it() -> None:
    text = (
        "CRYPTO/swing passed its gate twice in a row: real money is offered, in canary size; a person confirms with `promote CRYPTO/swing`"
    )
    (offer,) = told(Report(1, "rollout", text, "CRYPTO/PAPER", rule="offer"))
    assert offer.kind is Topic.OFFER and offer.buttons == (("Promote", "promote CRYPTO/swing"),)
    (gone,) = told(Report(1, "rollout", "CRYPTO/swing: the offer of real money is withdrawn, x", "CRYPTO/PAPER", rule="offer"))
    assert gone.buttons == () and gone.key == offer.key


def test_what_was_asked_names_who_asked() -> None:
    asked = Control(1, "pause", {}, "telegram:42")
    (one,) = told(Report(1, "control", "entries paused by telegram:42", rule="pause"), asked)
    assert (one.kind, one.who) == (Topic.ASKED, "telegram:42")
    (one,) = told(Report(1, "control", "stage 2 by panel", rule="stage"), asked)
    assert one.kind is Topic.STAGE
    assert told(Report(1, "control", "costs changed", rule="costs"), Control(1, "costs", {}, "venue")) == []
    (one,) = Notices()(Control(1, "learn", {"state": "on"}, "panel"), [], Desk().engine.state)
    assert one.title == "Asked: learn on" and one.lines == ("by panel",)
    assert Notices()(Control(1, "health", {}, "daemon"), [], Desk().engine.state) == []


def test_verdicts_are_told_daily_and_loud_only_when_they_change() -> None:
    floor = Floor()
    floor.boot(stage=1)
    floor.open(PAPER)
    floor.open(LIVE)
    found: list[dict[str, Any]] = []
    for day in range(1, 4):
        out = floor.day(PAPER, floor.now + day * 86_400_000)
        found += [one.row for one in out if isinstance(one, Record) and one.row.get("what") == "verdict"]
    row = next(one for one in found if one["style"] == "swing")
    notices = Notices()
    event, state = Tick(1), floor.state
    first, again = (notices(event, [Record("verdict", row)], state)[0] for _ in range(2))
    (news,) = notices(event, [Record("verdict", {**row, "state": str(State.FAIL)})], state) if row["checkpoints"] else (None,)
    assert (first.kind, first.silent, again.silent) == (Topic.VERDICT, True, True)
    assert first.title.startswith("Gate CRYPTO/PAPER swing: insufficient evidence") and len(first.lines) <= 5
    assert news is None or not news.silent
    (passed,) = notices(event, [Record("verdict", {**row, "state": "PASS"})], state)
    assert not passed.silent
    assert msgspec.json.encode(passed)


def test_what_only_the_curious_want_is_not_told() -> None:
    desk = Desk()
    heard = Heard(desk)
    order = desk.enter()
    desk.tell(OrderCancelled(desk.now, desk.account, order.order_id, "nobody sold"))
    desk.tell(CashMoved(desk.now, desk.account, 5, "interest", "1"))
    desk.bar()
    assert heard.new() == []


def test_a_close_in_parts_is_told_when_it_is_over() -> None:
    desk = LiveDesk()
    heard = Heard(desk)
    desk.open()
    heard.new()
    asked = close(desk)
    desk.closed(asked, LEVEL, steps=10, left=int(desk.pos()["steps"]) - 10)
    assert heard.new() == []
    desk.closed(asked, LEVEL)
    assert [one.kind for one in heard.new()] == [Topic.EXIT]


def test_a_report_that_is_ready() -> None:
    one = report_ready(5, "daily-2025-03-04")
    assert (one.kind, one.title, one.buttons) == (Topic.REPORT, "Report daily-2025-03-04 is ready", (("Show it", "report daily"),))
