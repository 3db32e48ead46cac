"""The smile goes through its quotes, meets the textbooks, allows no arbitrage where we trade, and ages by trading days."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forex.options_conventions import smile_vols
from forex.options_kernels import FORWARD, SPOT, SPOT_ADJUSTED, delta_of, premium
from forex.options_surface import (
    arrays,
    crossed,
    frozen,
    kind_of,
    pillar_strike,
    pillar_vol,
    rates_at,
    smile_vol,
    stale,
)
from self_test.forex.smiles import EURUSD, USDJPY
from state.options import Surface
from utils.kernel import kernel

SURFACES = {"EURUSD": EURUSD, "USDJPY": USDJPY}
DELTAS = (-0.10, -0.25, 0.0, 0.25, 0.10)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def vol_of(surface: Surface, strike: float, day: float, spot: float | None = None) -> float:
    return smile_vol(*arrays(surface), kind_of(surface.pair), surface.spot if spot is None else spot, strike, day)


@pytest.mark.parametrize("pair", SURFACES)
@pytest.mark.parametrize("pillar", range(5))
def test_a_pillars_strike_has_the_quoted_vol_and_delta(pair: str, pillar: int) -> None:
    surface = SURFACES[pair]
    kind = kind_of(pair)
    assert kind == (SPOT_ADJUSTED if pair == "USDJPY" else SPOT)
    for n, day in enumerate(surface.days):
        vol, rd, rf = surface.vols[n][pillar], surface.r_domestic[n], surface.r_foreign[n]
        strike = pillar_strike(pillar, kind, surface.spot, day, rd, rf, vol)
        assert vol_of(surface, strike, day) == pytest.approx(vol, abs=1e-12)
        found = [delta_of(kind, right, surface.spot, strike, day / 365, rd, rf, vol) for right in (1, -1)]
        if pillar == 2:
            assert sum(found) == pytest.approx(0.0, abs=1e-12)  # the straddle is delta-neutral
        else:
            assert found[pillar < 2] == pytest.approx(DELTAS[pillar], abs=1e-9)


def test_beyond_a_year_deltas_are_the_forwards() -> None:
    strike = pillar_strike(3, SPOT, 1.03, 730.0, 0.04, 0.02, 0.08)
    assert delta_of(FORWARD, 1, 1.03, strike, 2.0, 0.04, 0.02, 0.08) == pytest.approx(0.25, abs=1e-12)


def test_total_variance_and_rates_are_linear_between_tenors_and_level_outside() -> None:
    days, vols, rd, rf = arrays(EURUSD)
    assert 21 * pillar_vol(days, vols, 2, 21.0) ** 2 == pytest.approx((14 * 0.0854**2 + 28 * 0.0832**2) / 2)
    assert [pillar_vol(days, vols, 0, day) for day in (1.0, 8.0, 87.0, 400.0)] == [0.1006, 0.1006, 0.0978, 0.0978]
    assert rates_at(days, rd, rf, 21.0) == pytest.approx((0.043, (14 * 0.0263 + 28 * 0.0262) / 42))
    assert rates_at(days, rd, rf, 1.0) == (0.043, 0.0263)
    assert rates_at(days, rd, rf, 99.0) == pytest.approx((0.043, 0.0242))


def test_one_tenor_is_enough() -> None:
    one = msgspec.structs.replace(EURUSD, days=(28.0,), vols=EURUSD.vols[2:3], r_domestic=(0.043,), r_foreign=(0.026,))
    assert vol_of(one, 0.5, 3.0) == vol_of(one, 0.5, 300.0) == EURUSD.vols[2][0]


def test_wings_are_flat_and_join_without_a_kink() -> None:
    smile = EURUSD.vols[2]
    assert [vol_of(EURUSD, strike, 28.0) for strike in (1e-9, 0.9)] == [smile[0]] * 2
    assert [vol_of(EURUSD, strike, 28.0) for strike in (1.2, 1e9)] == [smile[4]] * 2
    for pillar in (0, 4):
        edge = pillar_strike(pillar, SPOT, EURUSD.spot, 28.0, 0.043, 0.0262, smile[pillar])
        inside = edge * (1 + 1e-6 * (1 - pillar / 2))
        assert abs(vol_of(EURUSD, inside, 28.0) - smile[pillar]) / abs(inside - edge) < 1e-3  # inside slopes are 1000 times that


def test_from_expiry_on_there_is_a_vol_that_nothing_depends_on() -> None:
    assert vol_of(EURUSD, 1.03, 0.0) == vol_of(EURUSD, 1.03, -1.0) == EURUSD.vols[0][2]


def test_a_moment_before_expiry_it_is_still_one_of_the_quotes() -> None:
    assert EURUSD.vols[0][3] <= vol_of(EURUSD, 1.0318, 1e-6) <= EURUSD.vols[0][0]


def densities(surface: Surface, day: float, spot: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Slopes of the call premium in the strike, and the risk-neutral density, across the pillars and 60 % of their width beyond."""
    data = arrays(surface)
    rd, rf = rates_at(data[0], data[2], data[3], day)
    kind = kind_of(surface.pair)
    ends = [math.log(pillar_strike(i, kind, spot, day, rd, rf, pillar_vol(data[0], data[1], i, day))) for i in (0, 4)]
    margin = 0.6 * (ends[1] - ends[0])
    strikes = np.exp(np.linspace(ends[0] - margin, ends[1] + margin, 800))
    calls = np.array([premium(1, spot, k, day / 365, rd, rf, smile_vol(*data, kind, spot, k, day)) for k in strikes])
    slopes = np.diff(calls) / np.diff(strikes)
    return slopes, np.diff(slopes)


