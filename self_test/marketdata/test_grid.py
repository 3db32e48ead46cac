from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.grid import Grid, rate_e8
from self_test.marketdata.samples import spot
from utils.fixed import nearest_ticks

GRIDS = [("0.01", "0.000001"), ("0.1", "0.001"), ("0.0001", "0.01"), ("0.5", "0.1"), ("0.00000001", "1"), ("0.00005", "10")]


@given(st.sampled_from(GRIDS), st.integers(1, 10**9), st.integers(0, 10**11))
def test_strings_on_the_grid_convert_exactly(grid: tuple[str, str], ticks: int, steps: int):
    instrument = spot(tick=grid[0], step=grid[1])
    factors = Grid.of(instrument)
    assert factors.ticks(float(str(instrument.price(ticks)))) == ticks
    assert factors.steps(float(str(instrument.qty(steps)))) == steps


@given(st.sampled_from(GRIDS), st.floats(1e-9, 1e9))
def test_any_price_goes_to_the_tick_that_the_whole_program_calls_nearest(grid: tuple[str, str], price: float):
    factors = Grid.of(spot(tick=grid[0], step=grid[1]))
    assert factors.ticks(price) == nearest_ticks(price, factors.tick)
    assert factors.levels([(price, price), (1.0, 0.0)]) == [
        (factors.ticks(one), factors.steps(size)) for one, size in ((price, price), (1.0, 0.0))
    ]


def test_a_size_between_steps_is_rounded_down():
    factors = Grid.of(spot(step="0.001"))
    assert factors.steps(0.0019) == 1
    assert factors.steps(0.0009) == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused(bad: float):
    factors = Grid.of(spot())
    with pytest.raises((ValueError, OverflowError)):
        factors.ticks(bad)
    with pytest.raises((ValueError, OverflowError)):
        factors.steps(bad)


def test_rates_are_exact_to_a_hundred_millionth():
    assert rate_e8("0.0001") == 10_000
    assert rate_e8("-0.000212") == -21_200
    assert rate_e8("0.00000001") == int(Decimal("0.00000001").scaleb(8))
