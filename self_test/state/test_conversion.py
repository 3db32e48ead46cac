from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.fakes.books import coin
from self_test.fakes.pairs import ALL, PRICES, fx_books, pair, price_all, ticks
from state.booking import equity_of, fill_entry, fill_exit, release
from state.books import INST, PAR_E9, rows
from state.conversion import home_currency, home_of, mul_div, rate_at, turn_rates, turn_to, via_of
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE, money

EXPECTED = {
    "EURUSD": "1", "GBPUSD": "1", "AUDUSD": "1",
    "USDJPY": str(1 / Decimal(150)), "EURJPY": str(1 / Decimal(150)), "USDCAD": str(1 / Decimal("1.35")), "EURGBP": "1.25",
}  # fmt: skip


@pytest.mark.parametrize("symbol", ALL)
def test_a_quote_currency_is_worth_what_its_pair_with_home_says(symbol: str) -> None:
    table = fx_books()
    rate = Decimal(int(table.inst[ALL.index(symbol)]["rate_e9"])) / PAR_E9
    assert abs(rate - Decimal(EXPECTED[symbol])) <= Decimal("5e-10")


@pytest.mark.parametrize(
    "symbol, side, units, entry, left, gained",
    [
        ("EURUSD", 1, 1_000, "1.10000", "1.10500", "5.00"),
        ("USDJPY", 1, 1_000, "150.000", "151.500", "10.00"),  # 1,500 JPY at 150
        ("USDJPY", -1, 2_000, "150.000", "149.250", "10.00"),
        ("EURJPY", 1, 1_000, "165.000", "163.500", "-10.00"),
        ("EURGBP", 1, 1_000, "0.88000", "0.88800", "10.00"),  # 8 GBP at 1.25
        ("EURGBP", -1, 1_000, "0.88000", "0.88800", "-10.00"),
        ("USDCAD", 1, 2_700, "1.35000", "1.35500", "10.00"),  # 13.50 CAD at 1.35
    ],
)
def test_golden_results_in_dollars(symbol: str, side: int, units: int, entry: str, left: str, gained: str) -> None:
    table, i = fx_books(), ALL.index(symbol)
    table.pos[i]["side"] = side
    fill_entry(table.pos, table.inst, table.acct, i, ticks(symbol, entry), units, 0, 0)
    assert int(table.acct[0]["cash"]) == 1_000 * MONEY_SCALE, "a pair's value never leaves the wallet"
    fill_exit(table.pos, table.inst, table.acct, i, ticks(symbol, left), units, 0)
    assert money(int(table.pos[i]["realised"])).quantize(Decimal("0.01")) == Decimal(gained)
    assert int(table.acct[0]["cash"]) == 1_000 * MONEY_SCALE + int(table.pos[i]["realised"])
    assert money(int(table.pos[i]["bought"])) == Decimal(entry) * units, "values stay in quote currency"


def test_pip_values() -> None:
    """A pip of 10,000 units: 1 USD where dollars are quoted, else a pip of the quote currency in dollars."""
    table = fx_books()
    worth = {"EURUSD": "1", "USDJPY": "0.6667", "EURGBP": "1.25", "USDCAD": "0.7407", "EURJPY": "0.6667"}
    for symbol, expected in worth.items():
        one, i = pair(symbol), ALL.index(symbol)
        units = home_of(table.inst, i, one.ticks(one.pip) * 10_000 * one.unit)
        assert money(units).quantize(Decimal("0.0001")) == Decimal(expected).quantize(Decimal("0.0001")), symbol


