"""A backup of one environment's state, taken while the bot runs: a moment held by hard links, then a checked archive of it.

Files that are replaced whole keep the bytes that were linked; logs only grow, so what they held at that moment is a prefix of them. The
snapshot is linked first, the ledger before the journal: the journal then reaches from the snapshot past every row of the ledger, which is
what recovery needs (`state/chain.py`). A moment in which the bot saved or tidied up is taken again.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from modules.engine.migrations import snapshots
from modules.readiness import DAEMON_FILE
from modules.version import VERSION
from utils.errors import ExitCode, Refusal
from utils.files import DirectoryLock, fsync_folder, private_folder, private_opener

FORMAT = 1
MANIFEST = "MANIFEST.json"
"""The last member: what the others must be. An archive that was cut short has none."""
STAGING = ".backup"
TRIES = 20
OF_THE_PROCESS = frozenset({"lock", "control.sock", DAEMON_FILE, "simulator.json", "asked", STAGING})
"""What belongs to a running process, not to the state."""
CHUNK = 1 << 20


class Member(msgspec.Struct, frozen=True):
    """One file of the archive, its path below the environment's folder."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive holds."""

    format: int = FORMAT
    env: str
    version: str
    schema: int
    """The form of the snapshot in it: a program that does not know it must not restore it."""
    seq: int
    """Journal entry of the snapshot; the journal goes on from there."""
    made_ts: int
    """Wall time, ms UTC."""
    members: tuple[Member, ...]


class _Moved(Exception):
    """The state changed its files while they were linked."""


def back_up(place: Path, env: str, target: Path, made_ts: int, say: Callable[[str], None]) -> Manifest:
    """Write the state in `place` to the new file `target`, durably, for its owner alone; `say` hears of what is left out.

    Refusal: USAGE when there is no state, `target` exists or cannot be written, ALREADY_RUNNING when another backup of it is being
    made, NO_STATE_CHAIN when the state cannot be recovered from.
    """
    if target.exists():
        raise Refusal(f"{target} exists already")
    staging = place / STAGING
    draft = target.with_name(f".{target.name}.tmp")
    try:
        with DirectoryLock(staging):
            try:
                sizes, schema, seq = _moment(place, staging, say)
                manifest = _write(
                    staging, sizes, draft, Manifest(env=env, version=VERSION, schema=schema, seq=seq, made_ts=made_ts, members=())
                )
                draft.rename(target)
                fsync_folder(target.parent)
            finally:
                draft.unlink(missing_ok=True)
                shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise Refusal(f"cannot back {place} up to {target}: {error.strerror}") from error
    return manifest


def _moment(place: Path, staging: Path, say: Callable[[str], None]) -> tuple[dict[str, int], int, int]:
    """Link all of the state into `staging`; the size of each file at that moment, the snapshot's form and number."""
    reason = ""
    for _ in range(TRIES):
        _empty(staging)
        try:
            sizes = _link(place, staging)
            return sizes, *_snapshot(staging, say)
        except _Moved as moved:
            reason = str(moved)
    raise Refusal(f"no whole state could be taken from {place}: {reason}", ExitCode.NO_STATE_CHAIN)


def _empty(staging: Path) -> None:
    for path in staging.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def _turn(path: Path) -> int:
    """When a file is linked: the snapshot first, then the rest, the ledger, the journal."""
    folder = path.parts[0]
    if len(path.parts) == 1:
        return 0 if folder.startswith(("runtime_state", "rows-")) else 1
    return {"ledger": 2, "journal": 3}.get(folder, 1)


def _link(place: Path, staging: Path) -> dict[str, int]:
    found = [Path(root, name).relative_to(place) for root, _, names in os.walk(place) for name in names]
    paths = [path for path in found if path.parts[0] not in OF_THE_PROCESS and not path.name.endswith((".tmp", ".draft"))]
    sizes: dict[str, int] = {}
    for path in sorted(paths, key=lambda one: (_turn(one), one)):
        source, copy = place / path, staging / path
        if source.is_symlink() or (source.exists() and not source.is_file()):
            continue  # a link to another disk, a socket
        private_folder(copy.parent)
        try:
            os.link(source, copy)
        except FileNotFoundError as error:
            raise _Moved(f"{path} went away") from error
        sizes[path.as_posix()] = copy.stat().st_size
    return sizes


def _snapshot(staging: Path, say: Callable[[str], None]) -> tuple[int, int]:
    """Form and number of the linked snapshot, from which the linked journal must go on; `_Moved` when they do not belong together."""
    try:
        loaded = snapshots(staging).peek()
    except Refusal as refusal:
        if refusal.code is ExitCode.NO_STATE_CHAIN:
            raise _Moved(str(refusal)) from refusal
        raise
    if loaded.snapshot is None:
        raise Refusal(f"nothing is stored in {staging.parent} yet; start the bot there first")
    segments = sorted((staging / "journal").glob("journal-*.log"))
    if segments and int(segments[0].stem.removeprefix("journal-")) > loaded.snapshot.seq + 1:
        raise _Moved(f"the journal begins after entry {loaded.snapshot.seq} of the snapshot")
    for warning in loaded.warnings:
        say(warning)
    return loaded.schema, loaded.snapshot.seq


def _write(staging: Path, sizes: dict[str, int], draft: Path, manifest: Manifest) -> Manifest:
    members: list[Member] = []
    draft.unlink(missing_ok=True)  # left by a killed one
    with open(draft, "xb", opener=private_opener) as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
            for path, size in sizes.items():
                members.append(_add(archive, manifest, staging / path, path, size))
            manifest = msgspec.structs.replace(manifest, members=tuple(members))
            _put(archive, manifest, MANIFEST, io.BytesIO(data := msgspec.json.encode(manifest)), len(data))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _add(archive: tarfile.TarFile, manifest: Manifest, source: Path, path: str, size: int) -> Member:
    with source.open("rb") as file:
        if source.suffix == ".log" and path.startswith(("journal/", "ledger/")):
            size = _whole_lines(file, size)
        digest = hashlib.sha256()
        for start in range(0, size, CHUNK):
            digest.update(file.read(min(CHUNK, size - start)))
        file.seek(0)
        _put(archive, manifest, path, file, size)
    return Member(path, size, digest.hexdigest())


def _whole_lines(file: io.BufferedReader, size: int) -> int:
    """The bytes of `file` up to the last line end before `size`; the position is then at the start again."""
    end = size
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        cut = file.read(end - start).rfind(b"\n")
        if cut >= 0:
            end = start + cut + 1
            break
        end = start
    file.seek(0)
    return end


def _put(archive: tarfile.TarFile, manifest: Manifest, path: str, file: io.BufferedIOBase, size: int) -> None:
    info = tarfile.TarInfo(f"{manifest.env}/{path}")
    info.size, info.mode, info.mtime = size, 0o600, manifest.made_ts // 1000
    archive.addfile(info, file)
