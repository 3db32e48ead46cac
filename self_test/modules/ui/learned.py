"""Made-up decisions of perpetuals with outcomes that are known, for reports on learning."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from modules.learning.experience import Experience, Result, join
from modules.learning.labels import Labels, Why, utilities
from modules.learning.sweep import TRADE
from state.decisions import DecisionRow
from strategy.regime import TREND
from strategy.registry import STRATEGIES

T0, HOUR = 1_741_132_800_000, 3_600_000
LEARNED = "a1b2c3d4e5f6"


def row(n: int, **fields: Any) -> DecisionRow:
    """The n-th decision: static, takes base at full size, refused by nobody."""
    told: dict[str, Any] = {
        "id": f"PP-{n}", "ts": T0 + n * HOUR, "account": "PERPS/PAPER", "key": "PERPS:BTCUSDT", "strategy": "C1", "side": 1,
        "regime": TREND, "reference": 100_000, "atr": 100.0, "mask": 6, "greedy": 4, "action": 4, "order": f"o{n}",
    }  # fmt: skip
    return DecisionRow(**(told | fields))


def learned(n: int, values: list[float | None], **fields: Any) -> DecisionRow:
    """A decision of a table."""
    return row(n, policy=LEARNED, level=1, values=values, **fields)


def experience(rows: list[DecisionRow], r: list[tuple[float, float, float] | None], fills: dict[str, Result] | None = None) -> Experience:
    """What came of them: R of tight, base and wide; None where it is not known yet."""
    known = np.array([one is not None for one in r], np.bool_)
    values = np.array([one if one is not None else (np.nan,) * 3 for one in r], np.float64).reshape(-1, 3)
    labels = Labels(
        why=np.where(known, int(Why.LABELLED), int(Why.STILL_OPEN)).astype(np.int64),
        r=values,
        u=utilities(values),
        outcome_ts=np.array([one.ts + HOUR for one in rows], np.int64),
        trades=np.zeros((len(rows), 3), TRADE),
    )
    return join([[one] for one in rows], labels, fills or {}, np.zeros(len(STRATEGIES), np.int64))


def later(one: DecisionRow, **fields: Any) -> DecisionRow:
    """The same candidate with something else about it."""
    return msgspec.structs.replace(one, **fields)
