from __future__ import annotations

from pathlib import Path

import pytest

from modules.engine.desk import FEEDS
from modules.environment import (
    CHANNELS,
    HOSTS,
    OANDA_HOSTS,
    SECRETS,
    Environment,
    IbkrPlace,
    choose,
    ibkr_place,
    oanda_site,
    secret,
    without_secrets,
)
from utils.errors import ExitCode, Refusal


@pytest.mark.parametrize(
    "asked, environ, chosen",
    [
        (None, {}, Environment.SIMULATED),
        (None, {"BYBIT_API_KEY": ""}, Environment.SIMULATED),
        (None, {"BYBIT_API_KEY": "k"}, Environment.LIVE),
        ("simulated", {"BYBIT_API_KEY": "k"}, Environment.SIMULATED),
        ("demo", {}, Environment.DEMO),
        ("testnet", {}, Environment.TESTNET),
        ("live", {}, Environment.LIVE),
    ],
)
def test_the_word_wins_else_a_key_means_live(asked: str | None, environ: dict[str, str], chosen: Environment) -> None:
    assert choose(asked, environ) is chosen


def test_a_secret_may_lie_in_the_credentials_directory(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert secret("BYBIT_API_KEY", environ) is None and choose(None, environ) is Environment.SIMULATED
    (tmp_path / "bybit_api_key").write_text("from-file\n")
    assert secret("BYBIT_API_KEY", environ) == "from-file" and choose(None, environ) is Environment.LIVE
    assert secret("BYBIT_API_KEY", environ | {"BYBIT_API_KEY": "said"}) == "said"
    (tmp_path / "bybit_api_secret").mkdir()
    with pytest.raises(Refusal, match=r"BYBIT_API_SECRET: .* cannot be read") as refused:
        secret("BYBIT_API_SECRET", environ)
    assert refused.value.code is ExitCode.CREDENTIALS


def test_an_unknown_one_is_named_with_those_there_are() -> None:
    with pytest.raises(Refusal, match=r"--env: 'mars' is not one of simulated, demo, testnet, live") as refused:
        choose("mars", {})
    assert refused.value.code is ExitCode.USAGE


def test_every_world_but_ours_has_hosts_and_every_feed_a_channel() -> None:
    assert set(HOSTS) == set(Environment) - {Environment.SIMULATED}
    assert all(one.http.startswith("https://") and one.ws.startswith("wss://") for one in HOSTS.values())
    assert set(CHANNELS) == {feed for feed in FEEDS.values() if feed.startswith("bybit")}
    assert all(one.http.startswith("https://api-fx") and one.stream.startswith("https://stream-fx") for one in OANDA_HOSTS.values())


@pytest.mark.parametrize(
    "env, word, site",
    [
        (Environment.LIVE, "", "practice"),
        (Environment.LIVE, "live", "live"),
        (Environment.LIVE, "practice", "practice"),
        (Environment.DEMO, "", "practice"),
        (Environment.TESTNET, "practice", "practice"),
    ],
)
def test_the_brokers_site_is_practice_unless_it_is_said(env: Environment, word: str, site: str) -> None:
    assert oanda_site(env, {"OANDA_ENV": word}) == site


@pytest.mark.parametrize("env, word", [(Environment.DEMO, "live"), (Environment.TESTNET, "live"), (Environment.LIVE, "real")])
def test_a_site_that_cannot_be_is_refused(env: Environment, word: str) -> None:
    with pytest.raises(Refusal, match="OANDA_ENV") as refused:
        oanda_site(env, {"OANDA_ENV": word})
    assert refused.value.code is ExitCode.CREDENTIALS


def test_a_process_of_ours_is_told_no_secrets_and_not_where_they_lie() -> None:
    plain = {"PATH": "/bin", "BOT_RISK__BASE": "0.1"}
    assert without_secrets(plain | dict.fromkeys((*SECRETS, "CREDENTIALS_DIRECTORY"), "x")) == plain


def test_the_gateway_is_where_the_environment_says_and_needs_an_account() -> None:
    assert ibkr_place({"IBKR_HOST": "gateway", "IBKR_PORT": "4001"}) is None
    assert ibkr_place({"IBKR_ACCOUNT": "DU1234567"}) == IbkrPlace("127.0.0.1", 4002, 1, "DU1234567")
    said = {"IBKR_ACCOUNT": "U7", "IBKR_HOST": "gateway", "IBKR_PORT": "4001", "IBKR_CLIENT_ID": "12"}
    assert ibkr_place(said) == IbkrPlace("gateway", 4001, 12, "U7")
    assert "IBKR_ACCOUNT" in SECRETS and "DU1234567" not in repr(ibkr_place({"IBKR_ACCOUNT": "DU1234567"}))


@pytest.mark.parametrize("name, word", [("IBKR_PORT", "none"), ("IBKR_PORT", "70000"), ("IBKR_PORT", "0"), ("IBKR_CLIENT_ID", "-1")])
def test_a_gateway_that_cannot_be_is_refused_by_its_variable(name: str, word: str) -> None:
    with pytest.raises(Refusal, match=f"{name}: '{word}'") as refused:
        ibkr_place({"IBKR_ACCOUNT": "DU1234567", name: word})
    assert refused.value.code is ExitCode.CREDENTIALS
