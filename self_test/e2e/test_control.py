"""The operator's vocabulary over the socket of a running bot: done, journalled with who, and another life without the simulator's end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.audit import replayed, rows_of
from bench.bot import Bot, no_leftovers, run, simulator_pid, simulators_of, started
from config import CONFIG
from modules import cli
from modules.stage_request import remembered
from state.journal import read_journal
from state.messages import Control, decode_event

QUICK = ("--symbols", "BTCUSDT,ETHUSDT", "--strategies", "demo", "--speed", "60", "--set", "domains.crypto.warmup_days=2")
PERPS = ("--set", "domains.perps.warmup_days=2")
NONSENSE = (
    ("dance",),
    ("explore", "5"),
    ("explore", "maybe"),
    ("stage", "9"),
    ("stage", "1"),
    ("profile", "moon"),
    ("forex", "on"),
    ("close",),
    ("close", "<b>BTC</b>"),
    ("close", "DOGEUSDT"),
    ("close", "BTCUSDT", "FOREX/LIVE"),
    ("promote", "CRYPTO/swing"),
    ("flatten",),
    ("🙂", "x" * 4097),
)


def control(state_dir: Path, *words: str) -> int:
    """As typed, without the time that a new process takes."""
    return cli.main(["control", *words, "--state-dir", str(state_dir)], lambda: CONFIG)


def asked(folder: Path) -> list[tuple[str, dict[str, str], str]]:
    """Requests in the journal that a person made."""
    events = (decode_event(event) for _, event, _ in read_journal(folder / "journal", 0))
    return [(one.name, one.args, one.who) for one in events if isinstance(one, Control) and one.who == "command line"]


def accounts(bot: Bot) -> dict[str, Any]:
    found: dict[str, Any] = bot.status()["accounts"]
    return found


@pytest.mark.timeout(240)
def test_every_request_is_done_and_journalled_with_who_and_nonsense_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> str:
        assert control(state_dir, *words) == 0
        return capsys.readouterr().out

    state_dir = tmp_path / "var"
    with no_leftovers(state_dir), started(state_dir, *QUICK, *PERPS) as bot:
        record = bot.ready()
        for words in NONSENSE:
            assert control(state_dir, *words) == 2, words
            assert capsys.readouterr().err.count("\n") >= 1
        assert asked(bot.folder) == []

        assert told("explore", "15") == "exploration 15 % by command line\n"
        told("pause")
        told("unpause")
        simulator = simulator_pid(state_dir)

        assert "starts again" in told("stage", "2")
        bot.until("stage 2", lambda: bot.status()["stage"] == 2 and (bot.folder / "daemon.json").exists(), 60)
        assert "starts again" in told("profile", "spot+perp")
        bot.until("perps", lambda: "PERPS/PAPER" in accounts(bot) and (bot.folder / "daemon.json").exists(), 60)
        again = json.loads((bot.folder / "daemon.json").read_text())
        assert (again["pid"], again["http"]) == (record["pid"], record["http"]) and again["pid"] == bot.process.pid
        assert simulator_pid(state_dir) == simulator and Path(f"/proc/{simulator}").exists()

        def held() -> list[tuple[str, str]]:
            return [(name, one["symbol"]) for name, view in accounts(bot).items() for one in view["open_positions"]]

        bot.until("something held", lambda: bool(held()), 60)
        capsys.readouterr()

        def closes() -> bool:
            """The demo's positions end by themselves after two minutes of the venue: asked until one is caught."""
            for name, symbol in held():
                control(state_dir, "close", symbol, name)
            return "closes at market" in capsys.readouterr().out

        bot.until("a close", closes, 60)
        bot.until("closed by the operator", lambda: any(b'"operator"' in bytes(row.row) for row in rows_of(bot.folder)), 60)

        assert run("control", "flatten", "--yes", "--state-dir", str(state_dir)).returncode == 0
        bot.until("flat and halted", lambda: not held() and all(view["halted"] for view in accounts(bot).values()), 60)
        assert "new drawdown peak" in told("resume")
        assert bot.stop() == 0
        assert "Traceback" not in bot.said and bot.said.count("Summary: ") == 1
        made = asked(bot.folder)
        assert [name for name, _, _ in made if name not in {"close", "flatten", "resume"}] == [
            "explore",
            "pause",
            "unpause",
            "stage",
            "profile",
        ]
        assert {"close", "flatten", "resume"} <= {name for name, _, _ in made}
        assert replayed(bot.folder, tmp_path / "copy").differing == 0

        assert "no bot runs here" in told("stage", "3")
        assert control(state_dir, "close", "BTCUSDT") == 4
        assert (remembered(bot.folder).stage, remembered(bot.folder).profile) == (3, "spot+perp")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("words", ["CONTROL stage 2", "starting again: stage 2"])
def test_a_sigterm_between_two_lives_ends_both_and_the_next_start_is_where_it_was_asked_to_be(tmp_path: Path, words: str) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        with started(state_dir, *QUICK) as bot:
            bot.ready()
            assert control(state_dir, "stage", "2") == 0
            bot.until(words, lambda: words.partition(" ")[2] in bot.said, 30)
            assert bot.stop() == 0
            assert "Traceback" not in bot.said and "did not end in time" not in bot.said
        assert simulators_of(state_dir) == [] and not (bot.folder / "daemon.json").exists()
        assert remembered(bot.folder).stage == 2 and replayed(bot.folder, tmp_path / "copy").differing == 0
        with started(state_dir, *QUICK, "--stage", "2", "--override-gates", output=tmp_path / "again.out") as bot:
            bot.ready()
            assert bot.status()["stage"] == 2 and bot.stop() == 0
