"""What the daemon asks of the trainer's process, and what it answers: one JSON line each."""

from __future__ import annotations

from typing import Any

import msgspec

from state.accounts import Domain
from strategy.policy import STATIC


class Train(msgspec.Struct, frozen=True, kw_only=True, tag="train"):
    """Train `algorithm` on what is known at `now`. Answer: version, level, metrics."""

    domain: Domain
    now: int
    algorithm: str
    number: int
    """The how-manieth training of this domain: seeds come from it."""
    parent: str = STATIC
    since: int = 0
    """Decisions before this are of another market (drift); ms UTC."""
    in_use: tuple[str, ...] = ()
    """Versions that must stay on disk."""


class Judge(msgspec.Struct, frozen=True, kw_only=True, tag="judge"):
    """Judge the challenger against the champion, and the champion by its conduct. Answer: promote, reason, objection, refuted."""

    domain: Domain
    now: int
    champion: str
    since: int
    """When the champion took over."""
    previous: str = ""
    challengers: tuple[str, ...] = ()
    """Versions of the challenging procedure."""
    challenger_since: int = 0
    last_promotion_ts: int = 0


class Gaps(msgspec.Struct, frozen=True, kw_only=True, tag="gaps"):
    """What fills brought less what the simulator makes of them, for exits after `since`. Answer: gaps (exit, R), left (some wait)."""

    domain: Domain
    now: int
    since: int
    """The newest exit that was told of, ms UTC."""


Job = Train | Judge | Gaps


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job. `refused`: why nothing did."""

    result: dict[str, Any] = {}
    refused: str = ""
    cpu_s: float = 0.0
