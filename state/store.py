"""The snapshot store: `runtime_state.json`, which a person can read, with its arrays beside it; the previous good pair is kept.

The JSON begins with the sha256 of all that follows it in the file, so one changed byte is noticed. Arrays (state rows of the
kernels) stand in `rows-<seq>-<sha12>.bin`, a self-checking file that the JSON names together with its hash; the name holds the hash,
so that other rows of the same journal entry never take the place of rows that a snapshot refers to. A save is rows, then
previous, then current, each durable before the next, then the removal of rows that nobody refers to: at every moment a whole pair
is on the disk.

Loading never destroys: a damaged current snapshot is moved aside and the previous one used; when nothing valid is left, all stays as
it is and the start is refused, also the next time. The folder's lock is the caller's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from utils.errors import ExitCode, Invariant, Refusal
from utils.files import Damaged, atomic_write, quarantine

CURRENT = "runtime_state.json"
PREVIOUS = "runtime_state.prev.json"


class Blob(msgspec.Struct, frozen=True):
    """The bytes of one array; `dtype` describes or hashes its layout, so that a reader with another layout can tell."""

    dtype: str
    data: bytes


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that the bot holds true after journal entry `seq`."""

    schema: int
    seq: int
    ts: int
    """Venue time of the snapshot, int ms UTC."""
    state: msgspec.Raw
    """The readable state as JSON."""
    blobs: Mapping[str, Blob] = {}


class Loaded(msgspec.Struct, frozen=True):
    """What was found; None when there never was a state. Warnings tell what was moved aside."""

    snapshot: Snapshot | None
    warnings: tuple[str, ...] = ()
    schema: int = 0
    """The form in which it lies on the disk; a migrated snapshot bears today's."""


Migration = Callable[[Snapshot], Snapshot]
"""Turns a snapshot of schema v into one of schema v + 1."""


class _RowsReference(msgspec.Struct, frozen=True):
    file: str
    sha256: str


class _Document(msgspec.Struct, frozen=True):
    """runtime_state.json without its first line (the checksum)."""

    schema: int
    seq: int
    ts: int
    rows: _RowsReference | None
    state: msgspec.Raw


class _BlobIndex(msgspec.Struct, frozen=True):
    name: str
    dtype: str
    size: int


_HEAD = b'{\n  "checksum": "%b",\n'
_HEAD_SIZE = len(_HEAD % (b"0" * 64))


def _pack_rows(blobs: Mapping[str, Blob]) -> tuple[str, bytes]:
    """The rows file (a line with the sha256 of the rest, a line with the index as JSON, the bytes), and that sha256."""
    index = [_BlobIndex(name, blob.dtype, len(blob.data)) for name, blob in blobs.items()]
    rest = b"".join((msgspec.json.encode(index), b"\n", *(blob.data for blob in blobs.values())))
    sha256 = hashlib.sha256(rest).hexdigest()
    return sha256, sha256.encode() + b"\n" + rest


def _unpack_rows(path: Path, sha256: str) -> dict[str, Blob]:
    data = _read(path)
    view = memoryview(data)[65:]
    if data[:65] != sha256.encode() + b"\n" or hashlib.sha256(view).hexdigest() != sha256:
        raise Damaged(f"{path}: the checksum does not match")
    start = data.index(b"\n", 65) + 1
    blobs: dict[str, Blob] = {}
    for entry in msgspec.json.decode(data[65:start], type=list[_BlobIndex]):
        blobs[entry.name] = Blob(entry.dtype, data[start : start + entry.size])
        start += entry.size
    return blobs


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise Refusal(f"cannot read {path}: {error.strerror}") from error
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}") from error


def _pack_document(document: _Document) -> bytes:
    rest = msgspec.json.format(msgspec.json.encode(document), indent=2)[2:] + b"\n"  # without the opening brace and newline
    return _HEAD % hashlib.sha256(rest).hexdigest().encode() + rest


def _unpack_document(path: Path, data: bytes) -> _Document:
    rest = data[_HEAD_SIZE:]
    if data[:_HEAD_SIZE] != _HEAD % hashlib.sha256(rest).hexdigest().encode():
        raise Damaged(f"{path}: the checksum does not match (torn, changed by hand, or not a snapshot)")
    try:
        return msgspec.json.decode(b"{" + rest, type=_Document)
    except msgspec.DecodeError as error:
        raise Damaged(f"{path}: {error}") from error


