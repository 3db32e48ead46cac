"""What the machine around a running bot sees: who may read its files, what it tells the service manager, a backup while it trades."""

from __future__ import annotations

import os
from pathlib import Path

from bench.bot import no_leftovers, started

QUICK = ("--symbols", "BTCUSDT,ETHUSDT", "--strategies", "demo", "--speed", "3000", "--set", "domains.crypto.warmup_days=2")


def open_to_others(folder: Path) -> list[str]:
    """Files and folders below `folder` that somebody else could read, write or enter."""
    found = []
    for path in folder.rglob("*"):
        try:
            if not path.is_symlink() and path.lstat().st_mode & 0o077:
                found.append(str(path.relative_to(folder)))
        except FileNotFoundError:  # a running bot replaces its files
            continue
    return found


def test_nothing_of_a_run_can_be_read_by_others(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    before = os.umask(0o022)  # what most shells and service managers give
    try:
        with no_leftovers(state_dir), started(state_dir, *QUICK) as bot:
            bot.ready()
            bot.until("three closed trades", lambda: bot.closed() >= 3, 40)
            assert open_to_others(state_dir) == []
            assert bot.stop() == 0
            assert open_to_others(state_dir) == [] and len(list(state_dir.rglob("*"))) > 10
    finally:
        os.umask(before)
