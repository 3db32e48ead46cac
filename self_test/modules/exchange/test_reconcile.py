"""What follows from a difference between the bot's book and the venue's figures, and that the same read finds it only once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange.reconcile import CAUSES, DEFICIT, FOREIGN, MISMATCH, ROUNDING_UNITS, Book, Findings, dust_of, reconcile
from self_test.fakes.books import coin
from self_test.modules.exchange.watching import LIVE_SPOT, PERP_KEY
from state.messages import VenueRead

NOTHING = Findings()
DUST = {"AAA": Decimal("0.05")}


def read(cash: int = 10_000_000, **changes: object) -> VenueRead:
    return VenueRead(ts=1, account=LIVE_SPOT, cash=cash, free=cash, **changes)  # type: ignore[arg-type]


def coins(amount: str) -> dict[str, Decimal]:
    return {"AAA": Decimal(amount)}


def book(**changes: object) -> Book:
    return Book(**{"cash": 10_000_000, "dust": DUST, **changes})  # type: ignore[arg-type]


def test_agreement_is_nothing() -> None:
    assert reconcile(book(coins=coins("2"), positions={PERP_KEY: 3}), read(coins=coins("2"), positions={PERP_KEY: 3})) == NOTHING


@pytest.mark.parametrize("off", [1, -1, ROUNDING_UNITS, -ROUNDING_UNITS])
def test_cash_a_rounding_apart_is_booked(off: int) -> None:
    found = reconcile(book(), read(10_000_000 + off))
    assert found == Findings(rounding=off)
    assert book().after(found).cash == 10_000_000 + off


def test_cash_beyond_a_rounding_is_somebody_elses_and_never_ours() -> None:
    found = reconcile(book(), read(10_000_000 + ROUNDING_UNITS + 1))
    assert found == Findings(outside=ROUNDING_UNITS + 1)
    after = book().after(found)
    assert (after.cash, after.outside) == (10_000_000, ROUNDING_UNITS + 1)


def test_outside_cash_may_leave_again() -> None:
    assert reconcile(book(outside=5_000_000), read(10_000_000)) == Findings(outside=0)
    assert reconcile(book(outside=5_000_000), read(12_000_000)) == Findings(outside=2_000_000)


def test_missing_cash_holds_the_account() -> None:
    found = reconcile(book(outside=5_000), read(9_000_000))
    assert set(found.holds) == {DEFICIT} and "0.0001 of cash is missing" in found.holds[DEFICIT]
    assert found.outside == 0 and found.rounding == 0


def test_the_cash_of_our_other_account_in_the_same_wallet_is_neither_outside_nor_ours() -> None:
    assert reconcile(book(others=4_000_000), read(14_000_000)) == NOTHING
    assert reconcile(book(others=4_000_000), read(15_000_000)) == Findings(outside=1_000_000)


def test_a_surplus_of_coins_is_foreign_and_stays_out_of_the_book() -> None:
    found = reconcile(book(coins=coins("2")), read(coins={**coins("5"), "SHIB": Decimal(7)}))
    assert found == Findings(outside_coins={"AAA": Decimal(3), "SHIB": Decimal(7)})
    after = book(coins=coins("2")).after(found)
    assert after.coins == coins("2")
    assert reconcile(after, read(coins=coins("2"))) == Findings(outside_coins={"AAA": Decimal(0), "SHIB": Decimal(0)})


def test_a_deficit_of_coins_holds_the_account_even_when_the_user_holds_some_too() -> None:
    had = book(coins=coins("2"), outside_coins=coins("1"))
    found = reconcile(had, read(coins=coins("1.5")))
    assert found.holds[DEFICIT] == "0.5 AAA is missing: own 2, held 1.5"
    assert found.outside_coins == {"AAA": Decimal(0)}


def test_a_coin_that_the_user_owes_is_no_deficit_of_the_bot() -> None:
    assert reconcile(book(), read(coins={"BBB": Decimal(-3)})) == NOTHING


def test_pain_20_a_residue_below_a_step_or_worth_less_than_the_minimum_is_no_difference() -> None:
    instrument = coin("AAAUSDT")  # step 0.0001, least order worth 5
    assert dust_of(instrument, Decimal(100)) == Decimal("0.05")
    assert dust_of(instrument, Decimal(1_000_000)) == Decimal("0.0001")
    assert dust_of(instrument, Decimal(0)) == Decimal("0.0001")
    for off in ("0.0499", "-0.0499", "0.00000001"):
        assert reconcile(book(coins=coins("2")), read(coins={"AAA": Decimal(2) + Decimal(off)})) == NOTHING
    assert reconcile(book(coins=coins("2")), read(coins=coins("1.95"))).holds
    assert reconcile(book(coins=coins("2")), read(coins=coins("2.05"))).outside_coins
    assert reconcile(book(), read(coins=coins("0.0013"))) == NOTHING, "dust is never adopted"


@pytest.mark.parametrize(("own", "shown"), [(3, 2), (3, -3), (0, 1), (1, 0), (-1, 0)])
def test_pain_13_a_position_of_another_size_holds_the_account_until_both_agree(own: int, shown: int) -> None:
    before = book(positions={PERP_KEY: own} if own else {})
    found = reconcile(before, read(positions={PERP_KEY: shown} if shown else {}))
    assert found.holds == {MISMATCH: f"{PERP_KEY}: the venue shows {shown} steps, the bot holds {own}"}
    after = before.after(found)
    assert reconcile(after, read(positions={PERP_KEY: own} if own else {})) == Findings(clear=(MISMATCH,))


def test_pain_12_a_size_that_differs_makes_no_fill_and_no_deposit() -> None:
    before = book(positions={PERP_KEY: 3})
    found = reconcile(before, read(10_500_000, positions={PERP_KEY: -3}))
    assert (found.rounding, found.outside) == (0, None)
    assert before.after(found).positions == {PERP_KEY: 3}


def test_the_proceeds_of_a_sale_that_was_not_told_are_no_deposit() -> None:
    found = reconcile(book(coins=coins("2")), read(99_000_000, coins={}))
    assert set(found.holds) == {DEFICIT} and found.outside is None


def test_foreign_orders_hold_until_they_are_gone() -> None:
    found = reconcile(book(), read(foreign=("a foreign order: buy 1",)))
    assert found == Findings(holds={FOREIGN: "a foreign order: buy 1"})
    assert reconcile(book().after(found), read()) == Findings(clear=(FOREIGN,))


def test_what_work_in_flight_may_move_is_not_judged() -> None:
    at_work = book(positions={PERP_KEY: 3}, coins=coins("2"), busy=frozenset({PERP_KEY, "CRYPTO:AAAUSDT"}), busy_coins=frozenset({"AAA"}))
    assert reconcile(at_work, read(5, coins={}, positions={PERP_KEY: 9})) == NOTHING


def test_work_in_flight_does_not_clear_what_it_hides() -> None:
    held = {MISMATCH: "x", DEFICIT: "y"}
    at_work = book(positions={PERP_KEY: 3}, busy=frozenset({PERP_KEY}), held=held)
    assert reconcile(at_work, read(positions={PERP_KEY: 9})) == NOTHING


amounts = st.decimals(min_value=0, max_value=10, places=3)
coin_maps = st.dictionaries(st.sampled_from(["AAA", "BBB", "CCC"]), amounts)
sizes = st.dictionaries(st.sampled_from([PERP_KEY, "PERPS:BBBUSDT"]), st.integers(-3, 3))
units = st.integers(0, 5_000)
books = st.builds(
    Book,
    cash=units,
    outside=units,
    others=units,
    coins=coin_maps,
    outside_coins=coin_maps,
    positions=sizes,
    busy=st.frozensets(st.sampled_from([PERP_KEY, "CRYPTO:AAAUSDT"])),
    busy_coins=st.frozensets(st.just("AAA")),
    dust=st.dictionaries(st.sampled_from(["AAA", "BBB"]), amounts),
    held=st.dictionaries(st.sampled_from(CAUSES), st.just("earlier")),
)
reads = st.builds(
    VenueRead,
    ts=st.just(1),
    account=st.just(LIVE_SPOT),
    cash=units.map(lambda one: one * 3),
    free=st.just(0),
    coins=st.dictionaries(st.sampled_from(["AAA", "BBB", "CCC"]), st.decimals(min_value=-1, max_value=10, places=3)),
    positions=sizes,
    foreign=st.sampled_from([(), ("an order",)]),
)


@given(books, reads)
def test_the_same_read_finds_nothing_new_once_its_findings_are_applied(before: Book, shown: VenueRead) -> None:
    after = before.after(reconcile(before, shown))
    assert reconcile(after, shown) == NOTHING


@given(books, reads)
def test_own_coins_and_positions_are_the_bots_own_fills_whatever_is_found(before: Book, shown: VenueRead) -> None:
    found = reconcile(before, shown)
    after = before.after(found)
    assert (after.coins, after.positions, after.others) == (before.coins, before.positions, before.others)
    assert abs(after.cash - before.cash) <= ROUNDING_UNITS and after.outside >= 0
    assert not set(found.holds) & set(found.clear)


@given(books, reads)
def test_whoever_may_enter_holds_what_the_venue_shows(before: Book, shown: VenueRead) -> None:
    after = before.after(reconcile(before, shown))
    if after.held or before.busy:
        return
    everything = after.positions.keys() | shown.positions.keys()
    assert all(after.positions.get(key, 0) == shown.positions.get(key, 0) for key in everything)
    assert after.cash + after.others + after.outside == shown.cash
