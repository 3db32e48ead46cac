"""What a venue is asked to be against what is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.simulator.state_folder import Stored
from modules.simulator.venue_options import SimulatorOptions, agree, market_name
from utils.errors import Refusal


def test_a_recorded_market_is_known_by_its_absolute_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert market_name("recorded:data/") == f"recorded:{tmp_path / 'data'}"
    assert market_name("recorded:") == "recorded:" and market_name("generated") == "generated"


def test_what_was_not_said_agrees_and_what_differs_is_named() -> None:
    stored = Stored(market="generated", seed=3, start_ms=0, venue_ms=0)
    agree(stored, SimulatorOptions())
    agree(stored, SimulatorOptions(market="generated", seed=3))
    with pytest.raises(Refusal, match=r"^--seed"):
        agree(stored, SimulatorOptions(seed=4))
    with pytest.raises(Refusal, match=r"^--market"):
        agree(stored, SimulatorOptions(market="recorded:data"))
