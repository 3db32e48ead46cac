"""What a run of chaos may give."""

from __future__ import annotations

from modules.chaos.run import Outcome


def outcome(broken: list[str], **more: object) -> Outcome:
    """A run with these broken invariants."""
    told = {
        "seed": 7, "minutes": 1.0, "speed": 10.0, "symbols": 10, "broken": broken, "orders_sent": 80, "entries": 40, "venue_fills": 81,
        "booked_fills": 81, "duplicates": 0, "lost_fills": 0, "double_counted": 0, "faults_injected": {"drop": 3, "cut": 1}, "kills": 3,
        "unprotected_max_s": 0.02, "unprotected_total_s": 0.2, "unprotected_over": 0, "recovery_max_s": 2.5, "recovery_median_s": 2.25,
        "recovery_spared_max_s": 1.75, "most_open": 20, "flatten_s": 1.5, "flat": True,
    } | more  # fmt: skip
    return Outcome(**told)  # type: ignore[arg-type]
