from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.fakes.books import Books, books, coin
from state.accounts import Domain
from state.booking import book_funding, equity_of, fill_entry, fill_exit, gain_of, gross_of, pay_funding, release
from state.books import FLAT, OPEN, PENDING
from utils.fixed import MONEY_SCALE, money

NOW = 1_700_000_000_000
START = Decimal(100_000)

grids = st.sampled_from([("0.01", "0.0001"), ("0.1", "0.001"), ("0.0001", "0.1"), ("0.00001", "1"), ("0.01", "0.000001")])
steps_of_a_story = st.lists(
    st.tuples(
        st.sampled_from(["in", "in", "out", "fund", "mark"]),
        st.integers(1_000, 200_000),
        st.integers(1, 5_000),
        st.integers(0, 10**9),
        st.integers(-300_000, 300_000),
    ),
    min_size=1,
    max_size=25,
)


def ready(domain: Domain, tick: str = "0.01", step: str = "0.0001", side: int = 1) -> Books:
    table = books(coin("AAAUSDT", domain, tick=Decimal(tick), step=Decimal(step)), balance=int(START))
    table.pos[0]["side"], table.pos[0]["status"] = side, PENDING
    table.pos[0]["stop"] = 1
    return table


@given(st.sampled_from([(Domain.CRYPTO, 1), (Domain.PERPS, 1), (Domain.PERPS, -1)]), grids, steps_of_a_story)
def test_wallet_and_position_agree_with_a_decimal_ledger(
    kind: tuple[Domain, int], grid: tuple[str, str], story: list[tuple[str, int, int, int, int]]
) -> None:
    domain, side = kind
    table = ready(domain, *grid, side)
    one, row = table.instruments[0], table.pos[0]
    cash, bought, sold, fees, funding = START, Decimal(0), Decimal(0), Decimal(0), Decimal(0)
    held, mark = 0, 0
    for what, price, count, fee, rate in story:
        if what == "in":
            fill_entry(table.pos, table.inst, table.acct, 0, price, count, fee, NOW)
            bought += one.price(price) * one.qty(count)
            fees += money(fee)
            if held == 0:
                mark = price
            held += count
        elif held == 0:
            continue
        elif what == "out":
            gone = min(count, held)
            fill_exit(table.pos, table.inst, table.acct, 0, price, gone, fee)
            sold += one.price(price) * one.qty(gone)
            fees += money(fee)
            held -= gone
        elif what == "fund":
            value = one.price(price) * one.qty(held)
            due = side * (value * rate / 10**8).quantize(Decimal("1e-10"), ROUND_FLOOR)
            assert money(pay_funding(table.pos, table.inst, table.acct, 0, price, rate)) == due
            funding += due
        else:
            row["mark"] = mark = price
        cash = START + side * (sold - bought) - fees - funding
        marked = side * one.price(mark) * one.qty(held)
        assert int(row["steps"]) == held
        assert money(equity_of(table.pos, table.inst, table.acct, 0)) == cash + marked
        if domain is Domain.CRYPTO or held == 0:
            assert money(int(table.acct[0]["cash"])) == cash
        assert money(int(row["fees"])) == fees
        assert money(int(row["funding"])) == funding
        if held == 0:
            # Nothing of the entry value is left behind by rounding.
            assert int(row["value"]) == int(row["paid"]) == 0
            assert money(int(row["realised"])) == side * (sold - bought)
            assert money(int(row["exit_value"])) == sold
            release(table.pos, 0)
            assert int(row["status"]) == FLAT
            return


def test_the_first_fill_opens_and_later_ones_average() -> None:
    table = ready(Domain.CRYPTO)
    row = table.pos[0]
    row["stop"], row["working"] = 9_500, 30
    fill_entry(table.pos, table.inst, table.acct, 0, 10_000, 10, 5, NOW)
    assert (int(row["status"]), int(row["opened_ts"]), int(row["working"]), int(row["risk"])) == (OPEN, NOW, 20, 500)
    fill_entry(table.pos, table.inst, table.acct, 0, 10_100, 20, 5, NOW + 1)
    assert (int(row["opened_ts"]), int(row["working"]), int(row["filled"]), int(row["initial_stop"])) == (NOW, 0, 30, 9_500)
    assert int(row["risk"]) == 566  # the average entry is 10,066.67
    assert int(row["extreme"]) == 10_000


def test_more_than_was_asked_for_leaves_nothing_working() -> None:
    table = ready(Domain.CRYPTO)
    table.pos[0]["working"] = 5
    fill_entry(table.pos, table.inst, table.acct, 0, 10_000, 6, 0, NOW)
    assert int(table.pos[0]["working"]) == 0


