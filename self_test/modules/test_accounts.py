from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modules.accounts import GatewayKey, Key, Lineup, confirmed, find_keys, keys_at_start, line_up, real_keys
from modules.environment import Environment, IbkrPlace
from modules.options import RunOptions, check
from modules.simulator.launcher import Endpoints
from state.accounts import Account, Domain, Mode
from utils.errors import ExitCode, Refusal

LIVE, PAPER = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.CRYPTO, Mode.PAPER)
FX_LIVE, FX_PAPER = Account(Domain.FOREX, Mode.LIVE), Account(Domain.FOREX, Mode.PAPER)
OPTIONS_LIVE, OPTIONS_PAPER = Account(Domain.OPTIONS, Mode.LIVE), Account(Domain.OPTIONS, Mode.PAPER)
PERPS_LIVE, PERPS_PAPER = Account(Domain.PERPS, Mode.LIVE), Account(Domain.PERPS, Mode.PAPER)
KEY = Key("k", "s")
BOTH: Mapping[Domain, Key] = {Domain.CRYPTO: KEY, Domain.PERPS: Key("p", "t")}
NO_FX = "FOREX unavailable: the simulator that runs here has no broker"
REAL = {"env": Environment.LIVE, "override_gates": True, "real_money": "1234"}


def options(**changes: Any) -> RunOptions:
    plain: dict[str, Any] = {"stage": 2, "env": Environment.SIMULATED, "state_dir": Path("var"), "override_gates": True}
    asked = RunOptions(**(plain | changes))
    check(asked)
    return asked


def endpoints(**changes: str) -> Endpoints:
    keys = {"api_key": "a", "api_secret": "b", "perp_api_key": "c", "perp_api_secret": "d"}
    return Endpoints(pid=1, bybit_http="h", bybit_ws="w", control="c", **(keys | changes))


# --- keys -----------------------------------------------------------------------------------------------------------------------------


def test_a_key_is_never_shown() -> None:
    assert repr(Key("secret1", "secret2")) == str(Key("secret1", "secret2")) == "Key(…)"


def test_the_built_in_exchange_brings_its_own_keys_and_those_of_the_environment_stay_out() -> None:
    found = find_keys(Environment.SIMULATED, {"BYBIT_API_KEY": "real", "BYBIT_API_SECRET": "real"}, endpoints())
    assert found == {Domain.CRYPTO: Key("a", "b"), Domain.PERPS: Key("c", "d")}
    assert find_keys(Environment.SIMULATED, {"BYBIT_API_KEY": "real"}, None) == {}
    older = endpoints(api_key="", api_secret="", perp_api_key="", perp_api_secret="")
    assert find_keys(Environment.SIMULATED, {}, older) == {}


@pytest.mark.parametrize("env", [Environment.DEMO, Environment.TESTNET, Environment.LIVE])
def test_elsewhere_each_domain_has_a_pair_of_its_own(env: Environment) -> None:
    spot = {"BYBIT_API_KEY": "a", "BYBIT_API_SECRET": "b"}
    assert find_keys(env, {}, None) == {}
    assert find_keys(env, spot, endpoints()) == {Domain.CRYPTO: Key("a", "b")}
    perp = {"BYBIT_PERP_API_KEY": "c", "BYBIT_PERP_API_SECRET": "d"}
    assert find_keys(env, spot | perp, None) == {Domain.CRYPTO: Key("a", "b"), Domain.PERPS: Key("c", "d")}


@pytest.mark.parametrize(
    "environ, missing, beside",
    [
        ({"BYBIT_API_KEY": "a"}, "BYBIT_API_SECRET", "BYBIT_API_KEY"),
        ({"BYBIT_API_SECRET": "hush"}, "BYBIT_API_KEY", "BYBIT_API_SECRET"),
        ({"BYBIT_API_KEY": "a", "BYBIT_API_SECRET": ""}, "BYBIT_API_SECRET", "BYBIT_API_KEY"),
        ({"BYBIT_PERP_API_KEY": "a"}, "BYBIT_PERP_API_SECRET", "BYBIT_PERP_API_KEY"),
        ({"BYBIT_PERP_API_SECRET": "hush"}, "BYBIT_PERP_API_KEY", "BYBIT_PERP_API_SECRET"),
    ],
)
def test_half_a_pair_is_refused_with_the_name_of_the_other_half(environ: dict[str, str], missing: str, beside: str) -> None:
    with pytest.raises(Refusal) as refused:
        find_keys(Environment.LIVE, environ, None)
    assert refused.value.code is ExitCode.CREDENTIALS
    assert str(refused.value) == f"--env live: {missing} is missing beside {beside}", "the name of the world, and no word of the secret"


