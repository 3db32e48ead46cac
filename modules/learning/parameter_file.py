"""The result of a search as a TOML file that people review and `promote` applies, and the layer of promoted parameters over `config.py`.

The values bear a fingerprint together with the evidence for them: who edits either has a file that `promote` refuses, because what was
proved was something else.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from modules.learning.spaces import with_values
from modules.parameters import Parameters
from modules.settings import BotConfig
from utils.errors import ExitCode, Refusal
from utils.files import atomic_write

PROMOTED = "parameters.toml"
"""Name of the promoted parameters in an environment's state folder."""


class ParameterFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a search proposes for one strategy."""

    strategy: str
    profile: str
    release: str
    accepted: bool
    reasons: tuple[str, ...]
    parameters: dict[str, float]
    old: dict[str, float]
    evidence: dict[str, Any]
    """Figures, study, data: as found."""
    locked: dict[str, Any] = {}
    """What the locked period said, once it was opened."""

    def fingerprint(self) -> str:
        """sha256 over everything."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def text(found: ParameterFile) -> str:
    """As TOML."""
    lines = [
        f"# Parameters proposed for {found.strategy}. Read them, then: python main.py promote THIS_FILE",
        "# Do not edit: the fingerprint at the end covers values and evidence.",
    ]
    top = {name: getattr(found, name) for name in ("strategy", "profile", "release", "accepted", "reasons")}
    lines += [f"{name} = {_value(value)}" for name, value in top.items()]
    for section in ("parameters", "old", "evidence", "locked"):
        values = getattr(found, section)
        if values or section != "locked":
            lines += ["", f"[{section}]", *(f"{name} = {_value(value)}" for name, value in values.items() if value is not None)]
    return "\n".join([*lines, "", "[seal]", f"fingerprint = {_value(_clean(found).fingerprint())}", ""])


def _clean(found: ParameterFile) -> ParameterFile:
    """Without what TOML cannot say (None)."""
    kept = {name: {k: v for k, v in getattr(found, name).items() if v is not None} for name in ("evidence", "locked")}
    return msgspec.structs.replace(found, **kept)


def _value(value: Any) -> str:
    """JSON's way to write strings, numbers, truth and lists of them is TOML's."""
    return msgspec.json.encode(value).decode()


def read(path: Path) -> ParameterFile:
    """The file as it was written; Refusal when it is missing, no such file, or was changed since."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        seal = tree.pop("seal")["fingerprint"]
        found = msgspec.convert(tree, ParameterFile)
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
        raise Refusal(f"{path} is not a parameter file of `optimize`: {error}") from error
    if found.fingerprint() != seal:
        raise Refusal(f"{path} was changed after it was made: its evidence is for other values. Search again, or try yours with --try")
    return found


def write(path: Path, found: ParameterFile) -> None:
    """Write it whole; Refusal when the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text(found).encode())
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error


def promotable(found: ParameterFile, name: str) -> None:
    """Refusal (3) for parameters without evidence, or against which the locked period spoke."""
    if not found.accepted:
        raise Refusal(f"{name}: no evidence: the old parameters stay ({'; '.join(found.reasons)})", ExitCode.GATE_REFUSED)
    if found.locked and not found.locked.get("mean_r", 0.0) > 0.0:
        raise Refusal(f"{name}: the locked period spoke against it: mean {found.locked.get('mean_r', 0.0):+.3f} R", ExitCode.GATE_REFUSED)


def promote(folder: Path, found: ParameterFile, parameters: Parameters) -> Path:
    """Put the values into force from the next start in `folder` on, beside those of other strategies; where they stand now.

    `parameters`: those of `config.py`, to judge the values by the bounds of their types. Refusal for values out of bounds.
    """
    _checked(parameters, {found.strategy: found.parameters}, "the file")
    path = folder / PROMOTED
    standing = _sections(path)
    standing[found.strategy] = found.parameters
    lines = ["# Promoted by `python main.py promote`. Over config.py, below BOT_ variables and --set. Delete a section to go back."]
    for strategy, values in sorted(standing.items()):
        lines += ["", f"[{strategy}]", *(f"{name} = {_value(value)}" for name, value in values.items())]
    try:
        atomic_write(path, ("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error
    return path


def layered(config: BotConfig, path: Path) -> BotConfig:
    """`config` with the promoted parameters of `path`, if there are any; Refusal names what is wrong with them."""
    standing = _sections(path)
    return config.model_copy(update={"parameters": _checked(config.parameters, standing, str(path))}) if standing else config


def _sections(path: Path) -> dict[str, dict[str, float]]:
    if not path.exists():
        return {}
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), dict[str, dict[str, float]])
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise Refusal(f"{path} is damaged: {error}; correct or delete it") from error


def _checked(parameters: Parameters, asked: dict[str, dict[str, float]], where: str) -> Parameters:
    for strategy, values in asked.items():
        if strategy not in Parameters.model_fields:
            raise Refusal(f"{where}: there is no strategy {strategy!r} with parameters")
        try:
            parameters = with_values(parameters, strategy, values)
        except ValidationError as error:
            first = error.errors()[0]
            raise Refusal(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from error
    return parameters
