"""A reading never sets figures of different moments against each other, and follows everything it presumes."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from modules.exchange.holdings import Held
from modules.exchange.reading import TRIES, Reading, read_at_rest, venue_read
from modules.exchange.reports import OrderKind, OrderStatus, PositionReport, WalletReport
from modules.exchange.teller import Teller
from self_test.fakes.account_venue import open_order
from self_test.modules.exchange.watching import LIVE_PERP, LIVE_SPOT, PERP_KEY, PREFIX, SPOT_KEY, Scene
from state.accounts import Account
from state.messages import VenueRead

LINK = "CLabc-AAAUSDT-1-e"


async def _read(scene: Scene) -> Reading | None:
    return await read_at_rest(scene.venue, Teller(scene.tracker, scene.executor, scene.told.extend), scene.tracker, 0)


def read(scene: Scene) -> Reading | None:
    return asyncio.run(_read(scene))


def as_event(scene: Scene, reading: Reading, suspects: frozenset[str] = frozenset()) -> tuple[VenueRead, frozenset[str]]:
    return venue_read(scene.account, 9, reading, scene.instruments, PREFIX[scene.account], scene.tracker, suspects)


@pytest.mark.parametrize("request_name", ["wallet", "positions", "open_orders"])
def test_a_fill_between_two_requests_makes_it_read_again(request_name: str) -> None:
    scene = Scene()
    scene.venue.orders = [open_order(SPOT_KEY, LINK)]

    def fill_once(name: str) -> None:
        if name == request_name and not scene.venue.fills:
            scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK)

    scene.venue.before = fill_once
    reading = read(scene)
    assert reading is not None and reading.wallet.cash == Decimal(900) and scene.fills() == ["e0"]
    assert scene.venue.asked.count("wallet") == 2


def test_a_fill_that_the_stream_told_meanwhile_counts_too() -> None:
    scene = Scene()
    teller = Teller(scene.tracker, scene.executor, scene.told.extend)

    def streamed(name: str) -> None:
        if name == "positions" and not scene.venue.fills:
            fill = scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK)
            teller.tell([fill])

    scene.venue.before = streamed
    reading = asyncio.run(read_at_rest(scene.venue, teller, scene.tracker, 0))
    assert reading is not None and reading.wallet.cash == Decimal(900)


def test_an_account_that_never_rests_is_not_read_and_not_asked_for_ever() -> None:
    scene = Scene()
    scene.venue.before = lambda name: scene.venue.trade(SPOT_KEY, 1, "1", "1", link_id=LINK) if name == "wallet" else None
    assert read(scene) is None
    assert scene.venue.asked.count("wallet") == TRIES


def test_pain_46_executions_that_an_ended_order_lacks_are_asked_for_by_the_order() -> None:
    scene = Scene()
    fill = scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK, order="v1")
    real, scene.venue.fills = scene.venue.fills, []  # the listing has lost it, the order's own list has not
    scene.tracker.take([open_order(SPOT_KEY, LINK, venue_id="v1", status=OrderStatus.FILLED, filled="1")])
    scene.venue.before = lambda name: setattr(scene.venue, "fills", real if name == "executions_of" else [])
    reading = read(scene)
    assert reading is not None and scene.fills() == [fill.exec_id]


def test_an_order_known_to_have_more_fills_than_were_told_keeps_the_reading_back() -> None:
    scene = Scene()
    scene.tracker.take([open_order(SPOT_KEY, LINK, venue_id="v1", status=OrderStatus.FILLED, filled="1")])
    assert read(scene) is None


@pytest.mark.parametrize("known", [True, False])
def test_an_order_that_executed_and_was_never_reported_is_looked_up_before_anything_is_presumed(known: bool) -> None:
    scene = Scene()
    scene.venue.orders = [open_order(SPOT_KEY, "4711", venue_id="v1", status=OrderStatus.FILLED)] if known else []
    scene.tracker.nameless = [(SPOT_KEY, "v1")]
    looks = [read(scene) is not None for _ in range(4)]
    assert looks == ([True] * 4 if known else [False, False, True, True])
    assert scene.venue.asked.count("order") == (1 if known else 3)


def reading_of(account: Account = LIVE_PERP, *, cash: str = "1", free: str = "1", rows: list[PositionReport] | None = None) -> Reading:
    return Reading(WalletReport(cash=Decimal(cash), free=Decimal(free), coins={"AAA": Decimal(2), "BBB": Decimal(0)}), rows or [], [])


def test_pain_34_cash_is_the_balance_and_free_what_may_be_bound_and_both_are_exact() -> None:
    event, _ = as_event(Scene(), reading_of(cash="1000.12345678901", free="-0.00000000001"))
    assert (event.cash, event.free) == (10_001_234_567_890, -1)
    assert event.coins == {"AAA": Decimal(2)}


def test_positions_are_signed_steps_and_empty_rows_are_none() -> None:
    rows = [
        PositionReport(key=PERP_KEY, side=-1, size=Decimal("0.0003"), entry=Decimal(1)),
        PositionReport(key="PERPS:BBBUSDT", side=0, size=Decimal(0), entry=Decimal(0)),
    ]
    assert as_event(Scene(LIVE_PERP), reading_of(rows=rows))[0].positions == {PERP_KEY: -3}


def test_pain_33_a_position_in_hedge_mode_is_foreign_and_so_is_one_in_what_we_do_not_trade() -> None:
    rows = [
        PositionReport(key=PERP_KEY, side=1, size=Decimal(1), entry=Decimal(1), hedged=True),
        PositionReport(key="PERPS:ZZZUSDT", side=-1, size=Decimal(2), entry=Decimal(1)),
    ]
    event, _ = as_event(Scene(LIVE_PERP), reading_of(rows=rows))
    assert event.positions == {}
    assert event.foreign == (
        "a foreign position in hedge mode: long 1 PERPS:AAAUSDT",
        "a foreign position in what this bot does not trade: short 2 PERPS:ZZZUSDT",
    )


def test_strange_protection_counts_when_it_is_seen_again() -> None:
    scene = Scene()
    bracket = open_order(SPOT_KEY, "4711", side=-1, qty="1", kind=OrderKind.SPOT_BRACKET, stop="90", target="120")
    reading = Reading(WalletReport(cash=Decimal(1), free=Decimal(1)), [], [bracket])
    event, suspects = as_event(scene, reading)
    assert event.foreign == () and suspects == {bracket.venue_id}
    assert len(as_event(scene, reading, suspects)[0].foreign) == 1


def test_the_bracket_of_a_held_position_is_ours_dust_included() -> None:
    scene = Scene(LIVE_SPOT)
    scene.tracker.holds[SPOT_KEY] = Held(side=1, steps=10_000, stop=9_000, target=12_000, coins=Decimal("1.00004"))
    bracket = open_order(SPOT_KEY, "4711", side=-1, qty="1.00004", kind=OrderKind.SPOT_BRACKET, stop="90", target="120")
    reading = Reading(WalletReport(cash=Decimal(1), free=Decimal(1)), [], [bracket])
    assert as_event(scene, reading)[1] == frozenset()