@given(st.data())
def test_what_trades_in_any_currency_leaves_cash_and_marked_value_where_they_were(data: st.DataObject) -> None:
    """Fills at the mark move nothing: entries, partial and full exits in any pair, at any rates, to a money unit a fill."""
    table = fx_books(balance=100_000)
    price_all(table, USDJPY=str(data.draw(st.decimals("80", "200", places=3))), GBPUSD=str(data.draw(st.decimals("1.0", "2.0", places=5))))
    start = equity_of(table.pos, table.inst, table.acct, 0)
    fills = 0
    for i, symbol in enumerate(ALL):
        units = data.draw(st.integers(1, 100_000))
        price = ticks(symbol)
        table.pos[i]["side"] = data.draw(st.sampled_from([1, -1]))
        fill_entry(table.pos, table.inst, table.acct, i, price, units, 0, 0)
        table.pos[i]["mark"] = price
        part = data.draw(st.integers(0, units - 1))
        mark = max(1, price + data.draw(st.integers(-price // 20, price // 20)))
        table.pos[i]["mark"] = mark
        before = equity_of(table.pos, table.inst, table.acct, 0)
        if part:
            fill_exit(table.pos, table.inst, table.acct, i, mark, part, 0)
            fills += 1
        assert abs(equity_of(table.pos, table.inst, table.acct, 0) - before) <= 1
    total = equity_of(table.pos, table.inst, table.acct, 0)
    for i in range(len(ALL)):
        fill_exit(table.pos, table.inst, table.acct, i, int(table.pos[i]["mark"]), int(table.pos[i]["steps"]), 0)
        release(table.pos, i)
    assert int(table.acct[0]["cash"]) == total == equity_of(table.pos, table.inst, table.acct, 0)
    assert int(table.acct[0]["cash"]) == start + int(table.pos["realised"].sum())


def test_a_rate_turns_with_the_bars_of_its_pair_and_is_never_lost() -> None:
    table = fx_books("USDJPY", "EURJPY")
    price_all(table, USDJPY="100.000")
    assert [int(rate) for rate in table.inst["rate_e9"]] == [10_000_000, 10_000_000]
    turn_rates(table.inst, np.zeros(2, [("last_close", "i8")]))
    assert [int(rate) for rate in table.inst["rate_e9"]] == [10_000_000, 10_000_000], "a pair without a bar says nothing"


def test_stored_bars_give_the_rate_of_the_last_one_there_is() -> None:
    table = fx_books("USDJPY", "EURJPY")
    close = np.array([[0, 100_000, 0, 200_000], [1, 1, 1, 1]], np.int64)
    table.inst["rate_e9"] = 0
    seen = []
    for k in range(4):
        turn_to(table.inst, close, k)
        seen.append(int(table.inst[1]["rate_e9"]))
    assert seen == [0, 10_000_000, 10_000_000, 5_000_000]


def test_where_prices_are_in_home_currency_nothing_is_rounded() -> None:
    inst = rows(INST)
    for amount in (0, 1, -1, 123_456_789_012_345_678, -9_000_000_000_000_000_001):
        assert home_of(inst, 0, amount) == amount
    assert via_of([coin("BTCUSDT")], 0).market == -1 and home_currency(coin("BTCUSDT")) == "USDT"
    assert home_currency(pair("EURGBP")) == "USD"


def test_bad_input_a_pair_without_its_conversion_pair_is_refused_by_name() -> None:
    for symbols, missing in ((("EURUSD", "EURJPY"), "USDJPY"), (("EURGBP",), "GBPUSD")):
        with pytest.raises(Refusal, match=missing):
            fx_books(*symbols)
    assert via_of([pair("USDCAD")], 0).market == 0, "a pair with home in it converts through itself"


@given(st.integers(-(10**18), 10**18), st.integers(1, 3 * PAR_E9))
def test_an_amount_is_turned_as_exact_arithmetic_would_and_losses_never_get_smaller(amount: int, rate: int) -> None:
    inst = rows(INST)
    inst[0]["rate_e9"] = rate
    assert home_of(inst, 0, amount) == amount * rate // PAR_E9
    assert mul_div(amount, rate, PAR_E9) == amount * rate // PAR_E9


def test_the_inverse_of_a_price_is_rounded_to_the_nearest() -> None:
    inst = rows(INST)
    inst[0]["inverse"], inst[0]["via_tick"] = 1, 0.001
    assert rate_at(inst, 0, ticks("USDJPY", "149.993")) == round(1e9 / 149.993)
    assert rate_at(inst, 0, 0) == PAR_E9, "unknown: as it was"
    assert Decimal(PRICES["USDJPY"]) == 150
