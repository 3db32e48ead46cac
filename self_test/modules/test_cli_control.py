"""`control`: what is typed, what is asked of whom, what is printed and with which code; with a bot that answers, and without one."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules import cli, cli_control, cli_flatten
from modules.latch import latch, latched
from modules.offline import stored_state
from modules.settings import BotConfig
from modules.stage_request import StageRequest, remembered
from self_test.fakes.stored import Played
from state.standing import Standing
from telemetry.client import Silent
from telemetry.server import Ask
from utils.errors import ExitCode

MUST = {"type": "confirm", "nonce": "n.0", "kind": "once", "text": "LIVE: unpause?", "expires_s": 60.0}


def load() -> BotConfig:
    return CONFIG


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    """A bot that died."""
    bot = Played(tmp_path / "simulated")
    bot.minutes(10)
    bot.crash()
    (tmp_path / "last_env").write_text("simulated")
    return tmp_path


def run(place: Path, *words: str) -> int:
    return cli.main(["control", *words, "--state-dir", str(place)], load)


class Bot:
    """Answers what the test says, one after the other, and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers, self.asked = list(answers), list[Ask]()

    def __call__(self, _place: Path, ask: Ask, _limit_s: float) -> dict[str, Any]:
        self.asked.append(ask)
        return self.answers.pop(0)


def answering(monkeypatch: pytest.MonkeyPatch, place: Path, *answers: dict[str, Any]) -> Bot:
    bot = Bot(*answers)
    monkeypatch.setattr(cli_control, "_post", bot)
    (place / "last_env").write_text("live")
    return bot


def answer(**more: Any) -> dict[str, Any]:
    return {"answer": {"title": "Pairs", "lines": ["two"], "table": None, "data": None, "picture": None, "more": [], **more}}


# --- with a bot ----------------------------------------------------------------------------------------------------------------------


def test_what_is_seen_is_printed_in_columns_or_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    table = {"head": ["pair", "regime"], "rows": [["BTC", "trend"], ["DOGE", "chop"]]}
    bot = answering(monkeypatch, tmp_path, answer(table=table), answer(table=table), answer(data={"BTC": 1}))
    assert run(tmp_path, "pairs") == ExitCode.DONE
    assert capsys.readouterr().out == "Pairs\ntwo\npair  regime\nBTC   trend\nDOGE  chop\n"
    assert run(tmp_path, "pairs", "--json") == run(tmp_path, "pairs", "--json") == ExitCode.DONE
    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first)["table"] == table and json.loads(second) == {"BTC": 1}
    assert bot.asked[0] == Ask("pairs", {}, "command line")


def test_a_picture_goes_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    drawn = answer(picture=base64.b64encode(b"png").decode())
    answering(monkeypatch, tmp_path, drawn, drawn)
    assert run(tmp_path, "chart", "--out", str(tmp_path / "x.png")) == ExitCode.DONE
    assert (tmp_path / "x.png").read_bytes() == b"png" and "x.png" in capsys.readouterr().out
    assert run(tmp_path, "chart", "--out", str(tmp_path / "no" / "x.png")) == ExitCode.USAGE


def test_every_picture_of_a_report_goes_into_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    more = [["crypto paper equity", base64.b64encode(b"two").decode()], ["../../x: y", base64.b64encode(b"three").decode()]]
    drawn = answer(picture=base64.b64encode(b"one").decode(), pictures=more, data={"name": "daily-2025-03-04"})
    answering(monkeypatch, tmp_path, drawn, drawn)
    files = {"r.png": b"one", "r-crypto-paper-equity.png": b"two", "r-x-y.png": b"three"}
    assert run(tmp_path, "report", "--out", str(tmp_path / "r.png")) == ExitCode.DONE
    assert {one.name: one.read_bytes() for one in tmp_path.glob("*.png")} == files
    said = capsys.readouterr().out
    assert all(f"picture: {tmp_path / name}" in said for name in files)
    assert run(tmp_path, "report", "--json", "--out", str(tmp_path / "r.png")) == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert told == {"name": "daily-2025-03-04", "pictures": [str(tmp_path / name) for name in files]}