def test_a_key_may_lie_in_the_services_credentials(tmp_path: Path) -> None:
    (tmp_path / "bybit_api_key").write_text("a\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    with pytest.raises(Refusal, match="BYBIT_API_SECRET is missing"):
        find_keys(Environment.LIVE, environ, None)
    (tmp_path / "bybit_api_secret").write_text("b\n")
    assert find_keys(Environment.LIVE, environ, None) == {Domain.CRYPTO: Key("a", "b")}


# --- the line-up ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stage, profile, paper, live",
    [
        (1, "spot", (PAPER,), ()),
        (1, "spot+perp", (PAPER,), ()),
        (2, "spot", (PAPER,), (LIVE,)),
        (2, "spot+perp", (PAPER, PERPS_PAPER), (LIVE,)),
        (3, "spot+perp", (PAPER, PERPS_PAPER), (LIVE,)),
        (3, "perp", (PERPS_PAPER,), ()),
        (4, "spot", (PAPER,), (LIVE,)),
        (4, "perp", (PERPS_PAPER,), (PERPS_LIVE,)),
        (4, "spot+perp", (PAPER, PERPS_PAPER), (LIVE, PERPS_LIVE)),
        (5, "spot+perp", (PAPER, PERPS_PAPER), (LIVE, PERPS_LIVE)),
    ],
)
def test_stage_and_profile_say_who_trades(stage: int, profile: str, paper: tuple[Account, ...], live: tuple[Account, ...]) -> None:
    found = line_up(options(stage=stage, profile=profile), BOTH)
    no_pairs = (NO_FX, NO_FX.replace("FOREX", "OPTIONS"))
    assert (found.paper, found.live, found.notes) == (paper, live, no_pairs[: {1: 0, 2: 1, 3: 1}.get(stage, 2)])
    assert found.domains == tuple(account.domain for account in paper)


def test_live_stands_before_paper_of_each_domain() -> None:
    found = line_up(options(stage=4, profile="spot+perp"), {**BOTH, Domain.FOREX: KEY})
    assert found.accounts == (LIVE, PAPER, PERPS_LIVE, PERPS_PAPER, FX_LIVE, FX_PAPER, OPTIONS_PAPER)


def test_without_a_key_a_domain_trades_on_paper_and_says_which_key() -> None:
    found = line_up(options(stage=4, profile="spot+perp", **REAL), {Domain.CRYPTO: KEY})
    assert (found.live, found.paper) == ((LIVE,), (PAPER, PERPS_PAPER))
    note, broker, options_too = found.notes
    assert broker == "FOREX unavailable: OANDA_API_TOKEN is not set" and options_too == "OPTIONS unavailable: OANDA_API_TOKEN is not set"
    assert note == (
        "PERPS/LIVE unavailable: BYBIT_PERP_API_KEY is not set (perpetuals have a sub-account of their own); PERPS trades on paper"
    )
    note, _ = line_up(options(**REAL), {}).notes
    assert note == "CRYPTO/LIVE unavailable: BYBIT_API_KEY is not set; CRYPTO trades on paper"


def test_a_simulator_that_keeps_its_keys_is_traded_on_paper() -> None:
    found = line_up(options(simulator_url="http://127.0.0.1:1/control"), find_keys(Environment.SIMULATED, {}, None))
    assert found.live == () and "--simulator-url keeps its keys to itself" in found.notes[0]
    assert found.notes[1] == "FOREX unavailable: --simulator-url brings no broker"


@pytest.mark.parametrize(
    "stage, profile, paper, live",
    [
        (1, "spot", (PAPER,), ()),
        (2, "spot", (PAPER, FX_PAPER), (LIVE,)),
        (3, "spot", (PAPER, FX_PAPER), (LIVE,)),
        (3, "perp", (PERPS_PAPER, FX_PAPER), ()),
        (4, "spot", (PAPER, FX_PAPER, OPTIONS_PAPER), (LIVE, FX_LIVE)),
    ],
)
def test_forex_goes_by_the_stage_and_not_by_the_profile(
    stage: int, profile: str, paper: tuple[Account, ...], live: tuple[Account, ...]
) -> None:
    found = line_up(options(stage=stage, profile=profile), {**BOTH, Domain.FOREX: Key("a", "t")})
    assert (found.paper, found.live, found.notes) == (paper, live, ())
    assert found.domains == tuple(account.domain for account in paper)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "the simulator has no options venue"),
        ({"env": Environment.LIVE, "override_gates": True}, "only --override-gates with --real-money opens it, because paper evidence is"),
        (REAL, "IBKR_ACCOUNT is not set"),
    ],
)
def test_options_trade_on_paper_until_a_person_and_their_own_broker_open_them(changes: dict[str, Any], why: str) -> None:
    found = line_up(options(stage=5, **changes), {**BOTH, Domain.FOREX: Key("a", "t")})
    assert OPTIONS_PAPER in found.paper and OPTIONS_LIVE not in found.live
    (note,) = [one for one in found.notes if one.startswith("OPTIONS")]
    assert note.startswith(f"OPTIONS/LIVE unavailable: {why}") and note.endswith("OPTIONS trades on paper")


