from __future__ import annotations

import errno
import io
from pathlib import Path

import pytest

from config import CONFIG
from modules import app, process
from modules.environment import Environment
from modules.options import RunOptions
from modules.ui.console import ConsoleObserver, console_on
from utils.clock import WallClock
from utils.errors import ExitCode, Refusal

FULL = OSError(errno.ENOSPC, "No space left on device")


def run(place: Path, monkeypatch: pytest.MonkeyPatch, outcome: Exception | ExitCode) -> ExitCode:
    """A process whose daemon ends with `outcome` at once."""

    async def ends(daemon: object) -> ExitCode:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(app.Daemon, "run", ends)
    options = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=place)
    return process.run(options, CONFIG, ConsoleObserver(console_on(io.StringIO()), WallClock()))


def test_the_daemons_code_is_the_process_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, monkeypatch, ExitCode.DONE) is ExitCode.DONE
    with pytest.raises(Refusal, match="key") as caught:
        run(tmp_path, monkeypatch, Refusal("the key", ExitCode.CREDENTIALS))
    assert caught.value.code is ExitCode.CREDENTIALS


@pytest.mark.parametrize("error", [FULL, ExceptionGroup("tasks", [ExceptionGroup("inner", [FULL])])])
def test_a_full_disk_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    with pytest.raises(Refusal) as caught:
        run(tmp_path, monkeypatch, error)
    assert caught.value.code is ExitCode.USAGE
    assert f"cannot write to {tmp_path / 'simulated'}: No space left on device" in str(caught.value)


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "gone"), ExceptionGroup("tasks", [FULL, KeyError("a bug")])])
def test_anything_else_stays_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    with pytest.raises(type(error)):
        run(tmp_path, monkeypatch, error)
