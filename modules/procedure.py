"""Which procedure a sample of evidence belongs to: a hash of everything that decides how a style trades in a domain, and of nothing else.

Code counts by its syntax tree, so docstrings, comments, annotations and layout change nothing, and only as far as the kernels call it:
from the market pass, the entry, the stops and the time exits down, function by function, with the constants that they read. What belongs
to the other style's strategies is left out. Numbers count by value: rules, parameters, arms, sizing, stops, costs, learner, and where
a market's mood counts its source and thresholds. The share of
exploration, toggles and how the pages look are no part of it, nor is what a learner has learnt.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from modules.parameters import param_rows
from modules.settings import BotConfig, rule_rows
from state.accounts import Domain
from state.standing import standing_key
from strategy.registry import STRATEGIES, Style
from strategy.sentiment import OFF
from utils.kernel import ROOT

Sources = Callable[[str], str | None]
"""Module name -> source text; None for a module that is not ours."""

L0: Mapping[str, Any] = {"class": "L0"}
"""The static policy, which learns nothing."""

OWN_MODULES = {
    "C1": ("strategy.swing_trend",),
    "C2": ("strategy.swing_pullback",),
    "C3": ("strategy.scalp_breakout",),
    "C4": ("strategy.scalp_fade",),
    "demo": ("strategy.demo",),
    "F1": ("strategy.fx_trend",),
    "F2": ("strategy.fx_fade",),
    "O1": ("strategy.option_trend", "strategy.fx_trend"),
}
"""Strategy -> where its own rules are."""

ROOTS = (
    ("strategy.market", "on_bar"),
    ("strategy.market", "on_primary_bar"),
    ("modules.engine.decide", "plan_entry"),
    ("modules.engine.decide", "entry_limit"),
    ("risk.holding", "bar_closed"),
    ("risk.holding", "due"),
)
"""What the engine calls to arm, confirm, choose an arm, size, place, trail and time out."""
OPTION_ROOTS = (
    ("modules.engine.option_pick", "offers_of"),
    ("modules.engine.option_pick", "first_fitting"),
    ("modules.engine.option_prices", "bid_bar"),
    ("modules.engine.option_prices", "told"),
    ("modules.engine.option_prices", "longest_hold"),
    ("modules.engine.option_prices", "settlement"),
)
"""What it calls beside them for an option: what is listed, priced and picked, what a bar makes of a premium, when it ends."""

_NOT_RULES = frozenset({"utils.kernel"})
_NOTHING_COMPUTED = frozenset({"annotation", "returns", "decorator_list", "type_comment", "ctx", "type_params", "kind"})


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """A procedure and what it is made of."""

    hash: str
    """sha256, hex."""
    parts: dict[str, str]
    """Part -> its own hash, to say what changed."""


def our_source(module: str) -> str | None:
    """The text of a module of this repository, None for another one."""
    path = ROOT / f"{module.replace('.', '/')}.py"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def procedure(
    config: BotConfig,
    domain: Domain,
    style: str,
    chosen: frozenset[int],
    learner: Mapping[str, Any] = L0,
    sources: Sources = our_source,
) -> Procedure:
    """The procedure by which the `chosen` strategies of `style` trade in `domain`. KeyError for a domain without settings."""
    settings = config.domains[domain]
    strategies = [one for one in STRATEGIES if str(one.style) == style and one.index in chosen and domain in one.domains and one.counts]
    own = {module for one in strategies for module in OWN_MODULES[one.id]}
    others = frozenset(module for modules in OWN_MODULES.values() for module in modules) - own
    roots = (*ROOTS, *(OPTION_ROOTS if domain is Domain.OPTIONS else ())) if strategies else ()
    parts = {f"code {name}": _digest(text) for name, text in code_of(roots, sources, others).items()}
    rules = rule_rows(settings.primary_ms, config.parameters)
    for one in strategies:
        parts[f"rules {one.id}"] = _digest(_row(rules[one.index]) | {"sides": one.sides(domain), "cap": one.entry_cap_bp})
    parts["parameters"] = _digest(_row(param_rows(config.parameters)[0]))
    parts["sizing and stops"] = _digest(config.risk.model_dump(mode="json"))
    parts["costs"] = _digest(settings.costs.model_dump(mode="json"))
    frames: dict[str, Any] = {"confirm_ms": settings.confirm_ms, "primary_ms": settings.primary_ms}
    frames |= ({"pairs": settings.timeframes} if settings.timeframes else {}) | ({"by_days": settings.by_days} if settings.by_days else {})
    parts["timeframes"] = _digest(frames)
    if config.sentiment.source != OFF and domain in config.sentiment.domains:  # off, its thresholds decide nothing
        parts["sentiment"] = _digest(config.sentiment.model_dump(mode="json", exclude={"domains"}))
    parts["learner"] = _digest(dict(learner))
    return Procedure(hash=_digest(parts), parts=parts)


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The parts that differ, to be announced: a change resets the evidence."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def code_of(roots: tuple[tuple[str, str], ...], sources: Sources, without: frozenset[str]) -> dict[str, str]:
    """`module.name` -> normal form of every function and constant of ours that `roots` reach; modules of `without` are not entered."""
    modules: dict[str, _Module | None] = {}
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        module, name = waiting.pop()
        full = f"{module}.{name}"
        if full in found or module in without or module in _NOT_RULES:
            continue
        if module not in modules:
            text = sources(module)
            modules[module] = None if text is None else _parsed(text)
        place = modules[module]
        if place is None:
            continue
        if name in place.imported:
            waiting.append(place.imported[name])
        elif name in place.defined:
            found[full], used = place.defined[name]
            waiting += [(module, one) for one in used]
    return found


class _Module:
    """What one file defines and imports at its top."""

    def __init__(self, text: str) -> None:
        self.defined: dict[str, tuple[str, list[str]]] = {}
        """Name -> its normal form and the names it uses."""
        self.imported: dict[str, tuple[str, str]] = {}
        for node in ast.parse(text).body:
            match node:
                case ast.FunctionDef(name=name):
                    self.defined[name] = str(_form(node)), _names(node)
                case ast.Assign(targets=targets, value=value):
                    self._constants(targets, value)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._constants([target], value)
                case ast.ImportFrom(module=str(module), names=names):
                    self.imported |= {alias.asname or alias.name: (module, alias.name) for alias in names}
                case _:
                    pass  # docstrings, guards, classes (enums and nouns: names, not rules)

    def _constants(self, targets: list[ast.expr], value: ast.expr) -> None:
        for target in targets:
            for position, name in enumerate(_names(target)):
                self.defined[name] = f"{position} of {_form(value)}", _names(value)


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> _Module:
    """A file's text, parsed once for all styles and domains."""
    return _Module(text)


