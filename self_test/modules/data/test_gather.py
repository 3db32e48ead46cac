from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.data.gather import GRACE_MS, MISSED_CLOSES, CloseGatherer
from state.market import Candle, Quote
from state.messages import BarsClosed

TF = 300_000
KEYS = ["CRYPTO:B", "CRYPTO:A", "CRYPTO:C"]


def candle(key: str, index: int) -> Candle:
    return Candle(key, index * TF, 1, 1, 1, 1, 1.0)


def gatherer() -> CloseGatherer:
    return CloseGatherer(KEYS, TF)


def keys(event: BarsClosed) -> list[str]:
    return [bar.key for bar in event.candles]


def test_the_last_expected_symbol_completes_the_group_in_config_order():
    it = gatherer()
    assert it.add(candle("CRYPTO:C", 0), 0) == []
    assert it.add(candle("CRYPTO:A", 0), 5) == []
    (event,) = it.add(candle("CRYPTO:B", 0), 9)
    assert (event.ts, keys(event), event.late) == (TF, KEYS, False)
    assert it.deadline_ms() is None


def test_the_grace_runs_from_the_first_candle():
    it = gatherer()
    it.add(candle("CRYPTO:A", 0), 1000)
    it.add(candle("CRYPTO:B", 0), 2900)
    assert it.deadline_ms() == 3000
    assert it.due(2999) == []
    (event,) = it.due(3000)
    assert (keys(event), event.late) == (["CRYPTO:B", "CRYPTO:A"], False)
    (late,) = it.add(candle("CRYPTO:C", 0), 3001)
    assert (late.ts, keys(late), late.late, late.quotes) == (TF, ["CRYPTO:C"], True, ())


def test_a_complete_later_group_releases_the_earlier_one_first():
    it = gatherer()
    it.add(candle("CRYPTO:A", 0), 0)
    for key in KEYS[:2]:
        it.add(candle(key, 1), 1)
    first, second = it.add(candle(KEYS[2], 1), 2)
    assert (first.ts, keys(first)) == (TF, ["CRYPTO:A"])
    assert (second.ts, keys(second)) == (2 * TF, KEYS)


def test_a_repeated_candle_is_not_given_out_again():
    it = gatherer()
    it.add(candle("CRYPTO:A", 0), 0)
    assert it.add(candle("CRYPTO:A", 0), 1) == []
    assert len(it.flush()) == 1
    assert it.add(candle("CRYPTO:A", 0), 2) == []
    assert it.backfilled([candle("CRYPTO:A", 0)]) == []
    assert it.flush() == []


def test_a_group_carries_the_latest_quote_of_each_symbol_that_has_one():
    it = gatherer()
    for ask in (11, 12):
        it.observe(Quote("CRYPTO:A", 7, 10, ask, 1, 1), 0)
    it.observe(Quote("CRYPTO:C", 7, 20, 21, 1, 1), 0)
    it.observe(Quote("CRYPTO:B", 7, 30, 31, 1, 1), 0)
    it.forget_quote("CRYPTO:C")
    it.add(candle("CRYPTO:A", 0), 0)
    (event,) = it.flush()
    assert [(quote.key, quote.ask) for quote in event.quotes] == [("CRYPTO:B", 31), ("CRYPTO:A", 12)]
    it.forget_quotes()
    it.add(candle("CRYPTO:A", 1), 0)
    assert it.flush()[0].quotes == ()


def test_only_a_fresh_quote_goes_along():
    it = CloseGatherer(KEYS, TF, quote_age_ms=5000)
    it.observe(Quote("CRYPTO:A", 7, 10, 11, 1, 1), 1000)
    it.observe(Quote("CRYPTO:B", 7, 30, 31, 1, 1), 1001)
    it.add(candle("CRYPTO:A", 0), 6001)
    (event,) = it.flush()
    assert [quote.key for quote in event.quotes] == ["CRYPTO:B"]


def test_history_is_merged_per_close_time_and_late():
    it = gatherer()
    it.add(candle("CRYPTO:A", 1), 0)
    it.flush()
    events = it.backfilled(
        [candle("CRYPTO:C", 2), candle("CRYPTO:A", 1), candle("CRYPTO:C", 1), candle("CRYPTO:B", 2), candle("CRYPTO:B", 2)]
    )
    assert [(event.ts, keys(event), event.late) for event in events] == [
        (2 * TF, ["CRYPTO:C"], True),
        (3 * TF, ["CRYPTO:B", "CRYPTO:C"], True),
    ]
    (live,) = it.add(candle("CRYPTO:A", 2), 0)
    assert live.late


def test_history_newer_than_what_waits_releases_it_first():
    it = gatherer()
    it.add(candle("CRYPTO:A", 0), 0)
    first, second = it.backfilled([candle("CRYPTO:B", 1)])
    assert (first.ts, first.late, second.ts, second.late) == (TF, False, 2 * TF, True)


