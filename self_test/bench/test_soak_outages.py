"""Each outage one line and each return one line: repeats are told, news is not taken for an outage."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.soak_outages import Course, Told, outage_of, reported, unprinted
from state.journal import Journal
from state.messages import Report, Tick, encode_commands, encode_event

LIVE = "CRYPTO/LIVE"


def feed(rule: str) -> Report:
    return Report(ts=1, what="feed", rule=rule, text="feed bybit-spot is up" if rule == "up" else "feed bybit-spot lost: silent")


def account(cause: str, text: str) -> Report:
    return Report(ts=1, what="account", account=LIVE, rule=cause, text=f"{LIVE}: {text}")


def course(*reports: Report) -> Course:
    found = Course()
    found.take(one for seq, report in enumerate(reports) if (one := outage_of(seq, report)) is not None)
    return found


@pytest.mark.parametrize(
    "report, name, over",
    [
        (feed("down"), "feed bybit-spot", False),
        (feed("up"), "feed bybit-spot", True),
        (account("stream", "entries off, the account stream is silent"), f"{LIVE} stream", False),
        (account("stream", "stream is settled, entries on again"), f"{LIVE} stream", True),
    ],
)
def test_begin_and_end_are_known(report: Report, name: str, over: bool) -> None:
    found = outage_of(7, report)
    assert found is not None and (found.seq, found.name, found.over) == (7, name, over)


@pytest.mark.parametrize(
    "report", [account("outside", "an order of somebody else"), account("cash", "a deposit"), Report(ts=1, what="refused", text="x")]
)
def test_news_is_no_outage(report: Report) -> None:
    assert outage_of(1, report) is None


def test_out_and_back_is_as_it_should_be() -> None:
    found = course(feed("up"), feed("down"), feed("up"), feed("down"))
    assert found.wrong == [] and found.counts == {"feed bybit-spot": 2} and found.open == ("feed bybit-spot",) and found.seen == 3


def test_another_reason_is_no_repeat() -> None:
    found = course(
        account("stream", "entries off, silent"), account("stream", "entries off, refused"), account("stream", "stream is settled")
    )
    assert found.wrong == [] and found.counts == {f"{LIVE} stream": 1} and found.open == ()


def test_what_is_said_twice_is_told() -> None:
    assert len(course(feed("down"), feed("down")).wrong) == 1
    assert len(course(feed("down"), feed("up"), feed("up")).wrong) == 1


def test_what_the_console_left_out_is_told() -> None:
    told = [Told(1, "a", False, "feed a lost: x"), Told(2, "a", True, "feed a is up"), Told(3, "a", False, "feed a lost: x")]
    assert unprinted(told, "feed a lost: x\nfeed a is up\n03-04 feed a lost: x") == []
    assert unprinted(told, "feed a lost: x") == [
        "decided 2 times, printed 1 times: feed a lost: x",
        "decided 1 times, printed 0 times: feed a is up",
    ]


def test_a_journal_that_is_being_written_is_read_on(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path, durable=False)
    event = encode_event(Tick(ts=1))
    journal.record(event, encode_commands([feed("down"), Report(ts=1, what="refused", text="no")]))
    journal.flush()
    found = Course()
    found.take(reported(tmp_path, found.seen))
    assert (found.seen, found.open) == (1, ("feed bybit-spot",))
    journal.record(event, encode_commands([]))
    journal.record(event, encode_commands([feed("up")]))
    journal.flush()
    found.take(reported(tmp_path, found.seen))
    assert (found.seen, found.open, len(found.told)) == (3, (), 2)
    journal.close()
