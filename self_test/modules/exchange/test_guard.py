"""The time without a confirmed stop, and what is told of it."""

from __future__ import annotations

from modules.exchange.guard import Finding, Guard, News
from modules.exchange.protect import Standing, Wanted
from self_test.modules.exchange.test_protect import ONE, SPOT, bracket, single
from utils.clock import MS, SECOND

HELD = Wanted(side=1, steps=999, stop=950, target=1_100)
FLAT = Wanted(side=1, steps=0, stop=950, target=1_100)


def guard() -> Guard:
    made = Guard(ONE, SPOT, 2_000)
    made.want(1, 950, 1_100)
    return made


def look(one: Guard, ms: int, *standing: object, wanted: Wanted = HELD, closing: bool = False, flat: bool = False) -> News | None:
    return one.look(wanted, Standing(orders=standing), ms * MS, closing=closing, flat=flat)  # type: ignore[arg-type]


def test_the_gap_is_counted_from_the_first_fill_and_told_once() -> None:
    one = guard()
    assert look(one, 1_000) is None and one.naked_ns == SECOND and one.deadline_ns == 3 * SECOND
    assert look(one, 1_700, bracket()) == News(finding=Finding.COVERED, stop=950, target=1_100, gap_ms=700)
    assert one.naked_ns is None and one.deadline_ns is None
    assert look(one, 1_800, bracket()) is None
    moved = look(one, 2_000, bracket(stop="96"))
    assert moved is not None and (moved.stop, moved.gap_ms) == (960, 0)


def test_a_wrong_level_is_no_confirmation_at_first_but_cover_later() -> None:
    one = guard()
    look(one, 0, bracket(stop="94"))
    assert one.naked_ns == 0
    look(one, 100, bracket())
    assert look(one, 200, bracket(stop="94")) is None and one.naked_ns is None


def test_failure_is_told_at_the_limit_and_again_but_not_while_closing() -> None:
    one = guard()
    look(one, 0)
    assert look(one, 1_999) is None
    failed = look(one, 2_000)
    assert failed is not None and (failed.finding, failed.gap_ms) == (Finding.NAKED, 2_000) and "no stop" in failed.reason
    assert look(one, 3_999) is None and look(one, 4_000) is not None
    assert look(one, 9_000, closing=True) is None
    assert look(one, 10_999) is None and look(one, 11_000) is not None


def test_a_stop_that_is_lost_later_counts_from_then() -> None:
    one = guard()
    look(one, 0, bracket())
    look(one, 5_000)
    assert one.naked_ns == 5 * SECOND
    back = look(one, 5_400, single())
    assert back is not None and (back.gap_ms, back.software_target) == (400, True) and one.software_target


def test_what_is_impossible_is_told_at_once() -> None:
    one = guard()
    look(one, 0)
    one.impossible("beyond the market")
    told = look(one, 100)
    assert told is not None and (told.finding, told.reason, told.gap_ms) == (Finding.NAKED, "beyond the market", 100)
    one.impossible("still beyond the market")
    assert look(one, 200) is None and look(one, 2_000, closing=True) is None
    again = look(one, 4_000)
    assert again is not None and again.reason == "still beyond the market"


def test_pain_01_a_worse_stop_is_not_wanted_and_a_new_position_starts_anew() -> None:
    one = guard()
    one.want(1, 940, 1_090)
    assert (one.stop, one.target) == (950, 1_090)
    look(one, 0, bracket())
    look(one, 10, wanted=FLAT)
    assert one.stop == 950
    look(one, 20, wanted=FLAT, flat=True)
    assert (one.side, one.stop, one.naked_ns) == (0, 0, None)
    one.want(-1, 1_050, 900)
    one.want(-1, 1_060, 900)
    assert one.stop == 1_050


def test_dust_is_not_watched() -> None:
    one = guard()
    assert look(one, 0, wanted=Wanted(side=1, steps=10, stop=950, target=1_100)) is None and one.naked_ns is None
