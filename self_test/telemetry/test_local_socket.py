from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from telemetry.local_socket import LONGEST, address, bind_private
from utils.errors import ExitCode, Refusal


@pytest.fixture(params=["short", "long"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path if request.param == "short" else tmp_path / ("x" * 120)
    folder.mkdir(exist_ok=True)
    return folder / "control.sock"


def test_only_this_user_may_open_it_whatever_the_mask(path: Path) -> None:
    before = os.umask(0)
    try:
        with bind_private(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert os.umask(0) == 0, "the mask of the process is as before"
    finally:
        os.umask(before)


def test_a_socket_that_nobody_listens_on_is_replaced(path: Path) -> None:
    bind_private(path).close()
    assert path.is_socket()
    with bind_private(path) as fresh:
        fresh.listen()
        with socket.socket(socket.AF_UNIX) as caller, address(path) as where:
            caller.connect(where)


def test_a_living_daemon_is_not_pushed_aside(path: Path) -> None:
    with bind_private(path) as first:
        first.listen()
        with pytest.raises(Refusal, match="listening") as refusal:
            bind_private(path)
        assert refusal.value.code is ExitCode.ALREADY_RUNNING
        assert path.is_socket()


def test_another_file_of_that_name_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(Refusal, match="in the way"):
        bind_private(path)
    assert path.read_text() == "precious"


def test_a_missing_folder_is_named(path: Path) -> None:
    with pytest.raises(Refusal, match="nowhere") as refusal:
        bind_private(path.parent / "nowhere" / "control.sock")
    assert refusal.value.code is ExitCode.USAGE


def test_a_short_address_is_the_path_itself() -> None:
    with address(Path("/run/control.sock")) as where:
        assert where == "/run/control.sock"


def test_a_long_address_fits(path: Path) -> None:
    with address(path) as where:
        assert len(where) <= LONGEST or len(str(path)) <= LONGEST
