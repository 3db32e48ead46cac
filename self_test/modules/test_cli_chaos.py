from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import CONFIG
from modules import cli
from modules.chaos import run as chaos_run
from modules.chaos.run import ChaosOptions, Outcome, Say
from self_test.modules.chaos.outcomes import outcome
from utils.errors import ExitCode, Transient


def main(*words: str) -> int:
    return cli.main(["chaos", *words], lambda: CONFIG)


@pytest.mark.parametrize(
    "words, said",
    [
        ("--minutes 0", "--minutes: '0' is not a number above 0"),
        ("--minutes x", "--minutes: 'x'"),
        ("--speed 11", "--speed: '11' is not a number above 0"),
        ("--speed nan", "--speed: 'nan'"),
        ("--symbols 99", "--symbols: 99 is not between 1 and 48"),
        ("--symbols AAVEUSDT", "--symbols: AAVEUSDT is not listed"),
        ("--symbols ,", "--symbols: nothing is not listed"),
        ("--kills -1", "--kills: '-1'"),
        ("--seed x", "--seed: 'x'"),
        ("--faults-per-minute -1", "--faults-per-minute"),
        ("--minutes 0.1 --kills 7", "--kills: 7 is more than one a second"),
        ("--stage 5", "--stage"),
    ],
)
def test_nonsense_is_one_line_and_exit_2(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(*words.split()) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert told.startswith(said) and told.count("\n") == 1


@pytest.mark.parametrize("broken, code", [([], ExitCode.DONE), (["lost fill: x0"], ExitCode.INTERNAL)])
def test_the_exit_code_says_whether_everything_held(
    broken: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[ChaosOptions, Path]] = []

    def run(options: ChaosOptions, place: Path, say: Say) -> Outcome:
        asked.append((options, place))
        return outcome(broken)

    monkeypatch.setattr(chaos_run, "run", run)
    document = tmp_path / "found.json"
    assert (
        main("--seed", "7", "--minutes", "0.6", "--symbols", "sim01usdt,BTCUSDT", "--json", str(document), "--set", "risk.base=0.1") == code
    )
    (options, place) = asked[0]
    assert (options.seed, options.kills, options.symbols, options.overrides) == (7, 3, ("SIM01USDT", "BTCUSDT"), ("risk.base=0.1",))
    assert not place.exists(), "nothing is left behind"
    said = capsys.readouterr().out
    assert json.loads(said.splitlines()[-1]) == json.loads(document.read_bytes())
    assert json.loads(document.read_bytes())["broken"] == broken


def test_what_is_kept_goes_where_it_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(options: ChaosOptions, place: Path, say: Say) -> Outcome:
        (place / "x").touch()
        say("progress")
        raise Transient("the simulator is gone")

    monkeypatch.setattr(chaos_run, "run", run)
    assert main("--keep", str(tmp_path / "kept")) == ExitCode.UNREACHABLE
    assert capsys.readouterr().err == "progress\nchaos: the simulator is gone\n"
    assert (tmp_path / "kept" / "x").exists()
    assert main("--keep", str(tmp_path / "kept")) == ExitCode.USAGE
    assert "is not a new or empty folder" in capsys.readouterr().err


def test_a_document_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chaos_run, "run", lambda *_: outcome([]))
    assert main("--json", str(tmp_path / "no" / "x.json")) == ExitCode.USAGE
    assert "--json: " in capsys.readouterr().err
