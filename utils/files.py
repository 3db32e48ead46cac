"""Files that survive a crash: written whole or not at all, moved aside instead of overwritten, one owner per folder.

Every durable write is tmp + fsync + replace + fsync of the folder, because a rename that the folder has not recorded is lost with
the power. What cannot be trusted is never deleted: it goes beside its old place as `<name>.quarantine-<n>` with the reason in
`<name>.quarantine-<n>.reason`. Files and folders are their owner's alone: keys, tokens and positions lie in them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from utils.errors import BotError, ExitCode, Refusal

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""Modes: read and written (and entered) by the owner alone."""
OTHERS = 0o077
"""Every right of group and others; also the umask of our processes, so that no writer, ours or a library's, can forget it."""


class Damaged(BotError):
    """A file is not what was written: named with the path and what is wrong."""


def fsync_folder(folder: Path) -> None:
    """Make the folder's own entries (new names, renames, removals) durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet and fsync it; FileExistsError when it does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def atomic_write(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace `path` by `data` so that a reader, or a crash at any point, sees the old bytes or the new ones, never a mixture.

    One writer at a time (see `DirectoryLock`). OSError when the disk refuses; the old file then stands untouched.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # left by a killed writer
    try:
        _write_new(temporary, data, mode)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def _aside(path: Path, reason: str, place: Callable[[Path], None]) -> Path:
    """Find a free quarantine name, write the reason beside it (which reserves the number), let `place` fill it."""
    number = 0
    while True:
        number += 1
        target = path.with_name(f"{path.name}.quarantine-{number}")
        if os.path.lexists(target):
            continue
        try:
            _write_new(target.with_name(target.name + ".reason"), reason.encode() + b"\n", PRIVATE_FILE)
        except FileExistsError:
            continue
        place(target)
        fsync_folder(path.parent)
        return target


def _rename(path: Path, target: Path) -> None:
    path.rename(target)


def quarantine(path: Path, reason: str) -> Path:
    """Move `path` aside under a name that was free, with `reason` beside it. Returns where it is now."""
    return _aside(path, reason, lambda target: _rename(path, target))


def quarantine_bytes(path: Path, data: bytes, reason: str) -> Path:
    """Save `data`, a part that is about to be cut off `path`, under a free quarantine name. Returns where it is now."""
    return _aside(path, reason, lambda target: _write_new(target, data, PRIVATE_FILE))


def read_checked(path: Path, sha256: str) -> bytes:
    """The whole file, if its sha256 (hex) is the expected one; `Damaged` when it is missing, unreadable or different."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Damaged(f"{path}: sha256 is {found[:12]}…, expected {sha256[:12]}…")
    return data


def private_folder(folder: Path) -> None:
    """Make the folder and the parents that are missing, for their owner alone; one that is there stays as it is. OSError."""
    if not folder.is_dir():
        if folder.parent != folder:
            private_folder(folder.parent)
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def private_opener(path: str, flags: int) -> int:
    """The `opener` of `open` for files that only their owner reads."""
    return os.open(path, flags, PRIVATE_FILE)


def close_to_others(folder: Path) -> int:
    """Take every right of group and others from `folder` and all below it; returns how many had some. Links are not followed.

    The folder itself comes last, so that a walk which was cut short is made again: once it is private, nothing below is looked at.
    OSError where a file is somebody else's.
    """
    if not folder.is_dir() or not folder.stat().st_mode & OTHERS:
        return 0
    closed = 0
    for path in (*folder.rglob("*"), folder):
        mode = path.lstat().st_mode
        if mode & OTHERS and not stat.S_ISLNK(mode):
            path.chmod(stat.S_IMODE(mode) & ~OTHERS)
            closed += 1
    return closed


def is_full(error: BaseException | None) -> bool:
    """Whether this is the system saying that the disk, or our share of it, has no room."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def ensure_writable(folder: Path) -> None:
    """Make the folder (and its parents) and prove with a real file that it can be written; `Refusal` naming it otherwise.

    The refusal's cause is the system's OSError, where there is one (a full disk: `is_full`). No probe is left behind.
    A folder whose mode gives nobody the right to write is refused for root too: root could write there, but was told not to.
    """
    try:
        existing = folder
        while not os.path.lexists(existing):
            existing = existing.parent
        if existing.is_dir() and not existing.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise Refusal(f"cannot write to {folder}: {existing} is read-only (mode {stat.S_IMODE(existing.stat().st_mode):o})")
        private_folder(folder)
        probe = folder / f".writable-{os.getpid()}"
        probe.unlink(missing_ok=True)
        try:
            _write_new(probe, b"?", PRIVATE_FILE)
        finally:  # on a full disk it is made and cannot be filled
            probe.unlink(missing_ok=True)
    except OSError as error:
        reason = "a file is in the way" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        raise Refusal(f"cannot write to {folder}: {reason}") from error


class DirectoryLock:
    """One process per folder: an flock on `<folder>/lock`, which holds the owner's pid and dies with the process.

    The file itself stays for ever: unlinking it would let two processes lock two files of one name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; `Refusal` (ALREADY_RUNNING) naming folder and pid when another holds it, (USAGE) when unwritable."""
        ensure_writable(self.folder)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise Refusal(f"already running on {self.folder}: pid {owner} holds its lock", ExitCode.ALREADY_RUNNING) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; without one, nothing happens."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()
