from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from utils.errors import ExitCode, Refusal
from utils.files import (
    Damaged,
    DirectoryLock,
    atomic_write,
    close_to_others,
    ensure_writable,
    is_full,
    private_folder,
    private_opener,
    quarantine,
    quarantine_bytes,
    read_checked,
)

REPO = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, pathlib
from utils.files import DirectoryLock
DirectoryLock(pathlib.Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_atomic_write_replaces_and_leaves_nothing_else(tmp_path: Path):
    path = tmp_path / "state.json"
    (tmp_path / ".state.json.tmp").write_bytes(b"left by a killed writer")
    atomic_write(path, b"one")
    atomic_write(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == {"state.json"}


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_refusing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str):
    path = tmp_path / "state.json"
    atomic_write(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(call, refuse)
        with pytest.raises(OSError, match="no space left"):
            atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"state.json"}


def test_quarantine_never_overwrites_and_tells_why(tmp_path: Path):
    path = tmp_path / "a.json"
    (tmp_path / "a.json.quarantine-2").write_bytes(b"somebody else's")
    moved = []
    for number in range(3):
        path.write_bytes(b"content %d" % number)
        moved.append(quarantine(path, f"reason {number}"))
    saved = quarantine_bytes(path, b"a tail", "torn")
    assert [target.name for target in moved] == [f"a.json.quarantine-{n}" for n in (1, 3, 4)]
    assert [target.read_bytes() for target in moved] == [b"content 0", b"content 1", b"content 2"]
    assert [target.with_name(target.name + ".reason").read_text() for target in moved] == ["reason 0\n", "reason 1\n", "reason 2\n"]
    assert saved.name == "a.json.quarantine-5"
    assert saved.read_bytes() == b"a tail"
    assert (tmp_path / "a.json.quarantine-2").read_bytes() == b"somebody else's"
    assert not path.exists()


def test_a_number_reserved_by_its_reason_alone_is_not_taken(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    (tmp_path / "a.quarantine-1.reason").write_text("killed between reason and move\n")
    assert quarantine(path, "again").name == "a.quarantine-2"


def test_read_checked(tmp_path: Path):
    path = tmp_path / "rows.bin"
    path.write_bytes(b"abc")
    assert read_checked(path, hashlib.sha256(b"abc").hexdigest()) == b"abc"
    with pytest.raises(Damaged, match=r"rows\.bin: sha256 is"):
        read_checked(path, hashlib.sha256(b"abd").hexdigest())
    with pytest.raises(Damaged, match=r"gone: No such file"):
        read_checked(tmp_path / "gone", "00")


def test_ensure_writable_makes_the_folder_and_leaves_no_probe(tmp_path: Path):
    folder = tmp_path / "var" / "simulated"
    ensure_writable(folder)
    ensure_writable(folder)
    assert names(folder) == set()


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_way_is_named(tmp_path: Path, below: str):
    (tmp_path / "var").write_bytes(b"")
    folder = tmp_path / "var" / below
    with pytest.raises(Refusal, match="a file is in the way") as caught:
        ensure_writable(folder)
    assert str(folder) in str(caught.value)
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_read_only_folder_is_refused_for_root_too(tmp_path: Path, below: str):
    (tmp_path / "var").mkdir()
    (tmp_path / "var").chmod(0o555)
    folder = tmp_path / "var" / below
    with pytest.raises(Refusal) as caught:
        ensure_writable(folder)
    (tmp_path / "var").chmod(0o755)
    assert str(folder) in str(caught.value)
    assert "read-only" in str(caught.value)
    assert names(tmp_path / "var") == set()


def test_a_full_disk_keeps_no_probe_and_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refusal, match="No space left") as caught:
        ensure_writable(tmp_path)
    assert names(tmp_path) == set() and is_full(caught.value.__cause__)
    assert not is_full(OSError(errno.EACCES, "no")) and not is_full(None)


def test_a_folder_that_the_system_refuses_is_named():
    with pytest.raises(Refusal, match="cannot write to /proc/nowhere"):
        ensure_writable(Path("/proc/nowhere"))


def test_lock_of_another_process_names_folder_and_pid_and_dies_with_it(tmp_path: Path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPO, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(Refusal) as caught:
            DirectoryLock(tmp_path).acquire()
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=20)
    assert caught.value.code == ExitCode.ALREADY_RUNNING
    assert str(tmp_path) in str(caught.value)
    assert f"pid {child.pid} " in str(caught.value)
    with DirectoryLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_lock_twice_in_one_process_is_refused_until_released(tmp_path: Path):
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    with pytest.raises(Refusal, match=f"pid {os.getpid()}"):
        second.acquire()
    first.release()
    first.release()
    assert (tmp_path / "lock").read_text() == ""
    with second, pytest.raises(Refusal):
        first.acquire()


def test_lock_in_an_unwritable_folder_is_a_usage_error(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Refusal, match="cannot write to") as caught:
        DirectoryLock(tmp_path / "file").acquire()
    assert caught.value.code == ExitCode.USAGE


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_written_is_its_owners_alone(tmp_path: Path):
    before = os.umask(0)  # nothing helps
    try:
        path = tmp_path / "one" / "two" / "state.json"
        ensure_writable(path.parent)
        atomic_write(path, b"one")
        log = path.with_name("a.log")
        with open(log, "xb", opener=private_opener) as file:
            file.write(b"a line")
        moved = quarantine(path, "rotten")
        with DirectoryLock(path.parent):
            assert {mode(one) for one in path.parent.iterdir()} == {0o600}
        assert moved.exists() and mode(path.parent) == mode(path.parent.parent) == 0o700
    finally:
        os.umask(before)


def test_what_an_older_program_left_open_is_closed_once(tmp_path: Path):
    place = tmp_path / "simulated"
    private_folder(place / "ledger")
    row, link = place / "ledger" / "ledger-1.log", place / "link"
    row.write_bytes(b"row")
    outside = tmp_path / "outside"
    outside.write_bytes(b"of somebody else")
    link.symlink_to(outside)
    for path, given in ((row, 0o644), (outside, 0o644), (place / "ledger", 0o750)):
        path.chmod(given)
    assert close_to_others(place) == 0, "nobody comes in"
    place.chmod(0o755)
    assert close_to_others(place) == 3
    assert (mode(row), mode(place / "ledger"), mode(place), mode(outside)) == (0o600, 0o700, 0o700, 0o644)
    assert close_to_others(place) == 0 and close_to_others(tmp_path / "nowhere") == 0
