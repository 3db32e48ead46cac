"""The script is run by the shells that are here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from config import CONFIG
from modules import cli
from utils.errors import ExitCode

CASES = [
    (["main.py", "cont"], ["control"]),
    (["main.py", "control", "exp"], ["explore"]),
    (["python", "main.py", "control", "profile", "spot+"], ["spot+perp"]),
    (["main.py", "control", "forex", ""], ["on", "off"]),
    (["main.py", "control", "stage", ""], ["1", "2", "3", "4", "5"]),
    (["main.py", "control", "chart", "eq"], ["equity"]),
    (["main.py", "control", "kpi", "FOREX/s"], ["FOREX/swing", "FOREX/scalp"]),
    (["main.py", "control", "promote", "PERPS/p"], ["PERPS/policy"]),
    (["main.py", "control", "explore", ""], []),
    (["main.py", "control", "resume", "PERPS/"], ["PERPS/PAPER", "PERPS/LIVE"]),
    (["main.py", "control", "close", "BTCUSDT", "cry"], []),
    (["main.py", "control", "--real"], ["--real-money"]),
    (["main.py", "--over"], ["--override-gates"]),
    (["main.py", "report", "w"], ["weekly"]),
    (["main.py", "completion", ""], ["bash", "zsh"]),
    (["python", "other.py", "cont"], []),
]


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["completion", shell], lambda: CONFIG) == ExitCode.DONE
    return capsys.readouterr().out


def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bash = shutil.which("bash")
    assert bash is not None, "bash is everywhere this runs"
    asks = "".join(
        f'COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; _trading_bot; echo "${{COMPREPLY[*]}}"\n'
        for words, _ in CASES
    )
    place = tmp_path / "ask.sh"
    place.write_text(script("bash", capsys) + asks)
    done = subprocess.run([bash, "--norc", str(place)], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    for (words, wanted), found in zip(CASES, done.stdout.splitlines(), strict=True):
        assert set(wanted) <= set(found.split()) and bool(wanted) == bool(found), words


def test_zsh_takes_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = script("zsh", capsys)
    assert found.startswith("autoload -U +X compinit") and "bashcompinit" in found
    zsh = shutil.which("zsh")
    if zsh is None:
        pytest.skip("no zsh here")
    place = tmp_path / "ask.zsh"
    place.write_text(found + "\nwhence -w _trading_bot\n")
    done = subprocess.run([zsh, "-f", str(place)], capture_output=True, text=True, timeout=30, check=True, env={"HOME": str(tmp_path)})
    assert "function" in done.stdout


def test_an_unknown_shell_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "fish"], lambda: CONFIG) == ExitCode.USAGE
    assert capsys.readouterr().err.count("\n") == 1
