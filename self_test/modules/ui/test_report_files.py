"""Files of a report: whole, readable by others, as the ledger has it; candles of a data root where there are any."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import numpy as np
import pytest

from modules.ui import report_files
from modules.ui.periods import Kind, Period, chosen
from modules.ui.report_files import MOST_CANDLES, equity_csv, kpis_csv, stored_candles, trades_csv, write_report
from modules.ui.report_plots import Picture
from modules.ui.reports import assemble, oldest
from self_test.telemetry.ledgers import START, day, stream, trade
from telemetry.gate_config import GateConfig
from telemetry.kpi import kpis
from telemetry.ledger_rows import DAY_MS, read_rows
from utils.errors import Refusal

PERIOD = Period(kind=Kind.DAILY, from_ts=START, until_ts=START + DAY_MS, name="daily-2025-03-03", complete=True)


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_trades_are_written_as_the_ledger_has_them() -> None:
    rows = [trade(START + 5, 1.0), trade(START + DAY_MS, 2.0), trade(START + 7, 3.0, account="PERPS/PAPER"), ("trade", b"not json")]
    found = table(trades_csv(rows, PERIOD))
    assert [(one["account"], one["exit_ts"], one["pnl"], one["entry"]) for one in found] == [
        ("CRYPTO/PAPER", str(START + 5), "1.0", "100"),
        ("PERPS/PAPER", str(START + 7), "3.0", "100"),
    ]
    assert len(table(trades_csv(rows, PERIOD, "PERPS/PAPER"))) == 1
    assert table(trades_csv([], PERIOD)) == []


def test_equity_is_that_of_the_period() -> None:
    found = table(equity_csv([day(0, 1.5), day(1, 2.5)], PERIOD))
    assert [(one["day"], one["start"], one["equity"]) for one in found] == [(str(START // DAY_MS), "1000.0", "1001.5")]


def test_undefined_figures_have_no_value_and_a_reason() -> None:
    found = {one["figure"]: one for one in table(kpis_csv(kpis(read_rows([day(0, 0.0)]), START + DAY_MS)))}
    assert found["win_rate"]["value"] == "" and found["win_rate"]["reason"] == "no closed trade"
    assert float(found["trades"]["value"]) == 0.0


def test_a_report_is_a_folder(tmp_path: Path) -> None:
    rows, now = stream(5), START + 5 * DAY_MS
    book = read_rows(rows)
    report = assemble(book, chosen(Kind.STAGE, now, oldest(book)), env="simulated", stage=1, gate=GateConfig(), now=now)
    for _ in range(2):  # a second time over the first
        files = write_report(tmp_path, report, rows, [Picture("A plot", "a.png", b"png")], GateConfig())
    folder = tmp_path / report.period.name
    assert sorted(folder.iterdir()) == sorted(files)
    assert [path.name for path in files] == ["trades.csv", "equity.csv", "kpis.csv", "a.png", "report.json", "report.md"]
    assert "![A plot](a.png)" in (folder / "report.md").read_text()
    document = msgspec.json.decode((folder / "report.json").read_bytes())
    assert document["accounts"][0]["account"] == "CRYPTO/PAPER" and document["verdicts"][0]["state"] == "INSUFFICIENT"
    assert len(table((folder / "trades.csv").read_bytes())) == len(book.trades)


def test_what_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = assemble(read_rows([]), PERIOD, env="simulated", stage=None, gate=GateConfig(), now=START)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Refusal, match="cannot write"):
        write_report(tmp_path / "file", report, [], [], GateConfig())

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_files, "atomic_write", full)
    with pytest.raises(Refusal, match=r"trades.csv: No space left"):
        write_report(tmp_path, report, [], [], GateConfig())


def test_a_folder_that_is_no_data_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="data root"):
        stored_candles(tmp_path)


@pytest.mark.data
def test_stored_candles_are_as_fine_as_a_phone_shows(market_data: Path) -> None:
    find = stored_candles(market_data)
    from_ts = 1_739_577_600_000  # 2025-02-15
    found = find("CRYPTO", "BTCUSDT", from_ts, from_ts + 3 * DAY_MS)
    assert found is not None and 50 < len(found.ts) <= MOST_CANDLES + 1
    assert np.diff(found.ts).min() == found.width_ms
    year = find("CRYPTO", "BTCUSDT", from_ts - 100 * DAY_MS, from_ts)
    assert year is not None and year.width_ms > found.width_ms
    assert find("CRYPTO", "NOSUCHUSDT", from_ts, from_ts + DAY_MS) is None
    assert find("OPTIONS", "BTCUSDT", from_ts, from_ts + DAY_MS) is None
    assert find("CRYPTO", "BTCUSDT", 0, DAY_MS) is None
