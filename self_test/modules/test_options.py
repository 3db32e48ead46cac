from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.environment import Environment
from modules.options import RunOptions, check, notices
from state.accounts import Domain
from utils.errors import ExitCode, Refusal


def options(**changes: Any) -> RunOptions:
    plain: dict[str, Any] = {"stage": 1, "env": Environment.SIMULATED, "state_dir": Path("var")}
    return RunOptions(**(plain | changes))


def test_stage_one_trades_crypto_in_every_environment() -> None:
    for env in Environment:
        assert check(options(env=env)) == (Domain.CRYPTO,)
    assert options(env=Environment.DEMO).folder == Path("var/demo")


@pytest.mark.parametrize("stage", [2, 3, 4, 5])
def test_a_stage_that_is_not_earned_is_the_gates_refusal(stage: int) -> None:
    with pytest.raises(Refusal, match=f"stage {stage} is not earned") as refused:
        check(options(stage=stage))
    assert refused.value.code is ExitCode.GATE_REFUSED


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"stage": 0}, "--stage: 0 is not a stage; there are 1, 2, 3, 4, 5"),
        ({"stage": 6}, "--stage: 6 is not a stage"),
        ({"profile": "margin"}, "--profile: 'margin' is not one of spot, perp, spot\\+perp"),
        ({"profile": "perp"}, "stage 1 .* has perpetuals off; use --profile spot"),
        ({"strategies": ("demo",), "env": Environment.DEMO}, "--strategies demo runs in the simulated environment only"),
        ({"speed": 1e6}, r"--speed: 1e\+06 is not below 1e\+06"),
        ({"seed": -5}, "--seed: -5 is below 0"),
        ({"from_ms": 5, "to_ms": 5}, "--to: must be after --from"),
        ({"simulator_url": "here"}, "--simulator-url: 'here' is not an address"),
        ({"simulator_url": "http://h", "seed": 1, "speed": 2.0}, "--seed, --speed cannot go with --simulator-url"),
        ({"pace": "free", "speed": 600.0, "env": Environment.DEMO}, "--speed, --pace belong to --env simulated, not to --env demo"),
        ({"real_money": "1234"}, "--real-money goes with --override-gates, which is missing"),
        ({"seed": 1, "market": "generated", "env": Environment.LIVE}, "--market, --seed belong to --env simulated, not to --env live"),
    ],
)
def test_what_cannot_be_is_named_with_what_is_allowed(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        check(options(**changes))
    assert refused.value.code is ExitCode.USAGE


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(Refusal) as refused:
        check(options(stage=9, profile="x", seed=-1, speed=1e9))
    assert all(name in str(refused.value) for name in ("--stage", "--profile", "--seed", "--speed"))


def test_what_the_stage_leaves_off_is_said_and_changes_nothing() -> None:
    asked = options(enable=("forex", "options"), profile="spot+perp")
    trading = check(asked)
    assert trading == (Domain.CRYPTO,)
    assert notices(asked, trading) == [
        "--enable forex: stage 1 (Crypto Paper (Learn)) has forex off; nothing changes",
        "--enable options: stage 1 (Crypto Paper (Learn)) has options off; nothing changes",
        "--profile spot+perp: stage 1 has perps off",
    ]
    assert notices(options(), trading) == []
    three = options(stage=3, override_gates=True)
    assert check(three) == (Domain.CRYPTO, Domain.FOREX)
    assert check(options(stage=4, override_gates=True)) == (Domain.CRYPTO, Domain.FOREX, Domain.OPTIONS)
    assert notices(three, check(three)) == ["FOREX enters nothing until somebody says `forex on` (or starts with --enable forex)"]
    assert notices(options(stage=3, override_gates=True, enable=("forex",)), check(three)) == []
    four = check(options(stage=4, override_gates=True))
    off, priced = notices(options(stage=4, enable=("forex",)), four)
    assert off == "OPTIONS enters nothing until somebody says `options on` (or starts with --enable options)"
    assert priced == "OPTIONS: paper evidence is model-priced and cannot open live"
    assert notices(options(stage=4, enable=("forex", "options")), four) == [priced]
    assert notices(options(stage=4, enable=("forex", "options")), check(three)) == [], "what has no broker was told with its reason"
    (line,) = notices(options(override_gates=True), trading)
    assert line.startswith("--override-gates: stage 1") and "nothing to override" in line
