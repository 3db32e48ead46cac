"""Key figures as a table that fits a terminal: a column a row of figures, and under it why a figure is undefined. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telemetry.kpi import ALL, Figure, Kpi
from telemetry.sample import moment_text

LABELS = {
    "trades": "closed trades",
    "win_rate": "win rate",
    "win_rate_lower": "  90 % lower bound",
    "average_win": "mean win, of notional",
    "average_loss": "mean loss, of notional",
    "average_win_r": "mean win, in R",
    "average_loss_r": "mean loss, in R",
    "expectancy_r": "expectancy, in R",
    "expectancy": "expectancy, in money",
    "net": "net result",
    "profit_factor": "profit factor",
    "sharpe": "Sharpe, annual",
    "sortino": "Sortino, annual",
    "drawdown": "max drawdown",
    "drawdown_r": "max drawdown, in R",
    "exposure": "time in a position",
    "fees": "fees",
    "slippage": "slippage",
    "funding": "funding",
    "explored_trades": "explored trades",
    "exploration_cost": "cost of exploring",
    "data_gaps": "data gaps",
    "order_rejects": "orders refused",
    "reconcile_errors": "reconcile errors",
    "slow_feed": "slow feed",
    "slow_decisions": "slow decisions",
    "slow_acks": "slow acknowledgements",
}
WIDTH = 24
COLUMN = 18


def cell(figure: Figure) -> str:
    """A figure with its unit; a dash where it is undefined."""
    if figure.value is None:
        return "–"
    form = {"share": "{:.2%}", "count": "{:.0f}", "R": "{:+.3f} R", "quote": "{:+.4f}", "ratio": "{:.2f}"}[figure.unit]
    return form.format(figure.value + 0.0)  # no minus before a zero


def table(found: Sequence[Kpi]) -> str:
    """The figures of one account's rows side by side, then a note for each reason."""
    lines = []
    for account in dict.fromkeys(one.account for one in found):
        rows = [one for one in found if one.account == account]
        since, until = min(one.since_ts for one in rows), max(one.until_ts for one in rows)
        lines += [f"{account}, {moment_text(since)} to {moment_text(until)} (UTC; amounts in the account's currency)"]
        heads = ["account" if one.style == ALL else f"{one.style} {one.standing}" for one in rows]
        lines.append(" " * WIDTH + "".join(f"{head:>{COLUMN}}" for head in heads))
        notes: dict[str, list[str]] = {}
        for name, label in LABELS.items():
            figures = [one.figures[name] for one in rows]
            lines.append(f"{label:<{WIDTH}}" + "".join(f"{cell(figure):>{COLUMN}}" for figure in figures))
            for head, figure in zip(heads, figures, strict=True):
                if figure.reason:
                    notes.setdefault(f"{head}: {figure.reason}", []).append(label.strip())
        lines += [f"  – {reason} ({', '.join(dict.fromkeys(labels))})" for reason, labels in notes.items()]
        lines.append("")
    return "\n".join(lines) + "\n" if lines else "no closed trade and no day in the ledger yet\n"


def every_table(title: str, found: Sequence[tuple[str, Any]]) -> str:
    """All statistics of one row, a line each."""
    lines = [title]
    for call, value in found:
        if value is None:
            text = "–"
        elif isinstance(value, dict):
            text = ", ".join(f"{key} {part:.6g}" for key, part in value.items())
        elif isinstance(value, tuple):
            text = ", ".join(f"{part:.6g}" for part in value)
        else:
            text = f"{value:.6g}"
        lines.append(f"  {call:<96} {text}")
    return "\n".join(lines) + "\n"
