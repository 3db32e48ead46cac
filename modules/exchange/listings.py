"""Whether the venue still lists our instruments as we know them: their grid, their minimums, whether they trade."""

from __future__ import annotations

from collections.abc import Mapping

from state.instruments import Instrument
from utils.fixed import plain

# The largest size is left out: venues move it all the time, and an order beyond it is refused by an explicit no. So is the funding
# interval: what was paid comes with the executions.
_FILTERS = ("tick", "step", "min_qty", "min_notional")


def changed(ours: Mapping[str, Instrument], shown: Mapping[str, Instrument]) -> tuple[str, ...]:
    """Filters that differ, in words; what is not shown at all is judged by `not_trading`."""
    return tuple(
        f"{key} {name}: {plain(getattr(instrument, name))} -> {plain(getattr(shown[key], name))}"
        for key, instrument in sorted(ours.items())
        if key in shown
        for name in _FILTERS
        if getattr(instrument, name) != getattr(shown[key], name)
    )


def not_trading(ours: Mapping[str, Instrument], shown: Mapping[str, Instrument]) -> tuple[str, ...]:
    """Keys of ours that are delisted, paused, or closed to us."""
    return tuple(key for key in sorted(ours) if key not in shown or not shown[key].trading)
