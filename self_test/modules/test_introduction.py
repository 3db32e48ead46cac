from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import fresh_engine, make_mandate, make_state
from modules.environment import Environment
from modules.introduction import Pace, facts, gate_words, look_in
from modules.options import RunOptions
from self_test.fakes.books import SPOT, coin
from self_test.fakes.pairs import pair
from state.accounts import Account, Domain, Mode
from state.instruments import option_slot
from telemetry.gate_config import WinRate, WinRateMode
from utils.fixed import MONEY_SCALE

COINS = (coin("AAAUSDT"), coin("BBBUSDT"))


def options(env: Environment) -> RunOptions:
    return RunOptions(stage=1, env=env, state_dir=Path("var"))


def test_a_wallet_that_is_not_open_yet_shows_what_it_will_be_opened_with() -> None:
    state = make_state(CONFIG, COINS, (SPOT,))
    engine = Engine(state, make_mandate(CONFIG, COINS, (SPOT,), frozenset({0, 3}), quotes=True))
    banner = facts(options(Environment.SIMULATED), CONFIG, engine, Pace("generated", 600.0, "lockstep"), resumed=False, http="")
    assert banner.accounts == {"CRYPTO/PAPER": "1,000.00 USDT"}
    assert (banner.symbols, banner.strategies) == (("AAAUSDT", "BBBUSDT"), ("C1", "C4"))
    assert (banner.speed, banner.pace, banner.stage_name) == (600.0, "lockstep", "Crypto Paper (Learn)")


def test_another_terminal_is_told_where_to_look_unless_it_does_so_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOT_STATE_DIR", "elsewhere")  # of this terminal, perhaps not of the other
    for given in ("var", str(tmp_path / "var")):
        assert look_in(Path(given)) == ""
    assert look_in(Path("var/tour")) == look_in(tmp_path / "var/tour") == "var/tour"
    assert look_in(tmp_path.parent) == str(tmp_path.parent) and look_in(tmp_path) == str(tmp_path)


def test_forex_counts_in_dollars() -> None:
    pair = msgspec.structs.replace(coin("EURUSD"), domain=Domain.FOREX, base="EUR", quote="USD")
    fx = Account(Domain.FOREX, Mode.PAPER)
    state = make_state(CONFIG, (*COINS, pair), (SPOT, fx))
    engine = Engine(state, make_mandate(CONFIG, state.instruments, state.accounts, frozenset({0, 3}), quotes=True))
    banner = facts(options(Environment.SIMULATED), CONFIG, engine, Pace("generated", 600.0, "lockstep"), resumed=False, http="")
    assert banner.accounts == {"CRYPTO/PAPER": "1,000.00 USDT", "FOREX/PAPER": "1,000.00 USD"}


def test_a_slot_of_options_is_told_from_its_pair() -> None:
    found, slot = pair("EURUSD"), option_slot(pair("EURUSD"))
    state = make_state(CONFIG, (found, slot), (Account(Domain.FOREX, Mode.PAPER), Account(Domain.OPTIONS, Mode.PAPER)))
    engine = Engine(state, make_mandate(CONFIG, state.instruments, state.accounts, frozenset(), quotes=True))
    banner = facts(options(Environment.SIMULATED), CONFIG, engine, Pace("generated", 600.0, "lockstep"), resumed=False, http="")
    assert banner.symbols == ("EURUSD", "EURUSD options") and banner.accounts["OPTIONS/PAPER"] == "1,000.00 USD"


def test_a_live_wallet_that_is_not_open_yet_is_not_said_to_hold_the_paper_balance() -> None:
    accounts = (Account(Domain.CRYPTO, Mode.LIVE), SPOT)
    state = make_state(CONFIG, COINS, accounts)
    engine = Engine(state, make_mandate(CONFIG, COINS, accounts, frozenset({0, 3}), quotes=True))
    pace = Pace("generated", 600.0, "lockstep")
    banner = facts(options(Environment.SIMULATED), CONFIG, engine, pace, resumed=False, http="")
    assert banner.accounts == {"CRYPTO/LIVE": "as on the venue", "CRYPTO/PAPER": "1,000.00 USDT"}
    live = state.accounts.index(accounts[0])
    state.acct[live]["peak"] = state.acct[live]["equity"] = 77 * MONEY_SCALE
    banner = facts(options(Environment.SIMULATED), CONFIG, engine, pace, resumed=True, http="")
    assert banner.accounts["CRYPTO/LIVE"] == "77.00 USDT"


@pytest.mark.parametrize("env, speed", [(Environment.SIMULATED, 600.0), (Environment.LIVE, 1.0)])
def test_an_open_wallet_shows_its_equity_and_only_a_simulated_venue_has_a_speed(env: Environment, speed: float) -> None:
    engine, _ = fresh_engine(CONFIG, COINS, frozenset({1}), 1, quotes=True)
    engine.state.acct[0]["equity"] = 1_234 * MONEY_SCALE
    banner = facts(options(env), CONFIG, engine, Pace("x", 600.0, ""), resumed=True, http="http://h")
    assert banner.accounts == {"CRYPTO/PAPER": "1,234.00 USDT"}
    assert (banner.speed, banner.resumed, banner.env) == (speed, True, str(env))


def test_the_first_stage_says_how_long_the_gate_takes_and_what_it_asks_in_vain() -> None:
    said = gate_words(CONFIG.gates)
    assert "90 days and 60 trades (swing)" in said and "60 days and 200 trades (scalp)" in said and "70% win rate" in said
    free = CONFIG.gates.model_copy(update={"win_rate": WinRate(mode=WinRateMode.BREAKEVEN_LB)})
    assert "win rate" not in gate_words(free)
