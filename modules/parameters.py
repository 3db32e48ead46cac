"""The rule parameters that an optimisation may change: types, bounds and the values of the mission; as rows for the kernels.

They belong to a strategy, not to a domain: an engine has one table of rules. `stop`, `trail` and `target` stretch the distances of all
three exit profiles of `strategy/registry.py` alike; 1 is the mission's table.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from state.books import Rows
from strategy.market import new_params

Stretch = Annotated[float, Field(ge=0.25, le=4.0)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class TrendParameters(_Group):
    """C1."""

    channels: Annotated[int, Field(ge=1, le=3)] = 2
    """How many of the three channels must be passed."""
    stop: Stretch = 1.0
    trail: Stretch = 1.0
    target: Stretch = 1.0


class PullbackParameters(_Group):
    """C2."""

    stop: Stretch = 1.0
    trail: Stretch = 1.0
    target: Stretch = 1.0


class BreakoutParameters(_Group):
    """C3. Its target is twice its stop, whatever the stop."""

    squeeze_ratio: Annotated[float, Field(ge=0.1, le=2.0)] = 0.7
    """Volatility ratio that counts as quiet."""
    squeeze_bars: Annotated[int, Field(ge=1, le=200)] = 16
    """Primary bars within which it must have been quiet."""
    volume_z: Annotated[float, Field(ge=-5.0, le=5.0)] = 1.0
    """Least z of ln volume on the confirming bar."""
    stop: Stretch = 1.0


class FadeParameters(_Group):
    """C4."""

    fade_z: Annotated[float, Field(ge=0.5, le=10.0)] = 2.5
    """Distance from the mean, in deviations."""
    stop: Stretch = 1.0
    target: Stretch = 1.0


class FxTrendParameters(_Group):
    """F1."""

    stop: Stretch = 1.0
    trail: Stretch = 1.0
    target: Stretch = 1.0


class FxFadeParameters(_Group):
    """F2."""

    fade_z: Annotated[float, Field(ge=0.5, le=10.0)] = 2.5
    """Distance from the mean, in deviations."""
    stop: Stretch = 1.0
    target: Stretch = 1.0


class Parameters(_Group):
    """What each strategy's rules are tuned to."""

    C1: TrendParameters = TrendParameters()
    C2: PullbackParameters = PullbackParameters()
    C3: BreakoutParameters = BreakoutParameters()
    C4: FadeParameters = FadeParameters()
    F1: FxTrendParameters = FxTrendParameters()
    F2: FxFadeParameters = FxFadeParameters()


def param_rows(parameters: Parameters) -> Rows:
    """What arms and confirms, as the PARAMS row."""
    row = new_params()
    row["channels"] = parameters.C1.channels
    row["squeeze_ratio"], row["squeeze_bars"] = parameters.C3.squeeze_ratio, parameters.C3.squeeze_bars
    row["volume_z"], row["fade_z"] = parameters.C3.volume_z, parameters.C4.fade_z
    row["fx_fade_z"] = parameters.F2.fade_z
    return row


def stretches(parameters: Parameters, strategy: str) -> tuple[float, float, float]:
    """By how much the stops, trails and targets of `strategy` are stretched; 1, 1, 1 for one without parameters (the demo)."""
    match getattr(parameters, strategy, None):
        case TrendParameters() | PullbackParameters() | FxTrendParameters() as own:
            return own.stop, own.trail, own.target
        case BreakoutParameters() as own:
            return own.stop, 1.0, own.stop
        case FadeParameters() | FxFadeParameters() as own:
            return own.stop, 1.0, own.target
        case _:
            return 1.0, 1.0, 1.0
