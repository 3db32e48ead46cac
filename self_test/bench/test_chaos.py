from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import chaos as bench_chaos
from bench.bot import Late, clean_environ, simulator_pid, started


def test_seeds_run_in_order_and_each_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one(seed: int, speed: float, duration_s: float, place: Path) -> dict[str, Any]:
        return {"seed": seed, "closed": seed, "wall_s": 1.0, "wrong": [] if seed != 2 else ["2 closed trades, at least 3 wanted"]}

    monkeypatch.setattr(bench_chaos, "run_seed", one)
    said: list[str] = []
    runs = bench_chaos.run_seeds([1, 2, 3], 6000.0, 90.0, tmp_path, 2, said.append)
    assert [run["seed"] for run in runs] == [1, 2, 3]
    assert len(said) == 3 and sum(line.endswith("ok") for line in said) == 2


@pytest.mark.parametrize("wrong, code", [([], 0), (["a trade was lost"], 1)])
def test_the_exit_code_says_whether_everything_held(
    wrong: Sequence[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_chaos, "run_seeds", lambda seeds, *rest: [{"seed": seed, "wrong": list(wrong)} for seed in seeds])
    monkeypatch.setattr(bench_chaos, "kill_rounds", lambda *args: [{"kill": 1, "wrong": list(wrong)}])

    def chaos(seed: int, minutes: float, kills: int, place: Path, more: Sequence[str] = ()) -> dict[str, Any]:
        return {"seed": seed, "wrong": list(wrong), "wall_s": minutes + kills, "most_open": 99 if more else 20}

    monkeypatch.setattr(bench_chaos, "run_chaos", chaos)
    kinds = (
        (["--seeds", "3", "--kills", "4"], "faults and kills", 4),
        (["--paper", "--seeds", "2"], "seeds", 2),
        (["--paper", "--kills", "1"], "kills", 1),
    )
    for words, name, count in kinds:
        assert bench_chaos.main(words) == code
        document = json.loads(capsys.readouterr().out)
        assert (document["chaos"], len(document["runs"]), document["failed"]) == (name, count, count * code)


def test_a_seed_of_chaos_is_told_by_its_document_or_by_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chaos(*words: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        if words[words.index("--seed") + 1] == "1":
            Path(words[words.index("--json") + 1]).write_text('{"seed": 1, "orders_sent": 9, "broken": ["lost fill: x"]}')
        return subprocess.CompletedProcess(words, 70, "", "no room")

    monkeypatch.setattr(bench_chaos, "run", chaos)
    said: list[str] = []
    runs = bench_chaos.chaos_seeds([1, 2], 2.0, 10, tmp_path, said.append)
    assert [run["wrong"] for run in runs] == [["lost fill: x"], ["exit code 70: no room"]] and runs[0]["orders_sent"] == 9
    assert "    9 orders" in said[0] and said[1].endswith("exit code 70: no room")


@pytest.mark.parametrize(
    "most_open, spared, wrong",
    [
        (50, 3.0, []),
        (49, 2.0, ["at most 49 positions were open, 50 wanted"]),
        (60, 3.01, ["ready 3.01 s after a kill that no fault met, limit 3 s"]),
        (60, None, []),
    ],
)
def test_the_portfolio_is_large_enough_and_back_in_time(
    most_open: int, spared: float | None, wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chaos(*words: str, limit_s: float) -> subprocess.CompletedProcess[str]:
        assert words[-len(bench_chaos.PORTFOLIO) :] == bench_chaos.PORTFOLIO
        told = {"seed": 21, "broken": [], "most_open": most_open, "recovery_spared_max_s": spared, "recovery_max_s": 9.0}
        Path(words[words.index("--json") + 1]).write_text(json.dumps(told))
        return subprocess.CompletedProcess(words, 0, "", "")

    monkeypatch.setattr(bench_chaos, "run", chaos)
    assert bench_chaos.portfolio(21, 2.0, 10, tmp_path, lambda _: None)["wrong"] == wrong


def test_a_run_that_is_refused_is_told_with_its_words(tmp_path: Path) -> None:
    found = bench_chaos.run_seed(-1, 600.0, 1.0, tmp_path)
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
