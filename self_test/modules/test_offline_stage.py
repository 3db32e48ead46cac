"""A stage for a bot that does not run: real money takes digits, a shut gate says so, nothing is stored before."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import CONFIG
from modules.offline_stage import queue
from modules.stage_request import StageRequest, note_earned, remembered
from modules.ui.commands import parse
from self_test.fakes.stored import Played
from utils.errors import ExitCode, Refusal


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    bot = Played(tmp_path / "demo")
    bot.minutes(1)
    bot.crash()
    return tmp_path / "demo"


def test_a_shut_gate_outside_simulated_takes_digits(demo: Path) -> None:
    with pytest.raises(Refusal, match="stage 2 is not earned") as refused:
        queue(demo, "demo", parse("stage 2"), CONFIG, "")
    assert refused.value.code is ExitCode.GATE_REFUSED
    assert remembered(demo) == StageRequest()
    queue(demo, "demo", parse("stage 2"), CONFIG, "1234")
    assert remembered(demo) == StageRequest(stage=2, opened=2, real_money="1234", profile="spot")


def test_an_open_gate_takes_digits_for_real_money_too_and_no_override(demo: Path) -> None:
    note_earned(demo, 2)
    with pytest.raises(Refusal, match="say --real-money"):
        queue(demo, "demo", parse("stage 2"), CONFIG, "12")
    queue(demo, "demo", parse("stage 2"), CONFIG, "1234")
    assert remembered(demo) == StageRequest(stage=2, opened=1, real_money="1234", earned=2, profile="spot")


def test_digits_of_several_accounts_are_stored_beside_those_there_are(demo: Path) -> None:
    with pytest.raises(Refusal, match="stage 2 is not earned"):
        queue(demo, "demo", parse("stage 2"), CONFIG, "1234,56")
    queue(demo, "demo", parse("stage 2"), CONFIG, "1234")
    queue(demo, "demo", parse("stage 4"), CONFIG, "1234,5678")
    assert remembered(demo).real_money == "1234,5678"


def test_going_down_takes_nothing_and_forgets(demo: Path) -> None:
    queue(demo, "demo", parse("stage 2"), CONFIG, "1234")
    said = queue(demo, "demo", parse("stage 1"), CONFIG, "")
    assert "stage 1, spot" in said[-1]
    assert remembered(demo).real_money is None


def test_without_a_state_there_is_nothing_to_tell(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no state in"):
        queue(tmp_path / "demo", "demo", parse("stage 2"), CONFIG, "")
