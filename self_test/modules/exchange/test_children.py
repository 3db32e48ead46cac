"""Whose an order is that bears no id of ours."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.exchange.children import LOOKUPS, ROOM, Children
from modules.exchange.holdings import Held, Holdings
from modules.exchange.reports import OrderKind
from self_test.fakes.live_floor import instrument
from self_test.modules.exchange.test_protect import bracket, single
from state.instruments import Instrument

ONE: Instrument = instrument()
KEY = ONE.key


def children(steps: int = 999) -> tuple[Children, Holdings]:
    holdings = Holdings({KEY: ONE})
    holdings.restore(KEY, Held(side=1, steps=steps, stop=950, target=1_100))
    return Children(holdings, {KEY: ONE}), holdings


def test_what_closes_what_is_held_at_a_wanted_level_is_ours() -> None:
    one, _ = children()
    assert one.ours("b") is None
    one.see(bracket())
    one.see(single(trigger="110"))
    assert one.ours("b") is True and one.ours("s") is True


@pytest.mark.parametrize(
    "other", [{"side": 1}, {"qty": ONE.qty(1_000)}, {"stop": ONE.price(800), "target": ONE.price(1_200)}, {"kind": OrderKind.CONDITIONAL}]
)
def test_any_other_is_the_user_s(other: dict[str, Any]) -> None:
    one, _ = children()
    one.see(msgspec.structs.replace(bracket(), **other))
    assert one.ours("b") is False


def test_once_ours_it_stays_ours_and_an_early_report_is_looked_at_again() -> None:
    one, holdings = children(0)
    one.see(bracket())
    assert one.ours("b") is False
    holdings.restore(KEY, Held(side=1, steps=999, stop=950, target=1_100))
    assert one.ours("b") is True
    one.see(bracket(stop="97", target="120"))
    holdings.restore(KEY, Held())
    assert one.ours("b") is True


def test_an_earlier_level_of_the_same_position_counts_and_one_of_an_earlier_position_does_not() -> None:
    one, holdings = children()
    holdings.want(KEY, 970, 1_100)
    one.see(single(trigger="95"))
    assert one.ours("s") is True
    holdings.restore(KEY, Held())
    holdings.want(KEY, 900, 1_000)
    assert holdings.levels(KEY) == {900, 1_000}


def test_an_order_that_nobody_knows_is_not_ours_after_some_looks_and_memory_is_bounded() -> None:
    one, _ = children()
    for _ in range(LOOKUPS):
        assert one.ours("x") is None
        one.missed("x")
    assert one.ours("x") is False
    for number in range(ROOM + 1):
        one.see(bracket(stop="1", target="2", name=f"n{number}"))
    assert one.ours("n0") is None and one.ours("n1") is False
