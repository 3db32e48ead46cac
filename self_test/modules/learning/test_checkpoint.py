from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.learning import checkpoint
from modules.learning.checkpoint import (
    LCB_TABLE,
    MANIFEST,
    SB3_DQN,
    SUMS,
    WEIGHTS,
    Manifest,
    folder_of,
    load,
    policy_of,
    prune,
    save,
    sha256_of,
    stored,
)
from state.accounts import Domain
from strategy.actions import ACTIONS
from strategy.features import SIZE
from strategy.lcb_table import SHAPE
from strategy.network import Ensemble
from utils.errors import Refusal
from utils.files import atomic_write

HOUR_MS = 3_600_000


def manifest(**changes: Any) -> Manifest:
    first = Manifest(
        domain=Domain.CRYPTO,
        version="",
        algorithm=LCB_TABLE,
        hyperparameters={"kappa": 1.645},
        window=(0, HOUR_MS),
        data="00",
        decisions=10,
        seeds=[1],
        libraries={"numpy": np.__version__},
        made_ts=HOUR_MS,
    )
    return msgspec.structs.replace(first, **changes)


def arrays(seed: int = 1) -> checkpoint.Arrays:
    """A small table, with cells that know nothing."""
    lower = np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)
    lower[0, 0, 0] = np.nan
    return {"lower": lower}


def networks(seed: int = 1) -> checkpoint.Arrays:
    """Two networks with one layer between."""
    rng = np.random.default_rng(seed)
    shapes = {"0.weight": (8, SIZE), "0.bias": (8,), "1.weight": (ACTIONS, 8), "1.bias": (ACTIONS,)}
    return {f"{k}.{name}": rng.normal(size=shape).astype(np.float32) for k in range(2) for name, shape in shapes.items()}


def rewrite(folder: Path, **changes: Any) -> None:
    """Forge a manifest, with sums that fit it."""
    told = json.loads((folder / MANIFEST).read_bytes())
    data = json.dumps(told | changes).encode()
    (folder / MANIFEST).write_bytes(data)
    weights = (folder / WEIGHTS).read_bytes()
    (folder / SUMS).write_text(f"{sha256_of(weights)}  {WEIGHTS}\n{sha256_of(data)}  {MANIFEST}\n", encoding="ascii")


def test_what_was_written_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    made = save(tmp_path, manifest(), arrays())
    found = load(tmp_path, Domain.CRYPTO, made.version)
    assert found.manifest == made
    assert list(found.arrays) == ["lower"]
    for name, values in arrays().items():
        assert found.arrays[name].tobytes() == values.tobytes()
    assert (folder_of(tmp_path, Domain.CRYPTO) / made.version / MANIFEST).read_text(encoding="utf-8").startswith("{\n")


def test_the_version_is_the_hash_of_the_weights_alone(tmp_path: Path) -> None:
    one = save(tmp_path, manifest(), arrays())
    same = save(tmp_path, manifest(made_ts=5), arrays())
    other = save(tmp_path, manifest(), arrays(2))
    assert one == same, "the manifest that is there stands"
    assert other.version != one.version == checkpoint.version_of(arrays())
    assert len(one.version) == 12


def test_the_order_in_which_weights_are_named_does_not_matter() -> None:
    assert checkpoint.version_of(networks()) == checkpoint.version_of(dict(reversed(networks().items())))


def test_both_kinds_of_policy_come_back_and_answer_the_same(tmp_path: Path) -> None:
    table = policy_of(load(tmp_path, Domain.CRYPTO, save(tmp_path, manifest(), arrays()).version))
    assert table.level == 1
    assert table.values(None, 2, -1, 3).tobytes() == arrays()["lower"][2, 1, 3].tobytes()
    made = save(tmp_path, manifest(algorithm=SB3_DQN, hyperparameters={"gamma": 0.0}), networks())
    ensemble = policy_of(load(tmp_path, Domain.CRYPTO, made.version))
    seen = np.linspace(-1, 1, SIZE).astype(np.float32)
    straight = Ensemble.from_tensors("", networks())
    assert ensemble.level == made.level == 2
    assert ensemble.values(seen, 0, 1, 0).tobytes() == straight.values(seen, 0, 1, 0).tobytes()


@pytest.mark.parametrize(
    "algorithm, values",
    [
        (SB3_DQN, {}),
        (SB3_DQN, {"0.0.weight": np.zeros((7, 33), np.float32), "0.0.bias": np.zeros(7, np.float32)}),
        (SB3_DQN, {"0.0.weight": np.full((7, 34), np.nan, np.float32), "0.0.bias": np.zeros(7, np.float32)}),
        (LCB_TABLE, {"lower": np.zeros((1, 2, 3, 7), np.float32)}),
        (LCB_TABLE, networks()),
        (SB3_DQN, arrays()),
    ],
)
def test_weights_that_are_no_policy_of_their_algorithm_are_refused(tmp_path: Path, algorithm: str, values: Any) -> None:
    with pytest.raises(Refusal):
        save(tmp_path, manifest(algorithm=algorithm, hyperparameters={}), values)
    assert not stored(tmp_path, Domain.CRYPTO)


