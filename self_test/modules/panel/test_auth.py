from __future__ import annotations

import pytest

from modules.panel.auth import (
    FIRST_WAIT_MS,
    FORGET_MS,
    FREE_TRIES,
    IDLE_MS,
    LONGEST_MS,
    LONGEST_WAIT_MS,
    MOST_ADDRESSES,
    MOST_SESSIONS,
    TOGETHER,
    TOGETHER_MS,
    Sessions,
    Tries,
    same,
)

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    "given, wanted, equal", [("a", "a", True), ("a", "b", False), ("", "", False), ("é", "é", True), ("\ud800", "a", False)]
)
def test_secrets_are_compared_whole(given: str, wanted: str, equal: bool) -> None:
    assert same(given, wanted) is equal


def test_a_session_is_found_by_its_secret_alone() -> None:
    sessions = Sessions()
    opened = sessions.open("secret", "csrf", NOW)
    found = sessions.find("secret", NOW + 1)
    assert found is not None and found.csrf == "csrf" and found.person == opened.person and "secret" not in opened.person
    assert sessions.find("other", NOW) is None and sessions.find("", NOW) is None
    assert sessions.find(opened.person, NOW) is None, "the name opens nothing"


def test_a_session_ends_when_it_is_left_alone_too_long() -> None:
    sessions = Sessions()
    sessions.open("secret", "csrf", NOW)
    assert sessions.find("secret", NOW + IDLE_MS - 1) is not None
    assert sessions.find("secret", NOW + 2 * IDLE_MS - 2) is not None, "it was seen in between"
    assert sessions.find("secret", NOW + 3 * IDLE_MS) is None
    assert len(sessions) == 0


def test_a_session_ends_after_a_week_however_busy() -> None:
    sessions = Sessions()
    sessions.open("secret", "csrf", NOW)
    for ts in range(NOW, NOW + LONGEST_MS, IDLE_MS // 2):
        assert sessions.find("secret", ts) is not None
    assert sessions.find("secret", NOW + LONGEST_MS) is None


def test_a_clock_that_went_back_ends_a_session() -> None:
    sessions = Sessions()
    sessions.open("secret", "csrf", NOW)
    assert sessions.find("secret", NOW - 1) is None


def test_logging_out_ends_it_and_only_it() -> None:
    sessions = Sessions()
    sessions.open("one", "csrf", NOW)
    sessions.open("two", "csrf", NOW)
    sessions.close("one")
    sessions.close("never")
    assert sessions.find("one", NOW) is None and sessions.find("two", NOW) is not None


def test_sessions_are_bounded() -> None:
    sessions = Sessions()
    for n in range(MOST_SESSIONS + 1):
        sessions.open(f"s{n}", "csrf", NOW + n)
    assert len(sessions) == MOST_SESSIONS
    assert sessions.find("s0", NOW + 99) is None and sessions.find("s1", NOW + 99) is not None


def test_the_first_failures_cost_nothing_and_then_each_costs_twice_as_much() -> None:
    tries, ts = Tries(), NOW
    for _ in range(FREE_TRIES - 1):
        tries.failed("a", ts)
        assert tries.wait_ms("a", ts) == 0
    waits = []
    for _ in range(12):
        tries.failed("a", ts)
        waits.append(tries.wait_ms("a", ts))
        ts += waits[-1]
        assert tries.wait_ms("a", ts) == 0 and tries.wait_ms("a", ts - 1) == 1
    assert waits[:3] == [FIRST_WAIT_MS, 2 * FIRST_WAIT_MS, 4 * FIRST_WAIT_MS]
    assert waits[-1] == LONGEST_WAIT_MS
    assert tries.wait_ms("b", ts) == 0


def test_failures_are_forgotten_by_success_and_by_time() -> None:
    tries = Tries()
    for _ in range(FREE_TRIES):
        tries.failed("a", NOW)
        tries.failed("b", NOW)
    tries.succeeded("a")
    assert tries.wait_ms("a", NOW) == 0 and tries.wait_ms("b", NOW) > 0
    tries.failed("b", NOW + FORGET_MS)
    assert tries.wait_ms("b", NOW + FORGET_MS) == 0


def test_many_addresses_together_are_slowed_too() -> None:
    tries = Tries()
    for n in range(TOGETHER):
        assert tries.wait_ms("fresh", NOW + n) == 0
        tries.failed(f"address {n}", NOW + n)
    assert tries.wait_ms("fresh", NOW + TOGETHER) == TOGETHER_MS - TOGETHER
    assert tries.wait_ms("fresh", NOW + TOGETHER_MS) == 0


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    tries = Tries()
    for n in range(MOST_ADDRESSES + 50):
        tries.failed(f"address {n}", NOW + n * TOGETHER_MS)
    assert len(tries._failed) == MOST_ADDRESSES


def test_wrong_log_ins_are_counted_and_a_burst_is_told_once_an_hour() -> None:
    heard: list[tuple[str, int]] = []
    tries = Tries(lambda address, count: heard.append((address, count)))
    for n in range(40):
        tries.failed(f"address {n % 3}", NOW + n)
    assert heard == [("address 0", 1)] and tries.wrong == 40
    tries.failed("b", NOW + FORGET_MS)
    assert heard[1:] == [("b", 40)] and tries.wrong == 41, "those that were not told are told with the next line"
    tries.failed("c", NOW + 2 * FORGET_MS - 1)
    tries.failed("d", NOW + 3 * FORGET_MS)
    assert heard[2:] == [("d", 2)]
    tries.failed("e", NOW)
    assert heard[3:] == [("e", 1)], "a clock that went back hides nobody"
