from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.accounts import Key, confirmed, find_keys, line_up
from modules.environment import Environment
from modules.options import RunOptions
from modules.simulator.launcher import Endpoints
from state.accounts import Account, Domain, Mode
from utils.errors import ExitCode, Refusal

LIVE, PAPER = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.CRYPTO, Mode.PAPER)
PERP_LIVE, PERP_PAPER = Account(Domain.PERPS, Mode.LIVE), Account(Domain.PERPS, Mode.PAPER)
KEY = Key("key", "word")
BOTH = {Domain.CRYPTO: KEY, Domain.PERPS: Key("other", "word")}


def options(stage: int, **changes: Any) -> RunOptions:
    plain: dict[str, Any] = {"stage": stage, "env": Environment.SIMULATED, "state_dir": Path("var"), "override_gates": stage > 1}
    return RunOptions(**(plain | changes))


def test_a_key_is_never_shown() -> None:
    assert "word" not in repr(BOTH) and "key" not in repr(KEY).replace("Key", "")


def test_in_simulated_the_keys_are_the_built_in_exchange_s_own() -> None:
    where = Endpoints(pid=1, bybit_http="", bybit_ws="", control="", api_key="a", api_secret="b", perp_api_key="c", perp_api_secret="d")
    mine = {"BYBIT_API_KEY": "real", "BYBIT_API_SECRET": "real"}
    found = find_keys(Environment.SIMULATED, mine, where)
    assert found == {Domain.CRYPTO: Key("a", "b"), Domain.PERPS: Key("c", "d")}
    assert find_keys(Environment.SIMULATED, mine, None) == {}


def test_elsewhere_they_come_from_the_environment_and_half_a_pair_is_refused() -> None:
    whole = {"BYBIT_API_KEY": "a", "BYBIT_API_SECRET": "b"}
    assert find_keys(Environment.DEMO, whole, None) == {Domain.CRYPTO: Key("a", "b")}
    for half, missing in (("BYBIT_PERP_API_KEY", "BYBIT_PERP_API_SECRET"), ("BYBIT_PERP_API_SECRET", "BYBIT_PERP_API_KEY")):
        with pytest.raises(Refusal, match=f"{missing} is missing beside {half}") as caught:
            find_keys(Environment.LIVE, {**whole, half: "x"}, None)
        assert caught.value.code is ExitCode.CREDENTIALS


@pytest.mark.parametrize(
    "stage, profile, accounts",
    [
        (1, "spot", (PAPER,)),
        (1, "spot+perp", (PAPER,)),
        (2, "spot", (LIVE, PAPER)),
        (2, "spot+perp", (LIVE, PAPER, PERP_PAPER)),
        (3, "perp", (PERP_PAPER,)),
        (4, "spot+perp", (LIVE, PAPER, PERP_LIVE, PERP_PAPER)),
        (5, "perp", (PERP_LIVE, PERP_PAPER)),
    ],
)
def test_stage_and_profile_say_who_trades(stage: int, profile: str, accounts: tuple[Account, ...]) -> None:
    found = line_up(options(stage, profile=profile), BOTH)
    assert found.accounts == accounts
    assert found.notes == ()


@pytest.mark.parametrize(
    "changes, keys, reason",
    [
        ({}, {}, "--simulator-url"),
        ({"env": Environment.DEMO, "real_money": "1234"}, {}, "BYBIT_API_KEY is not set"),
        ({"env": Environment.LIVE}, BOTH, "--real-money with the last 4 digits"),
    ],
)
def test_a_live_account_that_cannot_be_had_trades_on_paper_and_says_why(
    changes: dict[str, Any], keys: dict[Domain, Key], reason: str
) -> None:
    found = line_up(options(2, **changes), keys)
    assert found.accounts == (PAPER,)
    assert len(found.notes) == 1 and reason in found.notes[0] and "CRYPTO trades on paper" in found.notes[0]


def test_perpetuals_want_a_key_of_their_own() -> None:
    found = line_up(options(4, profile="spot+perp", env=Environment.DEMO, real_money="1234"), {Domain.CRYPTO: KEY})
    assert found.accounts == (LIVE, PAPER, PERP_PAPER)
    assert "BYBIT_PERP_API_KEY is not set (perpetuals have a sub-account of their own)" in found.notes[0]


def test_an_account_that_turned_out_unfit_leaves_its_paper_account_in() -> None:
    found = line_up(options(4, profile="spot+perp"), BOTH).without(PERP_LIVE, "so it is")
    assert found.accounts == (LIVE, PAPER, PERP_PAPER)
    assert found.notes == ("PERPS/LIVE unavailable: so it is; PERPS trades on paper",)


def test_only_the_last_digits_that_a_person_typed_confirm_an_account() -> None:
    assert confirmed(options(2), "12345678") == ""
    assert confirmed(options(2, env=Environment.LIVE, real_money="5678"), "12345678") == ""
    assert "does not match" in confirmed(options(2, env=Environment.LIVE, real_money="1234"), "12345678")