@pytest.mark.parametrize("name", [WEIGHTS, MANIFEST, SUMS])
def test_one_flipped_byte_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    made = save(tmp_path, manifest(), arrays())
    path = folder_of(tmp_path, Domain.CRYPTO) / made.version / name
    whole = path.read_bytes()
    for at in range(0, len(whole), 97 if name == WEIGHTS else 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x01]) + whole[at + 1 :])
        with pytest.raises(Refusal, match=made.version):
            load(tmp_path, Domain.CRYPTO, made.version)
    path.unlink()
    with pytest.raises(Refusal, match=name):
        load(tmp_path, Domain.CRYPTO, made.version)


@given(data=st.binary(max_size=300))
def test_bytes_from_anywhere_are_refused_with_a_reason(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    version = sha256_of(data)[:12]
    place = folder_of(folder, Domain.CRYPTO) / version
    place.mkdir(parents=True)
    (place / WEIGHTS).write_bytes(data)
    (place / MANIFEST).write_bytes(msgspec.json.encode(manifest(version=version)))
    rewrite(place)
    with pytest.raises(Refusal, match=version):
        load(folder, Domain.CRYPTO, version)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"format": 2}, "format 2"),
        ({"algorithm": "ppo"}, "unknown algorithm 'ppo'"),
        ({"hyperparameters": {"kappa": 1, "hook": "os.system"}}, "no settings hook"),
        ({"observation": "ab"}, "another observation"),
        ({"actions": "ab"}, "other actions"),
        ({"version": "0" * 12}, "the weights are those of"),
        ({"domain": "PERPS"}, "trained for PERPS"),
        ({"extra": 1}, "not ours"),
        ({"window": "long"}, "not ours"),
    ],
)
def test_a_foreign_manifest_is_refused_by_its_reason(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    made = save(tmp_path, manifest(), arrays())
    rewrite(folder_of(tmp_path, Domain.CRYPTO) / made.version, **changes)
    with pytest.raises(Refusal, match=words):
        load(tmp_path, Domain.CRYPTO, made.version)


@pytest.mark.parametrize("values", [{"lower": np.full(SHAPE, np.inf, np.float32)}, {"lower": np.zeros(SHAPE)}, {}])
def test_weights_that_are_no_finite_float32_are_neither_written_nor_read(tmp_path: Path, values: Any) -> None:
    with pytest.raises(Refusal, match=r"weights|float32"):
        save(tmp_path, manifest(), values)
    assert not stored(tmp_path, Domain.CRYPTO)


@pytest.mark.parametrize("version", ["", "static", "../../../etc", "ABCDEF012345", "abc", "a" * 12 + "/"])
def test_a_version_is_a_hash_and_never_a_path(tmp_path: Path, version: str) -> None:
    with pytest.raises(Refusal, match="12 hex digits"):
        load(tmp_path, Domain.CRYPTO, version)


def test_another_domain_does_not_see_it(tmp_path: Path) -> None:
    made = save(tmp_path, manifest(), arrays())
    with pytest.raises(Refusal):
        load(tmp_path, Domain.PERPS, made.version)


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = save(tmp_path, manifest(), arrays())

    def full(path: Path, data: bytes) -> None:
        if path.name == MANIFEST:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        atomic_write(path, data)

    monkeypatch.setattr(checkpoint, "atomic_write", full)
    with pytest.raises(Refusal, match="No space left"):
        save(tmp_path, manifest(), arrays(2))
    assert [one.name for one in folder_of(tmp_path, Domain.CRYPTO).iterdir()] == [first.version]
    assert load(tmp_path, Domain.CRYPTO, first.version).manifest == first


def test_a_damaged_artefact_is_set_aside_when_it_is_made_again(tmp_path: Path) -> None:
    made = save(tmp_path, manifest(), arrays())
    place = folder_of(tmp_path, Domain.CRYPTO)
    (place / made.version / WEIGHTS).write_bytes(b"rot")
    again = save(tmp_path, manifest(), arrays())
    assert load(tmp_path, Domain.CRYPTO, again.version).manifest == again
    assert (place / f"{made.version}.quarantine-1").is_dir()
    assert stored(tmp_path, Domain.CRYPTO) == [made.version]


def test_five_are_kept_and_never_one_in_use_deleted(tmp_path: Path) -> None:
    made = []
    for seed in range(8):
        made.append(save(tmp_path, manifest(), arrays(seed)).version)
        os.utime(folder_of(tmp_path, Domain.CRYPTO) / made[-1], ns=(seed, seed))
    assert stored(tmp_path, Domain.CRYPTO) == made[::-1]
    gone = prune(tmp_path, Domain.CRYPTO, in_use={made[0], "static"})
    assert stored(tmp_path, Domain.CRYPTO) == [*made[:3:-1], made[0]]
    assert sorted(gone) == sorted(made[1:4])
    assert prune(tmp_path, Domain.PERPS, set()) == []