def test_what_was_done_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    bot = answering(monkeypatch, tmp_path, {"done": "entries paused"}, {"done": "entries paused"})
    assert run(tmp_path, "pause") == run(tmp_path, "pause", "--json", "--yes") == ExitCode.DONE
    assert capsys.readouterr().out == 'entries paused\n{"done": "entries paused"}\n'
    assert [one.sure for one in bot.asked] == [False, True]


@pytest.mark.parametrize(("typed", "asked", "said"), [("y", "confirm", "entries on"), ("", "cancel", "nothing done")])
def test_a_person_at_a_terminal_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, typed: str, asked: str, said: str
) -> None:
    bot = answering(monkeypatch, tmp_path, {"confirm": MUST}, {"done": said})
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    assert run(tmp_path, "unpause") == ExitCode.DONE
    assert bot.asked[1].name == asked and bot.asked[1].args["nonce"] == "n.0"
    assert said in capsys.readouterr().out


def test_real_money_takes_digits_typed_or_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    must = {"confirm": {**MUST, "kind": "digits"}}
    bot = answering(monkeypatch, tmp_path, must, {"done": "on"}, must, {"done": "on"}, must)
    monkeypatch.setattr(sys, "stdin", Terminal("4711\n"))
    assert run(tmp_path, "stage", "2") == ExitCode.DONE
    assert run(tmp_path, "stage", "2", "--real-money", "0815") == ExitCode.DONE
    assert [one.args.get("digits") for one in bot.asked if one.name == "confirm"] == ["4711", "0815"]
    bot = answering(monkeypatch, tmp_path, must, must, {"done": "on"}, must, must, {"done": "on"}, must)
    assert run(tmp_path, "stage", "4", "--real-money", "0815,4711") == ExitCode.DONE
    monkeypatch.setattr(sys, "stdin", Terminal("4711\n"))
    assert run(tmp_path, "stage", "4", "--real-money", "0815") == ExitCode.DONE
    assert [one.args.get("digits") for one in bot.asked if one.name == "confirm"] == ["0815", "4711", "0815", "4711"]
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(tmp_path, "stage", "2", "--yes") == ExitCode.USAGE
    assert "say --real-money LAST4" in capsys.readouterr().err