GATEWAY = {"IBKR_ACCOUNT": "U1234567", "IBKR_PORT": "4001"}


def test_options_open_with_a_gateway_and_a_person_s_word() -> None:
    keys, wrong = keys_at_start(Environment.LIVE, GATEWAY, None)
    key = keys[Domain.OPTIONS]
    assert isinstance(key, GatewayKey) and key.place == IbkrPlace("127.0.0.1", 4001, 1, "U1234567") and "U1234567" not in repr(key)
    found = line_up(options(stage=5, **REAL), {**BOTH, Domain.FOREX: Key("a", "t"), **keys}, wrong)
    assert OPTIONS_LIVE in found.live and OPTIONS_PAPER in found.paper
    assert find_keys(Environment.SIMULATED, GATEWAY, None) == {}, "nobody else's money in the simulator"
    below = line_up(options(stage=4, **REAL), {**BOTH, Domain.FOREX: Key("a", "t"), **keys}, wrong)
    assert OPTIONS_LIVE not in below.live


@pytest.mark.parametrize(
    ("env", "environ", "why"),
    [
        (Environment.LIVE, {"IBKR_ACCOUNT": "DU1234567"}, "IBKR_ACCOUNT is a paper account"),
        (Environment.LIVE, GATEWAY | {"IBKR_PORT": "soon"}, "IBKR_PORT: 'soon' is not a number"),
        (Environment.DEMO, GATEWAY, "IBKR_ACCOUNT is no paper account, and does not go with --env demo"),
    ],
)
def test_a_gateway_that_is_of_no_use_leaves_options_on_paper_and_nobody_else(env: Environment, environ: dict[str, str], why: str) -> None:
    keys, wrong = keys_at_start(env, environ, None)
    asked = options(stage=5, env=env, real_money="1234")
    found = line_up(asked, {**BOTH, Domain.FOREX: Key("a", "t"), **keys}, wrong)
    assert OPTIONS_LIVE not in found.live and LIVE in found.live and FX_LIVE in found.live
    (note,) = [one for one in found.notes if one.startswith("OPTIONS")]
    assert note.startswith(f"OPTIONS/LIVE unavailable: {why}") and note.endswith("OPTIONS trades on paper")


def test_a_practice_account_is_no_real_money() -> None:
    keys = {Domain.CRYPTO: KEY, Domain.FOREX: Key("a", "t", "practice")}
    real = line_up(options(stage=4, **REAL), keys)
    assert real.live == (LIVE,) and FX_PAPER in real.paper
    assert real.notes == ("FOREX/LIVE unavailable: OANDA_ENV=practice: no real money there; FOREX trades on paper",)
    demo = {"env": Environment.DEMO, "override_gates": True, "real_money": "1234"}
    assert FX_LIVE in line_up(options(stage=4, **demo), keys).live, "a demo's account is practice's"
    assert set(real_keys(Environment.LIVE, keys)) == {Domain.CRYPTO}
    assert real_keys(Environment.DEMO, keys) == keys


def test_the_broker_has_an_account_a_token_and_a_site() -> None:
    pair = {"OANDA_ACCOUNT_ID": "101-1-1-1", "OANDA_API_TOKEN": "t"}
    assert find_keys(Environment.LIVE, pair, None) == {Domain.FOREX: Key("101-1-1-1", "t", "practice")}
    assert find_keys(Environment.LIVE, pair | {"OANDA_ENV": "live"}, None)[Domain.FOREX].site == "live"
    with pytest.raises(Refusal, match="OANDA_ACCOUNT_ID is missing beside OANDA_API_TOKEN"):
        find_keys(Environment.LIVE, {"OANDA_API_TOKEN": "t"}, None)
    found = find_keys(Environment.SIMULATED, pair | {"OANDA_ENV": "live"}, endpoints(oanda_account="s", oanda_token="u"))
    assert found[Domain.FOREX] == Key("s", "u"), "the built-in exchange's own"


