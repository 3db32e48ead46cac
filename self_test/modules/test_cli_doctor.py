from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import CONFIG
from modules import cli
from modules.doctor import rounds
from modules.doctor.findings import Finding
from modules.environment import Environment
from self_test.fakes.stored import Played
from utils.errors import ExitCode


def run(*words: str) -> int:
    return cli.main(["doctor", *words], lambda: CONFIG)


@pytest.fixture(autouse=True)
def _own_port(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BYBIT_API_KEY", "TELEGRAM_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BOT_HTTP__PORT", "0")


def test_a_first_look_is_done_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--state-dir", str(tmp_path)) == ExitCode.DONE
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"SIMULATED in {tmp_path}"
    assert {line.split()[0] for line in said[1:]} <= {"ok", "warn", "skip"}
    assert list(tmp_path.iterdir()) == []


def test_as_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Played(tmp_path / "simulated").close()
    for path in (tmp_path / "simulated").glob("runtime_state*.json"):
        path.write_bytes(b"{}")
    assert run("--state-dir", str(tmp_path), "--env", "simulated", "--json") == ExitCode.NO_STATE_CHAIN
    found = json.loads(capsys.readouterr().out)
    assert (found["env"], found["code"]) == ("simulated", 5)
    assert set(found["findings"][0]) == {"check", "verdict", "words", "remedy", "code"}
    assert any(one["check"] == "state" and one["verdict"] == "fail" for one in found["findings"])


def test_it_looks_at_the_environment_that_was_used_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    async def looked(env: Environment, *_rest: object) -> list[Finding]:
        seen.append(str(env))
        return []

    monkeypatch.setattr(rounds, "examine", looked)
    monkeypatch.setenv("BYBIT_API_KEY", "k")
    run("--state-dir", str(tmp_path))
    (tmp_path / "last_env").write_text("demo")
    run("--state-dir", str(tmp_path))
    run("--state-dir", str(tmp_path), "--env", "testnet")
    assert seen == ["live", "demo", "testnet"] and f"DEMO in {tmp_path}" in capsys.readouterr().out
