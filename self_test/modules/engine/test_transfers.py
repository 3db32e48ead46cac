"""The arithmetic of money that comes and goes: no drawdown step is made or hidden, and each account of a wallet bears its share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import CONFIG
from modules.engine import live, transfers
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, make_mandate, make_state
from modules.exchange.reconcile import Book
from risk.breakers import mark
from self_test.fakes.books import coin
from self_test.scenarios.desk import START, LiveDesk, rows
from state.accounts import Account, Domain, Mode
from state.messages import CashMoved, Command, Control, VenueRead
from state.runtime import RuntimeState
from state.transfers import Movement
from utils.fixed import MONEY_SCALE, money

SPOT, PERP = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)
DESK = LiveDesk()


def steps(state: RuntimeState, limits: Any) -> tuple[int, int]:
    """Drawdown step and daily stop that the account's figures amount to, from a clean slate."""
    acct = state.acct.copy()
    acct[0]["level"] = acct[0]["day_stopped"] = 0
    acct[0]["day"] = START // 86_400_000
    mark(state.pos, state.inst, acct, limits, 0, START)
    return int(acct[0]["level"]), int(acct[0]["day_stopped"])


units = st.integers(10 * MONEY_SCALE, 10_000_000 * MONEY_SCALE)
near = st.sampled_from([0.92, 0.88, 0.85, 0.97, 1.0])


@settings(max_examples=300)
@given(peak=units, share=st.one_of(near, st.floats(0.3, 1.0)), off=st.integers(-2, 2), began=near, moved=st.floats(-0.9, 20.0))
def test_the_step_is_the_same_before_and_after_any_deposit_or_withdrawal(
    peak: int, share: float, off: int, began: float, moved: float
) -> None:
    state, mandate = DESK.engine.state, DESK.engine.mandate
    acct = state.acct[0]
    equity = min(peak, int(peak * share) + off)
    acct["cash"] = acct["equity"] = equity
    acct["peak"], acct["day_start"] = peak, max(1, int(equity / began) + off)
    before, ratio = steps(state, mandate.limits), equity / peak
    out: list[Command] = []
    amount = int(equity * moved)
    transfers._move(state, mandate, 0, amount, Movement("r", 1, "transfer", amount), START, out)
    assert steps(state, mandate.limits) == before
    assert int(acct["equity"]) == int(acct["cash"]) == equity + amount
    assert int(acct["equity"]) / int(acct["peak"]) == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize(("limit", "share"), [("half_at", 0.92), ("stop_at", 0.88), ("halt_at", 0.85)])
def test_a_hair_from_a_step_stays_a_hair_from_it(limit: str, share: float) -> None:
    state, mandate = DESK.engine.state, DESK.engine.mandate
    acct = state.acct[0]
    for off in (-1, 0, 1):
        for amount in (-333_333_333_333, -7, 1, 77_777_777_777_777):
            acct["peak"] = 10_000_000_000_000
            acct["cash"] = acct["equity"] = round(10_000_000_000_000 * share) + off
            acct["day_start"] = acct["equity"]
            before = steps(state, mandate.limits)
            transfers._move(state, mandate, 0, amount, Movement("r", 1, "transfer", amount), START, [])
            assert steps(state, mandate.limits) == before, (limit, off, amount)


def test_an_account_under_water_is_moved_in_money_because_nothing_can_be_scaled() -> None:
    state, mandate = DESK.engine.state, DESK.engine.mandate
    state.acct[0]["cash"] = state.acct[0]["equity"] = -5
    state.acct[0]["peak"] = state.acct[0]["day_start"] = 100
    transfers._move(state, mandate, 0, 50, Movement("r", 1, "transfer_in", 50), START, [])
    assert [int(state.acct[0][name]) for name in ("cash", "equity", "peak", "day_start")] == [45, 45, 150, 150]


def shared() -> tuple[Engine, dict[Account, int]]:
    """Two live accounts of one key, 600 and 400 USDT."""
    coins = (coin("AAAUSDT"), coin("AAAUSDT", Domain.PERPS))
    accounts = (SPOT, PERP)
    engine = Engine(make_state(CONFIG, coins, accounts), make_mandate(CONFIG, coins, accounts, chosen_strategies(None), quotes=True))
    for account, own in ((SPOT, 600), (PERP, 400)):
        engine.process(Control(START, "open_wallet", {"account": str(account), "balance_units": str(own * MONEY_SCALE)}, "venue"))
    return engine, {account: engine.state.accounts.index(account) for account in accounts}


