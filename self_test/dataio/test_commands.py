"""`data import|verify|compact` as typed: refusals in one line, room for `data download`, nothing heavy loaded to parse them."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from dataio.commands import add_arguments
from dataio.dataset import Series
from self_test.conftest import REPO
from self_test.dataio.samples import M5, MONDAY, save, walk
from self_test.dataio.typed import call
from state.accounts import Domain
from utils.errors import Refusal

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


@pytest.mark.parametrize(
    "words, message",
    [
        (["import", "--from-root", "nowhere"], "no data root at nowhere"),
        (["import", "--file", "x.csv", "--kind", "fx"], "--kind and --symbols go with --from-root"),
        (["import", "--file", "x.csv"], "--file needs --series"),
        (["import", "--file", "x.csv", "--series", "bybit/BTC"], "is not venue/domain/symbol/timeframe"),
        (["verify"], "no dataset at"),
        (["compact"], "no dataset at"),
    ],
)
def test_bad_input_is_one_clear_line(data: Path, words: list[str], message: str) -> None:
    with pytest.raises(Refusal, match=message) as caught:
        call(*words, "--data-dir", data)
    assert "\n" not in str(caught.value)
    assert not data.exists()


def test_what_does_not_fit_together_or_is_not_there_is_refused(root: Path, data: Path, filled: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"--series goes with --file"):
        call("import", "--from-root", root, "--series", str(BTC), "--data-dir", data)
    with pytest.raises(Refusal, match=r"unknown symbol NOPE .* there is: BTCUSDT, ETHUSDT"):
        call("verify", "--data-dir", filled, "--symbols", "NOPE")
    with pytest.raises(Refusal, match=r"unknown symbol NOPE"):
        call("import", "--from-root", root, "--symbols", "BTCUSDT,NOPE", "--data-dir", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refusal, match=r"no series in"):
        call("verify", "--data-dir", tmp_path / "empty")
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match=r"cannot write to"):
        call("import", "--from-root", root, "--data-dir", tmp_path / "file")


def test_the_group_takes_another_command() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers(dest="command")).add_parser("download").add_argument("--venue")
    assert parser.parse_args(["data", "download", "--venue", "bybit"]).data_command == "download"


def test_parsing_loads_no_pyarrow() -> None:
    code = "import sys, dataio.commands; sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