def _parts(node: ast.AST) -> list[tuple[str, Any]]:
    """The fields of a node that change what is computed; a docstring is none."""
    found = [(name, value) for name, value in ast.iter_fields(node) if name not in _NOTHING_COMPUTED and value not in (None, [])]
    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
        found = [(name, value[1:] if name == "body" else value) for name, value in found]
    return found


def _form(value: Any) -> Any:
    """A tree as nested lists, written by us so that a new Python does not write it differently."""
    if isinstance(value, ast.AST):
        return [type(value).__name__, *([name, _form(part)] for name, part in _parts(value))]
    return [_form(part) for part in value] if isinstance(value, list) else repr(value)


def _names(value: Any) -> list[str]:
    """Names used in a tree, each once, in order."""
    if isinstance(value, ast.Name):
        return [value.id]
    inside = [part for _, part in _parts(value)] if isinstance(value, ast.AST) else value if isinstance(value, list) else []
    return list(dict.fromkeys(name for part in inside for name in _names(part)))


def _row(row: Any) -> dict[str, Any]:
    """A numpy record as names and values."""
    return {name: np.asarray(row[name]).tolist() for name in row.dtype.names}


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def procedures(config: BotConfig, domains: Iterable[Domain], chosen: frozenset[int]) -> dict[str, str]:
    """`DOMAIN/style` -> hash of its procedure, for every style of `domains`."""
    return {standing_key(domain, str(style)): procedure(config, domain, str(style), chosen).hash for domain in domains for style in Style}
