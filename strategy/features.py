"""What a policy sees of a market when a candidate is confirmed: 34 numbers from closed bars, the same in engine and sweep.

Every figure comes from the market row and the ring of primary bars by one compiled function, so streaming and batch agree to the last bit.
What normalises a bar excludes that bar. Account, profit and loss streaks are left out on purpose: they teach chasing losses.
"""

from __future__ import annotations

import hashlib

import msgspec


class Feature(msgspec.Struct, frozen=True):
    """One number of the observation: what it is called, how it is computed, where it is cut off (±)."""

    name: str
    formula: str
    clip: float = 5.0


FEATURES: tuple[Feature, ...] = (
    *(Feature(f"ret_{k}", f"ln(c/c[-{k}]) / (sd of the 96 log returns before * sqrt({k}))") for k in (1, 4, 16, 96)),
    Feature("ema50", "(c - ema50) / (4 atr28)"),
    Feature("slope200", "(ema200 - ema200[-16]) / atr28"),
    Feature("donchian_96", "2 (c - low96) / (high96 - low96) - 1, the 96 bars before", 1.0),
    Feature("donchian_960", "2 (c - low960) / (high960 - low960) - 1, the 960 bars before", 1.0),
    Feature("efficiency", "2 er48 - 1"),
    Feature("adx", "(adx28 - 25) / 15"),
    Feature("choppiness", "(50 - chop28) / 12"),
    Feature("volatility", "ln(ewma24 volatility / its median over the month before)"),
    Feature("vol_of_vol", "z over 960 bars before of |ln(v / v[-24])|, v = ewma24 volatility"),
    Feature("range", "z over 960 bars before of ln((high - low + 1 tick) / close)"),
    Feature("volume", "ln(volume / median of the same hour of the week in the month before); 0 unknown"),
    Feature("cost", "round trip at the prior hold / stop distance of base"),
    Feature("spread", "spread / atr28 in 1/100"),
    Feature("funding", "z of the last rate among those before; 0 without 10 of them"),
    Feature("confirm", "side (confirm close - primary close before it) / atr28"),
    Feature("trend_4h", "sign(c - mean of 20 four-hour spans)", 1.0),
    Feature("trend_1d", "sign(day close - mean of 20)", 1.0),
    Feature("hour_sin", "sin(2 pi hour / 24)", 1.0),
    Feature("hour_cos", "cos(2 pi hour / 24)", 1.0),
    Feature("weekday_sin", "sin(2 pi weekday / 7)", 1.0),
    Feature("weekday_cos", "cos(2 pi weekday / 7)", 1.0),
    Feature("until", "time to the next funding / 8 h, or to the week's end / 120 h; 0 where there is neither"),
    Feature("side", "1 long, -1 short", 1.0),
    Feature("strength", "side (confirm close - level) / atr28; C4: -side z96 / 2.5"),
    *(Feature(f"is_{name}", "1 for this strategy", 1.0) for name in ("c1", "c2", "c3", "c4")),
    Feature("sentiment", "-1 to 1, 0 where it is off", 1.0),
    Feature("sentiment_stale", "1 where it is too old to count", 1.0),
)
"""The observation, in order."""

SIZE = len(FEATURES)
"""34."""

INDEX = {feature.name: k for k, feature in enumerate(FEATURES)}

OBS_SCHEMA_HASH = hashlib.sha256(msgspec.json.encode([(one.name, one.formula, one.clip) for one in FEATURES])).hexdigest()
"""What a stored policy must have been trained on, or it is refused."""
SCHEMA = OBS_SCHEMA_HASH[:12]
"""As decision rows bear it."""
