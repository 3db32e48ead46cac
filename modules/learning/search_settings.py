"""Settings of the search for parameters: how its folds are cut and what counts as evidence."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Optimize(BaseModel):
    """How parameters are searched for, and what counts as evidence for them."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    train_days: Annotated[int, Field(ge=120, le=180)] = 120
    """Days that a choice is made on."""
    test_days: Annotated[int, Field(ge=14, le=30)] = 14
    """Days right after a gap, on which it is then judged."""
    min_folds: Annotated[int, Field(ge=6, le=100)] = 6
    locked_days: Annotated[int, Field(ge=30, le=365)] = 60
    """The newest days, which no search sees; opened once per release."""
    embargo_days: Annotated[int, Field(ge=1, le=30)] = 1
    """Gap beyond the longest holding time between what is chosen on and what is judged on."""
    min_trades: Annotated[int, Field(ge=10, le=10_000)] = 30
    """A trial with fewer trades in some fold's training days is given up."""
    trials: Annotated[int, Field(ge=10, le=100_000)] = 50
    trade_toll: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    """R taken off the objective for each trade a day."""
    plateau: Annotated[float, Field(ge=0.05, le=0.5)] = 0.20
    """Share of the trials, the best ones, whose median is taken."""
    max_pbo: Annotated[float, Field(ge=0.0, le=0.5)] = 0.30
    """Largest probability of overfitting."""
    pbo_blocks: Annotated[int, Field(ge=4, le=16, multiple_of=2)] = 10
    confidence: Annotated[float, Field(ge=0.8, lt=1.0)] = 0.80
    """With which the mean out-of-sample R must be above zero, one-sided."""
    max_missing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.20
    """Largest share of missing bars of a symbol."""
