"""The command `kpi` on a ledger as it lies on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config import CONFIG
from modules.cli import main
from self_test.telemetry.ledgers import START, Rows, row, stream
from state.ledger import Ledger, Ref, RowKind

ROWS = stream(31, per_day=8, win_rate=0.72)


def stored(place: Path, rows: Rows) -> Path:
    """A state directory whose last environment, `simulated`, has this ledger."""
    ledger, _ = Ledger.open(place / "simulated" / "ledger", durable=False)
    for seq, (kind, text) in enumerate(rows, start=1):
        ledger.append(RowKind(kind), Ref(seq, 0), text)
    ledger.close()
    (place / "last_env").write_text("simulated\n")
    return place


def kpi(place: Path, *words: str) -> int:
    return main(["kpi", "--state-dir", str(place), *words], lambda: CONFIG)


def test_people_get_a_table_and_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert kpi(stored(tmp_path, ROWS)) == 0
    told = capsys.readouterr().out
    assert told.startswith("SIMULATED\nCRYPTO/PAPER") and "win rate" in told
    assert "CRYPTO/PAPER scalp: passed once" in told and "never real money" in told


def test_one_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert kpi(stored(tmp_path, ROWS), "--json", "--all") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["env"] == "simulated" and [row["style"] for row in told["kpi"]] == ["all", "scalp"]
    assert told["kpi"][1]["figures"]["trades"] == {"value": 248.0, "unit": "count", "reason": ""}
    assert any(call.startswith("pbo_cscv(") for call in told["kpi"][1]["statistics"])
    assert told["verdicts"][0]["state"] == "PASS_1" and told["verdicts"][0]["checkpoints"]


def test_all_shows_every_statistic(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert kpi(stored(tmp_path, ROWS), "--all") == 0
    assert "bootstrap_drawdown(daily_returns[31])" in capsys.readouterr().out


def test_one_account_or_a_refusal_that_names_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = stored(tmp_path, ROWS)
    assert kpi(place, "--account", "crypto/paper") == 0
    capsys.readouterr()
    assert kpi(place, "--account", "FOREX/PAPER") == 2
    assert "there are CRYPTO/PAPER" in capsys.readouterr().err


def test_no_state_and_no_ledger_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert kpi(tmp_path) == 2 and "no state" in capsys.readouterr().err
    assert kpi(tmp_path, "--env", "live") == 2 and "no ledger" in capsys.readouterr().err


def test_after_a_demotion_twice_the_trades_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    subject = {"account": "CRYPTO/PAPER", "style": "scalp", "factor": 2}
    stored_verdict = row("verdict", what="verdict", ts=START + 86_400_000, account="CRYPTO/PAPER", style="scalp", subject=subject)
    assert kpi(stored(tmp_path, [*ROWS, stored_verdict])) == 0
    assert "insufficient evidence: 248/400 trades" in capsys.readouterr().out


def test_a_damaged_ledger_is_said_and_no_gate_passes_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = stored(tmp_path, ROWS)
    (log,) = (place / "simulated" / "ledger").glob("*.log")
    lines = log.read_bytes().splitlines(keepends=True)
    lines[-2] = lines[-2].replace(b"e", b"o", 1)
    log.write_bytes(b"".join(lines))
    assert kpi(place, "--json") == 5
    said = capsys.readouterr()
    document, where = json.loads(said.out), f"{log}: line {len(lines) - 1} at byte "
    assert document["damaged"][0].startswith(where) and document["damaged"][0].endswith("1 after it and all that follows is not counted")
    assert document["verdicts"][0]["state"] == "INSUFFICIENT" and document["verdicts"][0]["wrong"] == document["damaged"]
    assert document["kpi"][0]["figures"]["sharpe"]["value"] is None and document["kpi"][0]["figures"]["sharpe"]["reason"].startswith(where)
    assert "THE LEDGER IS DAMAGED" in said.err and "no gate passes" in said.err
    assert kpi(place) == 5
    assert "insufficient evidence: " + where in capsys.readouterr().out


def test_a_line_that_is_being_written_is_no_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    place = stored(tmp_path, ROWS)
    (log,) = (place / "simulated" / "ledger").glob("*.log")
    log.write_bytes(log.read_bytes() + b"0badcafe {")
    assert kpi(place, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["damaged"] == [] and said.err == ""


def test_an_empty_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert kpi(stored(tmp_path, [])) == 0
    assert "no closed trade" in capsys.readouterr().out
