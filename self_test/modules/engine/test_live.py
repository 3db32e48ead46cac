"""What the playbooks do not say: the book that is compared, where a hold begins and ends, what fits what."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from modules.engine import live
from modules.exchange.reconcile import CAUSES, Book, Findings, reconcile
from self_test.scenarios.desk import LEVEL, LiveDesk, close, kinds, rows
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.intents import Side
from state.messages import Command, OrderUnknown, ProtectionFailed, Report, TargetTouched, VenueRead
from utils.errors import Invariant

OTHER = Account(Domain.PERPS, Mode.LIVE)


def book(desk: LiveDesk) -> Book:
    return live.book_of(desk.engine.state, desk.live)


def test_the_book_is_that_of_one_account() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    desk.open(0)
    with desk.on(desk.paper):
        desk.filled(desk.enter(1, strategy=3))
    found = book(desk)
    assert (found.cash, found.outside) == (int(desk.acct["cash"]), 0)
    assert (found.coins, found.positions, found.busy, found.busy_coins) == ({"AAA": Decimal("0.1998")}, {}, frozenset(), frozenset())
    # At a price of 100 the least order of 5 is 0.05 coins.
    assert found.dust == {"AAA": Decimal("0.05"), "BBB": Decimal("0.05")}


@pytest.mark.parametrize("side", [1, -1])
def test_positions_of_perpetuals_are_signed_and_have_no_coins(side: int) -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", perps=True)
    order = desk.open(side=Side(side))
    found = book(desk)
    assert (found.positions, found.coins, found.dust) == ({"PERPS:AAAUSDT": side * order.intent.steps}, {}, {})


def test_what_is_on_its_way_is_busy() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", "CCCUSDT")
    order = desk.enter(0)
    desk.tell(OrderUnknown(desk.now, desk.live, order.order_id, "timeout"))
    desk.open(1)
    close(desk, 1)
    with desk.on(desk.paper):
        desk.enter(2, strategy=3)  # paper's own affair
    found = book(desk)
    assert found.busy == {"CRYPTO:AAAUSDT", "CRYPTO:BBBUSDT"} and found.busy_coins == {"AAA", "BBB"}
    desk.engine.state.orders.clear()
    assert book(desk).busy == found.busy, "the rows alone say it, too"


def test_only_the_reconciliations_own_holds_are_compared() -> None:
    desk = LiveDesk()
    state, out = desk.engine.state, list[Command]()
    for cause in ("stream", "key", *CAUSES):
        live.hold(state, desk.live, desk.now, cause, f"because of {cause}", out)
    assert set(book(desk).held) == set(CAUSES)
    desk.read()
    assert desk.causes == {"stream", "key"}, "a clean reading settles what a reading found, nothing else"


def test_a_hold_is_told_when_it_begins_changes_and_ends() -> None:
    desk = LiveDesk()
    state, said = desk.engine.state, list[Command]()
    live.hold(state, OTHER, 1, "a", "one", said)
    live.hold(state, OTHER, 2, "a", "one", said)
    live.hold(state, OTHER, 3, "a", "two", said)
    live.let_go(state, OTHER, 4, "b", said)
    live.let_go(state, OTHER, 5, "a", said)
    live.let_go(state, OTHER, 6, "a", said)
    live.let_go(state, Account(Domain.FOREX, Mode.LIVE), 7, "a", said)
    assert [one.ts for one in kinds(said, Report)] == [1, 3, 5] and len(said) == 3
    assert all(one.account == "PERPS/LIVE" and one.rule == "a" for one in kinds(said, Report))
    assert state.holds.get("CRYPTO/LIVE", {}) == {}


def test_once_read_the_same_figures_say_nothing_new() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    desk.open()
    units = int(desk.acct["cash"])
    told = VenueRead(desk.now, desk.live, units + 7, units, {"AAA": Decimal("0.1"), "ZZZ": Decimal(3)}, foreign=("an order",), cursor=50)
    assert kinds(desk.tell(told), Report)
    assert desk.tell(told) == [] and desk.tell(told) == []
    assert reconcile(book(desk), told) == Findings()


def test_the_cursor_only_goes_forward() -> None:
    desk = LiveDesk()
    cursors = desk.engine.state.cursors
    for told, expected in ((500, 500), (400, 500), (0, 500), (501, 501)):
        desk.read(cursor=told)
        assert cursors["CRYPTO/LIVE"] == expected
    assert "CRYPTO/PAPER" not in cursors


def test_what_fits_shrinks_and_nothing_else() -> None:
    desk = LiveDesk()
    state, seat = desk.engine.state, desk.seat()
    fill = desk.execution(0, "x", -1, LEVEL, 1_998)
    assert not live.fits(state, seat, fill), "nothing is held"
    desk.enter()
    assert not live.fits(state, seat, fill), "nothing is held yet"
    desk.pos()["status"], desk.pos()["steps"] = OPEN, 1_998
    assert live.fits(state, seat, fill)
    assert not live.fits(state, seat, msgspec.structs.replace(fill, steps=1_999)), "more than is held"
    assert not live.fits(state, seat, msgspec.structs.replace(fill, side=1)), "the wrong way"


def test_a_stray_of_a_perpetual_costs_its_fee_and_holds() -> None:
    desk = LiveDesk(perps=True)
    before, out = int(desk.acct["cash"]), list[Command]()
    fill = desk.execution(0, "", 1, LEVEL, 10)
    live.stray(desk.engine.state, desk.seat(), fill, out)
    assert int(desk.acct["cash"]) == before - fill.fee and desk.causes == {"mismatch"}
    assert [row["kind"] for row in rows(out, "cash")] == ["fee"] and len(rows(out, "fill")) == 1
    assert "under order ?" in kinds(out, Report)[0].text


def test_a_stray_on_paper_is_a_bug() -> None:
    desk = LiveDesk()
    with desk.on(desk.paper), pytest.raises(Invariant, match="CRYPTO/PAPER"):
        live.stray(desk.engine.state, desk.seat(), desk.execution(0, "o", 1, LEVEL, 10), [])


def test_what_can_be_sold_is_never_written_off() -> None:
    desk = LiveDesk()
    desk.open()
    out: list[Command] = []
    live.write_off(desk.engine.state, desk.engine.mandate, desk.seat(), desk.now, out)
    assert out == [] and desk.pos()["status"] == OPEN


def test_news_of_what_is_not_open_changes_nothing() -> None:
    desk = LiveDesk()
    desk.enter()
    key = desk.coin().key
    assert desk.tell(ProtectionFailed(desk.now, desk.live, key, "no stop", 500)) == []
    assert desk.tell(TargetTouched(desk.now, desk.live, key)) == []
    assert int(desk.pos()["unprotected_ms"]) == 0


def test_news_of_an_instrument_that_nobody_trades_is_a_bug() -> None:
    desk = LiveDesk()
    with pytest.raises(Invariant, match="CRYPTO:ZZZUSDT"):
        desk.tell(TargetTouched(desk.now, desk.live, "CRYPTO:ZZZUSDT"))