def test_a_partial_exit_takes_its_share_of_the_entry_value() -> None:
    table = ready(Domain.PERPS)
    fill_entry(table.pos, table.inst, table.acct, 0, 10_001, 3, 0, NOW)
    unit = int(table.inst[0]["unit"])
    assert fill_exit(table.pos, table.inst, table.acct, 0, 10_101, 1, 0) == 100 * unit
    assert fill_exit(table.pos, table.inst, table.acct, 0, 9_901, 2, 0) == -200 * unit
    assert int(table.acct[0]["cash"]) == int(START) * MONEY_SCALE - 100 * unit


@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.integers(1, 900), st.integers(5_000_000, 9_000_000)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 60_000), st.integers(1, 900), st.integers(5_000_000, 9_000_000)), max_size=5),
)
def test_what_was_paid_for_gains_what_the_wallet_gains_while_the_rate_moves(
    bought: list[tuple[int, int, int]], sold: list[tuple[int, int, int]]
) -> None:
    """Premium in yen, the wallet in dollars: every entry and exit at a rate of its own, the last one of all that is left."""
    table = ready(Domain.CRYPTO)
    start = int(table.acct[0]["cash"])
    for price, steps, rate in bought:
        table.inst[0]["rate_e9"] = rate
        fill_entry(table.pos, table.inst, table.acct, 0, price, steps, 0, NOW)
    assert int(table.pos[0]["paid"]) == start - int(table.acct[0]["cash"])
    for price, steps, rate in [*sold, (777, 10_000, 6_666_667)]:
        table.inst[0]["rate_e9"] = rate
        gone = min(steps, int(table.pos[0]["steps"]))
        if not gone:
            break
        table.pos[0]["mark"] = price
        expected = gain_of(table.pos, table.inst, 0, price, gone)
        all_of_it = gain_of(table.pos, table.inst, 0, price, int(table.pos[0]["steps"]))
        made = equity_of(table.pos, table.inst, table.acct, 0) - start
        assert made == int(table.pos[0]["realised"]) + all_of_it, "equity is what was realised and what is held"
        assert fill_exit(table.pos, table.inst, table.acct, 0, price, gone, 0) == expected
    assert int(table.pos[0]["steps"]) == int(table.pos[0]["paid"]) == 0
    assert int(table.acct[0]["cash"]) - start == int(table.pos[0]["realised"])


@pytest.mark.parametrize("amount", [7, -7])
def test_funding_that_the_venue_states_is_booked_as_stated(amount: int) -> None:
    table = ready(Domain.PERPS)
    book_funding(table.pos, table.inst, table.acct, 0, amount)
    assert int(table.acct[0]["cash"]) == int(START) * MONEY_SCALE - amount
    assert int(table.pos[0]["funding"]) == amount


def test_gross_counts_held_at_the_mark_and_working_at_the_plan() -> None:
    table = ready(Domain.CRYPTO)
    row, unit = table.pos[0], int(table.inst[0]["unit"])
    row["status"], row["steps"], row["mark"], row["working"], row["reference"] = OPEN, 3, 110, 2, 100
    assert gross_of(table.pos, table.inst, 0) == (330 + 200) * unit
    row["status"] = FLAT
    assert gross_of(table.pos, table.inst, 0) == 0


def test_equity_looks_at_its_own_account_only() -> None:
    table = books()
    table.hold(0, 100)
    table.hold(1, 100)
    table.inst[1]["account"] = 5
    assert equity_of(table.pos, table.inst, table.acct, 0) == 1_100 * MONEY_SCALE


def test_the_range_of_int64_money_is_used_to_its_end() -> None:
    # 9.0e8 of quote currency in one position, of 9.2e8 that fit.
    table = books(coin("AAAUSDT", tick=Decimal("0.01"), step=Decimal("0.0001")), balance=900_000_000)
    table.pos[0]["side"] = 1
    fill_entry(table.pos, table.inst, table.acct, 0, 10_000_000, 90_000_000, 0, NOW)
    assert int(table.acct[0]["cash"]) == 0
    assert equity_of(table.pos, table.inst, table.acct, 0) == 900_000_000 * MONEY_SCALE
    fill_exit(table.pos, table.inst, table.acct, 0, 10_000_000, 30_000_001, 0)
    fill_exit(table.pos, table.inst, table.acct, 0, 10_000_000, 59_999_999, 0)
    assert int(table.acct[0]["cash"]) == 900_000_000 * MONEY_SCALE
