from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import NoReturn

import pytest

from config import CONFIG
from modules import cli
from modules.settings import BotConfig
from modules.version import VERSION
from self_test.conftest import REPO
from utils.errors import ExitCode, Refusal


def load() -> BotConfig:
    return CONFIG


def never() -> NoReturn:
    raise AssertionError("this command needs no values")


@pytest.mark.parametrize(
    "words, said",
    [
        (["--stage", "x"], "--stage: invalid int value: 'x'"),
        (["--bogus"], "unrecognized arguments: --bogus"),
        (["bogus"], "COMMAND: invalid choice: 'bogus'"),
        (["--from", "yesterday"], "--from: 'yesterday' is not a time like 2025-02-15"),
        (["--speed", "0"], "--speed: '0' is not a number above 0"),
        (["--speed", "nan"], "--speed: 'nan' is not a number above 0"),
        (["--speed", "inf"], "--speed: 'inf' is not a number above 0"),
        (["--duration", "-1"], "--duration: '-1' is not a number above 0"),
        (["--http-port", "70000"], "--http-port: '70000' is not a port"),
        (["--symbols", ","], "--symbols: an empty list"),
        (["status", "--env", "mars"], "--env: invalid choice: 'mars'"),
        (["replay", "--data", "x"], "the following arguments are required: --symbols"),
        (["simulator", "--port", "x"], "--port: 'x' is not a port"),
        (["flatten", "--account", "x"], "unrecognized arguments: --account x"),
    ],
)
def test_bad_words_are_one_line_and_exit_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words, never) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(said) and err.count("\n") == 1


def test_a_refusal_is_its_line_and_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--stage", "3"], never) == ExitCode.GATE_REFUSED
    assert "stage 3 is not earned" in capsys.readouterr().err


def test_version_says_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"], never) == ExitCode.DONE
    assert capsys.readouterr().out.startswith(f"trading bot {VERSION}, Python 3.11")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["simulator", "--help"], ["status", "--help"], ["data", "--help"]])
def test_help_is_no_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(words, never)
    assert left.value.code == 0 and "usage: main.py" in capsys.readouterr().out


def test_ctrl_c_and_a_reader_that_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: list[str], values: cli.Load) -> ExitCode:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    assert cli.main([], load) == 130

    def refused(arguments: list[str], values: cli.Load) -> ExitCode:
        raise Refusal("no", ExitCode.CREDENTIALS)

    monkeypatch.setattr(cli, "_run", refused)
    assert cli.main([], load) == 7


def test_a_broken_pipe_is_not_our_error() -> None:
    program = (
        "import sys; from modules import cli; cli._run = lambda *a: (_ for _ in ()).throw(BrokenPipeError()); sys.exit(cli.main([], None))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bug_is_a_traceback_and_exit_70() -> None:
    program = "import sys; from modules import cli; cli._run = lambda *a: 1 / 0; sys.exit(cli.main([], None))"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == ExitCode.INTERNAL
    assert "ZeroDivisionError" in done.stderr and "internal error" in done.stderr


def test_a_bug_tells_no_secret() -> None:
    program = "import sys; from modules import cli\n"
    program += "def bug(*a): raise ValueError('https://x/bot12345678:' + 'A' * 35 + '/getMe?key=planted-secret-1')\n"
    program += "cli._run = bug; sys.exit(cli.main([], None))"
    environ = os.environ | {"BYBIT_API_SECRET": "planted-secret-1"}
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == ExitCode.INTERNAL and "ValueError" in done.stderr and "***" in done.stderr
    assert "planted-secret-1" not in done.stderr and "AAAA" not in done.stderr


def test_heavy_libraries_wait_for_the_command_that_needs_them() -> None:
    program = "import sys; from modules import cli; cli.main(['version'], None); print({'numpy', 'numba', 'aiohttp'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_what_trades_draws_nothing() -> None:
    program = "import sys, modules.app, modules.cli_report, modules.ui.report_plots; print({'matplotlib', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_every_command_has_a_handler() -> None:
    parser = cli._parser("simulator")
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    assert {"run", "status", "positions", "flatten", "resume", "reset", "replay", "simulator", "data", "version"} <= set(commands.choices)
    assert all(one.get_default("handler") is not None for one in commands.choices.values())


OURS = {"modules", "utils", "dataio", "main", "config"}
SLOW = {"asyncio", "ssl", "msgspec", "concurrent", "logging", "subprocess", "socket", "decimal", "random", "inspect"}
"""Quick enough beside a market, but not beside `version`."""


@pytest.mark.parametrize("words", [["version"], ["--help"], ["status", "--help"], ["control", "--help"], ["doctor", "--help"]])
def test_what_only_tells_something_loads_no_library(words: list[str]) -> None:
    """A shell that completes a command, and a person who asks for help, wait for it."""
    command = [sys.executable, "-S", "-X", "importtime", str(REPO / "main.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    tops = {name.partition(".")[0] for name in names} - {"imported package"}
    assert {"argparse", "modules"} <= tops
    assert tops - OURS - set(sys.stdlib_module_names) == set()
    assert tops & SLOW == set()
