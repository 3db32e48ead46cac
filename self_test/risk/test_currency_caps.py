from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk import caps
from risk.admission import standing
from risk.currency_caps import account_gross, net_of, room
from risk.facts import Book, Facts, Health
from risk.gate import refusal
from risk.rules import Rule
from risk.sizing import available, notional, steps_for
from self_test.fakes.books import Books
from self_test.fakes.pairs import ALL, FX, fx_books, pair, ticks
from self_test.risk.test_gate import INTENT
from self_test.risk.test_gate import book as book_of_first
from state.booking import gross_of
from state.books import OPEN, PENDING
from state.intents import Side
from utils.fixed import MONEY_SCALE

CHEAP = 0.0002


def hold(table: Books, symbol: str, dollars: float, side: int = 1) -> None:
    """A position worth about so many dollars."""
    i = [one.symbol for one in table.instruments].index(symbol)
    row, inst = table.pos[i], table.inst[i]
    row["status"], row["side"] = OPEN, side
    row["mark"] = row["reference"] = ticks(symbol)
    row["steps"] = round(dollars * MONEY_SCALE / (ticks(symbol) * int(inst["unit"]) * int(inst["rate_e9"]) / 1e9))
    row["value"] = int(row["mark"]) * int(row["steps"]) * int(inst["unit"])


def book(table: Books, i: int) -> Book:
    return msgspec.structs.replace(book_of_first(table), i=i)


def allowed(table: Books, symbol: str, side: int = 1, d: float = 0.005, cost: float = CHEAP, turnover: float = 0.0) -> tuple[Rule, float]:
    i = [one.symbol for one in table.instruments].index(symbol)
    rule, units = notional(table.pos, table.inst, table.acct, table.limits, i, side, d, cost, turnover, 1.0, 0)
    return Rule(rule), units / MONEY_SCALE


def near(found: tuple[Rule, float], rule: Rule, dollars: float, by: float) -> bool:
    """Whether this rule binds, at about so many dollars."""
    return found[0] is rule and abs(found[1] - dollars) <= by


def test_the_worked_case_of_the_definitions() -> None:
    """E = 1000, d = .5 %, cost .02 %: 5 / 0.0052 = 961.54 dollars; of a pair whose base is the dollar 961 units."""
    table = fx_books()
    for symbol in ALL:
        assert allowed(table, symbol)[1] == pytest.approx(961.538, abs=1e-3), symbol
    i = ALL.index("USDCAD")
    _, units = notional(table.pos, table.inst, table.acct, table.limits, i, 1, 0.005, CHEAP, 0.0, 1.0, 0)
    assert steps_for(table.inst, i, units, ticks("USDCAD"), ticks("USDCAD") - 675) == 961
    i = ALL.index("EURUSD")
    _, units = notional(table.pos, table.inst, table.acct, table.limits, i, 1, 0.005, CHEAP, 0.0, 1.0, 0)
    assert steps_for(table.inst, i, units, ticks("EURUSD"), ticks("EURUSD") - 550) == int(961.538 / 1.1)


@pytest.mark.parametrize("symbol", ALL)
def test_shares_of_equity_count_margin(symbol: str) -> None:
    """With a stop so near that nothing else binds: 5 % of E as margin, 2 % of a canary, but never more than 2 E of a pair."""
    table = fx_books()
    leverage = int(1 / pair(symbol).margin_rate)
    table.limits[0]["fx_currency"] = 100.0
    assert allowed(table, symbol, d=1e-6)[1] == pytest.approx(min(2_000.0, 50.0 * leverage))
    table.acct[0]["canary"] = 1
    assert allowed(table, symbol, d=1e-6)[1] == pytest.approx(min(2_000.0, 20.0 * leverage))


def test_pair_and_portfolio_shares_count_margin_of_what_is_there() -> None:
    table = fx_books()
    for name in ("fx_pair_gross", "fx_gross", "fx_currency"):
        table.limits[0][name] = 100.0
    hold(table, "GBPUSD", 2_900.0)  # margin 145 of 150 at 5 %
    assert near(allowed(table, "GBPUSD", d=1e-6), Rule.PAIR_LIMIT, 100.0, 2.0)
    hold(table, "EURGBP", 2_990.0)  # 149.5 more: 5.5 of 300 are left, at 50 : 1
    assert near(allowed(table, "EURUSD", d=1e-6), Rule.PORTFOLIO_LIMIT, 275.0, 3.0)


def test_gross_of_a_pair_and_of_the_account() -> None:
    table = fx_books()
    hold(table, "EURUSD", 1_700.0)
    assert near(allowed(table, "EURUSD", -1), Rule.PAIR_GROSS, 300.0, 1.0)
    hold(table, "EURJPY", 1_500.0, -1)
    hold(table, "AUDUSD", 600.0, -1)
    assert near(allowed(table, "USDCAD"), Rule.ACCOUNT_GROSS, 200.0, 1.0)


