"""The face of option pricing: published values, the oracle file, both ways to tell a contract, and what is refused in which words."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from forex.options_conventions import DELTA_KINDS
from forex.options_kernels import GREEKS
from forex.options_pricing import delta, greeks, implied_vol, price, strike
from utils.errors import Refusal

HAUG: dict[str, Any] = {"type": "call", "S": 1.56, "K": 1.60, "T": 0.5, "r_domestic": 0.06, "r_foreign": 0.08, "vol": 0.12}
WYSTUP: dict[str, Any] = {"type": "call", "S": 1.20, "K": 1.25, "T": 1.0, "r_domestic": 0.025, "r_foreign": 0.03, "vol": 0.10}
BLOOMBERG: dict[str, Any] = {"type": "put", "S": 0.9090, "K": 0.9090, "T": 1.0, "r_domestic": 0.0357, "r_foreign": 0.0396, "vol": 0.12}
CASTAGNA: dict[str, Any] = {"type": "put", "S": 103.0, "df_domestic": 0.99482, "df_foreign": 0.98508, "stddev": 0.07247845}
TABLE: dict[str, Any] = {"type": "call", "S": 1.421, "df_domestic": 0.997306, "df_foreign": 0.992266, "stddev": 0.1180654}


# Published values.


def test_haug() -> None:
    assert price(**HAUG) == pytest.approx(0.02909925, abs=5e-9)
    assert greeks(**HAUG)["delta_spot"] == pytest.approx(0.340386, abs=5e-7)
    assert greeks(**HAUG)["vega"] == pytest.approx(0.394282, abs=5e-7)


def test_hull_implied_vol() -> None:
    hull: dict[str, Any] = {"type": "call", "S": 1.60, "K": 1.60, "T": 4 / 12, "r_domestic": 0.08, "r_foreign": 0.11}
    assert implied_vol(0.043, **hull) == pytest.approx(0.141119, abs=5e-7)
    assert price(**hull, vol=0.141) == pytest.approx(0.042958, abs=5e-7)


def test_wystup_table_of_annually_compounded_rates() -> None:
    yearly = {**WYSTUP, "r_domestic": math.log(1.03), "r_foreign": math.log(1.025)}
    assert 1e6 * price(**yearly) == pytest.approx(29_148, abs=0.5)


def test_wystup_with_continuous_rates() -> None:
    assert 1e6 * price(**WYSTUP) == pytest.approx(25_125.12, abs=0.1)
    wanted = {"spot": 0.3315, "forward": 0.3416, "spot_premium_adjusted": 0.3105, "forward_premium_adjusted": 0.3200}
    for convention, value in wanted.items():
        assert delta(convention=convention, **WYSTUP) == pytest.approx(value, abs=5e-5)
        assert greeks(**WYSTUP)[f"delta_{convention}"] == delta(convention=convention, **WYSTUP)


def test_bloomberg_put() -> None:
    assert 1e6 * price(**BLOOMBERG) == pytest.approx(43_612.8, abs=0.1)
    assert delta(convention="spot", **BLOOMBERG) == pytest.approx(-0.4700, abs=5e-5)
    assert delta(convention="spot_premium_adjusted", **BLOOMBERG) == pytest.approx(-0.5180, abs=5e-5)


@pytest.mark.parametrize(("convention", "value"), [("spot", 97.47), ("spot_premium_adjusted", 97.22)])
def test_castagna_strike_of_a_quarter_delta_put(convention: str, value: float) -> None:
    assert strike(convention=convention, delta=-0.25, **CASTAGNA) == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize(
    ("convention", "value"),
    [("spot", 1.608080), ("spot_premium_adjusted", 1.600545), ("forward", 1.609029), ("forward_premium_adjusted", 1.601550)],
)
def test_quantlib_delta_table(convention: str, value: float) -> None:
    assert strike(convention=convention, delta=0.15, **TABLE) == pytest.approx(value, abs=3e-5)
    assert delta(convention=convention, **TABLE, K=value) == pytest.approx(0.15, abs=1e-4)


@pytest.mark.data
def test_every_case_of_the_oracle_file(market_data: Path) -> None:
    cases = json.loads((market_data / "fx_options" / "garman_kohlhagen_oracles.json").read_text())["cases"]
    seen = dict.fromkeys(("price", "greek", "delta_convention"), 0)
    for case in cases:
        inputs, wanted = case["inputs"], pytest.approx(case["expected"], abs=case["tol"])
        seen[case["kind"]] += 1
        match case["kind"]:
            case "price":
                assert price(**inputs) == wanted, case["id"]
                assert greeks(**inputs)["price"] == price(**inputs)
            case "greek":
                assert greeks(**inputs)[case["greek"]] == wanted, case["id"]
            case _:
                assert delta(convention=case["convention"], **inputs) == wanted, case["id"]
                without = {name: value for name, value in inputs.items() if name != "K"}
                found = strike(convention=case["convention"], delta=case["expected"], **without)
                assert found == pytest.approx(inputs["K"], abs=case["strike_tol"]), case["id"]
    assert seen["price"] >= 17 and seen["greek"] and seen["delta_convention"]


# Two ways to tell a contract.


def test_discount_factors_and_deviation_say_the_same_as_rates_and_vol() -> None:
    as_factors = {
        "type": "call",
        "S": 1.56,
        "K": 1.60,
        "df_domestic": math.exp(-0.03),
        "df_foreign": math.exp(-0.04),
        "stddev": 0.12 * math.sqrt(0.5),
    }
    by_rates, by_factors, mixed = greeks(**HAUG), greeks(**as_factors), greeks(**as_factors, T=0.5)
    for name in GREEKS:
        if name in {"theta_year", "theta_day", "rho_dom", "rho_for"}:
            assert by_factors[name] is None
        elif name == "vega":
            assert by_factors[name] == pytest.approx(by_rates["vega"] / math.sqrt(0.5), rel=1e-13)  # type: ignore[operator]
        else:
            assert by_factors[name] == pytest.approx(by_rates[name], rel=1e-12)
        assert mixed[name] == pytest.approx(by_rates[name], rel=1e-12)
    assert tuple(by_rates) == GREEKS
    del as_factors["stddev"]
    assert implied_vol(price(**HAUG), **as_factors) == pytest.approx(0.12 * math.sqrt(0.5), rel=1e-12)
    assert implied_vol(price(**HAUG), **as_factors, T=0.5) == pytest.approx(0.12, rel=1e-12)


def test_theta_of_a_day_is_a_365th() -> None:
    found = greeks(**HAUG)
    assert found["theta_year"] is not None
    assert found["theta_day"] == found["theta_year"] / 365


def test_negative_rates_are_rates() -> None:
    inputs = {**HAUG, "r_domestic": -0.0075, "r_foreign": -0.005}
    put = price(**{**inputs, "type": "put"})
    assert price(**inputs) - put == pytest.approx(1.56 * math.exp(0.0025) - 1.60 * math.exp(0.00375), abs=1e-15)
    assert all(math.isfinite(value) for value in greeks(**inputs).values() if value is not None)


def test_zero_vol_is_the_discounted_intrinsic_value_of_the_forward() -> None:
    inputs = {**HAUG, "K": 1.50, "vol": 0.0}
    assert price(**inputs) == pytest.approx(1.56 * math.exp(-0.04) - 1.50 * math.exp(-0.03), abs=1e-15)
    found = greeks(**inputs)
    assert found["delta_forward"] == 1.0
    assert found["vega"] == found["gamma"] == 0.0
    assert price(**{**inputs, "type": "put"}) == 0.0


def test_deep_out_of_the_money_is_a_small_number_and_never_none() -> None:
    inputs = {**HAUG, "K": 4.0, "vol": 0.11}
    assert 1e-40 < price(**inputs) < 1e-28
    assert all(math.isfinite(value) for value in greeks(**inputs).values() if value is not None)
    assert implied_vol(price(**inputs), **{name: inputs[name] for name in inputs if name != "vol"}) == pytest.approx(0.11, rel=1e-9)
    nothing = greeks(**{**HAUG, "K": 1e6})
    assert nothing["price"] == nothing["elasticity"] == nothing["delta_spot"] == 0.0
    assert all(math.isfinite(value) for value in nothing.values() if value is not None)


# What is refused.

WRONG: list[tuple[dict[str, object], str]] = [
    ({"T": 0.0}, r"T 0: the contract has expired; must be above 0"),
    ({"T": -0.01}, r"T -0.01: the contract has expired; must be above 0"),
    ({"S": 0.0}, r"S 0: must be above 0"),
    ({"S": -1.1}, r"S -1.1: must be above 0"),
    ({"K": 0.0}, r"K 0: must be above 0"),
    ({"K": -1}, r"K -1: must be above 0"),
    ({"vol": -0.1}, r"vol -0.1: must not be below 0"),
    ({"vol": 1e308, "T": 9.0}, r"vol 1e\+308: must not be below 0"),
    ({"vol": math.nan}, r"vol nan: must be a finite number"),
    ({"S": math.inf}, r"S inf: must be a finite number"),
    ({"S": "1.1"}, r"S '1.1': must be a finite number"),
    ({"K": True}, r"K True: must be a finite number"),
    ({"r_domestic": None}, r"r_domestic None: must be a finite number"),
    ({"r_domestic": -2000.0}, r"r_domestic -2000 over T 0.5: no discount factor"),
    ({"type": "straddle"}, r"type 'straddle': must be call or put"),
    ({"type": 1}, r"type 1: must be call or put"),
    ({"strike": 1.6}, r"unknown input strike: must be of type, S, K"),
    ({"df_domestic": 0.9}, r"r_domestic 0.06 must not be given: df_domestic says it already"),
    ({"stddev": 0.1}, r"vol 0.12 must not be given: stddev says it already"),
]


@pytest.mark.parametrize(("changed", "told"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_value_is_refused_by_name(changed: dict[str, object], told: str) -> None:
    inputs = {**HAUG, **changed}
    for face in (price, greeks):
        with pytest.raises(Refusal, match=told):
            face(**inputs)
    with pytest.raises(Refusal, match=told):
        delta(convention="spot", **inputs)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("type", "type is missing: must be call or put"),
        ("S", "S is missing"),
        ("K", "K is missing"),
        ("T", "T is missing: r_domestic needs the years"),
        ("r_domestic", "r_domestic is missing: give r_domestic and T, or df_domestic"),
        ("r_foreign", "r_foreign is missing"),
        ("vol", "vol is missing: give vol and T, or stddev"),
    ],
)
def test_a_missing_value_is_refused_by_name(field: str, told: str) -> None:
    with pytest.raises(Refusal, match=told):
        price(**{name: value for name, value in HAUG.items() if name != field})


def test_vol_without_time_is_refused() -> None:
    inputs = {name: value for name, value in TABLE.items() if name != "stddev"}
    with pytest.raises(Refusal, match="T is missing: vol needs the years to expiry"):
        price(**inputs, K=1.6, vol=0.1)
    with pytest.raises(Refusal, match="df_foreign 0: must be above 0"):
        price(**{**TABLE, "df_foreign": 0.0}, K=1.6)


def test_an_unknown_convention_is_refused() -> None:
    told = "convention 'pips': must be one of spot, forward, spot_premium_adjusted, forward_premium_adjusted"
    with pytest.raises(Refusal, match=told):
        delta(convention="pips", **HAUG)
    with pytest.raises(Refusal, match=told):
        strike(convention="pips", delta=0.2, **TABLE)


def test_a_delta_of_the_wrong_side_or_beyond_reach_is_refused() -> None:
    for convention in DELTA_KINDS:
        with pytest.raises(Refusal, match=r"delta -0.25 of a call: must be above 0"):
            strike(convention=convention, delta=-0.25, **TABLE)
        with pytest.raises(Refusal, match=rf"delta 1.01 \({convention}\): no strike has it at S 1.421, stddev 0.118065"):
            strike(convention=convention, delta=1.01, **TABLE)
    with pytest.raises(Refusal, match=r"delta 0.25 of a put: must be below 0"):
        strike(convention="spot", delta=0.25, **CASTAGNA)
    with pytest.raises(Refusal, match=r"K 1\.6 must not be given: it is what is asked for"):
        strike(convention="spot", delta=0.25, **TABLE, K=1.6)
    with pytest.raises(Refusal, match="delta nan: must be a finite number"):
        strike(convention="spot", delta=math.nan, **TABLE)


def test_a_price_outside_the_bounds_of_arbitrage_is_refused_with_the_bounds() -> None:
    inputs = {name: value for name, value in {**HAUG, "K": 1.50}.items() if name != "vol"}
    with pytest.raises(Refusal, match=r"price 0.04 of a call: no vol gives it, arbitrage allows from 0.0431\d+ to less than 1.49883"):
        implied_vol(0.04, **inputs)
    with pytest.raises(Refusal, match=r"price 1.5 of a call: no vol gives it"):
        implied_vol(1.5, **inputs)
    with pytest.raises(Refusal, match=r"price 1.46 of a put: no vol gives it, arbitrage allows from 0 to less than 1.45567"):
        implied_vol(1.46, **{**inputs, "type": "put"})
    with pytest.raises(Refusal, match=r"price -1e-20 of a put: no vol gives it"):
        implied_vol(-1e-20, **{**inputs, "type": "put"})
    with pytest.raises(Refusal, match=r"vol 0\.1 must not be given: it is what is asked for"):
        implied_vol(0.05, **inputs, vol=0.1)
    assert implied_vol(0.0, **{**inputs, "type": "put"}) == 0.0
