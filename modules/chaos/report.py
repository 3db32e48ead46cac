"""A run of chaos as a table for people."""

from __future__ import annotations

from modules.chaos.run import Outcome

SHOWN = 30
"""Broken invariants told one by one."""


def table(found: Outcome) -> str:
    """The figures, then what is broken."""
    struck = ", ".join(f"{kind} {count}" for kind, count in found.faults_injected.items()) or "none"
    rows = [
        ("orders sent", f"{found.orders_sent} ({found.entries} entries)"),
        ("executions at the venue / booked", f"{found.venue_fills} / {found.booked_fills}"),
        ("faults that struck", f"{sum(found.faults_injected.values())}: {struck}"),
        ("kills", str(found.kills)),
        ("duplicate entries", str(found.duplicates)),
        ("lost fills", str(found.lost_fills)),
        ("double-counted fills", str(found.double_counted)),
        ("unprotected, longest / total", f"{found.unprotected_max_s:.2f} s / {found.unprotected_total_s:.2f} s"),
        ("unprotected beyond the limit", str(found.unprotected_over)),
        ("ready after a kill, longest / median", f"{_seconds(found.recovery_max_s)} / {_seconds(found.recovery_median_s)}"),
        ("of those that no fault met, longest", _seconds(found.recovery_spared_max_s, "none")),
        ("positions open, at most", str(found.most_open)),
        ("flat after flatten", f"{'yes' if found.flat else 'NO'}, {_seconds(found.flatten_s)}"),
    ]
    rows += [(f"{leg}, median / 95 % at most", f"{one.median_s:g} s / {one.p95_s:g} s") for leg, one in found.order_latency.items()]
    head = f"chaos, seed {found.seed}: {found.minutes:g} min at x{found.speed:g}, {found.symbols} symbols"
    lines = [head, *(f"  {name:<38} {value}" for name, value in rows)]
    lines.append(f"broken invariants: {len(found.broken) or 'none'}")
    lines += [f"  {line}" for line in found.broken[:SHOWN]]
    if len(found.broken) > SHOWN:
        lines.append(f"  and {len(found.broken) - SHOWN} more")
    return "\n".join(lines) + "\n"


def _seconds(value: float | None, missing: str = "never") -> str:
    return missing if value is None else f"{value:.2f} s"