def test_what_all_pairs_hold_of_a_currency_counts_together() -> None:
    table = fx_books()
    hold(table, "EURUSD", 1_000.0)
    hold(table, "GBPUSD", 900.0)
    names = [one for pair_ in table.instruments for one in (pair_.base, pair_.quote)]
    codes = {name: n for n, name in enumerate(dict.fromkeys(names))}
    assert net_of(table.pos, table.inst, 0, codes["USD"]) / MONEY_SCALE == pytest.approx(-1_900.0, abs=2.0)
    assert near(allowed(table, "AUDUSD"), Rule.CURRENCY_LIMIT, 100.0, 2.0), "a third short of dollars"
    assert allowed(table, "USDJPY", -1)[0] is Rule.CURRENCY_LIMIT
    assert allowed(table, "USDJPY")[0] is Rule.BELOW_MIN_ORDER, "against it there is room: only its own stop binds"
    hold(table, "EURGBP", 900.0)
    assert near(allowed(table, "EURJPY"), Rule.CURRENCY_LIMIT, 100.0, 2.0), "1,900 of euros through two pairs"


def test_orders_in_flight_count_like_positions() -> None:
    table = fx_books()
    hold(table, "EURUSD", 1_500.0)
    row = table.pos[ALL.index("EURUSD")]
    row["status"], row["working"], row["steps"], row["value"] = PENDING, row["steps"], 0, 0
    assert near(allowed(table, "GBPUSD"), Rule.CURRENCY_LIMIT, 500.0, 2.0)
    assert available(table.pos, table.inst, table.acct, 0) / MONEY_SCALE > 900


@given(
    st.lists(st.tuples(st.sampled_from(ALL), st.sampled_from([1, -1]), st.floats(0, 2_500)), max_size=4),
    st.sampled_from(ALL),
    st.sampled_from([1, -1]),
    st.floats(0.0001, 0.015),
)
def test_no_entry_passes_a_cap_and_the_gate_agrees_with_the_plan(
    held: list[tuple[str, int, float]], symbol: str, side: int, d: float
) -> None:
    table = fx_books()
    for name, way, dollars in held:
        hold(table, name, dollars, way)
    i, price = ALL.index(symbol), ticks(symbol)
    before = {code: net_of(table.pos, table.inst, 0, code) for code in range(6)}
    _, units = notional(table.pos, table.inst, table.acct, table.limits, i, side, d, CHEAP, 0.0, 1.0, 0)
    steps = steps_for(table.inst, i, units, price, price - side * max(1, int(d * price)))
    if steps == 0:
        return
    exits = msgspec.structs.replace(INTENT.exits, stop=price - side * 10, target=price + side * 10)
    intent = msgspec.structs.replace(
        INTENT, account=FX, key=pair(symbol).key, side=Side(side), reference=price, steps=steps, limit=price, exits=exits
    )
    assert caps.check(intent, book(table, i)) is Rule.OK
    assert caps.check(msgspec.structs.replace(intent, steps=steps * 50), book(table, i)) is not Rule.OK
    mine = table.pos[i]
    if mine["status"] != OPEN or mine["side"] == side:
        mine["status"], mine["side"], mine["reference"] = OPEN, side, price
        mine["working"] += steps
        equity = 1_000 * MONEY_SCALE
        assert gross_of(table.pos, table.inst, i) <= 2 * equity and account_gross(table.pos, table.inst, 0) <= 4 * equity
        for code in range(6):
            now = abs(net_of(table.pos, table.inst, 0, code))
            assert now <= 2 * equity + 2 or now <= abs(before[code])


def test_no_rate_no_entry_and_the_reason_is_told_with_what_to_do() -> None:
    table = fx_books("USDJPY", "EURJPY")
    table.inst["rate_e9"] = 0
    rule = standing(table.pos, table.inst, table.acct, table.rules, table.limits, 1, 0, 1, 0)
    assert Rule(rule) is Rule.NO_CONVERSION
    assert steps_for(table.inst, 1, 1e15, ticks("EURJPY"), ticks("EURJPY")) == 0
    told = refusal(Rule.NO_CONVERSION, facts(table, 1))
    assert told.rule == "no_conversion" and "JPY in USD" in told.reason and "bar" in told.reason


def facts(table: Books, i: int) -> Facts:
    return Facts(book=book(table, i), health=Health(), instrument=table.instruments[i], ts=0)


def test_refusals_name_their_figures() -> None:
    table = fx_books()
    hold(table, "EURUSD", 1_900.0)
    one = facts(table, ALL.index("EURUSD"))
    assert "1.90 times equity, limit 2" in refusal(Rule.PAIR_GROSS, one).reason
    assert "1.90 times equity, limit 4" in refusal(Rule.ACCOUNT_GROSS, one).reason
    assert "USD -1.90 times equity, limit 2" in refusal(Rule.CURRENCY_LIMIT, one).reason
    assert "3.8% of equity" in refusal(Rule.PAIR_LIMIT, one).reason, "margin, at 50 : 1"


def test_room_is_what_is_left_to_the_nearest_of_the_three() -> None:
    table = fx_books()
    hold(table, "EURUSD", 1_000.0)
    base = 1_000.0 * MONEY_SCALE
    rule, left = room(table.pos, table.inst, table.limits, ALL.index("EURUSD"), -1, base)
    assert near((Rule(rule), left / MONEY_SCALE), Rule.PAIR_GROSS, 1_000.0, 1.0)
