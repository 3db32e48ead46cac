"""A backup put back: the whole archive is checked before anything is written, and stands complete before it gets its name."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from modules.backup import CHUNK, FORMAT, MANIFEST, Manifest, Member
from modules.engine.migrations import schema, snapshots
from modules.environment import Environment
from state.journal import read_journal
from utils.errors import ExitCode, Refusal
from utils.files import Damaged, DirectoryLock, fsync_folder, private_folder, private_opener


def restore_backup(archive: Path, state_dir: Path) -> tuple[Manifest, Path]:
    """Put the archive's environment into `state_dir`; what it held, and where it is now. Nothing is changed by a refusal.

    Refusal: USAGE when there is no such file, a newer program wrote it, or the folder is not empty; ALREADY_RUNNING when a bot runs
    there; NO_STATE_CHAIN when the archive is damaged or what is in it does not join.
    """
    try:
        manifest = check(archive)
        place = state_dir / manifest.env
        _make_sure_it_is_free(place)
        draft = state_dir / f".restore-{manifest.env}"
        private_folder(state_dir)
        with _gone_if_empty(draft), DirectoryLock(draft):
            try:
                _extract(archive, manifest, draft)
                _join(draft, archive)
                os.sync()
                (draft / "lock").unlink()
                draft.rename(place)
                fsync_folder(state_dir)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise Refusal(f"cannot restore {archive} to {state_dir}: {error.strerror or error}") from error
    return manifest, place


def check(archive: Path) -> Manifest:
    """Read an archive to its end; its manifest. Refusal when one byte is not what was written."""
    found: list[Member] = []
    manifest: Manifest | None = None
    with _reading(archive):
        for path, file, size in _files(archive):
            if path == MANIFEST:
                manifest = _manifest(archive, file.read())
                continue
            digest = hashlib.sha256()
            while data := file.read(CHUNK):
                digest.update(data)
            found.append(Member(path, size, digest.hexdigest()))
    if manifest is None:
        raise _damaged(archive, "it has no manifest, so it was cut short or is no backup")
    if manifest.format > FORMAT or manifest.schema > schema():
        raise Refusal(f"{archive} was made by version {manifest.version}: this program is older, take that one or a newer")
    if manifest.env not in set(Environment) or list(manifest.members) != found:
        wrong = [one.path for one in found if one not in manifest.members]
        raise _damaged(archive, f"{wrong[0]} is not what was written" if wrong else "files are missing")
    return manifest


def _manifest(archive: Path, data: bytes) -> Manifest:
    try:
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _damaged(archive, f"its manifest: {error}") from error


def _damaged(archive: Path, reason: str) -> Refusal:
    return Refusal(f"{archive} is damaged: {reason}. Nothing was changed", ExitCode.NO_STATE_CHAIN)


@contextmanager
def _gone_if_empty(folder: Path) -> Iterator[None]:
    """No folder stays of what could not begin; one with somebody's lock in it does."""
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """What the libraries say of a damaged archive, as one Refusal."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _damaged(archive, str(error)) from error
    except OSError as error:
        if error.errno is not None:  # the disk's
            raise
        raise _damaged(archive, str(error)) from error  # gzip's own, for a wrong checksum


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    """Path below the environment, content and size of each member; Refusal for what is no plain file in one folder."""
    with tarfile.open(archive, "r|gz") as found:
        for info in found:
            name = PurePosixPath(info.name)
            file = found.extractfile(info) if info.isreg() else None
            if file is None or name.is_absolute() or ".." in name.parts or len(name.parts) < 2:
                raise _damaged(archive, f"{info.name!r} is no file of a state")
            yield PurePosixPath(*name.parts[1:]).as_posix(), file, info.size


def _make_sure_it_is_free(place: Path) -> None:
    if not place.exists():
        return
    if (place / "lock").exists():
        with DirectoryLock(place):  # refuses a running bot
            pass
    if not place.is_dir() or any(place.iterdir()):
        raise Refusal(f"{place} is not empty: move it away first, e.g. mv {place} {place}.old")


def _extract(archive: Path, manifest: Manifest, draft: Path) -> None:
    for left in draft.iterdir():  # by a killed restore
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name != "lock":
            left.unlink()
    known = {one.path for one in manifest.members}
    with _reading(archive):
        for path, file, _ in _files(archive):
            if path in known:
                target = draft / path
                private_folder(target.parent)
                with open(target, "xb", opener=private_opener) as out:
                    shutil.copyfileobj(file, out, CHUNK)


def _join(draft: Path, archive: Path) -> None:
    """Snapshot and journal of the restored state go together to their end."""
    try:
        loaded = snapshots(draft).peek()
        if loaded.snapshot is None:
            raise _damaged(archive, "it holds no state")
        expected = loaded.snapshot.seq + 1
        for seq, _, _ in read_journal(draft / "journal", loaded.snapshot.seq):
            if seq != expected:
                raise _damaged(archive, f"journal entry {expected} is missing")
            expected += 1
    except Damaged as error:
        raise _damaged(archive, str(error)) from error
