from __future__ import annotations

import pytest

from bench.peers.compare import Contest, Entry, explained, markdown, merged, number, slower, text

OURS = [(10, 12, 100.0, 104.0), (20, 25, 200.0, 196.0)]
OTHER = [(9, 12, 99.0, 104.0), (20, 25, 200.0, 196.0), (30, 31, 300.0, 294.0)]
BOOK = {"110": OURS, "001": OTHER}


def contest(*entries: Entry, alone: bool = False) -> Contest:
    return Contest(name="race", unit="bars/s", entries=list(entries), alone=alone)


def test_equal_trades_are_said_to_be_the_same() -> None:
    assert explained(OURS, "001", "why", BOOK, "110") == "the same 2 trades"


def test_prices_that_differ_at_the_same_bars_are_told_in_ppm() -> None:
    near = [(10, 12, 100.01, 104.0), OURS[1]]
    assert explained(near, "110", "why", BOOK, "110") == "the same 2 trades (prices within 100 ppm)"


def test_a_difference_is_explained_by_the_switch_that_makes_it_ours() -> None:
    assert (
        explained(OTHER, "001", "filled at the close", BOOK, "110") == "filled at the close: with that switch ours makes the same 3 trades"
    )


@pytest.mark.parametrize("trades", [OTHER[:2], [*OTHER, (40, 41, 1.0, 1.0)], []])
def test_what_no_switch_explains_is_not_called_explained(trades: list[tuple[int, int, float, float]]) -> None:
    assert explained(trades, "001", "why", BOOK, "110").endswith("NOT fully explained")


def test_the_ratio_says_how_many_times_as_fast_ours_is() -> None:
    ours, slow, fast = Entry(who="ours", rates=[8.0, 10.0, 12.0]), Entry(who="a", rates=[2.0, 5.0, 4.0]), Entry(who="b", rates=[20.0])
    race = contest(ours, slow, fast)
    assert [race.ratio(one) for one in race.entries] == [None, 2.5, 0.5]
    assert slower([race]) == ["race: b is 2.000 times as fast as ours"]


def test_what_is_not_there_is_told_with_its_reason_and_never_compared() -> None:
    race = contest(Entry(who="ours", rates=[1.0]), Entry(who="gone", rates=[], skipped="no wheel"))
    assert race.ratio(race.entries[1]) is None
    assert "not measured: no wheel" in text([race]) and "| gone | - | - | - | not measured: no wheel |" in markdown([race])


def test_a_part_measured_again_takes_its_old_place() -> None:
    old, other, new = (Contest(name=name, unit=unit, entries=[]) for name, unit in (("a", "1"), ("b", "1"), ("a", "2")))
    added = Contest(name="c", unit="2", entries=[])
    assert merged([old, other], [new, added]) == [new, other, added]


def test_different_things_get_no_ratio() -> None:
    race = contest(Entry(who="one", rates=[1.0]), Entry(who="two", rates=[2.0]), alone=True)
    assert race.ratio(race.entries[1]) is None and slower([race]) == []
    assert "| two | 2.000 | 2.000 to 2.000 | - |" in markdown([race])


def test_both_tables_tell_where_ours_is_slower() -> None:
    lost = [contest(Entry(who="ours", rates=[1.0]), Entry(who="b", rates=[4.0]))]
    assert "b is 4.000 times as fast" in text(lost) and "b is 4.000 times as fast" in markdown(lost)
    assert "Nowhere slower." in text([contest(Entry(who="ours", rates=[1.0]))])


@pytest.mark.parametrize(
    "value, said", [(0.000_002_5, "0.000003"), (0.000_272, "0.000272"), (0.5, "0.5"), (1.5, "1.500"), (12.34, "12.34"), (12345.6, "12,346")]
)
def test_numbers_keep_what_says_something(value: float, said: str) -> None:
    assert number(value) == said
