from __future__ import annotations

import stat
from pathlib import Path

import pytest

from modules.panel.token import find_token, token_file
from utils.errors import Refusal

LONG = "correct-horse-battery"


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    made = find_token(tmp_path, {})
    assert len(made) >= 32 and find_token(tmp_path, {}) == made
    assert stat.S_IMODE(token_file(tmp_path).stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    assert find_token(other, {}) != made


def test_the_environment_names_one_and_no_file_is_made(tmp_path: Path) -> None:
    assert find_token(tmp_path, {"PANEL_TOKEN": LONG}) == LONG
    assert not token_file(tmp_path).exists()


def test_a_credential_file_names_one(tmp_path: Path) -> None:
    (tmp_path / "panel_token").write_text(f"{LONG}\n")
    assert find_token(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == LONG
    assert find_token(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path / "none")}) != LONG


def test_a_token_that_can_be_guessed_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="PANEL_TOKEN holds fewer than 16") as refused:
        find_token(tmp_path, {"PANEL_TOKEN": "hunter2"})
    assert "hunter2" not in str(refused.value)
    token_file(tmp_path).write_text("")
    token_file(tmp_path).chmod(0o600)
    with pytest.raises(Refusal, match="fewer than 16"):
        find_token(tmp_path, {})


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    find_token(tmp_path, {})
    token_file(tmp_path).chmod(0o644)
    with pytest.raises(Refusal, match="can be read by others"):
        find_token(tmp_path, {})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    token_file(tmp_path).write_bytes(b"\xff\xfe")
    with pytest.raises(Refusal, match="cannot be read"):
        find_token(tmp_path, {})


def test_a_credential_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "panel_token").write_bytes(b"\xff\xfe")
    with pytest.raises(Refusal, match="cannot be read"):
        find_token(tmp_path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
