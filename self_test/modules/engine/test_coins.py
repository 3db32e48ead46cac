from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.engine import coins
from self_test.scenarios.desk import LEVEL, LiveDesk
from state.books import OPEN, PENDING
from state.messages import Command, Record
from state.orders import Fill
from utils.fixed import MONEY_SCALE

UNIT = MONEY_SCALE // 1_000_000
"""A tick of a cent on a step of a ten-thousandth."""


def fill(desk: LiveDesk, steps: int, base_fee: str = "0", *, side: int = 1, price: int = LEVEL, fee: int = 0) -> Fill:
    return Fill(
        ts=desk.now,
        account=desk.account,
        key=desk.coin().key,
        order_id="o",
        exec_id="e",
        side=side,
        price=price,
        steps=steps,
        fee=fee,
        base_fee=Decimal(base_fee),
    )


def got(desk: LiveDesk, one: Fill) -> tuple[int, int, int]:
    return coins.received(desk.engine.state, desk.seat(), one, [])


def test_coins_are_counted_on_live_spot_alone() -> None:
    spot, perps = LiveDesk(), LiveDesk(perps=True)
    for desk, live in ((spot, True), (perps, False)):
        assert coins.counted(desk.engine.state, desk.seat()) is live
        with desk.on(desk.paper):
            assert not coins.counted(desk.engine.state, desk.seat())


@pytest.mark.parametrize("perps", [False, True])
def test_elsewhere_a_fill_is_what_it_says(perps: bool) -> None:
    desk = LiveDesk(perps=perps)
    with desk.on(desk.live if perps else desk.paper):
        one = fill(desk, 1_000, fee=77)
        assert got(desk, one) == (1_000, 77, 0)
        out: list[Command] = []
        coins.given(desk.engine.state, desk.seat(), one, out)
        assert out == [] and desk.engine.state.coins == {}
        assert not coins.unsellable(desk.engine.state, desk.seat())


@pytest.mark.parametrize(
    "steps, base_fee, before, expected",
    [
        # (steps of the position, its fee, what was paid for dust), in units of a tick on a step
        pytest.param(1_000, "0", "0", (1_000, 0, 0), id="no fee in coin"),
        pytest.param(1_000, "0.0001", "0", (999, LEVEL, 0), id="the fee is a whole step"),
        pytest.param(1_000, "0.00004", "0", (999, LEVEL * 0.4, LEVEL * 0.6), id="the fee is part of a step: the rest of it is dust"),
        pytest.param(1_000, "0.00004", "0.00004", (1_000, LEVEL * 0.4, LEVEL * -0.4), id="dust of before completes the step"),
        pytest.param(1_000, "0.00004", "0.01", (1_099, LEVEL * 0.4, LEVEL * -99.4), id="what was written off is taken in"),
        pytest.param(1, "0.00000000001", "0", (0, 0, LEVEL), id="not one whole step"),
    ],
)
def test_what_a_fill_brings(steps: int, base_fee: str, before: str, expected: tuple[float, float, float]) -> None:
    desk = LiveDesk()
    desk.engine.state.coins["CRYPTO/LIVE"] = {"AAA": Decimal(before)}
    grown, fee, dust = got(desk, fill(desk, steps, base_fee))
    assert (grown, fee, dust) == (expected[0], round(expected[1] * UNIT), round(expected[2] * UNIT))
    assert desk.coins["AAA"] == Decimal(before) + desk.coin().qty(steps) - Decimal(base_fee)


@given(
    steps=st.integers(1, 5_000),
    price=st.integers(1, 1_000_000),
    rate=st.decimals(0, "0.01", places=9),
    before=st.decimals(-1, 1, places=12),
    held=st.integers(0, 5_000),
)
def test_whatever_it_brings_its_price_is_paid_to_the_unit(steps: int, price: int, rate: Decimal, before: Decimal, held: int) -> None:
    desk = SHARED
    state, seat = desk.engine.state, desk.seat()
    state.coins["CRYPTO/LIVE"] = {"AAA": before}
    state.pos[seat]["status"], state.pos[seat]["steps"] = (OPEN if held else PENDING), held
    one = fill(desk, steps, str(desk.coin().qty(steps) * rate), price=price)
    grown, fee, dust = got(desk, one)
    assert grown >= 0 and fee >= 0
    assert price * grown * UNIT + fee + dust == price * steps * UNIT
    if grown:
        assert held + grown == desk.coins["AAA"] // desk.coin().step


SHARED = LiveDesk()


def test_a_movement_is_a_row_in_the_coin() -> None:
    desk = LiveDesk()
    out: list[Command] = []
    state, seat = desk.engine.state, desk.seat()
    coins.received(state, seat, fill(desk, 1_000, "0.00004"), out)
    coins.given(state, seat, fill(desk, 600, side=-1), out)
    coins.strayed(state, seat, fill(desk, 100, "0.00001"), out)
    coins.strayed(state, seat, fill(desk, 100, side=-1), out)
    assert [command.kind for command in out if isinstance(command, Record)] == ["cash"] * 4
    told = [command.row for command in out if isinstance(command, Record)]
    assert [row["amount"] for row in told] == ["0.09996", "-0.06", "0.00999", "-0.01"]
    assert all((row["coin"], row["account"], row["kind"], row["ref"]) == ("AAA", "CRYPTO/LIVE", "trade", "e") for row in told)
    assert desk.coins == {"AAA": Decimal("0.03995")}


def test_what_is_paid_for_dust_leaves_the_wallet() -> None:
    desk = LiveDesk()
    before = int(desk.acct["cash"])
    coins.paid_for_dust(desk.engine.state, desk.seat(), 5)
    coins.paid_for_dust(desk.engine.state, desk.seat(), -2)
    assert int(desk.acct["cash"]) == before - 3


@pytest.mark.parametrize(
    "steps, mark, stop, expected",
    [
        (500, LEVEL, LEVEL, False),  # exactly 5 USDT
        (499, LEVEL, LEVEL, True),
        (500, LEVEL, LEVEL - 1, True),  # what its stop would sell is below the minimum
        (500, LEVEL - 1, LEVEL, True),
        (515, LEVEL, 9_709, False),
        (0, LEVEL, LEVEL, True),
    ],
)
def test_what_the_venue_would_not_sell(steps: int, mark: int, stop: int, expected: bool) -> None:
    desk = LiveDesk()
    row = desk.pos()
    row["status"], row["steps"], row["mark"], row["stop"] = OPEN, steps, mark, stop
    assert coins.unsellable(desk.engine.state, desk.seat()) is expected
    assert coins.worthless_at_stop(desk.engine.state, desk.seat()) is (expected and mark >= stop)
    row["status"] = PENDING
    assert not coins.unsellable(desk.engine.state, desk.seat()), "not yet a position"
    assert not coins.worthless_at_stop(desk.engine.state, desk.seat())


def test_below_the_least_quantity_nothing_can_be_sold_whatever_it_is_worth() -> None:
    desk = LiveDesk()
    row = desk.pos()
    row["status"], row["steps"], row["mark"], row["stop"] = OPEN, 600, LEVEL, LEVEL
    desk.engine.state.inst[desk.seat()]["min_steps"] = 601
    assert coins.unsellable(desk.engine.state, desk.seat())
