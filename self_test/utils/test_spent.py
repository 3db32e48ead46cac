from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from self_test.conftest import REPO
from utils.clock import FakeClock
from utils.spent import SECONDS, Spent
from utils.throttle import Limit, Throttle, Urgency

NOW = 1_700_000_000_500


def test_what_was_asked_is_known_for_a_window_and_no_longer(tmp_path: Path) -> None:
    first = Spent(tmp_path / "asked")
    for ms in (0, 10, 1_000):
        first.note(NOW + ms)
    again = Spent(tmp_path / "asked")
    assert again.ages_ms(NOW + 1_600, 5_000) == [1_100, 1_100, 100], "of a second the latest moment counts"
    assert again.ages_ms(NOW + 5_700, 5_000) == [4_200]
    assert again.ages_ms(NOW + 60_000, 5_000) == []
    assert again.ages_ms(NOW - 60_000, 5_000) == [], "the clock went back: it lies ahead"
    again.note(NOW + SECONDS * 1_000)
    assert again.ages_ms(NOW + SECONDS * 1_000, 5_000) == [0], "a slot is used again"


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "asked").write_bytes(b"x" * 1_000)
    spent = Spent(tmp_path / "asked")
    assert spent.ages_ms(NOW, 5_000) == []
    spent.note(NOW)
    assert spent.ages_ms(NOW, 5_000) == [0]


def test_it_outlives_a_kill(tmp_path: Path) -> None:
    code = "import os, signal; from pathlib import Path; from utils.spent import Spent; "
    code += f"Spent(Path({str(tmp_path / 'asked')!r})).note({NOW}); "
    code += "os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, env=os.environ | {"PYTHONPATH": str(REPO)}, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    assert Spent(tmp_path / "asked").ages_ms(NOW, 5_000) == [0]


@pytest.mark.asyncio
async def test_two_lives_in_one_window_stay_within_the_limit_of_the_address(tmp_path: Path) -> None:
    """Each forgot what the other had asked; the venue shut both out for ten minutes."""
    clock = FakeClock(NOW)
    for life in range(2):
        throttle = Throttle({"ip": Limit(10, 5.0)}, clock)
        throttle.remember("ip", Spent(tmp_path / "asked"))
        if not life:
            for _ in range(9):
                await throttle.acquire("ip", Urgency.MARKET)
            await clock.advance(1.0)
    assert throttle.snapshot().left["ip"] == 1, "kept for what protects"
    await clock.advance(5.0)
    assert throttle.snapshot().left["ip"] == 10
