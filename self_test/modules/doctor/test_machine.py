from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from modules.doctor import machine
from modules.doctor.findings import Verdict
from modules.readiness import announce


def test_disk_looks_at_what_is_there_and_makes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "var" / "demo"
    found = {one.check: one for one in machine.disk(place)}
    assert not place.parent.exists()
    assert found["state dir"].verdict is Verdict.OK and "made at the first start" in found["state dir"].words
    assert found["file modes"].verdict is Verdict.SKIP


def test_a_full_disk_and_a_folder_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_FREE", 1 << 62)
    tmp_path.chmod(0o500)
    found = {one.check: one for one in machine.disk(tmp_path)}
    tmp_path.chmod(0o700)
    assert found["disk"].verdict is found["state dir"].verdict is Verdict.FAIL and found["disk"].remedy
    monkeypatch.setattr(machine, "LEAST_FREE", 0)
    monkeypatch.setattr(machine, "ENOUGH_FREE", 1 << 62)
    assert next(machine.disk(tmp_path)).verdict is Verdict.WARN


def test_where_the_disk_has_no_room_left_the_remedy_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    found = {one.check: one for one in machine.disk(tmp_path)}
    assert found["state dir"].verdict is Verdict.FAIL and "free some space" in found["state dir"].remedy
    assert list(tmp_path.iterdir()) == [], "a doctor changes nothing"


def test_who_may_read(tmp_path: Path) -> None:
    place = tmp_path / "live"
    place.mkdir(mode=0o755)
    place.chmod(0o755)
    (place / "runtime_state.json").write_text("")
    (place / "runtime_state.json").chmod(0o644)
    assert machine.modes(place).verdict is Verdict.WARN
    (place / "panel.token").write_text("secret words")
    (place / "panel.token").chmod(0o644)
    found = machine.modes(place)
    assert found.verdict is Verdict.FAIL and "panel.token" in found.words and "secret words" not in found.words
    place.chmod(0o700)
    assert machine.modes(place).verdict is Verdict.OK
    place.chmod(0o755)
    for path in place.iterdir():
        path.chmod(0o600)
    assert machine.modes(place).verdict is Verdict.OK


def test_a_port_is_free_taken_or_ours(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert machine.port("127.0.0.1", taken, tmp_path, running=False).verdict is Verdict.FAIL
        assert machine.port("127.0.0.1", taken, tmp_path, running=True).verdict is Verdict.WARN
        announce(tmp_path, f"http://127.0.0.1:{taken}", None)
        assert machine.port("127.0.0.1", taken, tmp_path, running=False).verdict is Verdict.FAIL  # of one that was killed
        assert machine.port("127.0.0.1", taken, tmp_path, running=True).verdict is Verdict.OK
    assert machine.port("127.0.0.1", taken, tmp_path, running=False).verdict is Verdict.OK
    assert machine.port("127.0.0.1", 0, tmp_path, running=False).verdict is Verdict.OK


def test_versions_against_what_was_tested(tmp_path: Path) -> None:
    found = {one.check: one.verdict for one in machine.versions(tmp_path, (3, 9, 1))}
    assert found == {"python": Verdict.FAIL, "packages": Verdict.SKIP}
    (tmp_path / "requirements.txt").write_text("-c constraints.txt\naiohttp   # the net\nno-such-thing[all]\n")
    (tmp_path / "constraints.txt").write_text("# the set\naiohttp==0.1\nnot-installed==1.0\n")
    told = list(machine.versions(tmp_path))[1]
    assert told.verdict is Verdict.FAIL and told.words == "not installed: no-such-thing"
    (tmp_path / "requirements.txt").write_text("aiohttp\n")
    told = list(machine.versions(tmp_path))[1]
    assert told.verdict is Verdict.WARN and "tested 0.1" in told.words and "not-installed" not in told.words


def test_kernels_are_compiled_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cache_folder", lambda: tmp_path)
    assert machine.kernels().verdict is Verdict.WARN
    (tmp_path / "one.nbi").write_text("")
    assert machine.kernels().verdict is Verdict.OK
