"""What a person sets about the volatility surfaces that options are priced with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Rate = Annotated[float, Field(ge=-0.1, le=1.0)]


class OptionsConfig(BaseModel):
    """Where surfaces come from, and what money earns."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    surface_dir: str = ""
    """A folder with vol_quotes.csv, forward_points.csv and spot_rates.csv, kept up to date by somebody else (docs/options.md)."""
    deposits: dict[str, Rate] = {"USD": 0.043, "JPY": 0.005}
    """What a deposit in a pair's quote currency earns a year, continuously compounded; the other follows from the forward points."""
