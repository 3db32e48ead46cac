from __future__ import annotations

import pytest

from config import CONFIG
from modules.engine.desk import (
    chosen_strategies,
    explorers,
    fresh_engine,
    make_mandate,
    make_state,
    market_rows,
    permissions,
    wallet_events,
)
from self_test.fakes.books import PERP, SPOT, coin
from state.accounts import Account, Domain, Mode
from state.messages import Record
from state.rows import MARKET
from utils.errors import ExitCode, Refusal

NOW = 1_735_689_600_000


def test_all_strategies_but_the_demo_are_chosen_unless_named() -> None:
    assert chosen_strategies(None) == {0, 1, 2, 3, 5, 6, 7}
    assert chosen_strategies(["C2", "demo"]) == {1, 4}
    assert chosen_strategies([]) == frozenset()


def test_an_unknown_strategy_is_refused_with_what_there_is() -> None:
    with pytest.raises(Refusal, match="unknown C9; there are C1, C2, C3, C4, demo") as refusal:
        chosen_strategies(["C1", "C9"])
    assert refusal.value.code is ExitCode.USAGE


def test_an_account_may_trade_what_was_chosen_and_its_domain_allows() -> None:
    forex = Account(Domain.FOREX, Mode.PAPER)
    assert permissions((SPOT, forex), frozenset({0, 2})) == {SPOT: {0, 2}, forex: frozenset()}


LIVE, PERP_LIVE = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)


@pytest.mark.parametrize(
    "accounts, expected",
    [
        ((SPOT,), {SPOT: {0, 1, 2, 3, 4}}),
        # C1 and C2 may be live on spot, C3 on perpetuals, too; C4 never is. Which account a style is on, its standing says.
        ((LIVE, SPOT), {LIVE: {0, 1, 4}, SPOT: {0, 1, 2, 3, 4}}),
        ((PERP_LIVE, PERP), {PERP_LIVE: {0, 1, 2, 4}, PERP: {0, 1, 2, 3, 4}}),
        ((LIVE, SPOT, PERP), {LIVE: {0, 1, 4}, SPOT: {0, 1, 2, 3, 4}, PERP: {0, 1, 2, 3, 4}}),
    ],
)
def test_what_each_account_of_a_run_may_ever_trade(accounts: tuple[Account, ...], expected: dict[Account, set[int]]) -> None:
    assert permissions(accounts, frozenset(range(5))) == expected
    chosen = frozenset({0, 3})
    assert permissions(accounts, chosen) == {account: found & chosen for account, found in expected.items()}


def test_paper_explores_what_trades_live_beside_it_and_only_there() -> None:
    every = frozenset(range(5))
    assert explorers((LIVE, SPOT, PERP), every) == {SPOT: {0, 1}}
    assert explorers((SPOT, PERP), every) == {} == explorers((LIVE,), every)
    assert explorers((LIVE, SPOT), frozenset({1, 4})) == {SPOT: {1}}, "the demo explores nothing"


def test_an_idle_account_enters_nothing_and_leaves_paper_all() -> None:
    coins = (coin("AAAUSDT"),)
    mandate = make_mandate(CONFIG, coins, (LIVE, SPOT), frozenset(range(4)), quotes=True, idle=[LIVE])
    assert mandate.allowed == {LIVE: frozenset(), SPOT: {0, 1, 2, 3}} and mandate.explores == {}


def test_seats_of_two_accounts_have_the_venues_filters_each_and_only_paper_gets_a_wallet() -> None:
    coins = (coin("AAAUSDT"), coin("BBBUSDT"))
    state = make_state(CONFIG, coins, (LIVE, SPOT))
    assert (state.inst["account"].tolist(), state.inst["market"].tolist()) == ([0, 1, 0, 1], [0, 0, 1, 1])
    assert (state.inst["min_steps"] == 1).all() and state.acct["live"].tolist() == [1, 0]
    assert [event.args["account"] for event in wallet_events(CONFIG, (LIVE, SPOT), NOW)] == ["CRYPTO/PAPER"], (
        "a live one opens with what is there"
    )


def test_each_domain_gets_its_wallet_and_its_deposit_is_a_ledger_row() -> None:
    coins = (coin("AAAUSDT"), coin("BBBUSDT"), coin("AAAUSDT", Domain.PERPS))
    engine, commands = fresh_engine(CONFIG, coins, frozenset({0}), NOW, quotes=True)
    assert engine.state.accounts == (SPOT, PERP)
    assert engine.state.inst["account"].tolist() == [0, 0, 1]
    assert engine.state.inst["leverage"].tolist() == [1, 1, 3]
    assert engine.state.acct["cash"].tolist() == [10**13, 10**13]
    deposits = [command.row for command in commands if isinstance(command, Record)]
    assert [(row["account"], row["kind"], row["amount"]) for row in deposits] == [
        ("CRYPTO/PAPER", "deposit", "1000"),
        ("PERPS/PAPER", "deposit", "1000"),
    ]
    assert engine.mandate.feed_of == {
        "CRYPTO:AAAUSDT": "bybit-spot",
        "CRYPTO:BBBUSDT": "bybit-spot",
        "PERPS:AAAUSDT": "bybit-linear",
    }


def test_a_balance_can_be_asked_for() -> None:
    (event,) = wallet_events(CONFIG, (SPOT,), NOW, 77)
    assert event.args["balance_units"] == str(77 * 10**10)
    engine, _ = fresh_engine(CONFIG, (coin("AAAUSDT"),), frozenset(), NOW, quotes=False, balance=77)
    assert int(engine.state.acct[0]["peak"]) == 77 * 10**10


@pytest.mark.parametrize("count", [1, 3])
def test_market_rows_bear_the_very_dtype_that_kernels_know(count: int) -> None:
    rows = market_rows(CONFIG, [coin(f"X{k}USDT") for k in range(count)])
    assert rows.dtype is MARKET, "an equal one costs microseconds at every call of a kernel"
