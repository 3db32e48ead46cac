"""What the data commands say and leave behind: text, JSON, progress, exit codes, damage told while the rest goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataio.dataset import DAY_MS, Dataset, Series
from self_test.dataio.samples import M5, MONDAY, save, truncate, walk
from self_test.dataio.typed import Terminal, call
from state.accounts import Domain
from utils.errors import ExitCode

BTC = Series("bybit", Domain.CRYPTO, "BTCUSDT", M5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "root"
    save(base / "crypto_spot" / "bybit" / "BTCUSDT_5m.parquet", walk(MONDAY, 3 * 288))
    save(base / "crypto_perp" / "bybit" / "ETHUSDT_5m.parquet", walk(MONDAY, 288))
    return base


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var" / "data"


@pytest.fixture
def filled(root: Path, data: Path) -> Path:
    call("import", "--from-root", root, "--data-dir", data)
    return data


def test_import_verify_compact_in_words(root: Path, data: Path) -> None:
    code, text = call("import", "--from-root", root, "--data-dir", data)
    assert code is ExitCode.DONE
    assert text.splitlines() == [
        "[1/2] bybit/crypto/BTCUSDT/5m: 864 bars",
        "[2/2] bybit/perps/ETHUSDT/5m: 288 bars",
        "bybit/crypto/BTCUSDT/5m: 864 bars, 864 new or changed",
        "bybit/perps/ETHUSDT/5m: 288 bars, 288 new or changed",
        "imported 1152 bars in 2 series, 1152 new or changed",
    ]
    code, text = call("verify", "--data-dir", data)
    assert (code, text.splitlines()[-1]) == (ExitCode.DONE, "2 series verified: no faults")
    assert "bybit/crypto/BTCUSDT/5m: 864 bars in 3 days, 2025-03-10 00:00 to 2025-03-12 23:55" in text
    code, text = call("compact", "--data-dir", data)
    assert (code, text.splitlines()[-1]) == (ExitCode.DONE, "2 series compacted (2 written, 0 up to date), 1152 bars")
    assert call("compact", "--data-dir", data)[1].splitlines()[-1] == "2 series compacted (0 written, 2 up to date), 1152 bars"


def test_json_is_one_document_and_nothing_else(root: Path, data: Path) -> None:
    code, text = call("import", "--from-root", root, "--kind", "spot", "--symbols", "BTCUSDT", "--data-dir", data, "--json")
    document = json.loads(text)
    assert (code, document["ok"], len(document["imported"])) == (ExitCode.DONE, True, 1)
    assert document["imported"][0] == {"series": str(BTC), "rows": 864, "changed": 864, "rejected": {}}
    document = json.loads(call("verify", "--data-dir", data, "--json")[1])
    assert document["series"][0]["first_ts"] == MONDAY
    document = json.loads(call("compact", "--data-dir", data, "--json")[1])
    assert (document["compacted"][0]["rows"], document["damaged"]) == (864, {})


def test_one_file_into_a_named_series(tmp_path: Path, data: Path) -> None:
    (tmp_path / "x.csv").write_text(f"ts,open,high,low,close,volume\n{MONDAY},1,2,1,2,3\n{MONDAY + 1},1,2,1,2,3\n")
    code, text = call("import", "--file", tmp_path / "x.csv", "--series", str(BTC), "--data-dir", data)
    assert code is ExitCode.USAGE
    assert "bybit/crypto/BTCUSDT/5m: 2 bars, 1 new or changed, 1 row(s) off_grid left out" in text


def test_a_damaged_source_file_is_told_and_the_rest_arrives(root: Path, data: Path) -> None:
    save(root / "crypto_spot" / "bybit" / "BTCUSDT_5m_b.parquet", walk(MONDAY + 9 * DAY_MS, 10))
    bad = walk(MONDAY + 20 * DAY_MS, 10)
    bad.high[3] = 1.0
    path = save(root / "crypto_spot" / "bybit" / "BTCUSDT_5m_c.parquet", bad)
    truncate(root / "crypto_perp" / "bybit" / "ETHUSDT_5m.parquet")
    code, text = call("import", "--from-root", root, "--data-dir", data, "--json")
    document = json.loads(text)
    assert (code, document["ok"]) == (ExitCode.USAGE, False)
    told = document["damaged"]
    assert "in row 3" in told[str(path)]
    assert any("ETHUSDT_5m.parquet" in name for name in told)
    assert [(one["series"], one["rows"]) for one in document["imported"]] == [(str(BTC), 874)]


def test_verify_and_compact_tell_damage_and_go_on(filled: Path) -> None:
    bad = Dataset(filled).day_path(BTC, MONDAY // DAY_MS)
    truncate(bad)
    code, text = call("verify", "--data-dir", filled)
    assert (code, text.splitlines()[-1]) == (ExitCode.USAGE, "2 series verified: 1 fault(s)")
    assert f"damaged       {bad}: not readable as parquet" in text
    code, text = call("compact", "--data-dir", filled)
    assert code is ExitCode.USAGE
    assert f"damaged  {bad}: not readable" in text
    assert text.splitlines()[-1] == "1 series compacted (1 written, 0 up to date), 288 bars"
    assert call("verify", "--data-dir", filled, "--symbols", "ETHUSDT")[0] is ExitCode.DONE


def test_many_findings_of_a_kind_are_counted_not_all_listed(data: Path) -> None:
    folder = Dataset(data).folder(BTC)
    folder.mkdir(parents=True)
    for number in range(13):
        (folder / f"{number}.txt").touch()
    text = call("verify", "--data-dir", data)[1]
    assert text.count("not a day file") == 10
    assert "and 3 more (--json lists all)" in text


def test_on_a_terminal_progress_stays_on_one_line(root: Path, data: Path) -> None:
    text = call("import", "--from-root", root, "--data-dir", data, out=Terminal())[1]
    assert "\r[1/2] bybit/crypto/BTCUSDT/5m: 864 bars\r[2/2]" in text
    assert "\r[1/2] bybit/crypto/BTCUSDT/5m" in call("verify", "--data-dir", data, out=Terminal())[1]
