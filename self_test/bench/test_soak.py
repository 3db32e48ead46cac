from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import soak
from bench.bot import Late, clean_environ, simulator_pid, started


def test_seeds_run_in_order_and_each_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(seed: int, speed: float, duration_s: float, place: Path) -> dict[str, Any]:
        return {"seed": seed, "closed": seed, "wall_s": 1.0, "wrong": [] if seed != 2 else ["2 closed trades, at least 3 wanted"]}

    monkeypatch.setattr(soak, "run_seed", one)
    said: list[str] = []
    runs = soak.run_seeds([1, 2, 3], 6000.0, 90.0, tmp_path, 2, said.append)
    assert [run["seed"] for run in runs] == [1, 2, 3]
    assert len(said) == 3 and sum(line.endswith("ok") for line in said) == 2


@pytest.mark.parametrize("wrong, code", [([], 0), (["a trade was lost"], 1)])
def test_the_exit_code_says_whether_everything_held(
    wrong: Sequence[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(soak, "run_seeds", lambda seeds, *rest: [{"seed": seed, "wrong": list(wrong)} for seed in seeds])
    monkeypatch.setattr(soak, "kill_rounds", lambda *args: [{"kill": 1, "wrong": list(wrong)}])
    for words, name, count in ((["--seeds", "2"], "seeds", 2), (["--kills", "1"], "kills", 1)):
        assert soak.main(words) == code
        document = json.loads(capsys.readouterr().out)
        assert (document["soak"], len(document["runs"]), document["failed"]) == (name, count, count * code)


def test_a_run_that_is_refused_is_told_with_its_words(tmp_path: Path) -> None:
    found = soak.run_seed(-1, 600.0, 1.0, tmp_path)
    assert found["seed"] == -1 and found["wrong"]


def test_a_bot_that_ends_before_its_time_is_told_with_its_words(tmp_path: Path) -> None:
    with started(tmp_path / "var", "--seed", "-7") as bot, pytest.raises(Late, match=r"(?s)ready: the bot ended with 2.*--seed: -7"):
        bot.ready()
    assert simulator_pid(tmp_path / "var") is None


def test_settings_of_our_own_shell_do_not_reach_the_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOT_RISK__BASE", "BYBIT_API_KEY", "BOT_CACHE_DIR"):
        monkeypatch.setenv(name, "x")
    environ = clean_environ({"BOT_HTTP__PORT": "1"})
    assert {"BOT_CACHE_DIR", "BOT_HTTP__PORT"} <= set(environ) and not {"BOT_RISK__BASE", "BYBIT_API_KEY"} & set(environ)
