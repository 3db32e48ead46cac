"""What the mood of a market was last said to be, as the engine was told. Nobody said anything: there is no entry, which is neutral."""

from __future__ import annotations

import msgspec


class Felt(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of one domain's mood."""

    milli: int = 0
    """Thousandths, -1000 (fear) to 1000 (greed)."""
    ts: int = 0
    """When it was true, ms UTC; 0: its source is on and has said nothing that could be understood."""
    source: str = ""
