"""How long to wait before the next try: exponential with jitter, capped. Pure; chance is an argument."""

from __future__ import annotations

import random

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """A waiting policy in seconds: `base_s` doubled with each failure up to `cap_s`, of which half is chance."""

    base_s: float = 0.5
    cap_s: float = 30.0

    def delay_s(self, failures: int, rng: random.Random) -> float:
        """Seconds to wait after `failures` (>= 1) failures in a row."""
        full = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 30))
        return full * (0.5 + 0.5 * rng.random())
