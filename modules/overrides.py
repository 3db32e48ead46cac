"""Configuration from outside the file, laid over it: promoted parameters, `BOT_SECTION__KEY` in the environment, `--set section.key=value`.

The last one wins, and overrides are judged as one. The daemon and every command come this way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from modules.learning.parameter_file import PROMOTED, layered
from modules.settings import BotConfig
from utils.errors import Refusal

PREFIX = "BOT_"
RESERVED = frozenset({"BOT_CACHE_DIR", "BOT_MARKET_DATA"})
"""Names with our prefix that are not settings."""
WHOLE = frozenset({"timeframes"})
"""Mappings without fixed names: written as one text, which their field reads."""


def in_force(config: BotConfig, place: Path | None, environ: Mapping[str, str], settings: Sequence[str] = ()) -> BotConfig:
    """What the daemon of an environment goes by: `config`, what was promoted in its state folder `place`, then the overrides.

    None: no environment is meant, nothing was promoted. Refusal for a damaged layer or a bad field.
    """
    return apply_overrides(config if place is None else layered(config, place / PROMOTED), environ, settings)


def apply_overrides(config: BotConfig, environ: Mapping[str, str], settings: Sequence[str]) -> BotConfig:
    """`config` with the overrides; Refusal names every bad field with its value and what is allowed."""
    tree = config.model_dump()
    asked: list[tuple[str, list[str], str]] = []
    wrong: list[str] = []
    for name, value in environ.items():
        if name.startswith(PREFIX) and name not in RESERVED and "__" in name:
            asked.append((name, name.removeprefix(PREFIX).lower().split("__"), value))
        elif name not in RESERVED and (meant := _meant(tree, name)):
            wrong.append(f"{name}: write {meant}")
    for text in settings:
        name, equals, value = text.partition("=")
        if equals and "." in name:
            asked.append((f"--set {name}", name.split("."), value))
        else:
            wrong.append(f"--set: {text!r} is not section.key=value, e.g. risk.max_drawdown=0.10")
    wrong += [problem for origin, path, value in asked if (problem := _put(tree, path, value, origin))]
    try:
        made = BotConfig.model_validate(tree)
    except ValidationError as error:
        wrong += [_words(item) for item in error.errors()]
    if wrong:
        raise Refusal("; ".join(wrong))
    return made


def _meant(tree: dict[Any, Any], name: str) -> str:
    """The right spelling of a name with our prefix and a known section but one underscore between; empty for any other name."""
    section, _, rest = name.removeprefix(PREFIX).partition("_")
    known = name.startswith(PREFIX) and rest and _match(tree, section) is not None
    return f"{PREFIX}{section}__{rest}" if known else ""


def _put(tree: dict[Any, Any], path: Sequence[str], value: str, origin: str) -> str:
    """Set the value at `path`; what is wrong with the path in words, empty when nothing is."""
    node: Any = tree
    for depth, word in enumerate(path):
        key = _match(node, word)
        if key is None:
            known = ", ".join(str(name) for name in node) if isinstance(node, dict) else "nothing below it"
            return f"{origin}: there is no setting {'.'.join(path[: depth + 1])}; there is {known}"
        if depth == len(path) - 1:
            old = node[key]
            if isinstance(old, dict) and key not in WHOLE:
                return f"{origin}: {'.'.join(path)} is a group; name one of {', '.join(str(name) for name in old)}"
            node[key] = [part.strip() for part in value.split(",")] if isinstance(old, tuple | list) else value
        else:
            node = node[key]
    return ""


def _match(node: Any, word: str) -> Any:
    """The key that `word` means, whatever its case."""
    if not isinstance(node, dict):
        return None
    return next((key for key in node if str(key).lower() == word.lower()), None)


def _words(item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"])
    said = item["msg"].removeprefix("Value error, ")
    if isinstance(item["input"], dict | BaseModel):  # a rule between fields: it names them and their values itself
        return f"{path}: {said}"
    return f"{path} = {item['input']!r}: {said if item['type'] == 'value_error' else said.lower()}"