def sees(engine: Engine, account: Account, cash: int, ts: int) -> list[Command]:
    mate = PERP if account == SPOT else SPOT
    return engine.process(VenueRead(ts, account, cash * MONEY_SCALE, cash * MONEY_SCALE, cash_cursor=ts, sharing=(mate,)))


@pytest.mark.parametrize("first", [SPOT, PERP])
def test_accounts_of_one_key_bear_their_shares_of_a_withdrawal_once(first: Account) -> None:
    engine, row_of = shared()
    second = PERP if first == SPOT else SPOT
    for account in (first, second):
        sees(engine, account, 1_000, START)
    told = [
        CashMoved(START + 5, one, -100 * MONEY_SCALE, "transfer_out", "r1", False, (mate,))
        for one, mate in ((first, second), (second, first))
    ]
    out = [*engine.process(told[0]), *sees(engine, first, 900, START + 10)]
    out += [*engine.process(told[1]), *sees(engine, second, 900, START + 11)]
    assert {row["account"]: row["amount"] for row in rows(out, "cash")} == {"CRYPTO/LIVE": "-60", "PERPS/LIVE": "-40"}
    assert len(rows(out, "cash")) == 2
    state = engine.state
    assert {one: money(int(state.acct[a]["cash"])) for one, a in row_of.items()} == {SPOT: 540, PERP: 360}
    assert not any("deficit" in causes for causes in state.holds.values())


def test_what_is_not_ours_in_a_shared_wallet_leaves_first() -> None:
    engine, row_of = shared()
    sees(engine, SPOT, 1_100, START)
    engine.process(CashMoved(START + 5, SPOT, -100 * MONEY_SCALE, "transfer_out", "r1", False, (PERP,)))
    assert rows(sees(engine, SPOT, 1_000, START + 10), "cash") == []
    assert int(engine.state.acct[row_of[SPOT]]["cash"]) == 600 * MONEY_SCALE


def test_a_mate_at_work_keeps_the_wallet_unjudged() -> None:
    engine, _ = shared()
    sees(engine, SPOT, 1_000, START)
    state, mandate = engine.state, engine.mandate
    engine.process(CashMoved(START + 5, SPOT, -100 * MONEY_SCALE, "transfer_out", "r1", False, (PERP,)))
    read = VenueRead(START + 10, SPOT, 900 * MONEY_SCALE, 0, cash_cursor=START + 10, sharing=(PERP,))
    out: list[Command] = []
    at_work = Book(cash=400 * MONEY_SCALE, busy=frozenset({"PERPS:AAAUSDT"}))
    transfers.settle(state, mandate, read, [live.book_of(state, SPOT), at_work], out)
    assert out == [] and len(state.cash_logs["CRYPTO/LIVE+PERPS/LIVE"].waiting) == 1
    transfers.settle(state, mandate, read, [live.book_of(state, SPOT), live.book_of(state, PERP)], out)
    assert len(rows(out, "cash")) == 2


def test_a_reading_of_a_venue_whose_list_nobody_reads_leaves_no_trace() -> None:
    engine, _ = shared()
    engine.process(VenueRead(START, SPOT, 600 * MONEY_SCALE, 600 * MONEY_SCALE))
    assert engine.state.cash_logs == {}


def test_a_row_of_a_wallet_that_is_not_open_is_in_its_opening_balance() -> None:
    coins = (coin("AAAUSDT"),)
    engine = Engine(make_state(CONFIG, coins, (SPOT,)), make_mandate(CONFIG, coins, (SPOT,), chosen_strategies(None), quotes=True))
    engine.process(CashMoved(START, SPOT, 5, "transfer_in", "r1"))
    assert engine.state.cash_logs == {}
    assert not live.unexplained(engine.state, SPOT, money(5))


def test_what_the_book_explains_is_no_reason_to_ask() -> None:
    engine, row_of = shared()
    acct = engine.state.acct[row_of[SPOT]]
    acct["outside"] = 400 * MONEY_SCALE
    assert [
        live.unexplained(engine.state, SPOT, money(units)) for units in (10_000_000_000_000, 10_000_000_001_000, 10_000_000_001_001)
    ] == [
        False,
        False,
        True,
    ]
    assert np.int64(acct["outside"]) == 400 * MONEY_SCALE
