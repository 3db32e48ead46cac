"""What the charts draw, as JSON: equity and drawdown of an account, candles with regime, entries, exits and standing levels. Pure.

Times are seconds UTC, as both chart libraries want them; prices are floats here, because they become pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modules.panel.facts import positions
from modules.ui.recent import DAY_MS, Recent, gains_up
from state.instruments import Instrument
from state.market import Quote
from strategy.regime import NAMES
from utils.fixed import money

MOST_POINTS = 1_200
"""Points of an equity curve: more than a screen has columns for."""
BARS = 576
"""Two days of five-minute bars."""
MOST_MARKS = 120


def equity(recent: Recent) -> dict[str, Any]:
    """Account -> seconds, equity and drawdown: days of the ledger, then this life's closes.

    Drawdown is the fraction below the highest so far; `peak` is the account's own where that lies before the first point, else 0.
    """
    return {account: _curve(recent, account) for account in recent.equity}


def _curve(recent: Recent, account: str) -> dict[str, Any]:
    marks = recent.equity[account]
    first = marks[0][0] if marks else 1 << 62
    points = [((one.day + 1) * DAY_MS, one.equity) for one in recent.days.get(account, ()) if (one.day + 1) * DAY_MS < first]
    points += [(ts, float(money(units))) for ts, units in marks]
    points = thin(points, MOST_POINTS)
    peak = before = _peak_before(recent, account, max((value for _, value in points), default=0.0))
    falls = []
    for _, value in points:
        peak = max(peak, value)
        falls.append(round(value / peak - 1.0, 6) if peak > 0 else 0.0)
    return {"ts": [ts // 1000 for ts, _ in points], "equity": [round(value, 4) for _, value in points], "drawdown": falls, "peak": before}


def _peak_before(recent: Recent, account: str, highest: float) -> float:
    """The peak that limits count from, where it is higher than anything on the curve (a restart shows this life's closes only), else 0."""
    known = next(
        (
            float(money(int(row["peak"])))
            for name, row in zip(recent.state.accounts, recent.state.acct, strict=True)
            if str(name) == account
        ),
        0.0,
    )
    return known if known > highest else 0.0


def thin(points: Sequence[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """At most about `most` points: of each stretch its lowest and highest, in their order, and the last of all, so no fall is lost."""
    if len(points) <= most:
        return list(points)
    size = -(-2 * len(points) // most)
    found: list[tuple[int, float]] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        ends = {min(part, key=lambda one: one[1]), max(part, key=lambda one: one[1])}
        found += sorted(ends)
    return found if found[-1] == points[-1] else [*found, points[-1]]


def bars(recent: Recent, instrument: Instrument, n: int = BARS) -> list[list[Any]]:
    """Closed candles, oldest first: seconds, open, high, low, close, regime."""
    tick = float(instrument.tick)
    found = recent.bars(instrument.key, n)
    return [[int(ts) // 1000, *(round(float(p) * tick, 10) for p in prices), NAMES[int(regime)]] for ts, *prices, regime in found.tolist()]


def marks(recent: Recent, instrument: Instrument, since_s: int) -> list[dict[str, Any]]:
    """Entries and exits since `since_s`, oldest first, paper and live told apart."""
    found: list[dict[str, Any]] = []
    for row in recent.newest_trades(MOST_MARKS, key=instrument.key):
        long, mode = gains_up(row), str(row["account"]).partition("/")[2].lower()
        found.append(
            {"t": int(row["exit_ts"]) // 1000, "kind": "exit", "up": not long, "text": f"{row['reason']} {row['r']:+.1f} R", "mode": mode}
        )
        found.append({"t": int(row["entry_ts"]) // 1000, "kind": "entry", "up": long, "text": str(row["strategy"]), "mode": mode})
    for one in positions(recent.state, instrument.key):
        long = one.side in {"long", "buy"} and (one.option is None or one.option.right == "call")
        mode = one.account.partition("/")[2].lower()
        opened = recent.state.ts - one.held_ms
        found.append({"t": opened // 1000, "kind": "entry", "up": long, "text": one.strategy, "mode": mode})
    return sorted((one for one in found if one["t"] >= since_s), key=lambda one: one["t"])


def levels(recent: Recent, instrument: Instrument) -> list[dict[str, Any]]:
    """Entry, stop and target of what is held: horizontal lines. Those of an option are premiums, without a place on the pair's axis."""
    found: list[dict[str, Any]] = []
    for one in positions(recent.state, instrument.key):
        mode = one.account.partition("/")[2].lower()
        if one.option is not None:
            found.append({"kind": "entry", "price": None, "text": one.symbol})
            continue
        for kind, text in (("entry", one.entry), ("stop", one.stop), ("target", one.target)):
            if text:
                found.append({"kind": kind, "price": float(text), "text": f"{kind} {mode}"})
    return found


class Forming:
    """The candle that is not closed yet, from quotes: the mid's open, high, low, last since the current bar began."""

    def __init__(self, widths_ms: dict[str, int]) -> None:
        """Instrument -> length of its bar."""
        self._widths = widths_ms
        self._now: dict[str, list[int]] = {}

    def quote(self, quote: Quote) -> None:
        """A quote came in; twice the mid, so that it stays whole."""
        width = self._widths.get(quote.key)
        if width is None or quote.crossed:
            return
        start, mid = quote.ts - quote.ts % width, quote.bid + quote.ask
        bar = self._now.get(quote.key)
        if bar is None or start > bar[0]:
            self._now[quote.key] = [start, mid, mid, mid, mid]
        elif start == bar[0]:
            bar[2], bar[3], bar[4] = max(bar[2], mid), min(bar[3], mid), mid

    def bar(self, instrument: Instrument) -> list[Any] | None:
        """As a row of `bars`, without regime; None before a quote came."""
        found = self._now.get(instrument.key)
        if found is None:
            return None
        half = float(instrument.tick) / 2
        return [found[0] // 1000, *(round(value * half, 10) for value in found[1:]), ""]
