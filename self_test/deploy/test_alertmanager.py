"""Alertmanager's configuration is one, and `start` puts a chat into it, from files, or takes it out."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from self_test.deploy.watchers import ALERTMANAGER_FOLDER, AMTOOL, alerts, needs_amtool

CONFIG = ALERTMANAGER_FOLDER / "alertmanager.yml"


def start(folder: Path, shell: str = "", deadman: str = "", **secrets: str) -> subprocess.CompletedProcess[str]:
    """Run it with `true` for an Alertmanager."""
    for name, value in secrets.items():
        (folder / f"telegram_{name}").write_text(value, encoding="utf-8")
    words = [*([shell] if shell else []), str(ALERTMANAGER_FOLDER / "start"), str(CONFIG), str(folder), "echo", "started"]
    environ = {"PATH": "/usr/bin:/bin", "CREDENTIALS_DIRECTORY": str(folder)} | ({"DEADMAN_URL": deadman} if deadman else {})
    return subprocess.run(words, env=environ, capture_output=True, text=True, timeout=30, check=False)


def made(folder: Path) -> Any:
    return yaml.safe_load((folder / "alertmanager.yml").read_text(encoding="utf-8"))


def accepted(path: Path) -> None:
    assert AMTOOL is not None
    done = subprocess.run([AMTOOL, "check-config", str(path)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_amtool
def test_amtool_agrees(tmp_path: Path) -> None:
    accepted(CONFIG)
    start(tmp_path, bot_token="123:a_B-c\n", chat_id="-10055, 7\n", deadman="https://ping.example/u-1")
    accepted(tmp_path / "alertmanager.yml")
    (tmp_path / "nobody").mkdir()
    start(tmp_path / "nobody")
    accepted(tmp_path / "nobody" / "alertmanager.yml")


def test_token_and_chat_come_from_files_and_stay_private(tmp_path: Path) -> None:
    done = start(tmp_path, bot_token=" 123:a_B-c\n", chat_id="-10055\n", api_base="http://127.0.0.1:8081\n")
    assert (done.returncode, done.stdout) == (0, f"started --config.file={tmp_path}/alertmanager.yml\n")
    assert stat.S_IMODE((tmp_path / "alertmanager.yml").stat().st_mode) == 0o600
    found, committed = made(tmp_path), yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    chat = found["receivers"][0]["telegram_configs"][0]
    assert (chat["bot_token"], chat["chat_id"], chat["api_url"]) == ("123:a_B-c", -10055, "http://127.0.0.1:8081")
    for name in ("bot_token", "chat_id", "api_url"):
        chat[name] = committed["receivers"][0]["telegram_configs"][0][name]
    found["route"]["routes"][0]["receiver"] = "deadman"
    assert found == committed, "and nothing else has changed"


@pytest.mark.parametrize("shell", [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)])
def test_every_chat_is_told_the_same(tmp_path: Path, shell: str) -> None:
    assert start(tmp_path, shell, bot_token="123:abc", chat_id=" -10055,7, 8 ,,\n").returncode == 0
    committed = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["receivers"][0]["telegram_configs"][0]
    chats = made(tmp_path)["receivers"][0]["telegram_configs"]
    assert [one["chat_id"] for one in chats] == [-10055, 7, 8]
    assert all(one == committed | {"bot_token": "123:abc", "chat_id": one["chat_id"]} for one in chats)


def test_a_chat_at_the_very_end_of_the_file_is_told_too(tmp_path: Path) -> None:
    lines = CONFIG.read_text(encoding="utf-8").splitlines()
    short = tmp_path / "short.yml"
    short.write_text("\n".join(lines[: lines.index("  - name: deadman")]), encoding="utf-8")
    for name, value in (("bot_token", "1:a"), ("chat_id", "7,8")):
        (tmp_path / f"telegram_{name}").write_text(value)
    words = [str(ALERTMANAGER_FOLDER / "start"), str(short), str(tmp_path), "true"]
    subprocess.run(words, env={"CREDENTIALS_DIRECTORY": str(tmp_path)}, timeout=30, check=True)
    assert [one["chat_id"] for one in made(tmp_path)["receivers"][0]["telegram_configs"]] == [7, 8]


@pytest.mark.parametrize("from_file", [True, False])
def test_who_misses_us_comes_from_a_file_or_the_environment(tmp_path: Path, *, from_file: bool) -> None:
    url = "https://ping.example/u-1/x?y=1&z=2"
    if from_file:
        (tmp_path / "deadman_url").write_text(url + "\n")
    assert start(tmp_path, deadman="http://not-this.example" if from_file else url).returncode == 0
    route, receivers = made(tmp_path)["route"]["routes"][0], {one["name"]: one for one in made(tmp_path)["receivers"]}
    assert (route["matchers"], route["receiver"], route["repeat_interval"]) == (["alertname = Watchdog"], "deadman", "5m")
    assert receivers["deadman"]["webhook_configs"] == [{"url": url, "send_resolved": False}]


def test_without_that_address_the_watchdog_bothers_nobody(tmp_path: Path) -> None:
    start(tmp_path, bot_token="123:abc", chat_id="7")
    found = made(tmp_path)["route"]
    assert (found["receiver"], found["routes"][0]["receiver"]) == ("telegram", "nobody")


@pytest.mark.parametrize("url", ['https://x"', "https://a b", "ftp://x", "x", "https://", "https://x\\y", "https://x#'"])
def test_an_address_that_is_none_is_refused_without_its_value(tmp_path: Path, url: str) -> None:
    done = start(tmp_path, deadman=url)
    assert done.returncode == 2 and "DEADMAN_URL" in done.stderr and url not in done.stderr.replace("DEADMAN_URL", "")


@pytest.mark.parametrize("secrets", [{}, {"bot_token": "123:abc"}, {"chat_id": "7"}, {"bot_token": "", "chat_id": "7"}])
def test_without_a_chat_alerts_are_shown_and_sent_to_nobody(tmp_path: Path, secrets: dict[str, str]) -> None:
    done = start(tmp_path, **secrets)
    assert done.returncode == 0 and "sent to nobody" in done.stderr
    assert made(tmp_path)["route"]["receiver"] == "nobody"


@pytest.mark.parametrize(
    "secrets",
    [
        {"bot_token": '1:a"\n'},
        {"bot_token": "1:a b"},
        {"chat_id": "@me"},
        {"chat_id": "7; true"},
        {"chat_id": "7,-"},
        {"chat_id": "7,8x"},
        {"api_base": 'http://x" y: "'},
    ],
)
def test_what_could_break_the_file_is_refused_without_its_value(tmp_path: Path, secrets: dict[str, str]) -> None:
    done = start(tmp_path, **{"bot_token": "1:a", "chat_id": "7"} | secrets)
    (name,) = secrets
    assert done.returncode == 2 and f"telegram_{name}" in done.stderr and secrets[name].strip() not in done.stderr
    assert not (tmp_path / "alertmanager.yml").exists()


def test_what_inhibits_and_what_is_inhibited_are_alerts_of_ours() -> None:
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    names = {alert["alert"] for alert in alerts()} | {"warning", "critical"}
    words = [word for rule in config["inhibit_rules"] for side in ("source_matchers", "target_matchers") for word in rule[side]]
    told = {name for word in words for name in word.split("~")[-1].split("=")[-1].strip(' "').split("|")}
    assert told and told <= names
    receivers = {one["name"] for one in config["receivers"]}
    assert config["route"]["receiver"] in receivers and "nobody" in receivers
