"""Surfaces that tests of options share: the real one's figures, typed in, and a premium-adjusted one."""

from __future__ import annotations

from datetime import date

from state.options import Surface, cut_ts

QUOTED = date(2025, 2, 10)

EURUSD = Surface(
    pair="EURUSD",
    ts=cut_ts(QUOTED),
    spot=1.0318,
    days=(8.0, 14.0, 28.0, 59.0, 87.0),
    vols=(
        (0.1006, 0.0944, 0.0903, 0.0889, 0.0898),
        (0.0969, 0.0901, 0.0854, 0.0834, 0.0839),
        (0.0962, 0.0885, 0.0832, 0.0808, 0.0811),
        (0.0973, 0.0882, 0.0817, 0.0785, 0.0783),
        (0.0978, 0.0878, 0.0806, 0.0769, 0.0765),
    ),
    r_domestic=(0.043, 0.043, 0.043, 0.043, 0.043),
    r_foreign=(0.0263, 0.0263, 0.0262, 0.0249, 0.0242),
    source="file",
)
"""Near the real one of that day; vols rounded."""

USDJPY = Surface(
    pair="USDJPY",
    ts=cut_ts(QUOTED),
    spot=152.0,
    days=(7.0, 30.0, 90.0),
    vols=((0.118, 0.107, 0.101, 0.099, 0.102), (0.119, 0.107, 0.099, 0.095, 0.097), (0.122, 0.108, 0.098, 0.093, 0.094)),
    r_domestic=(0.005, 0.005, 0.005),
    r_foreign=(0.044, 0.044, 0.043),
    source="file",
)
"""Made up, in the shape that this pair had in 2025: its deltas are premium-adjusted."""
