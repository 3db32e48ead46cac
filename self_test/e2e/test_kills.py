"""kill -9 at random moments: the state is whole, nothing is lost, nothing happens twice."""

from __future__ import annotations

import random
from pathlib import Path

from bench.bot import simulators_of
from bench.chaos import kill_rounds

FAST_DEMO = ("--strategies", "demo", "--speed", "1200", "--symbols", "BTCUSDT,ETHUSDT", "--set", "domains.crypto.warmup_days=2")


def test_three_kills(tmp_path: Path) -> None:
    rounds = kill_rounds(tmp_path, 3, random.Random(5), lambda text: None, kinds=(FAST_DEMO,))
    assert [one["wrong"] for one in rounds] == [[], [], [], []]
    assert rounds[-1]["exit"] == 0 and rounds[-1]["trades"] >= 3
    assert simulators_of(tmp_path / "killed") == []
