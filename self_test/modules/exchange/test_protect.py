"""The next protective action for what is held, wanted and standing; nothing without a difference, never a stop away first."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange import protect
from modules.exchange.protect import RECIPES, Amend, CreateStop, SetStops, Standing, Sweep, Wanted
from modules.exchange.reports import OrderKind, OrderReport, OrderStatus, PositionReport
from self_test.fakes.live_floor import instrument
from state.accounts import Domain

SPOT, PERP = RECIPES[Domain.CRYPTO], RECIPES[Domain.PERPS]
ONE = instrument()
WANT = Wanted(side=1, steps=999, stop=950, target=1_100)


def bracket(qty: str = "0.999", stop: str | Decimal = "95", target: str | Decimal = "110", name: str = "b", **more: object) -> OrderReport:
    made = OrderReport(
        key=ONE.key, venue_id=name, link_id="9", side=-1, kind=OrderKind.SPOT_BRACKET, status=OrderStatus.WAITING, qty=Decimal(qty),
        filled=Decimal(0), stop=Decimal(stop), target=Decimal(target), created_ts=1, ts=1,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def single(qty: str = "0.999", trigger: str = "95", name: str = "s", **more: object) -> OrderReport:
    none = Decimal(0)
    return bracket(qty, name=name, kind=OrderKind.SPOT_EXIT, stop=none, target=none, trigger=Decimal(trigger)) if not more else (
        msgspec.structs.replace(single(qty, trigger, name), **more)
    )  # fmt: skip


def spot(*orders: OrderReport, wanted: Wanted = WANT) -> protect.Action | None:
    return protect.next_action(SPOT, wanted, Standing(orders=orders), ONE)


@pytest.mark.parametrize("orders", [(bracket(),), (single(),), (bracket("0.5"), single("0.499")), (bracket(status=OrderStatus.TRIGGERED),)])
def test_pain_03_nothing_is_sent_when_nothing_differs(orders: tuple[OrderReport, ...]) -> None:
    assert spot(*orders) is None


@pytest.mark.parametrize(
    ("orders", "action"),
    [
        ((), CreateStop(999, 950)),
        ((bracket(stop="94"),), Amend(venue_id="b", bracket=True, stop=950)),
        ((bracket(target="111"),), Amend(venue_id="b", bracket=True, target=1_100)),
        ((single(trigger="94"),), Amend(venue_id="s", bracket=False, stop=950)),
        ((bracket("0.5"),), Amend(venue_id="b", bracket=True, steps=999)),
        ((bracket("1.2"),), Amend(venue_id="b", bracket=True, steps=999)),
        ((bracket("0.5", stop="94"),), Amend(venue_id="b", bracket=True, stop=950, steps=999)),
        ((bracket(), single()), Sweep("s")),
        ((bracket(), bracket(name="c")), Sweep("c")),
        ((bracket("0.998"),), None),
        ((single(side=1),), CreateStop(999, 950)),
        ((single(trigger="110"),), CreateStop(999, 950)),
        ((bracket(kind=OrderKind.PLAIN, status=OrderStatus.OPEN),), Sweep("b")),
    ],
)
def test_pain_21_what_stands_is_brought_to_what_is_wanted(orders: tuple[OrderReport, ...], action: protect.Action | None) -> None:
    assert spot(*orders) == action


def test_pain_02_what_outlived_its_position_is_swept() -> None:
    gone = msgspec.structs.replace(WANT, steps=0)
    assert spot(bracket(), wanted=gone) == Sweep("b") and spot(wanted=gone) is None
    assert protect.sweep([bracket(status=OrderStatus.TRIGGERED)]) is None


@pytest.mark.parametrize(("steps", "dust"), [(52, True), (53, False)])
def test_pain_18_dust_needs_no_stop(steps: int, dust: bool) -> None:
    """53 steps at 95 are worth 5.035, 52 are below the minimum of 5."""
    small = msgspec.structs.replace(WANT, steps=steps)
    assert (spot(wanted=small) is None) == dust == protect.is_dust(ONE, steps, 950)
    assert protect.is_covered(SPOT, small, Standing(), ONE) == dust
    assert protect.verify(SPOT, small, Standing(), ONE) == ([] if dust else ["no stop stands for 53 steps"])
    assert not protect.is_dust(ONE, 52, 0) and protect.is_dust(ONE, 0, 0)


@given(st.sampled_from([1, -1]), st.integers(1, 10**6), st.integers(1, 10**6))
def test_pain_01_of_two_stops_the_better_counts(side: int, one: int, other: int) -> None:
    best = protect.better(side, one, other)
    assert best in {one, other} and side * best >= side * one and side * best >= side * other
    assert protect.better(side, one, 0) == protect.better(side, 0, one) == one


def test_pain_01_a_stop_standing_better_is_left() -> None:
    assert spot(bracket(stop="96")) is None
    assert protect.effective(SPOT, WANT, Standing(orders=(bracket(stop="96"),)), ONE).stop == 960
    off_grid = bracket(stop="96.05")
    assert protect.effective(SPOT, WANT, Standing(orders=(off_grid,)), ONE).stop == 950


@given(
    held=st.integers(0, 2_000),
    stop=st.integers(900, 990),
    standing=st.lists(st.tuples(st.integers(1, 1_500), st.integers(900, 990), st.booleans()), max_size=3),
)
def test_pain_01_actions_lead_to_rest_and_never_uncover(held: int, stop: int, standing: list[tuple[int, int, bool]]) -> None:
    """A venue that does what it is told: within a few actions nothing differs, and at no point is less covered than could be."""
    orders = {
        f"o{n}": bracket(str(ONE.qty(qty)), str(ONE.price(level)), name=f"o{n}")
        if both
        else single(str(ONE.qty(qty)), str(ONE.price(level)), name=f"o{n}")
        for n, (qty, level, both) in enumerate(standing)
    }
    wanted = Wanted(side=1, steps=held, stop=stop, target=1_100)
    for n in range(12):
        now = Standing(orders=tuple(orders.values()))
        action = protect.next_action(SPOT, wanted, now, ONE)
        if action is None:
            break
        before = protect.covered_steps(SPOT, wanted, now, ONE)
        match action:
            case Sweep(name):
                del orders[name]
            case CreateStop(steps, level):
                orders[f"n{n}"] = single(str(ONE.qty(steps)), str(ONE.price(level)), name=f"n{n}")
            case Amend():
                known = orders[action.venue_id]
                level_now = protect.level(known) if action.stop is None else ONE.price(action.stop)
                orders[action.venue_id] = msgspec.structs.replace(
                    known,
                    qty=known.qty if action.steps is None else ONE.qty(action.steps),
                    target=known.target if action.target is None else ONE.price(action.target),
                    stop=level_now if action.bracket else known.stop,
                    trigger=known.trigger if action.bracket else level_now,
                )
        assert protect.covered_steps(SPOT, wanted, Standing(orders=tuple(orders.values())), ONE) >= before
    else:
        pytest.fail("it does not come to rest")
    if held:
        assert protect.is_covered(SPOT, wanted, Standing(orders=tuple(orders.values())), ONE)


def test_pain_36_a_read_back_says_in_words_what_differs() -> None:
    def said(*orders: OrderReport) -> str:
        return "; ".join(protect.verify(SPOT, WANT, Standing(orders=orders), ONE))

    assert "stands at 94, not at 95.0" in said(bracket(stop="94"))
    assert "target b stands at 111" in said(bracket(target="111"))
    assert "stops stand for 1200 steps, held are 999" in said(bracket("1.2"))
    assert "499 steps have no stop" in said(bracket("0.5"))
    assert "no stop stands" in said(bracket(kind=OrderKind.PLAIN, status=OrderStatus.OPEN))
    assert said(bracket()) == ""


def test_the_target_is_watched_here_where_the_venue_holds_the_stop_alone() -> None:
    assert protect.software_target(SPOT, WANT, Standing(orders=(single(),)), ONE)
    assert not protect.software_target(SPOT, WANT, Standing(orders=(bracket(),)), ONE)
    assert not protect.software_target(PERP, WANT, Standing(), ONE)


def position(stop: str = "95", target: str = "110", side: int = 1) -> PositionReport:
    return PositionReport(
        key="PERPS:BTCUSDT", side=side, size=Decimal("0.999"), entry=Decimal(100), stop=Decimal(stop), target=Decimal(target)
    )


def leg(kind: OrderKind, trigger: str, *, reduce_only: bool = True) -> OrderReport:
    return bracket(name=str(kind), kind=kind, stop=Decimal(0), target=Decimal(0), trigger=Decimal(trigger), reduce_only=reduce_only)


@pytest.mark.parametrize(
    ("standing", "covered", "words"),
    [
        (Standing(position=position()), 999, ""),
        (Standing(), 0, "no stop stands and the position was not seen"),
        (Standing(position=position(side=-1)), 0, "was not seen"),
        (Standing(position=position("0")), 0, "the position's stop is 0"),
        (Standing(position=position("94")), 999, "the position's stop is 94"),
        (Standing(position=position(target="0")), 999, "the position's target is 0"),
        (Standing(orders=(leg(OrderKind.STOP_LOSS, "95"), leg(OrderKind.TAKE_PROFIT, "110"))), 999, ""),
        (Standing(orders=(leg(OrderKind.STOP_LOSS, "94"), leg(OrderKind.TAKE_PROFIT, "110"))), 999, "the stop stands at 94"),
        (Standing(orders=(leg(OrderKind.STOP_LOSS, "95", reduce_only=False),), position=position()), 999, "may open a position"),
    ],
)
def test_a_perpetual_is_protected_by_its_position(standing: Standing, covered: int, words: str) -> None:
    one = instrument(Domain.PERPS)
    assert protect.covered_steps(PERP, WANT, standing, one) == covered
    said = "; ".join(protect.verify(PERP, WANT, standing, one))
    assert words in said if words else not said
    expected = None if not words else SetStops(950, 1_100)
    assert protect.next_action(PERP, WANT, standing, one) == expected


def test_a_perpetual_s_better_stop_is_kept_when_the_target_moves() -> None:
    one = instrument(Domain.PERPS)
    assert protect.next_action(PERP, WANT, Standing(position=position("96", "111")), one) == SetStops(960, 1_100)
