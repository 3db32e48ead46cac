from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.ui.banner import Banner, banner_lines, environment

FACTS = Banner(
    name="bot",
    version="0.1",
    env="simulated",
    stage=1,
    stage_name="Crypto Paper (Learn)",
    accounts={"CRYPTO/PAPER": "1,000 USDT"},
    symbols=("BTCUSDT", "ETHUSDT"),
    strategies=("C1", "C2"),
    market="generated, seed 7",
    speed=600,
    pace="lockstep",
    state_dir="var/simulated",
    http="http://127.0.0.1:9108",
)


def told(**changes: Any) -> str:
    return " ".join(" ".join(banner_lines(msgspec.structs.replace(FACTS, **changes))).split())


def test_the_whole_banner() -> None:
    assert list(banner_lines(FACTS)) == [
        "bot 0.1",
        "environment  SIMULATED - no key found: trading on paper against the built-in",
        "             exchange, nothing here is real money",
        "stage        1, Crypto Paper (Learn)",
        "accounts     CRYPTO/PAPER 1,000 USDT",
        "symbols      2: BTCUSDT, ETHUSDT",
        "strategies   C1, C2",
        "market       generated, seed 7",
        "speed        x600 venue time, pace lockstep",
        "state        var/simulated (new)",
        "http         http://127.0.0.1:9108 (/metrics /healthz /readyz /status)",
        "next         In another terminal: python main.py status. Ctrl-C stops in order;",
        "             the same command goes on from there. On the real market, still on",
        "             paper and without a key: --env live.",
        "honestly     No profit is promised. Most strategies lose after costs; results on",
        "             paper prove nothing about real money.",
    ]


def test_what_to_do_next_looks_where_this_run_keeps_its_state() -> None:
    assert "python main.py status --state-dir var/tour. Ctrl-C" in told(look_in="var/tour")
    assert "status --state-dir '/srv/my bot'. Ctrl-C" in told(look_in="/srv/my bot")


@pytest.mark.parametrize("width", [60, 80, 100])
def test_it_fits_its_width(width: int) -> None:
    symbols = tuple(f"COIN{n}USDT" for n in range(20))
    assert max(map(len, banner_lines(msgspec.structs.replace(FACTS, symbols=symbols), width))) <= width


@pytest.mark.parametrize(
    "env, accounts, asked_for, text",
    [
        ("simulated", {}, True, "SIMULATED - trading on paper against the built-in exchange, nothing here is real money"),
        ("demo", {}, True, "DEMO - Bybit's demo exchange, play money"),
        ("testnet", {}, True, "TESTNET - Bybit's testnet exchange, play money"),
        ("live", {"CRYPTO/PAPER": "1"}, False, "LIVE - real market data; this stage trades on paper only, no order leaves this machine"),
        ("live", {"CRYPTO/LIVE": "1", "CRYPTO/PAPER": "1"}, False, "LIVE - REAL MONEY on CRYPTO/LIVE"),
        ("moon", {}, False, "MOON"),
    ],
)
def test_the_environment_says_whose_money_it_is(env: str, accounts: dict[str, str], asked_for: bool, text: str) -> None:
    assert environment(msgspec.structs.replace(FACTS, env=env, accounts=accounts, asked_for=asked_for)) == text


def test_how_to_go_on_to_the_real_market_is_said_in_simulated() -> None:
    assert "without a key: --env live" in told()
    assert "--env live" not in told(env="live")
    assert "No profit is promised" in told(env="live")


def test_a_resumed_state_is_told_and_a_real_venue_has_no_pace() -> None:
    assert "var/simulated (going on from there)" in told(resumed=True)
    assert "x1 venue time state" in told(speed=1.0, pace="")
