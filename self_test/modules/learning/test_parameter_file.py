from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules.learning.parameter_file import PROMOTED, ParameterFile, layered, promotable, promote, read, write
from modules.overrides import apply_overrides
from utils.errors import ExitCode, Refusal

MADE = ParameterFile(
    strategy="C3",
    profile="spot",
    release="1",
    accepted=True,
    reasons=(),
    parameters={"squeeze_ratio": 0.6, "stop": 1.25},
    old={"squeeze_ratio": 0.7, "stop": 1.0},
    evidence={"study": 'a "b"\\', "pbo": 0.1, "dsr": None, "symbols": ["A", "B"], "tiny": 1e-9, "n": 5},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.toml"
    write(path, MADE)
    found = read(path)
    assert found.parameters == MADE.parameters and found.evidence["study"] == MADE.evidence["study"]
    assert "dsr" not in found.evidence
    write(path, found)
    assert read(path) == found


@pytest.mark.parametrize("old, new", [("stop = 1.25", "stop = 1.5"), ("accepted = true", "accepted = false"), ("n = 5", "n = 6")])
def test_a_file_that_was_edited_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "x.toml"
    write(path, MADE)
    changed = path.read_text().replace(old, new)
    assert changed != path.read_text()
    path.write_text(changed)
    with pytest.raises(Refusal, match="was changed after it was made"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"strategy = 1\n", b"\xff\xfe", b"[seal]\nfingerprint = 'x'\n", b"= ="])
def test_what_is_no_parameter_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(Refusal, match="is not a parameter file"):
        read(path)
    with pytest.raises(Refusal, match="cannot be read"):
        read(tmp_path / "none.toml")


def test_only_what_was_proved_and_not_contradicted_may_be_promoted() -> None:
    promotable(MADE, "x")
    promotable(msgspec.structs.replace(MADE, locked={"mean_r": 0.1}), "x")
    for bad, words in (
        (msgspec.structs.replace(MADE, accepted=False, reasons=("so",)), r"no evidence: the old parameters stay \(so\)"),
        (msgspec.structs.replace(MADE, locked={"mean_r": -0.1}), "spoke against it"),
        (msgspec.structs.replace(MADE, locked={"trades": 0}), "spoke against it"),
    ):
        with pytest.raises(Refusal, match=words) as refusal:
            promotable(bad, "x")
        assert refusal.value.code is ExitCode.GATE_REFUSED


def test_promoted_parameters_lie_over_the_file_and_below_what_is_set(tmp_path: Path) -> None:
    assert layered(CONFIG, tmp_path / PROMOTED) is CONFIG
    promote(tmp_path, MADE, CONFIG.parameters)
    promote(tmp_path, msgspec.structs.replace(MADE, strategy="C1", parameters={"channels": 3.0}), CONFIG.parameters)
    made = layered(CONFIG, tmp_path / PROMOTED)
    assert (made.parameters.C3.squeeze_ratio, made.parameters.C3.stop, made.parameters.C3.volume_z) == (0.6, 1.25, 1.0)
    assert made.parameters.C1.channels == 3
    assert made.model_copy(update={"parameters": CONFIG.parameters}) == CONFIG
    assert apply_overrides(made, {}, ["parameters.C3.stop=0.75"]).parameters.C3.stop == 0.75


@pytest.mark.parametrize(
    "content, words",
    [
        ("[C9]\nstop = 1.0\n", "no strategy 'C9'"),
        ("[C3]\nstop = 9.0\n", "C3.stop: input should be less"),
        ("[C3]\nhalt = 1.0\n", "C3.halt: extra inputs"),
        ("[C3\n", "is damaged"),
        ("C3 = 1\n", "is damaged"),
    ],
)
def test_promoted_parameters_that_cannot_be_are_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / PROMOTED
    path.write_text(content)
    with pytest.raises(Refusal, match=words):
        layered(CONFIG, path)