@pytest.mark.parametrize("pair", SURFACES)
@pytest.mark.parametrize("day", [3.0, 10.0, 14.0, 21.0, 42.0, 60.0, 87.0])
@pytest.mark.parametrize("shift", [0.9, 1.0, 1.1])
def test_no_spread_and_no_butterfly_is_free_where_we_trade(pair: str, day: float, shift: float) -> None:
    surface = SURFACES[pair]
    slopes, density = densities(surface, day, surface.spot * shift)
    assert slopes.min() > -1.0
    assert slopes.max() < 0.0
    assert density.min() > 0.0


@pytest.mark.parametrize("pair", SURFACES)
def test_no_calendar_is_free(pair: str) -> None:
    """Total variance at one moneyness grows with time."""
    surface = SURFACES[pair]
    data = arrays(surface)
    for moneyness in (0.94, 0.98, 1.0, 1.02, 1.06):
        total = []
        for day in np.arange(3.0, 87.0, 1.0):
            rd, rf = rates_at(data[0], data[2], data[3], day)
            strike = moneyness * surface.spot * math.exp((rd - rf) * day / 365)
            total.append(day * vol_of(surface, strike, day) ** 2)
        assert all(low < high for low, high in pairwise(total))


@given(spot=st.floats(0.5, 2.0), strike=st.floats(0.3, 3.0), day=st.floats(0.01, 400.0))
def test_the_vol_is_one_of_the_smile_and_depends_on_strike_over_spot_alone(spot: float, strike: float, day: float) -> None:
    vol = vol_of(EURUSD, strike, day, spot)
    assert 0.0760 < vol <= 0.1006
    assert vol_of(EURUSD, 2 * strike, day, 2 * spot) == pytest.approx(vol, abs=1e-9)


def test_frozen_is_the_same_in_delta_and_tenor() -> None:
    held = frozen(EURUSD, EURUSD.ts + 10**9, 1.2)
    assert (held.ts, held.spot, held.source) == (EURUSD.ts + 10**9, 1.2, "frozen")
    assert vol_of(held, 1.2 * 1.04, 28.0) == pytest.approx(vol_of(EURUSD, EURUSD.spot * 1.04, 28.0), abs=1e-12)
    assert frozen(EURUSD, 0).spot == EURUSD.spot


@pytest.mark.parametrize(
    ("quoted", "now", "old"),
    [
        ("2025-02-10T15:00", "2025-02-11T15:00", False),  # a day to the millisecond
        ("2025-02-10T15:00", "2025-02-11T15:00:01", True),
        ("2025-02-14T15:00", "2025-02-17T15:00", False),  # the weekend does not count
        ("2025-02-14T15:00", "2025-02-17T15:00:01", True),
        ("2025-03-07T15:00", "2025-03-10T14:00", False),  # nor does New York's change of clocks in it
        ("2025-03-07T15:00", "2025-03-10T14:00:01", True),
        ("2024-12-24T12:00", "2024-12-26T15:00", False),  # Christmas: shut from 13:00 of the eve for 28 hours
        ("2025-02-10T15:00", "2025-02-10T14:00", False),  # not older than now
        ("2016-02-05T15:00", "2026-02-05T15:00", True),
    ],
)
def test_a_surface_is_stale_after_a_trading_day(quoted: str, now: str, old: bool) -> None:
    assert stale(ms(quoted), ms(now)) is old


