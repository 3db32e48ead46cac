"""A trained policy on disk: `policies/<domain>/<version>/` with its weights, a manifest that says all of it, and the sum of each file.

Weights are safetensors: numbers and shapes, nothing that could run. The version is the hash of the weights, so a name can never come to
mean something else. What is damaged, foreign, or was trained to see or answer something else is refused with the reason; whoever is in
force stays in force.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as decode_arrays
from safetensors.numpy import save as encode_arrays

from state.accounts import Domain
from strategy.actions import ACTIONS, FULL, SMALL
from strategy.base import BASE, TIGHT, WIDE
from strategy.features import OBS_SCHEMA_HASH
from strategy.lcb_table import LcbTable
from strategy.network import Ensemble
from strategy.policy import Policy
from utils.errors import Refusal
from utils.files import Damaged, atomic_write, fsync_folder, quarantine, read_checked

FOLDER = "policies"
WEIGHTS, MANIFEST, SUMS = "weights.safetensors", "manifest.json", "SHA256SUMS"
FORMAT = 1
KEPT = 5
"""Artefacts of one domain that stay on disk, those in use counted first."""
MOST_BYTES = 16_000_000
VERSION_CHARS = 12

ACTION_SCHEMA_HASH = hashlib.sha256(
    msgspec.json.encode([ACTIONS, SMALL, FULL, ["tight", TIGHT], ["base", BASE], ["wide", WIDE]])
).hexdigest()
"""What the answers of a stored policy mean."""

LCB_TABLE, SB3_DQN = "lcb_table", "sb3_dqn"
LEVELS = {LCB_TABLE: 1, SB3_DQN: 2}
"""Level of the policy that an algorithm trains."""
HYPERPARAMETERS: dict[str, frozenset[str]] = {
    LCB_TABLE: frozenset({"half_life_d", "recent_half_life_d", "kappa", "recent_kappa", "least", "prior", "fill_weight"}),
    SB3_DQN: frozenset({"layers", "gamma", "members", "gradient_steps", "batch", "learning_rate", "weight_decay", "reward_scale"})
    | {"recent_d", "fill_weight"},
}
"""Allow-list: what a manifest may say of an algorithm's settings. Anything else is another program's artefact."""

Arrays = dict[str, npt.NDArray[np.float32]]
Setting = int | float | str | list[int]
_VERSION = re.compile(rf"[0-9a-f]{{{VERSION_CHARS}}}")
_SUMS = re.compile(rf"([0-9a-f]{{64}})  {re.escape(WEIGHTS)}\n([0-9a-f]{{64}})  {re.escape(MANIFEST)}\n".encode())


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an artefact came to be. Times are ms UTC (venue)."""

    format: int = FORMAT
    domain: Domain
    version: str
    """The first 12 hex digits of the weights' sha256."""
    algorithm: str
    observation: str = OBS_SCHEMA_HASH
    actions: str = ACTION_SCHEMA_HASH
    hyperparameters: dict[str, Setting]
    window: tuple[int, int]
    """Decisions it was trained on: [from, to)."""
    data: str
    """sha256 of the training arrays."""
    decisions: int
    seeds: list[int]
    libraries: dict[str, str]
    metrics: dict[str, float] = {}
    trials: int = 1
    """How many procedures were tried to arrive at this one: what luck is judged by."""
    parent: str = ""
    """Version in force when it was trained."""
    made_ts: int

    @property
    def level(self) -> int:
        """1 lcb_table, 2 sb3_dqn."""
        return LEVELS[self.algorithm]


class Artefact(msgspec.Struct, frozen=True, eq=False):
    """A policy's manifest and weights, checked."""

    manifest: Manifest
    arrays: Arrays


def folder_of(state_folder: Path, domain: Domain) -> Path:
    """Where the artefacts of a domain lie in a state folder."""
    return state_folder / FOLDER / domain.lower()


