"""Looking at a dead bot goes through the views of a living one, and says that it is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.offline_look import look_offline
from modules.ui.commands import VOCABULARY, Wanted, changes, parse
from self_test.fakes.stored import Played
from utils.errors import Refusal

NEEDS = {"why": "why AAAUSDT", "kpi": "kpi"}


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    bot = Played(tmp_path / "simulated")
    bot.minutes(12)
    bot.crash()
    return tmp_path / "simulated"


def test_every_look_that_works_offline_has_an_answer(dead: Path) -> None:
    for entry in VOCABULARY.values():
        if entry.works_offline and not changes(Wanted(entry.name)):
            assert look_offline(dead, "simulated", parse(NEEDS.get(entry.name, entry.name)))["title"]
    assert look_offline(dead, "simulated", parse("status"))["data"]["live"] is False


def test_nothing_that_is_stored_is_called_live(dead: Path) -> None:
    status, pairs = (look_offline(dead, "simulated", parse(name)) for name in ("status", "pairs"))
    assert "stored" in status["lines"][0] and not any(line.startswith("feed") for line in status["lines"])
    assert {row[1] for row in pairs["table"]["rows"]} == {"stored"}


def test_key_figures_are_those_of_the_ledger(dead: Path) -> None:
    found = look_offline(dead, "simulated", parse("kpi"))
    assert [row["account"] for row in found["data"]["kpi"]] and found["table"]["rows"][0][0] == "closed trades"


def test_without_a_state_there_is_nothing_to_see(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no state in"):
        look_offline(tmp_path, "simulated", parse("status"))
