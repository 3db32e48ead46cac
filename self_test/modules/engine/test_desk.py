from __future__ import annotations

import pytest

from config import CONFIG
from modules.engine.desk import chosen_strategies, fresh_engine, permissions, wallet_events
from self_test.fakes.books import PERP, SPOT, coin
from state.accounts import Account, Domain, Mode
from state.messages import Record
from utils.errors import ExitCode, Refusal

NOW = 1_735_689_600_000


def test_all_strategies_but_the_demo_are_chosen_unless_named() -> None:
    assert chosen_strategies(None) == {0, 1, 2, 3}
    assert chosen_strategies(["C2", "demo"]) == {1, 4}
    assert chosen_strategies([]) == frozenset()


def test_an_unknown_strategy_is_refused_with_what_there_is() -> None:
    with pytest.raises(Refusal, match="unknown C9; there are C1, C2, C3, C4, demo") as refusal:
        chosen_strategies(["C1", "C9"])
    assert refusal.value.code is ExitCode.USAGE


def test_an_account_may_trade_what_was_chosen_and_its_domain_allows() -> None:
    forex = Account(Domain.FOREX, Mode.PAPER)
    assert permissions((SPOT, forex), frozenset({0, 2})) == {SPOT: {0, 2}, forex: frozenset()}


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
