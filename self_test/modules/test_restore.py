"""A backup comes back whole or not at all."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tarfile
from pathlib import Path

import msgspec
import pytest

from modules.backup import MANIFEST, Manifest, back_up
from modules.restore import check, restore_backup
from self_test.fakes.stored import Played
from utils.errors import ExitCode, Refusal
from utils.files import DirectoryLock


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    place = tmp_path / "var" / "simulated"
    place.mkdir(parents=True)
    bot = Played(place)
    bot.minutes(20)
    bot.close()
    back_up(place, "simulated", tmp_path / "one.tar.gz", 1_700_000_000_000, lambda _line: None)
    return tmp_path / "one.tar.gz"


def rewritten(archive: Path, change: dict[str, bytes | None], manifest: dict[str, object] | None = None) -> Path:
    """The archive with members changed, left out (None) or added, the manifest with other fields."""
    target = archive.with_name("other.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(target, "w:gz") as new:
        for info in old:
            file = old.extractfile(info)
            assert file is not None
            data: bytes | None = file.read()
            name = info.name.removeprefix("simulated/")
            if name == MANIFEST and manifest is not None:
                data = msgspec.json.encode(msgspec.json.decode(data or b"") | manifest)
            data = change.get(name, data)
            if data is not None:
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
        for name in change.keys() - {info.name.removeprefix("simulated/") for info in old.getmembers()}:
            info = tarfile.TarInfo(name)
            new.addfile(info, io.BytesIO(b""))
    return target


def test_what_was_held_goes_on(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / "simulated").mkdir(parents=True)  # made by hand, and empty
    manifest, place = restore_backup(archive, tmp_path / "new")
    assert manifest == check(archive) and place == tmp_path / "new" / "simulated"
    before = {path.relative_to(tmp_path / "var"): path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file()}
    after = {path.relative_to(tmp_path / "new"): path.read_bytes() for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert before == after and {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*")} == {0}
    again = Played(place)
    again.close()
    assert again.chain.warnings == ()


@pytest.mark.parametrize("cut", [0, 10, 0.3, 0.9])
def test_a_torn_archive_is_one_clear_line(archive: Path, tmp_path: Path, cut: float) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * cut) if cut < 1 else 10])
    refused_as(archive, tmp_path, "is damaged", ExitCode.NO_STATE_CHAIN)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_one_changed_byte_is_found(archive: Path, tmp_path: Path, place: float) -> None:
    data = bytearray(archive.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    archive.write_bytes(bytes(data))
    refused_as(archive, tmp_path, "is damaged", ExitCode.NO_STATE_CHAIN)


def refused_as(archive: Path, tmp_path: Path, words: str, code: ExitCode) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        restore_backup(archive, tmp_path / "new")
    assert refused.value.code is code and "\n" not in str(refused.value)
    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir()), "nothing is left of it"


def test_no_archive_of_ours(archive: Path, tmp_path: Path) -> None:
    refused_as(tmp_path / "nowhere.tar.gz", tmp_path, "No such file", ExitCode.USAGE)
    (tmp_path / "letter.gz").write_bytes(gzip.compress(b"dear diary" * 1000))
    refused_as(tmp_path / "letter.gz", tmp_path, "is damaged", ExitCode.NO_STATE_CHAIN)
    for change, words in (
        ({"runtime_state.json": b"{}"}, "runtime_state.json is not what was written"),
        ({"journal/journal-000000000001.log": None}, "files are missing"),
        ({MANIFEST: None}, "no manifest"),
        ({MANIFEST: b"{"}, "its manifest"),
        ({"../../etc/passwd": b""}, "no file of a state"),
        ({"/etc/passwd": b""}, "no file of a state"),
    ):
        refused_as(rewritten(archive, dict(change)), tmp_path, words, ExitCode.NO_STATE_CHAIN)
    for newer in ({"schema": 999}, {"format": 999}):
        refused_as(rewritten(archive, {}, dict(newer)), tmp_path, "this program is older", ExitCode.USAGE)


def test_files_that_check_but_do_not_join_are_refused(archive: Path, tmp_path: Path) -> None:
    manifest: Manifest = check(archive)
    left = [one for one in manifest.members if not one.path.startswith(("runtime_state", "rows-"))]
    other = rewritten(
        archive, {one.path: None for one in manifest.members if one not in left}, {"members": msgspec.to_builtins(tuple(left))}
    )
    refused_as(other, tmp_path, "it holds no state", ExitCode.NO_STATE_CHAIN)


def test_a_running_bot_and_a_state_that_is_there_are_left_alone(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "var" / "simulated"
    before = sorted(place.rglob("*"))
    with pytest.raises(Refusal, match="is not empty: move it away") as refused:
        restore_backup(archive, tmp_path / "var")
    assert refused.value.code is ExitCode.USAGE and sorted(place.rglob("*")) == before
    with DirectoryLock(place), pytest.raises(Refusal, match="already running") as refused:
        restore_backup(archive, tmp_path / "var")
    assert refused.value.code is ExitCode.ALREADY_RUNNING


def test_a_disk_without_room_keeps_no_draft(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refusal, match="No space left"):
        restore_backup(archive, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