@pytest.mark.parametrize(
    "environ, named",
    [
        ({"OANDA_API_TOKEN": "hush"}, "OANDA_ACCOUNT_ID is missing beside OANDA_API_TOKEN"),
        ({"OANDA_ACCOUNT_ID": "101-1-1-1"}, "OANDA_API_TOKEN is missing beside OANDA_ACCOUNT_ID"),
        (
            {"OANDA_ACCOUNT_ID": "101-1-1-1", "OANDA_API_TOKEN": "hush", "OANDA_ENV": "moon"},
            "OANDA_ENV: 'moon' is not one of practice, live",
        ),
    ],
)
def test_a_brokers_key_that_is_of_no_use_leaves_out_forex_and_nobody_else(environ: dict[str, str], named: str) -> None:
    spot = {"BYBIT_API_KEY": "a", "BYBIT_API_SECRET": "b"}
    keys, wrong = keys_at_start(Environment.LIVE, environ | spot, None)
    assert keys == {Domain.CRYPTO: Key("a", "b")}
    found = line_up(options(stage=4, **REAL), keys, wrong)
    assert (found.live, found.paper, found.domains) == ((LIVE,), (PAPER,), (Domain.CRYPTO,))
    for note, domain in zip(found.notes, ("FOREX", "OPTIONS"), strict=True):
        assert note.startswith(f"{domain} unavailable: ") and named in note and "hush" not in note


def test_half_a_key_of_bybits_is_refused_whatever_the_brokers_is() -> None:
    with pytest.raises(Refusal, match="BYBIT_API_SECRET is missing") as refused:
        keys_at_start(Environment.LIVE, {"BYBIT_API_KEY": "a", "OANDA_API_TOKEN": "t"}, None)
    assert refused.value.code is ExitCode.CREDENTIALS
    assert keys_at_start(Environment.LIVE, {}, None) == ({}, {})


def test_nothing_of_a_domain_may_be_left() -> None:
    whole = Lineup(domains=(Domain.CRYPTO, Domain.FOREX), paper=(PAPER, FX_PAPER), live=(LIVE, FX_LIVE))
    less = whole.lacking(Domain.FOREX, "no answer")
    assert (less.domains, less.accounts, less.notes) == ((Domain.CRYPTO,), (LIVE, PAPER), ("FOREX unavailable: no answer",))


@pytest.mark.parametrize("env", [Environment.DEMO, Environment.TESTNET, Environment.LIVE])
def test_overriding_the_gate_alone_does_not_open_a_venue(env: Environment) -> None:
    found = line_up(options(env=env), BOTH)
    assert (found.live, found.paper) == ((), (PAPER,))
    assert found.notes[0] == (
        "CRYPTO/LIVE unavailable: --real-money with the last 4 digits of the account id is missing; CRYPTO trades on paper"
    )
    assert line_up(options(env=env, real_money="1234"), BOTH).live == (LIVE,), "until the account itself has been asked"


@pytest.mark.parametrize("stage", [2, 3, 4, 5])
def test_without_an_override_the_unmet_checks_are_named(stage: int) -> None:
    with pytest.raises(Refusal) as refused:
        options(stage=stage, override_gates=False)
    assert refused.value.code is ExitCode.GATE_REFUSED
    assert "CRYPTO paper passes its gate" in str(refused.value)
    assert ("CRYPTO's canary ends without a demotion" in str(refused.value)) == (stage >= 3)
    assert ("FOREX paper passes its gate" in str(refused.value)) == (stage >= 4)


@pytest.mark.parametrize(
    "real_money, account_id, fine",
    [
        ("1234", "98761234", True),
        ("1234", "1234", True),
        ("4321", "98761234", False),
        ("98761234", "98761234", False),
        ("234", "98761234", False),
        ("", "98761234", False),
        ("", "", False),
        ("12", "12", False),
        ("1234,5678", "0005678", True),
        ("1234,5678", "0001234", True),
        ("1234,5678", "00034,5", False),
        (None, "98761234", False),
        ("7001", "101-004-1234567-001", True),  # a broker's account: dashes do not count
        ("-001", "101-004-1234567-001", False),
    ],
)
def test_real_money_is_confirmed_by_the_last_four_digits_and_nothing_else(real_money: str | None, account_id: str, fine: bool) -> None:
    reason = confirmed(options(**(REAL | {"real_money": real_money})), account_id)
    assert (reason == "") is fine
    assert fine or "--real-money" in reason


def test_the_built_in_exchange_needs_no_confirmation() -> None:
    assert confirmed(options(), "anything") == ""


def test_an_account_that_is_not_available_leaves_its_domain_on_paper() -> None:
    both = Lineup(domains=(Domain.CRYPTO, Domain.PERPS), paper=(PAPER,), live=(LIVE, PERPS_LIVE))
    less = both.without(PERPS_LIVE, "no answer")
    assert (less.live, less.paper) == ((LIVE,), (PAPER, PERPS_PAPER))
    assert less.notes == ("PERPS/LIVE unavailable: no answer; PERPS trades on paper",)
    none = less.without(LIVE, "why")
    assert (none.live, none.paper, len(none.notes)) == ((), (PAPER, PERPS_PAPER), 2)
