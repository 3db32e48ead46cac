"""Quoting conventions: published premiums in four styles, whose deltas are adjusted, the straddle's strike, a published smile."""

from __future__ import annotations

import math

import pytest

from forex.options_conventions import (
    LAST_SPOT_DAYS,
    PremiumStyle,
    atm_strike,
    delta_kind,
    is_adjusted,
    premium_currency,
    premium_quote,
    smile_vols,
)
from forex.options_kernels import FORWARD, FORWARD_ADJUSTED, SPOT, SPOT_ADJUSTED, delta_of, premium, strike_at
from utils.errors import Refusal


@pytest.mark.parametrize(("style", "value"), [("dom_pips", 291.48), ("for_percent", 2.4290), ("dom_percent", 2.3318), ("for_pips", 194.32)])
def test_wystup_one_premium_in_four_styles(style: str, value: float) -> None:
    worth = premium(1, 1.20, 1.25, 1.0, math.log(1.03), math.log(1.025), 0.10)
    quote = premium_quote(style, worth, 1.20, 1.25, 0.0001)
    assert quote == pytest.approx(value, abs=0.005 if value > 100 else 5e-5)


def test_a_yen_pip_is_a_hundredth() -> None:
    assert premium_quote(PremiumStyle.DOM_PIPS, 1.5, 150.0, 152.0, 0.01) == pytest.approx(150.0)


def test_a_premium_quote_of_no_style_or_no_price_is_refused() -> None:
    with pytest.raises(Refusal, match="premium style 'pips': must be one of dom_pips, for_percent, dom_percent, for_pips"):
        premium_quote("pips", 0.01, 1.2, 1.25, 0.0001)
    for numbers, name in (((0.0, 1.25, 1e-4), "spot 0.0"), ((1.2, -1.0, 1e-4), "strike -1.0"), ((1.2, 1.25, math.nan), "pip nan")):
        with pytest.raises(Refusal, match=f"{name} of a premium quote: must be a number above 0"):
            premium_quote("dom_pips", 0.01, *numbers)


@pytest.mark.parametrize(
    ("pair", "payer", "adjusted"),
    [
        # Clark, table 3.2 and the ecosystem of the market: dollars where they are in it.
        ("EURUSD", "USD", False),
        ("GBPUSD", "USD", False),
        ("AUDUSD", "USD", False),
        ("USDJPY", "USD", True),
        ("USDCAD", "USD", True),
        ("USDCHF", "USD", True),
        ("EURJPY", "EUR", True),
        ("EURGBP", "EUR", True),
        ("EURCHF", "EUR", True),
        ("AUDJPY", "AUD", True),
        ("USDMXN", "USD", True),
        ("MXNJPY", "MXN", True),
    ],
)
def test_who_pays_the_premium_and_whose_delta_is_adjusted(pair: str, payer: str, adjusted: bool) -> None:
    assert premium_currency(pair) == payer
    assert is_adjusted(pair) is adjusted


@pytest.mark.parametrize("pair", ["EUR", "eurusd", "EUR/USD", "EURUS1", "EUREUR", ""])
def test_a_pair_that_is_none_is_refused(pair: str) -> None:
    with pytest.raises(Refusal, match=f"pair '{pair}': must be the codes of two different currencies"):
        delta_kind(pair, 30)


def test_deltas_are_of_spot_up_to_a_year_and_of_the_forward_beyond() -> None:
    assert [delta_kind("EURUSD", days) for days in (7, 365, LAST_SPOT_DAYS, LAST_SPOT_DAYS + 1, 730)] == [
        SPOT,
        SPOT,
        SPOT,
        FORWARD,
        FORWARD,
    ]
    assert [delta_kind("USDJPY", days) for days in (7, 365, 730)] == [SPOT_ADJUSTED, SPOT_ADJUSTED, FORWARD_ADJUSTED]


@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("forward", [False, True])
def test_a_straddle_at_the_money_has_no_delta(adjusted: bool, forward: bool) -> None:
    kind = {(False, False): SPOT, (False, True): FORWARD, (True, False): SPOT_ADJUSTED, (True, True): FORWARD_ADJUSTED}[adjusted, forward]
    market = (0.75, -0.005, 0.03, 0.11)
    strike = atm_strike(adjusted, 1.1, *market)
    call, put = (delta_of(kind, right, 1.1, strike, *market) for right in (1, -1))
    assert call + put == pytest.approx(0.0, abs=1e-14)
    assert call > 0.1


def test_castagna_mercurio_smile() -> None:
    """Consistent pricing of FX options (2006): quotes, wing vols and strikes of three months in EURUSD."""
    years, dd, df = 0.25753424657534246, 0.9902752, 0.9945049
    vols = smile_vols(0.0905, -0.005, 0.0013, -0.005, 0.0013)
    assert vols[1] == pytest.approx(0.0943, abs=1e-12)
    assert vols[3] == pytest.approx(0.0893, abs=1e-12)
    put, call = (strike_at(SPOT, delta, 1.205, dd, df, vol * math.sqrt(years)) for delta, vol in ((-0.25, vols[1]), (0.25, vols[3])))
    assert put == pytest.approx(1.1733, abs=1e-4)
    assert call == pytest.approx(1.2487, abs=1e-4)
    assert atm_strike(False, 1.205, years, -math.log(dd) / years, -math.log(df) / years, vols[2]) == pytest.approx(1.2114, abs=1e-4)


def test_the_pillars_stand_in_order_of_strikes() -> None:
    assert smile_vols(0.10, 0.02, 0.004, 0.04, 0.010) == pytest.approx((0.09, 0.094, 0.10, 0.114, 0.13))


def test_quotes_that_give_no_vol_are_refused_with_the_figures() -> None:
    with pytest.raises(Refusal, match=r"vol of 10C would be -0.01: must be above 0 \(quotes: ATM 0.1, .*10RR -0.24, 10BF 0.01\)"):
        smile_vols(0.10, -0.02, 0.004, -0.24, 0.01)
    with pytest.raises(Refusal, match="vol quote 25BF nan: must be a finite number"):
        smile_vols(0.10, 0.0, math.nan, 0.0, 0.0)
