"""What the gate must know of the surface behind an option: whether it prices it, and how old it is in trading time."""

from __future__ import annotations

from typing import Any

from forex.options_surface import STALE_AFTER_MS, trading_age
from modules.engine.option_prices import covers
from state.options import OptionContract
from state.runtime import RuntimeState


def surface_facts(state: RuntimeState, i: int, contract: OptionContract | None, ts: int) -> dict[str, Any]:
    """Fields of `risk.facts.Health` for seat `i`, where it is a slot of options; none elsewhere."""
    if not state.inst[i]["option"]:
        return {}
    surface = state.surfaces.get(state.instrument(i).symbol)
    if surface is None:
        return {"surface_missing": True}
    missing = contract is not None and not covers(surface, contract, ts)
    return {"surface_missing": missing, "surface_age_ms": trading_age(surface.ts, ts), "surface_limit_ms": STALE_AFTER_MS}