def test_strikes_out_of_order_are_noticed() -> None:
    assert crossed(EURUSD) is None
    wild = (2.0, 0.09, 0.09, 0.09, 0.005)
    assert crossed(msgspec.structs.replace(EURUSD, vols=(*EURUSD.vols[:3], wild, EURUSD.vols[4]))) == 59.0


def test_ten_thousand_vols_in_the_time_of_a_few_bars() -> None:
    """The goal is 5 us a call from a kernel; here 0.5 (EURUSD) and 1.1 (USDJPY). The bound leaves room for a busy machine."""

    @kernel
    def many(days: Any, vols: Any, rd: Any, rf: Any, kind: int, spot: float) -> float:
        total = 0.0
        for i in range(10_000):
            total += smile_vol(days, vols, rd, rf, kind, spot, spot * (0.95 + 1e-5 * i), 10.0 + i % 30)
        return total

    for surface in SURFACES.values():
        many(*arrays(surface), kind_of(surface.pair), surface.spot)
        taken = []
        for _ in range(5):
            begin = time.perf_counter()
            many(*arrays(surface), kind_of(surface.pair), surface.spot)
            taken.append(time.perf_counter() - begin)
        assert min(taken) / 10_000 < 5e-6


@pytest.fixture(scope="session")
def textbook(market_data: Path) -> dict[str, dict[str, Any]]:
    cases = json.loads((market_data / "fx_options" / "textbook_smiles.json").read_text())
    return {case["id"]: case for case in cases}


def test_castagna_and_mercurio(textbook: dict[str, dict[str, Any]]) -> None:
    case = textbook["castagna-mercurio-2006"]
    years, tol, want = case["T"], case["tol"], case["expected"]
    smile = smile_vols(case["atm"], case["rr_25d"], case["bf_25d"], case["rr_25d"], case["bf_25d"])
    rd, rf = -math.log(case["df_domestic"]) / years, -math.log(case["df_foreign"]) / years
    strikes = [pillar_strike(i, SPOT, case["spot"], 365 * years, rd, rf, smile[i]) for i in (1, 2, 3)]
    assert smile[1:4:2] == pytest.approx((want["vol_25put"], want["vol_25call"]), abs=tol)
    assert strikes == pytest.approx([want["k_25put"], want["k_atm"], want["k_25call"]], abs=tol)


@pytest.mark.parametrize("name", ["clark-eurusd", "clark-eurjpy", "reiswich-wystup-eurusd-1m"])
def test_textbook_smiles_come_back_at_their_own_deltas(name: str, textbook: dict[str, dict[str, Any]]) -> None:
    """Where a book has no 10 delta quotes, its 25 delta ones stretched by 1.8 and 3.5 stand in: what the market's ratios are like."""
    case = textbook[name]
    spans = {"1M": 30.0, "2M": 61.0, "3M": 91.0, "6M": 182.0, "1Y": 365.0, "2Y": 730.0}
    count = len(case["tenors"])
    inner = [(case[key][n] / 100 for key in ("atm", "rr_25d", "strangle_25d")) for n in range(count)]
    vols = []
    for n, (atm, rr, bf) in enumerate(inner):
        outer = (case["rr_10d"][n] / 100, case["strangle_10d"][n] / 100) if "rr_10d" in case else (1.8 * rr, 3.5 * bf)
        vols.append(smile_vols(atm, rr, bf, *outer))
    surface = Surface(
        pair=case["pair"],
        ts=0,
        spot=case["spot"],
        days=tuple(spans[tenor] for tenor in case["tenors"]),
        vols=tuple(vols),
        r_domestic=(case["r_domestic"],) * count,
        r_foreign=(case["r_foreign"],) * count,
        source="file",
    )
    assert crossed(surface) is None
    kind = kind_of(surface.pair)
    for day, smile in zip(surface.days, vols, strict=True):
        for pillar in range(5):
            strike = pillar_strike(pillar, kind, surface.spot, day, case["r_domestic"], case["r_foreign"], smile[pillar])
            assert vol_of(surface, strike, day) == pytest.approx(smile[pillar], abs=1e-9)
