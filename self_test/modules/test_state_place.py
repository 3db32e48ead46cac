"""Where state is kept when nobody says so."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from modules.state_place import add_state_dir, last_env


def asked(*words: str) -> Path:
    parser = argparse.ArgumentParser()
    add_state_dir(parser)
    found: Path = parser.parse_args(words).state_dir
    return found


def test_an_option_before_the_variable_before_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOT_STATE_DIR", raising=False)
    assert asked() == Path.cwd() / "var"
    monkeypatch.setenv("BOT_STATE_DIR", str(tmp_path))
    assert asked() == tmp_path and asked("--state-dir", "other") == Path.cwd() / "other"
    monkeypatch.setenv("BOT_STATE_DIR", "")
    assert asked() == Path.cwd() / "var"


def test_the_environment_used_last(tmp_path: Path) -> None:
    assert last_env(tmp_path) is None
    (tmp_path / "last_env").write_text("demo\n")
    assert last_env(tmp_path) == "demo"
    (tmp_path / "last_env").write_text("")
    assert last_env(tmp_path) is None