def test_a_bot_that_hangs_may_still_do_what_it_was_asked(dead: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def silent(*_: object) -> dict[str, Any]:
        raise Silent("the bot has not answered for 10 s")

    monkeypatch.setattr(cli_control, "_post", silent)
    assert run(dead, "stage", "2") == ExitCode.ALREADY_RUNNING
    assert "stage 2: the bot has not answered" in capsys.readouterr().err
    assert remembered(dead / "simulated").stage == 1, "it is not done beside the bot"
    assert run(dead, "status") == ExitCode.DONE
    assert "stored: no bot answers" in capsys.readouterr().out


def test_nobody_to_be_asked_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    answering(monkeypatch, tmp_path, {"confirm": MUST})
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(tmp_path, "unpause") == ExitCode.USAGE
    assert "say --yes" in capsys.readouterr().err


def test_a_disaster_is_asked_twice_and_then_goes_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    went: list[str] = []

    def flattened(env: str, *_: object) -> ExitCode:
        went.append(env)
        return ExitCode.DONE

    monkeypatch.setattr(cli_flatten, "flatten", flattened)
    (tmp_path / "last_env").write_text("live")
    for typed, times in (("n\n", 0), ("y\nn\n", 0), ("y\ny\n", 1)):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        assert run(tmp_path, "flatten") == ExitCode.DONE
        assert len(went) == times
    assert run(tmp_path, "flatten", "--yes") == ExitCode.DONE
    assert len(went) == 2


# --- without -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("statsu",), 2, "did you mean status?"),
        (("🚀🚀🚀",), 2, "no command"),
        (("<script>alert(1)</script>",), 2, "no command"),
        (("close",), 2, "close what"),
        (("close", "[bold]<b>&"), 2, "no symbol"),
        (("explore", "1e99"), 2, "from 10 to 25 %"),
        (("pause", "now"), 2, "takes nothing"),
        (("explore", "5"), 2, "from 10 to 25 %"),
        (("stage", "9"), 2, "from 1 to 5"),
        (("close", "🙂"), 2, "no symbol"),
        (("close", "x" * 5000), 2, "5006 characters"),
        (("close", "BTC"), 4, "needs the running bot"),
        (("forex", "on"), 4, "needs the running bot"),
        (("profile", "perp"), 2, "nothing could trade"),
        (("promote", "CRYPTO/swing"), 2, "no gate has passed"),
        (("reset", "PERPS/PAPER"), 2, "not one of CRYPTO/PAPER"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(dead: Path, words: tuple[str, ...], code: int, told: str, capsys: Any) -> None:
    before = {path: path.read_bytes() for path in (dead / "simulated" / "journal").iterdir()}
    assert run(dead, *words) == code
    said = capsys.readouterr().err
    assert told in said and said.count("\n") == 1 and len(said) < 400
    assert {path: path.read_bytes() for path in (dead / "simulated" / "journal").iterdir()} == before
    assert not (dead / "simulated" / "stage.json").exists()


def test_a_promotion_without_a_bot_takes_the_digits_of_the_account_it_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    bot = Played(tmp_path / "live")
    bot.engine.state.standings["CRYPTO/swing"] = Standing(offered_ts=bot.now)
    bot.close()
    (tmp_path / "last_env").write_text("live")
    accounts = {"CRYPTO/LIVE": "5432", "PERPS/LIVE": "1234"}
    found = StageRequest(stage=2, opened=2, real_money="5432,1234", accounts=accounts)
    (tmp_path / "live" / "stage.json").write_bytes(msgspec.json.encode(found))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(tmp_path, "promote", "CRYPTO/swing", "--yes") == ExitCode.USAGE
    assert "of the id of CRYPTO/LIVE" in capsys.readouterr().err
    assert run(tmp_path, "promote", "CRYPTO/swing", "--yes", "--real-money", "1234") == ExitCode.GATE_REFUSED
    assert stored_state(tmp_path / "live").standings["CRYPTO/swing"].level == "paper"
    assert run(tmp_path, "promote", "CRYPTO/swing", "--real-money", "5432") == ExitCode.DONE
    assert stored_state(tmp_path / "live").standings["CRYPTO/swing"].level == "canary"


def test_a_promotion_that_opens_nothing_yet_is_asked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    Played(tmp_path / "live").close()
    (tmp_path / "last_env").write_text("live")
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert run(tmp_path, "promote", "CRYPTO/swing") == ExitCode.DONE
    assert capsys.readouterr().out.count("nothing done") == 1


def test_looking_reads_the_disk(dead: Path, capsys: Any) -> None:
    assert run(dead, "status", "--json") == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["live"] is False
    assert run(dead, "positions") == ExitCode.DONE


def test_help_and_version_need_nothing(tmp_path: Path, capsys: Any) -> None:
    assert run(tmp_path, "help") == run(tmp_path, "version") == run(tmp_path, "help", "close") == ExitCode.DONE
    assert "close SYMBOL [ACCOUNT]" in capsys.readouterr().out
    assert run(tmp_path, "status") == ExitCode.USAGE


def test_requests_go_into_the_journal_of_a_dead_bot(dead: Path, capsys: Any) -> None:
    for words in (("pause",), ("explore", "15"), ("learn", "on")):
        assert run(dead, *words) == ExitCode.DONE
    state = stored_state(dead / "simulated")
    assert (state.toggles.paused, state.exploration, state.toggles.learning) == (True, 15, True)
    latch(dead / "simulated", "x", 0)
    assert run(dead, "resume") == ExitCode.DONE
    assert latched(dead / "simulated") is None
    assert "by command line" in capsys.readouterr().out


def test_another_stage_waits_for_the_next_start(dead: Path, capsys: Any) -> None:
    assert run(dead, "stage", "3") == ExitCode.DONE
    assert "the next start without --stage" in capsys.readouterr().out
    assert remembered(dead / "simulated") == StageRequest(stage=3, opened=3, profile="spot")
    assert run(dead, "profile", "spot+perp") == run(dead, "stage", "2") == ExitCode.DONE
    assert remembered(dead / "simulated") == StageRequest(stage=2, opened=2, profile="spot+perp")
