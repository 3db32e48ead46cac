from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules import cli
from modules.learning import parameter_file
from modules.learning.parameter_file import PROMOTED
from self_test.fakes.searches import SEARCHED, root
from utils.errors import ExitCode


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root(tmp_path_factory.mktemp("candles"))


def run(*arguments: object) -> int:
    return cli.main(["optimize", *map(str, arguments)], lambda: SEARCHED)


def common(candles: Path, out: Path) -> list[object]:
    return ["--data", candles, "--out", out, "--strategy", "C4", "--symbols", "X00USDT,X01USDT"]


def test_a_search_a_manual_trial_and_their_words(candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*common(candles, tmp_path), "--trials", 10) == 0
    said = capsys.readouterr().out
    assert "plateau's centre: fade_z" in said and "no evidence: the old parameters stay (" in said
    assert run(*common(candles, tmp_path), "--trials", 10, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["accepted"] is False and Path(document["file"]).exists() and document["trials"] >= 10
    assert run(*common(candles, tmp_path), "--try", "stop=1.25,target=0.5") == 0
    assert f"trial {document['trials'] + 1} of this" in capsys.readouterr().out


def test_above_fifty_trials_the_price_of_the_count_is_told(candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*common(candles, tmp_path), "--trials", 51, "--workers", 1, "--sampler", "grid") == 0
    assert (
        "51 trials: the best of so many worthless ones is expected to show an annual Sharpe ratio of 3.0 over 206 days"
        in capsys.readouterr().err
    )


def test_what_is_in_force_is_what_was_promoted(candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "var" / "demo"
    place.mkdir(parents=True)
    (place / PROMOTED).write_text("[C4]\nfade_z = 3.25\n")
    there = ("--state-dir", tmp_path / "var", "--env", "demo", "--trials", 3)
    assert run(*common(candles, tmp_path), *there) == 0
    assert "in force:         fade_z 3.25, stop 1, target 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more, code, words",
    [
        (["--strategy", "C9"], 2, "'C9' has no parameters to search"),
        (["--strategy", "demo"], 2, "'demo' has no parameters to search"),
        (["--sampler", "magic"], 2, "'magic' is not one of"),
        (["--trials", "0"], 2, "--trials: 0"),
        (["--workers", "0"], 2, "--workers: 0"),
        (["--seed", "-1"], 2, "--seed: -1"),
        (["--try", "stopp=1"], 2, "no parameter 'stopp'"),
        (["--ray", "local"], 2, "--ray needs --storage postgresql"),
        (["--storage", "sqlite:///x"], 2, "a file's path or postgresql://"),
        (["--storage", "postgresql://x@127.0.0.1:1/x"], 4, "does not answer"),
        (["--from", "2025-02-01", "--to", "2025-01-01"], 2, "--from must lie before --to"),
        (["--to", "2024-03-01"], 2, "too little data"),
        (["--open-locked", "nothing.toml"], 2, "cannot be read"),
        (["--data", "/nowhere/at/all"], 2, "/nowhere/at/all"),
        (["--out", "/proc/nowhere"], 2, "cannot write to /proc/nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_its_code(
    candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], code: int, words: str
) -> None:
    assert run(*common(candles, tmp_path), *more) == code
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_it_must_be_said_what_is_searched(candles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", candles, "--out", tmp_path) == 2
    assert "--strategy and --symbols" in capsys.readouterr().err


def test_a_reviewed_file_is_promoted_and_one_without_evidence_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "state" / "simulated"
    place.mkdir(parents=True)
    (tmp_path / "state" / "last_env").write_text("simulated")
    made = parameter_file.ParameterFile(
        strategy="C4", profile="spot", release="1", accepted=True, reasons=(), parameters={"fade_z": 3.0}, old={"fade_z": 2.5}, evidence={}
    )
    path = tmp_path / "x.toml"
    parameter_file.write(path, made)

    def promote(*more: str) -> int:
        return cli.main(["promote", str(path), "--state-dir", str(tmp_path / "state"), *more], lambda: CONFIG)

    assert promote() == ExitCode.USAGE  # nobody can be asked here
    assert "say --yes" in capsys.readouterr().err and not (place / PROMOTED).exists()
    assert promote("--yes") == 0
    assert "fade_z 2.5 -> fade_z 3" in capsys.readouterr().out
    assert parameter_file.layered(CONFIG, place / PROMOTED).parameters.C4.fade_z == 3.0
    parameter_file.write(path, msgspec.structs.replace(made, accepted=False, reasons=("PBO",)))
    assert promote("--yes") == ExitCode.GATE_REFUSED
    assert "no evidence: the old parameters stay (PBO)" in capsys.readouterr().err
