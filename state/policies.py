"""Which policy decides in each domain, and the entries that wait for an explored position to leave."""

from __future__ import annotations

import msgspec

from state.intents import Signal


class PolicyRef(msgspec.Struct, frozen=True, kw_only=True):
    """The policy in force in a domain, and the one that decides beside it without effect. The weights lie elsewhere, under the version."""

    version: str
    level: int
    """0 static, 1 lcb_table, 2 sb3_dqn."""
    since_ts: int = 0
    half_until: int = 0
    """Half size until this time ..."""
    half_trades: int = 0
    """... and until so many more trades have closed."""
    challenger: str = ""
    """Version of the policy in shadow; empty: none."""
    offered: str = ""
    """A version that has shown enough and waits for a person to confirm it; empty: none."""
    offered_level: int = 0

    def half(self, ts: int) -> bool:
        """Whether it is still on trial with half size at `ts`."""
        return ts < self.half_until or self.half_trades > 0


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's entry that was approved on a symbol where an explored position is still being closed."""

    signal: Signal
    turnover: float
    until: int
    """When it has become too late, venue ms."""
