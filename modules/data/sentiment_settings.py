"""Settings of the sentiment hook: which source, how often, from when on it counts. Off unless somebody turns it on."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from state.accounts import Domain
from strategy.sentiment import SentimentRule

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class SentimentConfig(BaseModel):
    """`sentiment` of the configuration. A mood can make an entry smaller or prevent it, never the reverse."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    source: Literal["off", "file", "http"] = "off"
    path: str = ""
    """Of the file: `.csv` (ts or date, value 0 to 100) or `.json`."""
    url: str = ""
    """Of the service: `https`, or `http` on this machine."""
    domains: tuple[Domain, ...] = (Domain.CRYPTO, Domain.PERPS)
    """Whose mood it is."""
    every_s: Annotated[float, Field(ge=60.0, le=86_400.0)] = 900.0
    """Seconds between two looks."""
    max_age_h: Annotated[float, Field(gt=0.0, le=24.0 * 7)] = 48.0
    """Older readings are neutral."""
    shrink_at: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Half size for entries against a mood this strong."""
    veto_at: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """None for entries against a mood this strong."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """A source needs its address, and the veto is the stronger one."""
        if self.source == "file" and not self.path.endswith((".csv", ".json")):
            raise ValueError(f"source file needs a path that ends in .csv or .json, not {self.path!r}")
        if self.source == "http":
            parts = urlsplit(self.url)
            if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
                raise ValueError(f"source http needs an https url (http on this machine alone), not {self.url!r}")
        if self.shrink_at > self.veto_at:
            raise ValueError(f"shrink_at {self.shrink_at:g} <= veto_at {self.veto_at:g} does not hold")
        return self

    def rule(self) -> SentimentRule:
        """The same numbers for the engine."""
        return SentimentRule(shrink_at=self.shrink_at, veto_at=self.veto_at, max_age_ms=int(self.max_age_h * 3_600_000))
