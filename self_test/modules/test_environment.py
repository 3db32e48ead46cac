from __future__ import annotations

import pytest

from modules.engine.desk import FEEDS
from modules.environment import CHANNELS, HOSTS, Environment, choose
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


def test_an_unknown_one_is_named_with_those_there_are() -> None:
    with pytest.raises(Refusal, match=r"--env: 'mars' is not one of simulated, demo, testnet, live") as refused:
        choose("mars", {})
    assert refused.value.code is ExitCode.USAGE


def test_every_world_but_ours_has_hosts_and_every_feed_a_channel() -> None:
    assert set(HOSTS) == set(Environment) - {Environment.SIMULATED}
    assert all(one.http.startswith("https://") and one.ws.startswith("wss://") for one in HOSTS.values())
    assert set(CHANNELS) == set(FEEDS.values())
