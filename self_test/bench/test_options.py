from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.options import COUNT, LIMIT_S, main, options_row


def test_the_measurement_measures() -> None:
    row = options_row(runs=2)
    assert row.runs == 2 and 0 < row.lowest <= row.median <= row.highest
    assert row.goal == COUNT / LIMIT_S
    assert row.note.startswith("100,000 in ")


def test_the_figure_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "1", "--json", str(tmp_path / "new" / "options.json")]) == 0
    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "new" / "options.json").read_text())["rows"]
    assert written[0]["name"] == "options, price and 11 greeks" and written[0]["name"] in printed
