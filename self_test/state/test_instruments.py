from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.fakes.books import coin
from state.accounts import Domain
from state.instruments import split_key


@given(st.integers(1, 10**9), st.sampled_from(["0.01", "0.5", "0.0001", "1"]))
def test_ticks_and_prices_are_exact_both_ways(ticks: int, tick: str) -> None:
    one = coin("AAAUSDT", tick=Decimal(tick))
    assert one.ticks(one.price(ticks)) == ticks


@given(st.decimals(0, 10_000, places=9), st.sampled_from(["0.0001", "0.1", "0.025", "3"]))
def test_steps_round_down(qty: Decimal, step: str) -> None:
    one = coin("AAAUSDT", step=Decimal(step))
    assert one.qty(one.steps(qty)) <= qty < one.qty(one.steps(qty) + 1)


def test_a_price_between_ticks_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a multiple"):
        coin("AAAUSDT").ticks(Decimal("1.005"))


def test_unit_is_what_a_step_is_worth_at_one_tick() -> None:
    assert coin("AAAUSDT").unit == 10_000  # 0.01 x 0.0001 = 1e-6 quote
    with pytest.raises(ValueError, match="not a multiple"):
        _ = coin("AAAUSDT", tick=Decimal("0.00001"), step=Decimal("0.000001")).unit


def test_keys_name_domain_and_symbol() -> None:
    assert split_key(coin("AAAUSDT", Domain.PERPS).key) == (Domain.PERPS, "AAAUSDT")


@pytest.mark.parametrize("key", ["", "AAAUSDT", "CRYPTO:", "STOCKS:AAA"])
def test_other_texts_are_no_keys(key: str) -> None:
    with pytest.raises(ValueError, match=r"not (DOMAIN:SYMBOL|a valid)"):
        split_key(key)
