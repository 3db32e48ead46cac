"""What an operator's pictures are made from: one message to the process that draws, in which what is large, the bars, is raw memory.

The drawing itself is in `modules/ui/chart_drawing.py`, which the daemon never imports.
"""

from __future__ import annotations

import msgspec


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade."""

    entry_ts: int
    entry: float
    exit_ts: int
    exit: float
    long: bool
    r: float


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """An open position. Of an option `entry` is the pair's price then; its levels are premiums and no place on the pair's axis: None."""

    account: str
    opened_ts: int
    entry: float
    stop: float | None
    target: float | None
    long: bool


class PriceChart(msgspec.Struct, frozen=True, kw_only=True):
    """What a price chart is drawn from; `bars`: int64 rows of (ts, open, high, low, close in ticks, regime), oldest first."""

    title: str
    subtitle: str
    unit: str
    tick: float
    width_ms: int
    bars: bytes
    from_ts: int = 0
    sides: tuple[str, str] = ("long entry", "short entry")
    """What a way in is called that gains upwards, and one that gains downwards."""
    trades: tuple[Past, ...] = ()
    held: tuple[Held, ...] = ()


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The equity of an account: (ts, amount), oldest first; `peak` as the breakers know it."""

    account: str
    unit: str
    points: tuple[tuple[int, float], ...]
    peak: float = 0.0


class EquityChart(msgspec.Struct, frozen=True, kw_only=True):
    """What an equity chart is drawn from; `steps`: drawdown limits as shares, with what happens there."""

    title: str
    subtitle: str
    curves: tuple[Curve, ...]
    steps: tuple[tuple[float, str], ...] = ()
