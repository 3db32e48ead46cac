"""The process that loads before it knows what it shall be: told, left, or alone when its daemon is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.simulator import standby
from modules.simulator.attachments import process_lives
from modules.simulator.launcher import arguments, ensure_running, stop
from modules.simulator.venue_options import SimulatorOptions
from self_test.conftest import REPO
from utils.clock import WallClock

OPTIONS = SimulatorOptions(speed=600.0, symbols=("BTCUSDT",), seed=4)


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    yield
    standby.leave()


def waiting() -> int:
    """The id of the one that waits."""
    (found,) = standby._waiting
    return found.pid


@pytest.mark.asyncio
async def test_the_one_that_waits_becomes_the_simulator_that_is_asked_for(tmp_path: Path) -> None:
    standby.prepare(tmp_path, os.environ)
    pid = waiting()
    assert not (tmp_path / "simulated").exists(), "until then it writes nothing"
    found = await ensure_running(tmp_path, OPTIONS, WallClock())
    try:
        assert found.pid == pid and os.getsid(pid) == pid
        standby.prepare(tmp_path, os.environ)
        assert standby._waiting == [], "one is recorded"
        standby.leave()
        assert process_lives(pid), "it is not the one that waits any longer"
    finally:
        await stop(tmp_path, found)
    assert not process_lives(pid)


@pytest.mark.asyncio
async def test_one_that_died_is_replaced(tmp_path: Path) -> None:
    standby.prepare(tmp_path, os.environ)
    pid = waiting()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222  it is gone at once
    found = await ensure_running(tmp_path, OPTIONS, WallClock())
    assert found.pid != pid
    await stop(tmp_path, found)


def test_it_is_for_one_folder_and_one_program(tmp_path: Path) -> None:
    standby.prepare(tmp_path, os.environ)
    other = tmp_path / "other" / "simulated"
    command = [*standby.PROGRAM, *arguments(OPTIONS, other / "venue")]
    assert standby.take(command, other / "simulator.out", other / "simulator.log") is None
    mine = tmp_path / "simulated"
    assert standby.take([sys.executable, "-c", ""], mine / "simulator.out", mine / "simulator.log") is None
    pid = waiting()
    assert str(mine / "venue") in Path(f"/proc/{pid}/cmdline").read_text(), "it can be seen whose it is"
    standby.leave()
    assert not process_lives(pid)


def test_it_ends_with_a_daemon_that_ends_before_it_says_anything(tmp_path: Path) -> None:
    words = [*standby.PROGRAM, standby.WORD, "--state-folder", str(tmp_path / "venue")]
    done = subprocess.run(words, cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    half = subprocess.run(words, cwd=REPO, input=b'{"words": [', capture_output=True, check=False, timeout=100)
    assert (half.returncode, half.stdout) == (0, b"")


def test_what_it_becomes_complains_as_any_other(tmp_path: Path) -> None:
    log, output = tmp_path / "log", tmp_path / "output"
    told = json.dumps({"words": ["--market", "recorded:nowhere"], "output": str(output), "log": str(log)}) + "\n"
    words = [*standby.PROGRAM, standby.WORD, "--state-folder", str(tmp_path / "venue")]
    done = subprocess.run(words, cwd=REPO, input=told.encode(), capture_output=True, check=False, timeout=100)
    assert done.returncode == 2 and log.read_text().startswith("--market")
    assert output.read_text() == ""
