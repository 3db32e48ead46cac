"""A Disaster when the bot itself cannot: the disk is full, or the process hangs; live positions are closed over the venue all the same."""

from __future__ import annotations

import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.bot import PROGRAM, REPO, Bot, clean_environ, no_leftovers, started

WORDS = ("--symbols", "BTCUSDT,ETHUSDT", "--strategies", "demo", "--set", "domains.crypto.warmup_days=2", "--speed", "20")
LIVE = "CRYPTO/LIVE"
NO_ROOM = (0, 0)
"""No file may grow by a byte: every write fails as on a full disk, for whichever user the test runs as."""


def live(bot: Bot) -> dict[str, Any]:
    found: dict[str, Any] = bot.status()["accounts"][LIVE]
    return found


def no_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, NO_ROOM)


def flatten(state_dir: Path, *, full: bool) -> subprocess.CompletedProcess[str]:
    words = [*PROGRAM, "flatten", "--yes", "--state-dir", str(state_dir)]
    return subprocess.run(
        words, cwd=REPO, env=clean_environ(), capture_output=True, text=True, timeout=90, check=False, preexec_fn=no_room if full else None
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("full", [True, False], ids=["disk full", "hung"])
def test_live_positions_are_closed_whatever_ails_the_bot(tmp_path: Path, full: bool) -> None:
    with no_leftovers(tmp_path / "var") as state_dir, started(state_dir, "--stage", "2", "--override-gates", *WORDS) as bot:
        bot.ready()
        bot.until("a live position is held", lambda: live(bot)["open_positions"], 60)
        if full:
            resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, NO_ROOM)
            assert bot.ended(60) != 0, "what cannot be written down is not decided"
        else:
            bot.process.send_signal(signal.SIGSTOP)
        done = flatten(state_dir, full=full)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{LIVE}: flat, seen at the venue" in done.stdout and " 0 closing orders" not in done.stdout
        assert ("HALTED cannot be written" in done.stdout) is full
        assert ("acting all the same" if full else "acting beside it") in done.stdout
        if full:
            return
        bot.process.send_signal(signal.SIGCONT)
        bot.until("it finds its positions gone and is halted", lambda: not live(bot)["open_positions"] and live(bot)["halted"], 60)
        assert bot.stop() == 0
