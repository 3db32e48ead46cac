from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modules.settings import Risk
from risk.facts import Facts, Health
from risk.gate import refusal
from risk.rules import Rule
from risk.weekend import ALWAYS, CARRIED, WEEKLY, must_be_flat, near, tighten
from self_test.fakes.books import Books, books
from self_test.risk.test_gate import book

MINUTE, HOUR = 60_000, 3_600_000
WEEK = 168 * HOUR
OPEN_TS, CLOSE_TS = 100 * WEEK, 100 * WEEK + 120 * HOUR
MODES = ("close", "tighten", "carry")
LEAD = CLOSE_TS - 30 * MINUTE


def table_of(mode: str = "close", session: int = WEEKLY, side: int = 1) -> Books:
    table = books(risk=Risk.model_validate({"weekend": mode}))
    table.hold(0, 50, side=side)
    row = table.inst[0]
    row["session"], row["open_ts"], row["close_ts"], row["rest_until"] = session, OPEN_TS, CLOSE_TS, OPEN_TS + WEEK
    table.pos[0]["opened_ts"], table.pos[0]["atr"], table.pos[0]["arm"] = OPEN_TS, 50.0, 1
    return table


WHEN = st.integers(OPEN_TS, OPEN_TS + WEEK - 1)


@given(st.sampled_from(MODES), WHEN, st.sampled_from((WEEKLY, CARRIED)))
def test_nothing_is_entered_from_the_lead_on_whatever_the_setting(mode: str, ts: int, session: int) -> None:
    table = table_of(mode, session)
    assert near(table.inst, table.limits, 0, ts) == (ts >= LEAD)


@given(st.sampled_from(MODES), WHEN, WHEN, st.sampled_from((ALWAYS, WEEKLY, CARRIED)))
def test_what_opened_in_this_session_is_closed_within_the_lead_and_nowhere_else(mode: str, ts: int, opened: int, session: int) -> None:
    table = table_of(mode, session)
    table.pos[0]["opened_ts"] = opened
    flat = must_be_flat(table.pos, table.inst, table.limits, 0, ts)
    assert flat == (mode == "close" and session == WEEKLY and LEAD <= ts < CLOSE_TS)


@given(WHEN, st.integers(1, WEEK))
def test_what_stands_from_an_earlier_session_goes_while_the_market_is_open(ts: int, earlier: int) -> None:
    table = table_of()
    table.pos[0]["opened_ts"] = OPEN_TS - earlier
    assert must_be_flat(table.pos, table.inst, table.limits, 0, ts) == (ts < CLOSE_TS)


@given(WHEN)
def test_before_the_hours_are_known_and_without_the_setting_there_is_no_weekend(ts: int) -> None:
    unknown, older = table_of(), table_of()
    unknown.inst[0]["close_ts"] = 0
    older.limits[0]["weekend"] = older.limits[0]["weekend_lead_min"] = 0  # a snapshot of before there were weekends
    for table in (unknown, older):
        assert not near(table.inst, table.limits, 0, ts) and not must_be_flat(table.pos, table.inst, table.limits, 0, ts)


def tightened(table: Books, ts: int, close: int, min_ticks: int = 2) -> int:
    return tighten(table.pos, table.inst, table.rules, table.limits, 0, ts, close, 0.1, min_ticks)


@given(
    st.sampled_from(MODES), WHEN, st.sampled_from((1, -1)), st.integers(9_001, 10_999), st.integers(0, 900), st.sampled_from((0, 1, 2, 3))
)
def test_a_stop_never_moves_against_its_position_nor_past_the_close_nor_outside_the_lead(
    mode: str, ts: int, side: int, close: int, more: int, strategy: int
) -> None:
    table = table_of(mode, side=side)
    row = table.pos[0]
    before = int(row["stop"])
    assume(side * (close - before) > 0)
    row["strategy"] = strategy
    row["extreme"] = max(close, 10_000) + more if side > 0 else min(close, 10_000) - more
    moved = tightened(table, ts, close)
    gain = side * (int(row["stop"]) - before)
    assert gain >= 0 and bool(moved) == (gain > 0) and side * (close - int(row["stop"])) > 0
    if moved:
        assert mode == "tighten" and LEAD <= ts < CLOSE_TS and gain >= max(2, 0.1 * int(row["risk"]))
    assert not tightened(table, ts, close) or gain == 0, "the same bar once more moves nothing"


@pytest.mark.parametrize(
    "side, extreme, close, stop",
    [
        (1, 10_900, 10_850, 10_600),  # 6 ATR below the best price
        (1, 10_200, 10_150, 10_000),  # the trail would be at 9,900: the entry price is better
        (1, 10_050, 9_990, 9_750),  # under water: the trail alone
        (1, 10_900, 10_500, 10_499),  # the trail is past the close
        (-1, 9_100, 9_150, 9_400),
        (-1, 9_800, 9_850, 10_000),
    ],
)
def test_it_takes_the_better_of_the_tight_trail_and_the_entry_price(side: int, extreme: int, close: int, stop: int) -> None:
    table = table_of("tighten", side=side)
    table.pos[0]["extreme"] = extreme
    assert tightened(table, LEAD, close) == 1
    assert int(table.pos[0]["stop"]) == stop


def test_an_entry_price_between_two_ticks_is_rounded_in_favour() -> None:
    for side, stop in ((1, 10_001), (-1, 9_999)):
        table = table_of("tighten", side=side)
        row = table.pos[0]
        row["strategy"] = 2  # C3 does not trail: break-even is all there is
        row["value"] = int(row["value"]) + side * int(row["steps"]) * int(table.inst[0]["unit"]) // 2
        assert tightened(table, LEAD, 10_000 + side * 300) == 1 and int(row["stop"]) == stop


@pytest.mark.parametrize("ts, words", [(CLOSE_TS - 12 * MINUTE, "closes in 12 minutes"), (CLOSE_TS + HOUR, "opens in 47.0 hours")])
def test_the_refusal_says_when(ts: int, words: str) -> None:
    table = table_of()
    facts = Facts(book=book(table), health=Health(), instrument=table.instruments[0], ts=ts)
    assert refusal(Rule.WEEKEND, facts).reason.endswith(f"({words})")
    assert table.instruments[0].tick == Decimal("0.01")
