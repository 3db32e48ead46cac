"""What people get wrong, through the real command line: one clear line, the right code, nothing half-written."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bot import no_leftovers, run, simulators_of
from self_test.fakes.stored import Played


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    """State that a test makes is its owner's alone, as the program's is: to close an open one is a word more."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def prints(folder: Path) -> dict[str, str]:
    """Every file below a folder that has something in it, by content; what a simulator said in its log is no state."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.stat().st_size and path.name not in {"simulator.log", "asked"})
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refuse(state_dir: Path, *words: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and the one line on stderr; checks that there is just one and no traceback."""
    done = run("--stage", "1", "--state-dir", str(state_dir), "--http-port", "0", *words, environ=environ)
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "words, code, said",
    [
        (("--symbols", "NOPEUSDT,BTCUSDT"), 2, "--symbols: NOPEUSDT is not in the generated market; there are BTCUSDT"),
        (("--stage", "2"), 3, "stage 2 is not earned; unmet: CRYPTO paper passes its gate. --override-gates opens it in simulated"),
        (("--env", "mars"), 2, "--env: 'mars' is not one of"),
        (("--profile", "perp"), 2, "use --profile spot"),
        (("--market", "recorded:/nowhere"), 2, "no data root at /nowhere"),
        (("--market", "foo"), 2, "--market: 'foo' is neither"),
        (("--seed", "-1"), 2, "--seed: -1"),
        (("--simulator-url", "http://127.0.0.1:9/control"), 4, "the market data of http://127.0.0.1:9 cannot be had"),
    ],
)
def test_a_run_that_cannot_be_leaves_nothing(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        found, line = refuse(state_dir, *words)
        assert found == code and said in line
        assert prints(tmp_path) == {}
        assert simulators_of(state_dir) == []


def test_every_bad_value_is_named_wherever_it_came_from(tmp_path: Path) -> None:
    code, line = refuse(
        tmp_path / "var", "--set", "risk.max_drawdown=0.9", "--set", "risk.nope=1", environ={"BOT_RISK__BASE": "7", "BOT_HTTP__PORT": "x"}
    )
    assert code == 2 and all(name in line for name in ("risk.max_drawdown = '0.9'", "risk.nope", "risk.base = '7'", "http.port = 'x'"))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    code, line = refuse(tmp_path / "file")
    assert code == 2 and "a file is in the way" in line and (tmp_path / "file").read_text() == "mine"
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    code, line = refuse(locked)
    assert code == 2 and f"{locked} is read-only" in line and list(locked.iterdir()) == []


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, line = refuse(tmp_path / "var", "--http-port", port)
    assert code == 2 and line == f"--http-port: 127.0.0.1:{port} is in use; choose another, or 0 for a free one\n"
    assert prints(tmp_path) == {}


def test_no_valid_state_is_said_and_nothing_of_it_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "simulated"
    bot = Played(folder)
    bot.minutes(30)
    bot.close()
    for path in folder.glob("runtime_state*"):
        path.write_bytes(path.read_bytes()[:-20])
    (tmp_path / "last_env").write_text("simulated")
    before = prints(tmp_path)
    code, line = refuse(tmp_path)
    assert code == 5 and "runtime_state.json" in line
    assert prints(tmp_path) == before
    assert run("status", "--state-dir", str(tmp_path)).returncode == 5
    assert prints(tmp_path) == before


def test_a_venue_stays_the_one_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "simulated" / "venue"
    folder.mkdir(parents=True)
    stored = '{"schema":1,"market":"generated","seed":1,"start_ms":1741075200000,"venue_ms":1741075200000,"symbols":["BTCUSDT"]}'
    (folder / "clock.json").write_text(stored)
    with no_leftovers(tmp_path):
        code, line = refuse(tmp_path, "--seed", "3")
        assert code == 2 and line.startswith("--seed: this state directory holds a venue with 1, not 3")
    assert (folder / "clock.json").read_text() == stored


def test_looking_where_nothing_is(tmp_path: Path) -> None:
    for name in ("status", "positions"):
        done = run(name, "--json", "--state-dir", str(tmp_path / "none"))
        assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("no state in ")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_candle_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "crypto_spot" / "bybit"
    folder.mkdir(parents=True)
    (folder / "BTCUSDT_5m.parquet").write_bytes(b"PAR1 this is no parquet file PAR1")
    before = prints(tmp_path)
    dataset = ("--data-dir", str(tmp_path / "dataset"))
    for words in (("replay", "--data", str(tmp_path), "--symbols", "BTCUSDT"), ("data", "import", "--from-root", str(tmp_path), *dataset)):
        done = run(*words)
        assert done.returncode == 2 and "BTCUSDT_5m.parquet" in done.stdout + done.stderr and "Traceback" not in done.stderr, done
    assert prints(tmp_path) == before