class StateStore:
    """The snapshots of one state folder. `schema` is the version this program writes; `migrations[v]` leads from v to v + 1."""

    def __init__(self, folder: Path, schema: int, migrations: Mapping[int, Migration] | None = None) -> None:
        self.folder = folder
        self._schema = schema
        self._migrations = migrations or {}
        self._current: tuple[_Document, bytes] | None = None
        self._previous: _Document | None = None

    @property
    def oldest_seq(self) -> int:
        """Journal entry of the oldest snapshot kept: the journal must keep what follows it. 0 = everything."""
        return self._previous.seq if self._previous else 0

    def save(self, snapshot: Snapshot) -> None:
        """Make the snapshot durable as the current one, the former as the previous one.

        `Invariant` when it is older than the current one or of another schema. OSError when the disk refuses: what was there stays.
        """
        if snapshot.schema != self._schema:
            raise Invariant(f"snapshot of schema {snapshot.schema} in a store of schema {self._schema}")
        former = self._current
        if former and snapshot.seq < former[0].seq:
            raise Invariant(f"snapshot {snapshot.seq} would replace the newer {former[0].seq}")
        reference, rows = None, b""
        if snapshot.blobs:
            sha256, rows = _pack_rows(snapshot.blobs)
            reference = _RowsReference(f"rows-{snapshot.seq}-{sha256[:12]}.bin", sha256)
        document = _Document(snapshot.schema, snapshot.seq, snapshot.ts, reference, snapshot.state)
        data = _pack_document(document)
        if reference:
            atomic_write(self.folder / reference.file, rows)
        if former and former[0].seq < snapshot.seq:  # from memory, where it is known to be good
            atomic_write(self.folder / PREVIOUS, former[1])
            self._previous = former[0]
        atomic_write(self.folder / CURRENT, data)
        self._current = (document, data)
        for path in self._loose_rows():
            path.unlink()

    def load(self) -> Loaded:
        """The newest whole snapshot, of today's schema. Damaged files are moved aside, with a warning each.

        `Refusal`: NO_STATE_CHAIN when there are state files but none is whole, USAGE when a newer program wrote them; nothing is
        changed then.
        """
        loaded, damaged = self._examine()
        warnings = list(loaded.warnings)
        for path, reason in damaged:
            if path.exists():
                warnings.append(f"{reason}; moved aside as {quarantine(path, reason).name}")
        if damaged:
            for path in self._loose_rows():
                quarantine(path, "no whole snapshot refers to it")
        return msgspec.structs.replace(loaded, warnings=tuple(warnings))

    def peek(self) -> Loaded:
        """As `load`, but nothing is moved: for a reader that does not own the folder."""
        loaded, damaged = self._examine()
        return msgspec.structs.replace(loaded, warnings=(*loaded.warnings, *(reason for _, reason in damaged)))

    def _examine(self) -> tuple[Loaded, list[tuple[Path, str]]]:
        damaged: list[tuple[Path, str]] = []
        found: Snapshot | None = None
        self._current = self._previous = None
        for path in (self.folder / CURRENT, self.folder / PREVIOUS):
            if not path.exists():
                continue
            try:
                data = _read(path)
                document = _unpack_document(path, data)
                if document.schema > self._schema:
                    raise Refusal(f"{path} was written by a newer program: its schema is {document.schema}, this one knows {self._schema}")
                if found:
                    self._previous = document
                    continue
                blobs = _unpack_rows(self.folder / document.rows.file, document.rows.sha256) if document.rows else {}
            except Damaged as error:
                damaged.append((path, str(error)))
                continue
            state = msgspec.Raw(msgspec.json.format(document.state, indent=-1))
            found = Snapshot(schema=document.schema, seq=document.seq, ts=document.ts, state=state, blobs=blobs)
            self._current = (document, data)
        if found is None:
            leftovers = sorted(path.name for path in self.folder.glob("r*") if path.name.startswith(("runtime_state", "rows-")))
            if leftovers:
                reasons = "; ".join(reason for _, reason in damaged) or f"only {', '.join(leftovers)} is left"
                raise Refusal(f"no whole snapshot in {self.folder}: {reasons}. Nothing was changed", ExitCode.NO_STATE_CHAIN)
            return Loaded(None), []
        warnings = () if (self.folder / CURRENT).exists() else (f"{self.folder / CURRENT} is missing; the previous snapshot is used",)
        return Loaded(self._migrated(found), warnings, found.schema), damaged

    def _migrated(self, snapshot: Snapshot) -> Snapshot:
        while snapshot.schema < self._schema:
            step = self._migrations.get(snapshot.schema)
            if step is None:
                raise Refusal(f"{self.folder / CURRENT}: nothing leads from schema {snapshot.schema} to {self._schema}")
            version = snapshot.schema
            snapshot = step(snapshot)
            if snapshot.schema != version + 1:
                raise Invariant(f"the migration from schema {version} led to {snapshot.schema}")
        return snapshot

    def _loose_rows(self) -> list[Path]:
        """Rows files that neither the current nor the previous snapshot refers to."""
        documents = (self._current[0] if self._current else None, self._previous)
        kept = {document.rows.file for document in documents if document and document.rows}
        return sorted(path for path in self.folder.glob("rows-*.bin") if path.name not in kept)