def silent() -> CloseGatherer:
    """C has just missed its third close in a row."""
    it = gatherer()
    for index in range(MISSED_CLOSES):
        now = index * TF
        for key in KEYS[:2]:
            assert it.add(candle(key, index), now) == [], "C is still waited for"
        assert [keys(event) for event in it.due(now + GRACE_MS)] == [KEYS[:2]]
    return it


def test_a_symbol_that_missed_three_closes_in_a_row_is_not_waited_for():
    it = silent()
    assert it.add(candle(KEYS[0], 3), 3 * TF) == []
    (event,) = it.add(candle(KEYS[1], 3), 3 * TF + 1)
    assert (keys(event), event.late) == (KEYS[:2], False)


@pytest.mark.parametrize("index", [0, 3])
def test_a_silent_symbol_that_is_seen_again_is_waited_for_again(index: int):
    it = silent()
    for key in KEYS[:2]:
        it.add(candle(key, 3), 3 * TF)
    (late,) = it.add(candle(KEYS[2], index), 3 * TF + 500)
    assert late.late
    for key in KEYS[:2]:
        assert it.add(candle(key, 4), 4 * TF) == []
    assert [keys(event) for event in it.add(candle(KEYS[2], 4), 4 * TF + 1)] == [KEYS]


def test_a_candle_in_between_starts_the_count_again():
    it = gatherer()
    for index in range(3 * MISSED_CLOSES):
        came = KEYS if index % MISSED_CLOSES == 0 else KEYS[:2]
        for key in came[:-1]:
            assert it.add(candle(key, index), index * TF) == []
        assert len(it.add(candle(came[-1], index), index * TF)) == (came == KEYS)
        it.due(index * TF + GRACE_MS)


def test_what_a_loss_or_a_filling_cut_short_is_no_miss():
    it = gatherer()
    for index in range(2 * MISSED_CLOSES):
        it.add(candle(KEYS[0], index), 0)
        assert len(it.flush() if index % 2 else it.backfilled([candle(KEYS[1], index)])) >= 1
    for key in KEYS[:2]:
        assert it.add(candle(key, 20), 0) == []


@given(st.lists(st.sets(st.sampled_from(KEYS), min_size=1), max_size=30))
def test_the_grace_is_paid_only_for_a_symbol_that_was_there_lately(closes: list[set[str]]):
    it = gatherer()
    for index, came in enumerate(closes):
        now = index * TF
        events = [event for key in sorted(came) for event in it.add(candle(key, index), now)]
        events += it.due(now + GRACE_MS - 1)
        at_once = bool(events) and all(bar.ts == index * TF for event in events for bar in event.candles)
        lately = set().union(*closes[max(0, index - MISSED_CLOSES) : index + 1]) if index >= MISSED_CLOSES else set(KEYS)
        if came >= lately:
            assert at_once
            assert {bar.key for event in events for bar in event.candles} == came
        it.due(now + GRACE_MS)
        assert it.deadline_ms() is None


step = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(KEYS), st.integers(0, 6), st.integers(0, 1500)),
    st.tuples(st.just("wait"), st.just(""), st.just(0), st.integers(0, 4000)),
    st.tuples(st.just("flush"), st.just(""), st.just(0), st.just(0)),
    st.tuples(st.just("history"), st.sampled_from(KEYS), st.integers(0, 6), st.just(0)),
)


@given(st.lists(step, max_size=60))
def test_any_arrival_gives_every_candle_once_and_in_time_order_unless_late(steps: list[tuple[str, str, int, int]]):
    it = gatherer()
    now = 0
    arrived: set[tuple[str, int]] = set()
    first_ms: dict[int, int] = {}
    events: list[BarsClosed] = []
    for what, key, index, passed in steps:
        now += passed
        if what in {"add", "history"}:
            arrived.add((key, index * TF))
        if what == "add":
            first_ms.setdefault((index + 1) * TF, now)
            events += it.add(candle(key, index), now)
        elif what == "wait":
            events += it.due(now)
            deadline = it.deadline_ms()
            assert deadline is None or deadline > now
        elif what == "flush":
            events += it.flush()
        else:
            events += it.backfilled([candle(key, index)])
    events += it.flush()
    given_out = [(bar.key, bar.ts) for event in events for bar in event.candles]
    assert len(given_out) == len(set(given_out))
    assert set(given_out) == arrived
    assert all(bar.ts + TF == event.ts for event in events for bar in event.candles)
    assert all(a.ts < b.ts for a, b in pairwise(event for event in events if not event.late))
    for place, event in enumerate(events):
        before = max((earlier.ts for earlier in events[:place]), default=0)
        assert event.late or event.ts > before
        assert keys(event) == sorted(keys(event), key=KEYS.index)


def test_the_memory_of_closes_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("modules.data.gather.REMEMBERED_CLOSES", 3)
    it = CloseGatherer(["K"], TF)
    for index in range(5):
        it.add(candle("K", index), 0)
    assert it.add(candle("K", 4), 0) == []
    assert it.add(candle("K", 2), 0) == []
    assert it.add(candle("K", 0), 0)[0].late
