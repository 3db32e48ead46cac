"""The filter table, and grids guessed from prices when it does not fit."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from modules.simulator import filters
from state.accounts import Domain


def test_the_table_serves_both_categories() -> None:
    spot, perp = filters.listing("BTCUSDT", "spot"), filters.listing("BTCUSDT", "linear")
    assert spot is not None and perp is not None
    assert (spot.instrument.domain, spot.instrument.tick, spot.instrument.step) == (Domain.CRYPTO, Decimal("0.01"), Decimal("0.000001"))
    assert (perp.instrument.domain, perp.instrument.tick, perp.instrument.funding_interval_min) == (Domain.PERPS, Decimal("0.10"), 480)
    assert filters.listing("AAVEUSDT", "spot") is None
    assert filters.listing("AAVEUSDT", "linear") is not None
    assert filters.listing("BTCUSD", "linear") is None
    assert filters.listing("NOPEUSDT", "spot") is None


@pytest.mark.parametrize("coin", filters.COINS)
def test_every_listing_can_be_booked_in_integers(coin: str) -> None:
    for category in ("spot", "linear"):
        found = filters.listing(coin + "USDT", category)
        assert found is None or found.instrument.unit >= 1


def test_recorded_prices_keep_the_table_when_they_fit_it() -> None:
    prices = np.array([79466.75, 79468.2, 100000.0])
    assert filters.listing_for_prices("BTCUSDT", "spot", prices) == filters.listing("BTCUSDT", "spot")


def test_recorded_prices_finer_than_the_table_bring_their_own_tick() -> None:
    found = filters.listing_for_prices("BNBUSDT", "spot", np.array([612.37, 611.0]))
    known = filters.listing("BNBUSDT", "spot")
    assert known is not None
    assert (found.instrument.tick, found.instrument.step) == (Decimal("0.01"), known.instrument.step)


def test_an_unknown_symbol_gets_filters_from_its_prices() -> None:
    found = filters.listing_for_prices("PEPEUSDT", "spot", np.array([0.00001234, 0.0000125]))
    assert found.instrument.tick == Decimal("1E-8")
    assert found.instrument.step == 1
    dear = filters.listing_for_prices("XYZUSDT", "linear", np.array([1234.5, 1200.0]))
    assert (dear.instrument.tick, dear.instrument.step) == (Decimal("0.1"), Decimal("0.000001"))
    fine = filters.listing_for_prices("XYZUSDT", "linear", np.array([1234.12345678]))
    assert fine.instrument.unit == 1


def test_decimals_are_the_fewest_that_write_all() -> None:
    assert filters.decimals(np.array([1.0, 2.0])) == 0
    assert filters.decimals(np.array([1.5, 2.25])) == 2
    assert filters.decimals(np.array([1 / 3])) == 8
