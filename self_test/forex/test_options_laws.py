"""What every option price must obey, whatever its inputs: parity, symmetry, bounds, order; and QuantLib, digit for digit."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import QuantLib as ql  # noqa: N813  as its own documentation writes it
from hypothesis import given
from hypothesis import strategies as st

from forex.options_kernels import FORWARD, GREEKS, SPOT, delta_of, greeks_of, premium, strike_of_delta, vega_of
from forex.options_pricing import implied_vol

POINTS = 400
KINDS = (ql.DeltaVolQuote.Spot, ql.DeltaVolQuote.Fwd, ql.DeltaVolQuote.PaSpot, ql.DeltaVolQuote.PaFwd)
"""In the order of our own."""


class Market(NamedTuple):
    """One contract without its right, in the order of the kernels."""

    spot: float
    strike: float
    years: float
    r_domestic: float
    r_foreign: float
    vol: float


MARKETS = st.builds(
    Market,
    spot=st.floats(0.5, 2.0),
    strike=st.floats(0.4, 2.5),
    years=st.floats(0.002, 5.0),
    r_domestic=st.floats(-0.05, 0.2),
    r_foreign=st.floats(-0.05, 0.2),
    vol=st.floats(0.0, 1.0),
)
RIGHTS = st.sampled_from((1, -1))


def present(m: Market) -> tuple[float, float]:
    return m.spot * math.exp(-m.r_foreign * m.years), m.strike * math.exp(-m.r_domestic * m.years)


@given(m=MARKETS)
def test_put_call_parity(m: Market) -> None:
    spot_now, strike_now = present(m)
    assert premium(1, *m) - premium(-1, *m) == pytest.approx(spot_now - strike_now, abs=2e-15)
    calls, puts = (dict(zip(GREEKS, greeks_of(right, *m), strict=True)) for right in (1, -1))
    assert calls["delta_spot"] - puts["delta_spot"] == pytest.approx(math.exp(-m.r_foreign * m.years), abs=1e-15)
    assert calls["gamma"] == puts["gamma"]
    assert calls["vega"] == puts["vega"] == vega_of(*m)


@given(m=MARKETS)
def test_foreign_domestic_symmetry(m: Market) -> None:
    """A call on one currency is a put on the other: c(S, K, rd, rf) / S = K·p(1/S, 1/K, rf, rd)."""
    mirrored = Market(1 / m.spot, 1 / m.strike, m.years, m.r_foreign, m.r_domestic, m.vol)
    assert premium(1, *m) / m.spot == pytest.approx(m.strike * premium(-1, *mirrored), abs=5e-15)


@given(m=MARKETS, right=RIGHTS)
def test_bounds_of_arbitrage(m: Market, right: int) -> None:
    spot_now, strike_now = present(m)
    worth = premium(right, *m)
    assert max(right * (spot_now - strike_now), 0.0) <= worth <= (spot_now if right > 0 else strike_now) * (1 + 1e-15)


@given(m=MARKETS, right=RIGHTS, more=st.floats(1e-6, 0.5))
def test_order(m: Market, right: int, more: float) -> None:
    """A premium never falls with vol, moves with spot as its right says, and with the strike against it, at most by its discount."""
    worth, room = premium(right, *m), 1e-14
    assert premium(right, *m._replace(vol=m.vol + more)) >= worth - room
    assert right * (premium(right, *m._replace(spot=m.spot + more)) - worth) >= -room
    change = right * (worth - premium(right, *m._replace(strike=m.strike + more)))
    assert -room <= change <= more * math.exp(-m.r_domestic * m.years) + room


@given(m=MARKETS, right=RIGHTS)
def test_implied_vol_there_and_back(m: Market, right: int) -> None:
    """The vol comes back wherever the premium still says it: its own rounding moves the vol by rounding / vega."""
    worth, spread = premium(right, *m), vega_of(*m)
    names = ("S", "K", "T", "r_domestic", "r_foreign")
    found = implied_vol(worth, type="call" if right > 0 else "put", **dict(zip(names, m[:5], strict=True)))
    assert premium(right, *m._replace(vol=found)) == pytest.approx(worth, rel=1e-11, abs=1e-15)
    if spread > 1e-4:
        assert found == pytest.approx(m.vol, abs=1e-15 * m.spot / spread * 20 + 1e-12)


def grid() -> Iterator[tuple[int, int, Market]]:
    """Random contracts of whole days, rates from −5 % to 15 %, some of them against yen."""
    rng = random.Random(20250210)
    for _ in range(POINTS):
        days, vol, scale = rng.randint(1, 1100), rng.uniform(0.02, 0.6), rng.choice((1.0, 100.0))
        spot, rd, rf = rng.uniform(0.6, 1.8) * scale, rng.uniform(-0.05, 0.15), rng.uniform(-0.05, 0.15)
        strike = spot * math.exp((rd - rf) * days / 365 + rng.uniform(-3, 3) * vol * math.sqrt(days / 365))
        yield rng.choice((1, -1)), days, Market(spot, strike, days / 365, rd, rf, vol)


def quantlib(right: int, days: int, m: Market) -> dict[str, float]:
    """The same contract in QuantLib: its Garman-Kohlhagen process and analytic engine."""
    today, count = ql.Date(10, 2, 2025), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, rate, count)) for rate in (m.r_foreign, m.r_domestic)]
    vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), m.vol, count))
    process = ql.GarmanKohlagenProcess(ql.QuoteHandle(ql.SimpleQuote(m.spot)), *curves, vol)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if right > 0 else ql.Option.Put, m.strike)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + days))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    return {
        "price": option.NPV(),
        "delta_spot": option.delta(),
        "delta_forward": option.deltaForward() / math.exp(-m.r_domestic * m.years),
        "gamma": option.gamma(),
        "vega": option.vega(),
        "theta_year": option.theta(),
        "theta_day": option.thetaPerDay(),
        "rho_dom": option.rho(),
        "rho_for": option.dividendRho(),
        "elasticity": option.elasticity(),
    }


def calculator(right: int, kind: int, m: Market) -> ql.BlackDeltaCalculator:
    domestic, foreign = math.exp(-m.r_domestic * m.years), math.exp(-m.r_foreign * m.years)
    side = ql.Option.Call if right > 0 else ql.Option.Put
    return ql.BlackDeltaCalculator(side, KINDS[kind], m.spot, domestic, foreign, m.vol * math.sqrt(m.years))


def test_quantlib_agrees_on_price_and_greeks() -> None:
    for right, days, m in grid():
        ours = dict(zip(GREEKS, greeks_of(right, *m), strict=True))
        for name, theirs in quantlib(right, days, m).items():
            rel = 1e-9 if name == "elasticity" else 1e-12  # that one divides by premiums down to 1e-6
            assert ours[name] == pytest.approx(theirs, rel=rel, abs=1e-10), (name, right, m)


@pytest.mark.parametrize("kind", range(4))
def test_quantlib_agrees_on_the_four_deltas_and_their_strikes(kind: int) -> None:
    """Strikes to what its inverse of the normal distribution (1e-9) and its root finder (1e-10 of the delta) leave; ours to 1e-12."""
    compared = 0
    for right, _, m in grid():
        theirs = calculator(right, kind, m)
        delta = delta_of(kind, right, *m)
        assert delta == pytest.approx(theirs.deltaFromStrike(m.strike), abs=1e-10), m
        if 0.02 < abs(delta) < 0.6:
            compared += 1
            found = strike_of_delta(kind, delta, m.spot, *m[2:])
            assert found == pytest.approx(theirs.strikeFromDelta(delta), rel=1e-8), m
            if kind in {SPOT, FORWARD}:
                assert found == pytest.approx(m.strike, rel=1e-12), m
    assert compared > 100
