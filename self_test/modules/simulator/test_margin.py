from __future__ import annotations

import itertools

import pytest

from modules.simulator import margin
from modules.simulator.account import Position
from self_test.modules.simulator.stage import UID, D, Stage, listed

TABLE = margin.tiers(listed("linear"))


def test_maintenance_is_continuous_where_tiers_meet():
    for low, high in itertools.pairwise(TABLE):
        assert low.limit * low.mmr - low.deduction == low.limit * high.mmr - high.deduction
        assert margin.maintenance(TABLE, low.limit) <= margin.maintenance(TABLE, low.limit + 1)
        assert high.max_leverage < low.max_leverage


def test_beyond_the_last_tier_the_last_holds():
    assert margin.tier_at(TABLE, TABLE[-1].limit + 1) is TABLE[-1]


@pytest.mark.parametrize("side", ["Buy", "Sell"])
def test_closing_at_bankruptcy_uses_up_the_balance_to_within_a_tick(side: str):
    position = Position(symbol="X", idx=0, side=side, size=D("0.3"), cost=D(24_000))  # type: ignore[arg-type]
    mark, balance, fee, tick = D(79_000), D(500), D("0.00055"), D("0.1")
    price = margin.bankruptcy(position, mark, balance, fee, tick)
    left = balance + (price - mark) * position.size * position.sign - price * position.size * fee
    assert 0 <= left < position.size * tick


def test_a_long_with_more_margin_than_value_has_no_liquidation_price():
    position = Position(symbol="X", idx=0, size=D("0.1"), cost=D(8000))
    assert margin.liquidation(position, D(80_000), D(20_000), D(80), TABLE, D("0.1")) is None
    short = Position(symbol="X", idx=0, side="Sell", size=D("0.1"), cost=D(8000))
    assert margin.liquidation(short, D(80_000), D(20_000), D(80), TABLE, D("0.1")) is not None


def test_orders_bind_margin_and_reducing_ones_do_not():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", "79000")
    sums = stage.exchange._desk.figures(stage.account)
    assert (sums.order_im, sums.available) == (D(790), D(9210))
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Sell", "0.1", "81000", reduce_only=True)
    stage.place("linear", "Sell", "0.1", "81000")
    assert stage.exchange._desk.figures(stage.account).order_im == 790, "what would only close needs nothing"
    stage.place("linear", "Sell", "0.05", "81000")
    assert stage.exchange._desk.figures(stage.account).order_im == 790 + 405


def test_unrealised_profit_carries_perpetuals_but_buys_no_coins():
    stage = Stage("1000")
    stage.place("linear", "Buy", "0.1")  # IM 800
    stage.move("90000")
    sums = stage.exchange._desk.figures(stage.account)
    assert sums.unrealised == 1000 and sums.available > 1000
    assert sums.spendable == D("995.6") - 900
    assert stage.code("spot", "Buy", "200") == 170131


def test_spot_locks_are_not_margin():
    stage = Stage("1000")
    stage.place("spot", "Buy", "0.012", "79000")
    assert stage.code("linear", "Buy", "0.01") == 110007


def test_too_large_for_the_tier_at_this_leverage():
    stage = Stage("100000000")
    assert stage.exchange.set_leverage(UID, "BTCUSDT", D(50), D(50), stage.now) is None
    assert stage.code("linear", "Buy", "30", "79000") == 110090
