"""The forty more coins: listed when asked for, on sane grids, without moving anybody else."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from modules.simulator import extra_coins, filters
from modules.simulator.generated import COINS, DEFAULT_START, GeneratedMarket
from modules.simulator.intervals import DAY


def test_grids_fit_the_price() -> None:
    assert len(extra_coins.NAMES) == 40 and not set(extra_coins.NAMES) & set(COINS)
    for name in extra_coins.NAMES:
        price = Decimal(extra_coins.level(name))
        assert Decimal("0.05") <= price <= 500
        for category in ("spot", "linear"):
            found = filters.listing(f"{name}USDT", category)
            assert found is not None
            one = found.instrument
            assert Decimal("1e-5") <= one.tick / price <= Decimal("1e-4") and one.step * price <= Decimal(10)
            assert one.tick * one.step >= Decimal("1e-10") and one.max_qty * price > 1_000_000


def test_they_trade_and_leave_the_others_alone() -> None:
    alone = GeneratedMarket(2, DEFAULT_START, ("BTCUSDT",))
    assert list(GeneratedMarket(2, DEFAULT_START, ("SIM07USDT",)).series) == ["spot:SIM07USDT", "linear:SIM07USDT"]
    both = GeneratedMarket(2, DEFAULT_START, ("BTCUSDT", "SIM07USDT"))
    assert (alone.series["spot:BTCUSDT"].bars == both.series["spot:BTCUSDT"].bars).all()
    rows = both.series["linear:SIM07USDT"].bars
    assert len(rows) >= 100 * DAY // 60_000 and (rows["low"] > 0).all()
    assert np.abs(np.diff(np.log(rows["close"].astype(float)))).max() < 0.2
