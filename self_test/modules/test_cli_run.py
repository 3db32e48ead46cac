from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from config import CONFIG
from modules import cli, cli_run, process
from modules.environment import Environment
from modules.learning.parameter_file import PROMOTED
from modules.options import RunOptions
from modules.settings import BotConfig
from modules.ui.console import ConsoleObserver
from self_test.fakes.searches import root
from utils import logs
from utils.errors import ExitCode, Refusal


def load() -> BotConfig:
    return CONFIG


@pytest.mark.parametrize(
    "text, ms",
    [
        ("2025-02-15", 1_739_577_600_000),
        ("2025-02-15T08:00", 1_739_606_400_000),
        ("2025-02-15T08:00+02:00", 1_739_599_200_000),
        ("1739577600000", 1_739_577_600_000),
        ("20250215", 1_739_577_600_000),
        ("2025-02-15T00:00:00.123", 1_739_577_600_123),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, ms: int) -> None:
    assert cli_run.moment(text) == ms


def test_a_time_that_is_none() -> None:
    for text in ("", "yesterday", "15.02.2025", "-5", "٣", "0", "2025", "1739577600", "20251340", "20250215000000"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a time like 2025-02-15, 20250215, 2025-02-15T08:00 or 1739577600000"):
            cli_run.moment(text)


def test_lists_name_each_once_and_symbols_are_upper_case() -> None:
    assert cli_run.names("C1, C2,,C1") == ("C1", "C2")
    assert cli_run.symbols("btcusdt,BTCUSDT,ethusdt") == ("BTCUSDT", "ETHUSDT")


def test_what_was_said_becomes_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[tuple[RunOptions, BotConfig]] = []

    def run(options: RunOptions, config: BotConfig, console: ConsoleObserver) -> ExitCode:
        got.append((options, config))
        return ExitCode.DONE

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setattr(logs, "setup", lambda **how: None)
    monkeypatch.delenv("BYBIT_API_KEY", raising=False)
    monkeypatch.setenv("BOT_RISK__LOSS", "0.004")
    words = ["--stage", "1", "--state-dir", str(tmp_path), "--symbols", "btcusdt", "--speed", "6000", "--from", "2025-02-15"]
    more = ["--set", "risk.base=0.03", "--set", "http.port=5", "--http-port", "0", "--duration", "9.5", "--enable", "forex", "--seed", "3"]
    for words_of in ([*words, *more], ["run", *words, *more]):
        assert cli.main(words_of, load) == ExitCode.DONE
    assert got[0] == got[1], "with the command word or without"
    options, config = got[0]
    assert (options.env, options.env_named, options.symbols, options.speed) == (Environment.SIMULATED, False, ("BTCUSDT",), 6000.0)
    assert (options.from_ms, options.duration_s, options.enable, options.seed) == (1_739_577_600_000, 9.5, ("forex",), 3)
    assert (options.http_port, options.http_host, options.state_dir) == (0, None, tmp_path)
    assert (config.risk.base, config.risk.loss, config.http.port) == (0.03, 0.004, 5)

    monkeypatch.setenv("BYBIT_API_KEY", "k")
    assert cli.main(["--state-dir", str(tmp_path)], load) == ExitCode.DONE
    assert got[2][0].env is Environment.LIVE and not got[2][0].env_named
    assert not list(tmp_path.iterdir()), "parsing writes nothing"


def test_only_what_a_stage_knows_can_be_enabled(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--enable", "forex,gold"], load) == ExitCode.USAGE
    assert capsys.readouterr().err == "--enable: gold cannot be switched on; there are forex, options\n"


def replay(*words: str) -> int:
    return cli.main(["replay", *words], load)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--from", "2025-02-05", "--to", "2025-02-03"], "--from must lie before --to"),
        (["--profile", "spot+perp"], "'spot+perp' is not one of spot, perp, fx, options"),
        (["--surface", "frozen"], "is not a data root"),
        (["--balance", "9"], "--balance: 9 is not between 10 and 1000000"),
        (["--balance", "1000000000"], "--balance: 1000000000 is not between 10 and 1000000"),
        (["--strategies", "C1,demo"], "--strategies demo needs quotes"),
        (["--set", "risk.base=9"], "risk.base = '9'"),
        (["--strategies", "C9"], "--strategies: unknown C9; there are C1"),
        ([], "is not a data root"),
    ],
)
def test_a_replay_that_cannot_be(tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("--data", str(tmp_path), "--symbols", "BTCUSDT", *words) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_a_replay_of_nowhere_names_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("--data", str(tmp_path / "no"), "--symbols", "BTCUSDT") == ExitCode.USAGE
    assert capsys.readouterr().err == f"no data root at {tmp_path / 'no'}: not a folder\n"


@pytest.mark.data
def test_a_replay_names_an_unknown_symbol_and_an_empty_range(market_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay("--data", str(market_data), "--symbols", "NOPEUSDT") == ExitCode.USAGE
    assert "unknown spot symbol 'NOPEUSDT'" in capsys.readouterr().err
    assert replay("--data", str(market_data), "--symbols", "BTCUSDT", "--from", "2031-01-01") == ExitCode.USAGE
    assert "BTCUSDT (spot) has no bars in the range" in capsys.readouterr().err


@pytest.mark.data
def test_options_are_replayed_under_the_frozen_surface_and_no_other(market_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(market_data), "--profile", "options", "--symbols", "EURUSD", "--from", "2025-06-01", "--to", "2025-10-01"]
    assert replay(*words) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "needs --surface frozen" in err and "2025-02-10" in err and "for EURUSD)" in err
    assert replay("--data", str(market_data), "--symbols", "BTCUSDT", "--surface", "frozen") == ExitCode.USAGE
    assert "it goes with --profile options" in capsys.readouterr().err
    assert replay(*words[:5], "EURUSD,USDJPY", "--surface", "frozen") == ExitCode.USAGE
    assert "USDJPY is there on no date" in capsys.readouterr().err
    documents = []
    for how in ("--engine", "--sweep"):
        assert replay(*words, "--surface", "frozen", how, "--json", "-") == ExitCode.DONE
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0] == documents[1] and documents[0]["surface"] == "frozen 2025-02-10"
    assert documents[0]["trades"] and all(one["symbol"].startswith("EURUSD-2025") for one in documents[0]["trades"])
    assert replay(*words, "--surface", "frozen", "--sweep") == ExitCode.DONE
    said = capsys.readouterr().out
    assert "surface: frozen 2025-02-10, held constant in delta and tenor; such a run counts for no gate" in said


@pytest.mark.data
def test_engine_and_sweep_publish_the_same_document(market_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(market_data), "--symbols", "SOLUSDT", "--from", "2025-02-12", "--to", "2025-02-24"]
    documents: list[dict[str, Any]] = []
    for how in ("--engine", "--sweep"):
        assert replay(*words, how, "--json", "-") == ExitCode.DONE
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0] == documents[1]
    assert documents[0]["trades"], "a window with trades in it"
    names = {"symbol", "strategy", "side", "qty", "entry_ts", "entry", "exit_ts", "exit", "reason", "fees"}
    assert all(set(trade) == names for trade in documents[0]["trades"])

    file = tmp_path / "out.json"
    assert replay(*words, "--sweep", "--json", str(file)) == ExitCode.DONE
    assert json.loads(file.read_text()) == documents[0]
    said = capsys.readouterr().out
    assert "closed trades" in said and "no evidence of profit" in said and "warm-up:" not in said
    assert replay(*words, "--sweep", "--json", str(tmp_path / "no" / "out.json")) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("--json: ")


def test_a_replay_goes_by_what_was_promoted_as_the_daemon_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = root(tmp_path / "data", days=60)
    place = tmp_path / "var" / "testnet"
    place.mkdir(parents=True)
    (place / PROMOTED).write_text("[C4]\nfade_z = 2.0\n")
    words = ["--data", str(data), "--symbols", "X00USDT,X01USDT", "--sweep", "--state-dir", str(tmp_path / "var")]

    def said(*more: str) -> str:
        assert replay(*words, *more) == ExitCode.DONE
        return capsys.readouterr().out

    plain = said()
    assert "closed trades" in plain and "config.py" not in plain, "no bot ran there"
    (tmp_path / "var" / "last_env").write_text("testnet")
    promoted = said()
    assert promoted.startswith("not as in config.py: C4.fade_z 2\n") and promoted.partition("\n")[2] != plain, "it trades otherwise"
    assert promoted == said("--env", "testnet") == said("--env", "demo", "--parameters", str(place / PROMOTED))
    assert said("--env", "demo") == plain
    monkeypatch.setenv("BOT_PARAMETERS__C4__FADE_Z", "2.5")
    assert said() == plain, "the environment lies above"
    assert replay(*words, "--parameters", str(tmp_path / "no.toml")) == ExitCode.USAGE
    assert "--parameters: there is no file" in capsys.readouterr().err


def test_the_parser_refuses_instead_of_leaving() -> None:
    with pytest.raises(Refusal, match=r"^--seed: invalid int value: 'x'; see main.py --help$"):
        cli_run.parser().parse_args(["--seed", "x"])


@pytest.mark.data
def test_forex_is_replayed_by_either_name_of_its_profile(market_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", str(market_data), "--symbols", "EURUSD,GBPUSD,EURGBP", "--from", "2025-06-01", "--to", "2025-07-01", "--json", "-"]
    documents = []
    for how in (["--profile", "fx", "--engine"], ["--profile", "forex", "--sweep"]):
        assert replay(*words, *how) == ExitCode.DONE
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0] == documents[1]
    assert {trade["strategy"] for trade in documents[0]["trades"]} <= {"F1", "F2"} and documents[0]["trades"]
    assert replay("--data", str(market_data), "--symbols", "EURGBP", "--profile", "fx", "--from", "2025-06-01") == ExitCode.USAGE
    assert "add USDGBP (or GBPUSD) to the symbols" in capsys.readouterr().err
