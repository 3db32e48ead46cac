"""One process, one lock, as many lives as are asked for."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules import app
from modules.environment import Environment
from modules.lives import live_on
from modules.options import RunOptions
from modules.ui.console import ConsoleObserver, console_on
from utils.clock import WallClock
from utils.errors import ExitCode, Refusal
from utils.files import DirectoryLock

pytestmark = pytest.mark.asyncio
Life = Callable[[app.Daemon], ExitCode]


def again(stage: int) -> Life:
    """A life that asks for another one."""

    def live(daemon: app.Daemon) -> ExitCode:
        daemon.born = True
        daemon.next = msgspec.structs.replace(daemon.options, stage=stage, override_gates=True)
        return ExitCode.DONE

    return live


def refused(daemon: app.Daemon) -> ExitCode:
    raise Refusal("no key", ExitCode.CREDENTIALS)


def last(daemon: app.Daemon) -> ExitCode:
    daemon.born = True
    return ExitCode.DONE


async def lived(place: Path, monkeypatch: pytest.MonkeyPatch, *course: Life) -> tuple[ExitCode, list[tuple[int, bool]], str]:
    """Code, (stage, later) of each life, and what was said."""
    found: list[tuple[int, bool]] = []

    async def run(daemon: app.Daemon) -> ExitCode:
        with pytest.raises(Refusal, match="already running"):
            DirectoryLock(daemon.options.folder).acquire()
        found.append((daemon.options.stage, daemon.later))
        return course[len(found) - 1](daemon)

    monkeypatch.setattr(app.Daemon, "run", run)
    monkeypatch.setattr(app.Daemon, "lasting", lambda daemon: daemon.options)
    said = io.StringIO()
    options = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=place)
    code = await live_on(options, CONFIG, ConsoleObserver(console_on(said), WallClock()), WallClock())
    return code, found, said.getvalue()


async def test_a_life_that_asks_for_another_gets_it_under_the_same_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, found, _ = await lived(tmp_path, monkeypatch, again(2), again(3), last)
    assert (code, found) == (ExitCode.DONE, [(1, False), (2, True), (3, True)])
    with DirectoryLock(tmp_path / "simulated"):
        pass


async def test_a_life_that_cannot_be_gives_way_to_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, found, said = await lived(tmp_path, monkeypatch, again(2), refused, last)
    assert (code, found) == (ExitCode.DONE, [(1, False), (2, True), (1, True)])
    assert "stage 2, spot cannot be: no key" in said and "going back to stage 1, spot" in said


@pytest.mark.parametrize("course", [(refused,), (again(2), refused, refused)])
async def test_a_first_life_and_a_second_refusal_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, course: tuple[Life, ...]) -> None:
    with pytest.raises(Refusal, match="no key"):
        await lived(tmp_path, monkeypatch, *course)


async def test_a_folder_that_was_open_to_others_is_closed_and_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "simulated"
    place.mkdir()
    (place / "panel.token").touch()
    (place / "panel.token").chmod(0o644)
    place.chmod(0o755)
    _, _, said = await lived(tmp_path, monkeypatch, last)
    assert "2 files and folders" in said and (place / "panel.token").stat().st_mode & 0o077 == place.stat().st_mode & 0o077 == 0
