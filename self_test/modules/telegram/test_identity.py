from __future__ import annotations

from pathlib import Path

import pytest

from modules.telegram.allow import Allowed
from modules.telegram.identity import read_identity
from utils.errors import Refusal

TOKEN = "123456:" + "hunter2-" * 4
DEFAULT = "https://api.telegram.org"
GOOD = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": "42"}


def test_no_token_no_chat() -> None:
    assert read_identity({}, DEFAULT) is None
    assert read_identity({"TELEGRAM_CHAT_ID": "nonsense"}, DEFAULT) is None


def test_a_full_identity() -> None:
    found = read_identity(GOOD | {"TELEGRAM_USER_IDS": "7"}, DEFAULT)
    assert found is not None
    assert (found.token, found.api_base, found.allowed, found.local) == (TOKEN, DEFAULT, Allowed((42,), frozenset({7})), False)


def test_credentials_come_from_files_too(tmp_path: Path) -> None:
    for name, value in GOOD.items():
        (tmp_path / name.lower()).write_text(value + "\n")
    found = read_identity({"CREDENTIALS_DIRECTORY": str(tmp_path)}, DEFAULT)
    assert found is not None and found.token == TOKEN


def test_it_shows_its_token_to_nobody() -> None:
    found = read_identity(GOOD, DEFAULT)
    assert "hunter2" not in f"{found!r} {found}" and "123456" in repr(found)


@pytest.mark.parametrize("base", ["http://127.0.0.1:9100", "http://localhost:1/", "http://[::1]:80"])
def test_an_address_of_this_machine_needs_no_encryption(base: str) -> None:
    found = read_identity(GOOD | {"TELEGRAM_API_BASE": base}, DEFAULT)
    assert found is not None and found.local and found.api_base == base.rstrip("/")


@pytest.mark.parametrize(
    "base", ["http://evil.example", "ftp://127.0.0.1", "hunter2", "https://", "https://h:99999", "https://u:hunter2@h", "https://h/?x"]
)
def test_a_strange_address_is_refused_without_being_said(base: str) -> None:
    with pytest.raises(Refusal, match="TELEGRAM_API_BASE") as refused:
        read_identity(GOOD | {"TELEGRAM_API_BASE": base}, DEFAULT)
    assert "hunter2" not in str(refused.value) and "evil" not in str(refused.value)


@pytest.mark.parametrize("token", ["hunter2", "123456:short", "abc:" + "x" * 35, "123456:" + "x" * 30 + "/../y"])
def test_a_strange_token_is_refused_without_being_said(token: str) -> None:
    with pytest.raises(Refusal, match="TELEGRAM_BOT_TOKEN") as refused:
        read_identity(GOOD | {"TELEGRAM_BOT_TOKEN": token}, DEFAULT)
    assert token not in str(refused.value)


def test_a_token_without_a_chat_is_refused() -> None:
    with pytest.raises(Refusal, match="TELEGRAM_CHAT_ID is not set"):
        read_identity({"TELEGRAM_BOT_TOKEN": TOKEN}, DEFAULT)
