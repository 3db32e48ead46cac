"""The command line: what arguments mean, the ready line, refusals with their exit code, a clean end on a signal."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modules.simulator import commands
from modules.simulator.commands import add_arguments, main, options_of, parse_port, parse_symbols
from modules.simulator.venue_options import SimulatorOptions
from self_test.conftest import REPO
from utils.errors import ExitCode

PROGRAM = (sys.executable, "-c", "import sys; from modules.simulator.commands import main; sys.exit(main(sys.argv[1:]))", "simulator")


def parsed(*words: str) -> SimulatorOptions:
    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers())
    return options_of(parser.parse_args(["simulator", *words]))


def test_nothing_said_is_the_default() -> None:
    assert parsed() == SimulatorOptions()


def test_the_broker_in_the_box_has_options_of_its_own() -> None:
    words = "--oanda-port 81 --oanda-stream-port 82 --oanda-token t --oanda-account a --oanda-balance 5"
    assert parsed(*words.split()) == SimulatorOptions(
        oanda_port=81, oanda_stream_port=82, oanda_token="t", oanda_account="a", oanda_balance="5"
    )


def test_everything_said() -> None:
    words = (
        "--port 8080 --seed 3 --speed 600 --pace free --market recorded:d --from 2025-02-15 --to 1739664000000 --symbols btcusdt,ETHUSDT,"
    )
    assert parsed(*words.split()) == SimulatorOptions(
        port=8080, seed=3, speed=600.0, pace="free", market="recorded:d", from_ms=1_739_577_600_000, to_ms=1_739_664_000_000,
        symbols=("BTCUSDT", "ETHUSDT")
    )  # fmt: skip


def test_the_account_and_its_misfortunes() -> None:
    words = "--api-key K --api-secret S --balance USDT=5,BTC=1 --faults f.json --ledger l.json"
    assert parsed(*words.split()) == SimulatorOptions(
        api_key="K", api_secret="S", balance="USDT=5,BTC=1", faults=Path("f.json"), ledger=Path("l.json")
    )


def test_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed("--from", "20250215").from_ms == parsed("--from", "1739577600000").from_ms == 1_739_577_600_000
    for wrong in ("soon", "1739577600"):
        with pytest.raises(SystemExit):
            parsed("--to", wrong)
        assert f"'{wrong}' is not a time like 2025-02-15, 20250215" in capsys.readouterr().err


def test_ports_and_symbols() -> None:
    assert parse_port("0") == 0
    for wrong in ("-1", "65536", "x", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="port"):
            parse_port(wrong)
    assert parse_symbols(" a,b ,,A") == ("A", "B")


def test_a_refusal_is_one_line_and_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulator", "--symbols", "NOPEUSDT"]) is ExitCode.USAGE
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1 and "NOPEUSDT" in error and "BTCUSDT" in error


def test_a_folder_without_a_market_is_named_with_its_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulator", "--market", f"recorded:{tmp_path / 'no'}"]) is ExitCode.USAGE
    assert "--market: no data root at" in capsys.readouterr().err


def test_it_prints_one_ready_line_and_ends_cleanly_on_a_signal(tmp_path: Path) -> None:
    words = [*PROGRAM, "--symbols", "BTCUSDT", "--speed", "600", "--state-folder", str(tmp_path)]
    with subprocess.Popen(words, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True and ready["api_key"] and len(ready["api_secret"]) == 36
        assert ready["bybit"]["ws"].startswith("ws://127.0.0.1:") and ready["control"].startswith(ready["bybit"]["http"])
        process.send_signal(signal.SIGTERM)
        rest, errors = process.stdout.read(), process.stderr.read()
        assert process.wait(20) == ExitCode.DONE
    assert (rest, errors) == (b"", b"")
    assert (tmp_path / "clock.json").exists()
    assert commands.options_of is options_of
