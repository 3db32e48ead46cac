"""The words of `backup` and `restore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import CONFIG
from modules import cli
from self_test.fakes.stored import Played
from utils.errors import ExitCode


def run(*words: object) -> int:
    return cli.main([str(word) for word in words], lambda: CONFIG)


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state_dir, shelf = tmp_path / "var", tmp_path / "shelf"
    (state_dir / "simulated").mkdir(parents=True)
    shelf.mkdir()
    bot = Played(state_dir / "simulated")
    bot.minutes(10)
    assert run("backup", shelf, "--env", "simulated", "--state-dir", state_dir) == ExitCode.DONE
    (archive,) = shelf.iterdir()
    assert archive.name.startswith("trading-bot-simulated-") and str(archive) in capsys.readouterr().out
    (state_dir / "last_env").write_text("simulated")
    assert run("backup", tmp_path / "one.tar.gz", "--state-dir", state_dir) == ExitCode.DONE
    assert run("backup", tmp_path / "one.tar.gz", "--state-dir", state_dir) == ExitCode.USAGE
    capsys.readouterr()

    bot.close()
    assert run("restore", archive, "--state-dir", tmp_path / "new") == ExitCode.DONE
    assert "the next start goes on from there" in capsys.readouterr().out
    assert (tmp_path / "new" / "last_env").read_text() == "simulated"
    assert run("status", "--state-dir", tmp_path / "new") == ExitCode.DONE
    assert run("restore", archive, "--state-dir", state_dir) == ExitCode.USAGE
    archive.write_bytes(archive.read_bytes()[:-20])
    capsys.readouterr()
    assert run("restore", archive, "--state-dir", tmp_path / "third") == ExitCode.NO_STATE_CHAIN
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "is damaged" in told


def test_where_there_is_nothing_to_back_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("backup", tmp_path / "one.tar.gz", "--state-dir", tmp_path) == ExitCode.USAGE
    assert run("backup", tmp_path / "one.tar.gz", "--env", "demo", "--state-dir", tmp_path) == ExitCode.USAGE
    assert capsys.readouterr().err.count("no state in") == 2 and list(tmp_path.iterdir()) == []
