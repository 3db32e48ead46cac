from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange.ibkr_contracts import (
    CALL,
    PRODUCTS,
    PUT,
    CmeOption,
    contracts_of,
    grid_at,
    listed,
    monthly_expiry,
    number,
    option_of,
    premium_of,
    snapped,
)
from utils.errors import Refusal

EUR, JPY = PRODUCTS["EURUSD"], PRODUCTS["JPYUSD"]
DAY = date(2026, 12, 4)


def test_a_key_is_read_as_it_is_written() -> None:
    option = CmeOption(product=EUR, right=CALL, strike=Decimal("1.1"), expiry=DAY)
    assert option.key == "OPTIONS:EURUSD-20261204-C-1.10000"
    assert option_of(option.key) == option
    yen = CmeOption(product=JPY, right=PUT, strike=Decimal("0.0065"), expiry=DAY)
    assert yen.symbol == "JPYUSD-20261204-P-0.0065000" and option_of(yen.key).strike == Decimal("0.0065")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("EURUSD", "is not DOMAIN:SYMBOL"),
        ("FOREX:EURUSD", "is no option"),
        ("OPTIONS:EURUSD", "is not PAIR-YYYYMMDD"),
        ("OPTIONS:GBPUSD-20261204-C-1.3", "lists no options on GBPUSD"),
        ("OPTIONS:EURUSD-20261204-X-1.1", "neither C nor P"),
        ("OPTIONS:EURUSD-20261304-C-1.1", "no day"),
        ("OPTIONS:EURUSD-20261204-C-much", "no strike"),
        ("OPTIONS:EURUSD-20261204-C-NaN", "not above 0"),
        ("OPTIONS:EURUSD-20261204-C-0", "not above 0"),
    ],
)
def test_a_key_that_names_no_option_is_refused_with_what_is_wrong(key: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        option_of(key)


def test_a_dollar_call_is_a_yen_put_at_the_inverse_strike() -> None:
    found = listed("USDJPY", CALL, Decimal(154), DAY)
    assert (found.product, found.right, found.strike) == (JPY, PUT, Decimal("0.00650"))  # 1 / 154 = 0.0064935
    assert listed("USDJPY", PUT, Decimal(154), DAY).right == CALL
    assert listed("EURUSD", CALL, Decimal("1.1026"), DAY).strike == Decimal("1.1050")
    with pytest.raises(Refusal, match="GBPUSD"):
        listed("GBPUSD", CALL, Decimal("1.3"), DAY)
    with pytest.raises(Refusal, match="not above 0"):
        listed("USDJPY", CALL, Decimal(0), DAY)


@given(strike=st.decimals(100, 200, places=2), spot=st.decimals(100, 200, places=2))
def test_the_inverted_contract_pays_what_the_call_pays(strike: Decimal, spot: Decimal) -> None:
    ours = max(Decimal(0), spot - strike) * (JPY.units / strike)  # yen: a call on units / K dollars
    theirs = max(Decimal(0), 1 / strike - 1 / spot) * JPY.units * spot  # yen: a put on the yen, in dollars, turned at the spot
    assert abs(ours - theirs) < Decimal("1e-6")


def test_the_month_s_options_expire_two_fridays_before_the_third_wednesday() -> None:
    assert [monthly_expiry(2026, month) for month in (1, 2, 3, 12)] == [date(2026, 1, 9), date(2026, 2, 6), date(2026, 3, 6), DAY]
    assert all(monthly_expiry(2026, month).weekday() == 4 for month in range(1, 13))
    assert CmeOption(product=EUR, right=CALL, strike=Decimal(1), expiry=DAY).trading_class == "EUU"
    assert CmeOption(product=EUR, right=CALL, strike=Decimal(1), expiry=date(2026, 12, 11)).trading_class == ""


def test_premiums_lie_on_the_grid_of_their_size() -> None:
    assert (grid_at(EUR, Decimal("0.0005")), grid_at(EUR, Decimal("0.00049"))) == (Decimal("0.0001"), Decimal("0.00005"))
    for premium, below, above in (("0.00807", "0.0080", "0.0081"), ("0.00042", "0.0004", "0.00045")):
        assert snapped(EUR, Decimal(premium), up=False) == Decimal(below) and snapped(EUR, Decimal(premium), up=True) == Decimal(above)
    assert snapped(EUR, Decimal("0.00001"), up=False) == Decimal("0.00005")  # never nothing
    assert snapped(JPY, Decimal("0.0000504"), up=False) == Decimal("0.000050")
    assert EUR.units * EUR.tick == JPY.units * JPY.tick == Decimal("12.5")


@given(premium=st.decimals("0.00005", "0.2", places=7), up=st.booleans())
def test_a_snapped_premium_is_near_and_stays(premium: Decimal, up: bool) -> None:
    found = snapped(EUR, premium, up=up)
    assert (abs(found - premium) < EUR.tick and (found >= premium) is up) or found == premium
    assert snapped(EUR, found, up=up) == found and found % EUR.fine == 0


def test_only_whole_contracts_count() -> None:
    option = CmeOption(product=EUR, right=CALL, strike=Decimal("1.1"), expiry=DAY)
    assert [contracts_of(option, Decimal(qty)) for qty in (125_000, 375_000, 100, 125_001, 0, -125_000)] == [1, 3, 0, 0, 0, 0]
    instrument = option.instrument()
    assert (instrument.step, instrument.tick, instrument.quote) == (Decimal(125_000), Decimal("0.00005"), "USD")
    assert instrument.unit > 0 and instrument.steps(Decimal(250_000)) == 2


def test_figures_of_the_wire_lose_the_dust_of_binary_fractions_only() -> None:
    assert number(0.1) == Decimal("0.1") and number(5) == 5
    assert premium_of(EUR, 0.1 + 0.2) == Decimal("0.3") and premium_of(EUR, 0.00803) == Decimal("0.00803")