def sha256_of(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def version_of(arrays: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """The version that weights have: 12 hex digits of their hash."""
    return sha256_of(_encode(arrays))[:VERSION_CHARS]


def save(state_folder: Path, manifest: Manifest, arrays: Mapping[str, npt.NDArray[np.float32]]) -> Manifest:
    """Write an artefact, whole or not at all; its version is filled in. Refusal when the disk refuses: nothing of it is left then.

    Weights that are there already, intact, are left as they are, and their own manifest is returned.
    """
    data = _encode(arrays)
    version = sha256_of(data)[:VERSION_CHARS]
    final = folder_of(state_folder, manifest.domain) / version
    if final.exists():
        try:
            return load(state_folder, manifest.domain, version).manifest
        except Refusal as error:
            quarantine(final, str(error))
    manifest = msgspec.structs.replace(manifest, version=version)
    _objections(manifest, arrays)
    told = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    sums = "".join(f"{sha256_of(content)}  {name}\n" for name, content in ((WEIGHTS, data), (MANIFEST, told)))
    draft = final.with_name(f".{version}.tmp")
    try:
        shutil.rmtree(draft, ignore_errors=True)  # left by a killed writer
        draft.mkdir(parents=True)
        for name, content in ((WEIGHTS, data), (MANIFEST, told), (SUMS, sums.encode())):
            atomic_write(draft / name, content)
        draft.rename(final)
        fsync_folder(final.parent)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise Refusal(f"policy {version} cannot be written to {final.parent}: {error.strerror or error}") from error
    return manifest


def load(state_folder: Path, domain: Domain, version: str) -> Artefact:
    """An artefact, every byte of it checked; Refusal with the reason when it is missing, damaged, foreign or of another schema."""
    if not _VERSION.fullmatch(version):
        raise Refusal(f"policy {version[:40]!r}: a version is {VERSION_CHARS} hex digits")
    folder = folder_of(state_folder, domain) / version
    try:
        of_weights, of_manifest = _sums(folder / SUMS)
        big = [name for name in (WEIGHTS, MANIFEST) if (folder / name).stat().st_size > MOST_BYTES]
        if big:
            raise Refusal(f"policy {version}: {big[0]} is larger than {MOST_BYTES:,} bytes")
        manifest = msgspec.json.decode(read_checked(folder / MANIFEST, of_manifest), type=Manifest)
        data = read_checked(folder / WEIGHTS, of_weights)
        arrays = decode_arrays(data)
    except OSError as error:
        raise Refusal(f"policy {version}: {Path(error.filename or folder).name}: {error.strerror}") from error
    except Damaged as error:
        raise Refusal(f"policy {version} is damaged: {error}") from error
    except msgspec.MsgspecError as error:
        raise Refusal(f"policy {version}: {MANIFEST} is not ours: {error}") from error
    except (SafetensorError, TypeError, KeyError, ValueError) as error:
        raise Refusal(f"policy {version}: {WEIGHTS} holds no numbers that can be read: {error}") from error
    if sha256_of(data)[:VERSION_CHARS] != version or manifest.version != version:
        raise Refusal(f"policy {version}: the weights are those of {sha256_of(data)[:VERSION_CHARS]}")
    if manifest.domain is not domain:
        raise Refusal(f"policy {version} was trained for {manifest.domain}, not for {domain}")
    _objections(manifest, arrays)
    return Artefact(manifest, arrays)


def policy_of(artefact: Artefact) -> Policy:
    """The policy that an artefact holds. Nothing but its weights decides what it answers: the manifest only tells."""
    return _policy(artefact.manifest, artefact.arrays)


def stored(state_folder: Path, domain: Domain) -> list[str]:
    """Versions of a domain on disk, the newest first; what is no artefact's folder is left alone."""
    folder = folder_of(state_folder, domain)
    if not folder.is_dir():
        return []
    found = [one for one in folder.iterdir() if one.is_dir() and _VERSION.fullmatch(one.name)]
    return [one.name for one in sorted(found, key=lambda one: (one.stat().st_mtime_ns, one.name), reverse=True)]


def prune(state_folder: Path, domain: Domain, in_use: Collection[str], kept: int = KEPT) -> list[str]:
    """Delete the oldest artefacts beyond `kept`, never one that is in use; returns which."""
    there = stored(state_folder, domain)
    spare = [version for version in there if version not in in_use]
    room = max(0, kept - len([version for version in there if version in in_use]))
    for version in spare[room:]:
        shutil.rmtree(folder_of(state_folder, domain) / version, ignore_errors=True)
    return spare[room:]


def _encode(arrays: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
    return encode_arrays({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})


def _sums(path: Path) -> tuple[str, str]:
    """Sums of weights and manifest, in the form that `sha256sum -c` reads; `Damaged` for any other text."""
    found = _SUMS.fullmatch(path.read_bytes())
    if found is None:
        raise Damaged(f"{path} does not hold the sums of {WEIGHTS} and {MANIFEST}")
    return found[1].decode(), found[2].decode()


def _objections(manifest: Manifest, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Refusal when an artefact is not one that this program may act on."""
    name = f"policy {manifest.version}"
    if manifest.format != FORMAT:
        raise Refusal(f"{name} has format {manifest.format}; this program reads {FORMAT}")
    allowed = HYPERPARAMETERS.get(manifest.algorithm)
    if allowed is None:
        raise Refusal(f"{name}: unknown algorithm {manifest.algorithm!r}; there are {', '.join(HYPERPARAMETERS)}")
    if unknown := sorted(set(manifest.hyperparameters) - allowed):
        raise Refusal(f"{name}: {manifest.algorithm} has no settings {', '.join(unknown)}")
    if manifest.observation != OBS_SCHEMA_HASH:
        raise Refusal(f"{name} was trained on another observation ({manifest.observation[:12]}, now {OBS_SCHEMA_HASH[:12]})")
    if manifest.actions != ACTION_SCHEMA_HASH:
        raise Refusal(f"{name} answers with other actions ({manifest.actions[:12]}, now {ACTION_SCHEMA_HASH[:12]})")
    if not arrays:
        raise Refusal(f"{name} has no weights")
    for key, values in arrays.items():
        if values.dtype != np.float32 or np.isinf(values).any():
            raise Refusal(f"{name}: {key} is not float32 without infinities")
    _policy(manifest, arrays)


def _policy(manifest: Manifest, arrays: Mapping[str, npt.NDArray[np.float32]]) -> Policy:
    if manifest.algorithm == LCB_TABLE:
        return LcbTable.from_tensors(manifest.version, arrays)
    return Ensemble.from_tensors(manifest.version, arrays)
