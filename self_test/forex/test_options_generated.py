"""Generated surfaces: the same for the same seed and day, plausible on every day, without arbitrage."""

from __future__ import annotations

from itertools import pairwise

import pytest

from forex.options_generated import HIGHEST, LOWEST, REVERSALS, generated_surface
from forex.options_surface import crossed
from self_test.forex.test_options_surface import densities
from utils.errors import Refusal

DAY_MS = 86_400_000
FIRST = 20_000
MONTH = 3


def test_a_day_is_the_same_whenever_it_is_asked_for() -> None:
    ts = FIRST * DAY_MS
    once = generated_surface("EURUSD", 7, ts, 1.1)
    assert once == generated_surface("EURUSD", 7, ts + DAY_MS - 1, 1.1)
    assert (once.ts, once.spot, once.source) == (ts, 1.1, "generated")
    assert once.vols != generated_surface("EURUSD", 7, ts + DAY_MS, 1.1).vols
    assert once.vols != generated_surface("EURUSD", 8, ts, 1.1).vols
    assert once.vols != generated_surface("USDJPY", 7, ts, 1.1).vols
    assert once.vols == generated_surface("EURUSD", 7, ts, 1.3).vols
    # The figure itself: a seed must mean the same on every machine and in every version.
    assert once.vols[MONTH][2] == pytest.approx(0.09280925374399851, abs=1e-12)


@pytest.mark.parametrize("pair", REVERSALS)
def test_vols_move_slowly_within_their_bounds_and_come_back(pair: str) -> None:
    found = [generated_surface(pair, 1, day * DAY_MS, 1.0) for day in range(FIRST, FIRST + 400)]
    months = [surface.vols[MONTH][2] for surface in found]
    assert min(months) >= LOWEST
    assert max(months) <= HIGHEST
    assert max(months) - min(months) > 0.01
    assert max(abs(later - sooner) for sooner, later in pairwise(months)) < 0.005
    assert 0.074 < sum(months) / len(months) < 0.084
    for surface in found:
        atm = [smile[2] for smile in surface.vols]
        assert atm == sorted(atm)
        assert all(abs(smile[3] - smile[1]) < 0.25 * smile[2] for smile in surface.vols)
        assert crossed(surface) is None


@pytest.mark.parametrize("pair", REVERSALS)
def test_no_butterfly_is_free(pair: str) -> None:
    for day in range(FIRST, FIRST + 600, 60):
        surface = generated_surface(pair, 3, day * DAY_MS, 1.0)
        for tenor in surface.days[:-1]:
            slopes, density = densities(surface, tenor, 1.0)
            assert slopes.max() < 0.0
            assert density.min() > 0.0


def test_a_pair_without_options_has_none() -> None:
    with pytest.raises(Refusal, match="no surface is generated of GBPUSD"):
        generated_surface("GBPUSD", 1, 0, 1.2)
