"""Which decisions try another exit profile than the policy's own, and which: a fixed share of them, drawn from a hash, never from chance.

Formula (definitions, "Exploration"): eps = clip(slider + (0.25 - slider) * p_chop, 0.10, 0.25); with probability eps one of the valid
non-greedy arms, each as likely. The draw is a hash of (seed, policy version, decision), so replay reproduces it. Exploration expects to
lose a little; it buys knowledge of fills.
"""

from __future__ import annotations

import hashlib

FLOOR, CEILING = 0.10, 0.25
"""The explored share is never below the floor and never above the ceiling."""
NO_ARM = -1


def epsilon(slider: float, p_chop: float) -> float:
    """The share of decisions that explore; `p_chop` 0 to 1 is how likely the market is in chop."""
    return min(CEILING, max(FLOOR, slider + (CEILING - slider) * p_chop))


def draws(seed: str, version: str, decision: str) -> tuple[float, int]:
    """A number in [0, 1) and an independent whole number, for this decision alone."""
    digest = hashlib.blake2b(f"{seed}|{version}|{decision}".encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8]) / 2.0**64, int.from_bytes(digest[8:])


def explored_arm(valid: int, greedy: int, share: float, draw: tuple[float, int]) -> int:
    """The arm to try instead of `greedy` (NO_ARM: skipping), or NO_ARM: with probability `share`, where `valid` (bits) has another."""
    others = [arm for arm in range(valid.bit_length()) if valid >> arm & 1 and arm != greedy]
    if not others or draw[0] >= share:
        return NO_ARM
    return others[draw[1] % len(others)]
