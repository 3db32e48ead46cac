from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules import cli
from modules.cli_state import status_text
from modules.offline import stored_state
from modules.settings import BotConfig
from modules.stage_request import StageRequest
from modules.ui.option_view import figures
from self_test.fakes.stored import Played
from self_test.modules.ui.option_scenes import CALL, hold_option, option_state
from state.standing import Standing
from telemetry.status import status_of
from utils.errors import ExitCode


def load() -> BotConfig:
    return CONFIG


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A bot that died with two positions open after some trades."""
    bot = Played(tmp_path / "simulated")
    bot.minutes(20)
    while len(bot.engine._held) < 2:
        bot.minutes(1)
    bot.crash()
    (tmp_path / "last_env").write_text("simulated")
    return tmp_path


def run(*words: str) -> int:
    return cli.main(list(words), load)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_status_of_a_dead_bot_keeps_the_contract(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--json", "--state-dir", str(state_dir)) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"env", "stage", "live", "halted", "time", "accounts"}
    assert (found["env"], found["stage"], found["live"], found["halted"]) == ("simulated", 1, False, False)
    view = found["accounts"]["CRYPTO/PAPER"]
    assert view["closed_trades"] > 0 and isinstance(view["equity"], str) and isinstance(view["drawdown"], float)
    assert (view["halted"], view["standing"], view["canary"]) == (None, "paper", None)
    assert len(view["open_positions"]) == 2
    for one in view["open_positions"]:
        assert set(one) == {"symbol", "side", "qty", "entry", "stop", "target", "opened_ts"}
        assert float(one["stop"]) < float(one["entry"]) < float(one["target"])

    assert run("positions", "--json", "--state-dir", str(state_dir)) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out) == {"CRYPTO/PAPER": view["open_positions"]}


def test_for_people(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "--state-dir", str(state_dir), "--env", "simulated") == ExitCode.DONE
    said = capsys.readouterr().out
    assert said.startswith("SIMULATED, stage 1, not running (from disk)\nCRYPTO/PAPER: equity ") and said.count("  long") == 2
    assert run("positions", "--state-dir", str(state_dir)) == ExitCode.DONE
    assert capsys.readouterr().out.startswith("CRYPTO/PAPER long  ")


def test_no_position_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Played(tmp_path / "simulated").close()
    assert run("positions", "--state-dir", str(tmp_path), "--env", "simulated") == ExitCode.DONE
    assert capsys.readouterr().out == "no open position\n"


@pytest.mark.parametrize("name", ["status", "positions", "pause", "unpause", "resume", "reset", "flatten"])
def test_without_a_state_there_is_nothing_to_say_or_do(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    yes = [] if name in {"status", "positions"} else ["--yes"]
    for words in ([], ["--env", "demo"]):
        assert run(name, "--state-dir", str(tmp_path / "none"), *words, *yes) == ExitCode.USAGE
        assert capsys.readouterr().err.startswith(f"no state in {tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


def test_a_request_asks_first(state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["flatten", "--state-dir", str(state_dir)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert run(*words) == ExitCode.USAGE
    assert capsys.readouterr().err == "flatten changes the simulated account; say --yes\n"
    for answer in ("n\n", "\n", ""):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert run(*words) == ExitCode.DONE
        assert capsys.readouterr().out.endswith("nothing done\n")
    assert not stored_state(state_dir / "simulated").halted
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run(*words) == ExitCode.DONE
    assert stored_state(state_dir / "simulated").halted
    capsys.readouterr()
    assert run("status", "--state-dir", str(state_dir)) == ExitCode.DONE
    assert ", HALTED: " in capsys.readouterr().out


def test_an_unknown_account_is_refused(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("resume", "--yes", "--account", "CRYPTO/LIVE", "--state-dir", str(state_dir)) == ExitCode.USAGE
    assert capsys.readouterr().err == "--account: 'CRYPTO/LIVE' is not one of CRYPTO/PAPER\n"


def test_a_damaged_state_is_said_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Played(tmp_path / "simulated").close()
    for path in (tmp_path / "simulated").glob("runtime_state*"):
        path.write_text("{}")
    assert run("status", "--env", "simulated", "--state-dir", str(tmp_path)) == ExitCode.NO_STATE_CHAIN
    assert "runtime_state.json" in capsys.readouterr().err
    assert (tmp_path / "simulated" / "runtime_state.json").read_text() == "{}"


def offering(tmp_path: Path, env: str) -> list[str]:
    """A dead bot of `env` that offers CRYPTO swing real money; the command that takes it."""
    bot = Played(tmp_path / env)
    bot.engine.state.standings["CRYPTO/swing"] = Standing(offered_ts=bot.now)
    bot.close()
    return ["promote", "CRYPTO/swing", "--env", env, "--state-dir", str(tmp_path)]


def level(tmp_path: Path, env: str) -> str:
    return stored_state(tmp_path / env).standings["CRYPTO/swing"].level


def test_in_simulated_only_a_disaster_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(*offering(tmp_path, "simulated")) == ExitCode.DONE
    assert level(tmp_path, "simulated") == "canary"
    assert "CRYPTO/swing: paper -> canary" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "typed", "code", "after"),
    [
        ([], None, ExitCode.USAGE, "paper"),
        (["--yes"], None, ExitCode.USAGE, "paper"),
        (["--real-money", "1234"], None, ExitCode.GATE_REFUSED, "paper"),
        (["--real-money", "5432"], None, ExitCode.DONE, "canary"),
        ([], "y\n", ExitCode.GATE_REFUSED, "paper"),
        ([], "5432\n", ExitCode.DONE, "canary"),
    ],
)
def test_a_promotion_onto_an_open_live_account_takes_its_digits(
    tmp_path: Path, words: list[str], typed: str | None, code: ExitCode, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--yes` alone never opens real money; the digits are those that the venue's account matched when it was opened."""
    command = offering(tmp_path, "live")
    (tmp_path / "live" / "stage.json").write_bytes(msgspec.json.encode(StageRequest(stage=2, opened=2, real_money="5432")))
    monkeypatch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
    assert run(*command, *words) == code
    assert level(tmp_path, "live") == after


def test_before_the_live_account_is_open_a_promotion_is_confirmed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = offering(tmp_path, "live")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(*command) == ExitCode.USAGE
    assert run(*command, "--yes") == ExitCode.DONE
    assert level(tmp_path, "live") == "canary"


def test_what_bars_an_account_stands_below_it_and_an_older_bot_says_nothing_of_it() -> None:
    state = option_state()
    state.acct[0]["day_stopped"] = 1
    found = msgspec.to_builtins(status_of(state, "simulated"))
    said = "  entries barred until 00:00 UTC: the day's loss reached its limit"
    assert sum(line.startswith(said) for line in status_text(found).splitlines()) == 1
    for view in found["accounts"].values():
        del view["barred"]
    assert "barred" not in status_text(found)


def test_an_option_has_its_terms_and_greeks_below_it() -> None:
    state = option_state()
    hold_option(state)
    lines = status_text(msgspec.to_builtins(status_of(state, "simulated", figures=figures))).splitlines()
    at = next(k for k, line in enumerate(lines) if CALL.symbol in line)
    assert lines[at + 1].strip().startswith("call at 1.03500") and lines[at + 2].strip().startswith("delta +0.47")
    bare = status_text(msgspec.to_builtins(status_of(state, "simulated"))).splitlines()
    assert len(bare) == len(lines) - 2
