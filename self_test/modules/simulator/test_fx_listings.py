from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from config import CONFIG
from modules.simulator.fx_listings import LISTINGS, fx_listing, fx_listing_for_prices
from state.accounts import Domain
from utils.errors import Refusal


def test_every_configured_pair_is_listed_on_its_grid() -> None:
    assert tuple(LISTINGS) == CONFIG.domains[Domain.FOREX].symbols
    euro, yen = LISTINGS["EURUSD"], LISTINGS["USDJPY"]
    assert (euro.name, euro.instrument.tick, euro.pip_location, euro.margin_rate) == ("EUR_USD", Decimal("0.00001"), -4, Decimal("0.0333"))
    assert (yen.name, yen.instrument.tick, yen.pip_location) == ("USD_JPY", Decimal("0.001"), -2)
    assert LISTINGS["EURGBP"].margin_rate == Decimal("0.05")
    for one in LISTINGS.values():
        assert one.instrument.step == one.instrument.min_qty == Decimal(1)
        assert one.instrument.margin_rate == one.margin_rate and one.instrument.pip == Decimal(1).scaleb(one.pip_location)
        assert one.instrument.tick == Decimal(1).scaleb(-one.display_precision)
        assert one.instrument.unit > 0


def test_recorded_prices_must_be_on_the_pairs_scale() -> None:
    assert fx_listing_for_prices("USDJPY", np.array([149.1234, 150.2])).symbol == "USDJPY"
    with pytest.raises(Refusal, match="scale"):
        fx_listing_for_prices("EURUSD", np.array([109_123.0, 109_200.0]))
    with pytest.raises(Refusal, match="NZDUSD is not listed"):
        fx_listing_for_prices("NZDUSD", np.array([0.6]))
    assert fx_listing("NZDUSD") is None
