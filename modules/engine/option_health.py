"""What the gate must know of the surface behind an option: whether it prices it, and how old it is in trading time."""

from __future__ import annotations

from typing import Any

from forex.options_calendar import DAY_MS
from forex.options_surface import STALE_AFTER_MS
from forex.sessions import open_ms
from modules.engine.option_prices import covers
from state.options import OptionContract
from state.runtime import RuntimeState

LONG_AGO_MS = 7 * DAY_MS
"""No week is without a trading day, and years need not be walked through."""


def surface_facts(state: RuntimeState, i: int, contract: OptionContract | None, ts: int) -> dict[str, Any]:
    """Fields of `risk.facts.Health` for seat `i`, where it is a slot of options; none elsewhere."""
    if not state.inst[i]["option"]:
        return {}
    surface = state.surfaces.get(state.instrument(i).symbol)
    if surface is None:
        return {"surface_missing": True}
    passed = ts - surface.ts
    age = passed if passed > LONG_AGO_MS else open_ms(surface.ts, ts)
    missing = contract is not None and not covers(surface, contract, ts)
    return {"surface_missing": missing, "surface_age_ms": age, "surface_limit_ms": STALE_AFTER_MS}
