"""`report` from words to files: what it prints, where they are, and one line with exit 2 for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import CONFIG
from modules import cli
from self_test.fakes.stored import Played
from self_test.telemetry.ledgers import START, stream
from self_test.telemetry.stored import store
from telemetry.ledger_rows import DAY_MS
from utils.linelog import LineLog


@pytest.fixture
def state(tmp_path: Path) -> Path:
    store(tmp_path / "state", stream(9))
    return tmp_path / "state"


def run(*words: str | Path) -> int:
    return cli.main(["report", *(str(word) for word in words)], lambda: CONFIG)


def test_a_daily_report_is_about_the_newest_day_that_is_over(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("daily", "--state-dir", state, "--out", tmp_path / "out") == 0
    folder = tmp_path / "out" / "daily-2025-03-11"
    assert str(folder) in capsys.readouterr().out
    assert {path.suffix for path in folder.iterdir()} == {".json", ".md", ".csv", ".png"}


def test_a_week_by_date_goes_beside_the_state_and_as_json_to_standard_output(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("weekly", "--state-dir", state, "--date", "2025-03-12", "--account", "crypto/paper", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["period"]["name"] == "weekly-2025-W11" and document["notes"][0].startswith("this week is not over")
    assert (state / "simulated" / "reports" / "weekly-2025-W11" / "report.md").exists()


def test_the_time_can_be_given_by_who_knows_that_a_day_without_rows_is_over(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = str(START + 20 * DAY_MS)
    assert run("daily", "--state-dir", state, "--date", "2025-03-15", "--now", now, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["period"]["complete"] and "1 of 1 days have no row of equity: 2025-03-15" in document["accounts"][0]["notes"]


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["monthly"], "invalid choice: 'monthly'"),
        (["daily", "--date", "12.3.2025"], "'12.3.2025' is not a day like 2025-03-04"),
        (["daily", "--date", "1800-01-01"], "is not between 2000-01-01 and 2100-01-01"),
        (["daily", "--date", "2025-04-01"], "daily-2025-04-01 lies after now, which is 2025-03-12 00:00 UTC"),
        (["stage", "--date", "2025-03-04"], "--date: a stage report covers everything so far"),
        (["daily", "--account", "MOON/PAPER"], "no such account in the ledger; there are CRYPTO/PAPER"),
        (["daily", "--data", "/nonexistent"], "no data root at /nonexistent"),
        (["daily", "--env", "demo"], "no ledger in"),
        (["daily", "--now", "soon"], "is not a time like"),
    ],
)
def test_bad_input_is_one_line(state: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words, "--state-dir", state) == 2
    said = capsys.readouterr().err
    assert complaint in said and said.count("\n") == 1


def test_no_state_and_an_unwritable_folder_are_refused(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("daily", "--state-dir", tmp_path / "nowhere") == 2
    (tmp_path / "file").write_text("")
    assert run("daily", "--state-dir", state, "--out", tmp_path / "file") == 2
    assert "cannot write to" in capsys.readouterr().err


def test_a_ledger_that_holds_no_rows_of_ours_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, _ = LineLog.open(state / "simulated" / "ledger", "ledger")
    log.append(b'{"kind":"trade","ref":"?"}')
    log.close()
    assert run("daily", "--state-dir", state) == 5
    said = capsys.readouterr()
    assert "THE LEDGER IS DAMAGED: ledger row " in said.err and "stored malformed" in said.out


def test_a_ledger_with_a_bad_line_is_reported_with_what_is_not_in_it(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (log,) = (state / "simulated" / "ledger").glob("*.log")
    lines = log.read_bytes().splitlines(keepends=True)
    lines[20] = lines[20].replace(b"1", b"2", 1)
    log.write_bytes(b"".join(lines))
    assert run("stage", "--state-dir", state, "--out", tmp_path / "out", "--json") == 5
    said = capsys.readouterr()
    where = f"{log}: line 21 at byte {sum(map(len, lines[:20]))} does not check; it and {len(lines) - 21} after it"
    assert where in said.err
    document = json.loads(said.out)
    assert any(where in note for note in document["notes"])
    assert {one["state"] for one in document["verdicts"]} == {"INSUFFICIENT"} and document["verdicts"][0]["wrong"][0].startswith(where)
    assert where in (tmp_path / "out" / document["period"]["name"] / "report.md").read_text()


def test_an_empty_ledger_is_reported_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path, [])
    for kind in ("daily", "weekly", "stage"):
        assert run(kind, "--state-dir", tmp_path, "--now", "2025-03-04") == 0
        assert "the ledger is empty" in capsys.readouterr().out
    assert run("daily", "--state-dir", tmp_path) == 0
    assert "Daily report, 20" in capsys.readouterr().out


def test_a_report_on_learning_of_a_bot_that_decided_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot = Played(tmp_path / "state" / "simulated")
    bot.minutes(6)
    bot.close()
    (tmp_path / "state" / "last_env").write_text("simulated")
    assert run("learning", "--state-dir", tmp_path / "state", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "nothing has been decided yet" in said and str(tmp_path / "out" / "learning") in said
    files = {one.name for one in (tmp_path / "out" / "learning").iterdir()}
    assert files == {"report.md", "report.json", "candidates.csv", "calibration.csv", "history.csv"}
    assert run("learning", "--state-dir", tmp_path / "state", "--json") == 0
    assert json.loads(capsys.readouterr().out)["domains"][0]["decisions"] == 0


@pytest.mark.parametrize(
    "words, complaint",
    [
        (["--date", "2025-03-04"], "--date: a report on learning covers all decisions so far"),
        (["--account", "crypto/paper"], "--account: a report on learning is about domains"),
        ([], "no state in"),
    ],
)
def test_a_report_on_learning_refuses_what_it_cannot_do(
    state: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("learning", *words, "--state-dir", state) == 2
    assert complaint in capsys.readouterr().err
