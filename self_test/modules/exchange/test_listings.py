"""Filters that changed under us, and instruments that trade no more."""

from __future__ import annotations

from decimal import Decimal

from modules.exchange.listings import changed, not_trading
from self_test.fakes.books import coin

OURS = {one.key: one for one in (coin("AAAUSDT"), coin("BBBUSDT"))}
A, B = OURS


def test_the_same_listing_is_no_change() -> None:
    assert changed(OURS, OURS) == () and not_trading(OURS, OURS) == ()


def test_each_changed_filter_is_named_with_both_values() -> None:
    shown = {**OURS, B: coin("BBBUSDT", tick=Decimal("0.05"), min_notional=Decimal(10))}
    assert changed(OURS, shown) == (f"{B} tick: 0.01 -> 0.05", f"{B} min_notional: 5 -> 10")


def test_the_largest_size_moves_all_the_time_and_is_no_change() -> None:
    assert changed(OURS, {**OURS, A: coin("AAAUSDT", max_qty=Decimal(7))}) == ()


def test_a_delisted_and_a_paused_instrument_do_not_trade() -> None:
    assert not_trading(OURS, {A: coin("AAAUSDT", trading=False)}) == (A, B)
    assert changed(OURS, {A: coin("AAAUSDT", trading=False)}) == ()
