"""The watch over one position's protection: how long it has stood without a confirmed stop, and what the engine is told of it. Pure."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from modules.exchange import protect
from modules.exchange.protect import Recipe, Standing, Wanted
from state.instruments import Instrument
from utils.clock import MS


class Finding(StrEnum):
    """What is news."""

    COVERED = "covered"
    NAKED = "naked"


class News(msgspec.Struct, frozen=True, kw_only=True):
    """Something the engine has to know; stop and target in ticks."""

    finding: Finding
    stop: int
    target: int
    gap_ms: int
    software_target: bool = False
    reason: str = ""


class Guard:
    """Levels wanted (ticks, 0 = none) and the time without them (transport ns)."""

    def __init__(self, instrument: Instrument, recipe: Recipe, protect_ms: int) -> None:
        self._instrument, self._recipe, self._limit_ns = instrument, recipe, protect_ms * MS
        self.forget()

    def forget(self) -> None:
        """The position is gone: nothing is wanted any more."""
        self.side = self.stop = self.target = 0
        self.software_target = False
        self.touched_ns: int | None = None
        """When the target watched here was last told to be touched."""
        self.since_ns = 0
        """First fill, or when the stop was found missing."""
        self._naked = False
        self._confirmed = False
        self._failed_ns = 0
        self._gap_ns = 0
        self._told: tuple[int, int, bool] | None = None
        self._held = False
        self._impossible = ""

    def want(self, side: int, stop: int, target: int) -> None:
        """The protection wanted; of two stops of one position the better counts."""
        self.stop = protect.better(side, self.stop, stop) if side == self.side else stop
        self.side, self.target = side, target

    @property
    def naked_ns(self) -> int | None:
        """Since when (ns) no stop is confirmed; None = one is."""
        return self.since_ns if self._naked else None

    @property
    def deadline_ns(self) -> int | None:
        """When `look` has to be called at the latest."""
        return max(self.since_ns, self._failed_ns) + self._limit_ns if self._naked else None

    def impossible(self, reason: str) -> None:
        """The venue will not have the stop at all (the market is beyond it): told at the next look, without waiting for the deadline."""
        self._impossible = reason

    def look(self, wanted: Wanted, standing: Standing, now_ns: int, *, closing: bool, flat: bool) -> News | None:
        """Compare and count; what is news. `flat`: nothing is held and nothing is coming."""
        if not wanted.steps:
            if flat and self._held:
                self.forget()
            return None
        self._held = True
        if not wanted.stop or protect.is_dust(self._instrument, wanted.steps, wanted.stop):
            self._naked = False
            return None
        want = protect.effective(self._recipe, wanted, standing, self._instrument)
        covered = protect.is_covered(self._recipe, wanted, standing, self._instrument)
        differs = protect.verify(self._recipe, want, standing, self._instrument)
        due_again = not self._failed_ns or now_ns - self._failed_ns >= self._limit_ns
        if self._impossible and not closing and due_again:
            reason, self._impossible, self._failed_ns = self._impossible, "", now_ns
            gap_ms = (now_ns - self.since_ns) // MS if self._naked else 0
            return News(finding=Finding.NAKED, stop=want.stop, target=want.target, gap_ms=gap_ms, reason=reason)
        if not covered or (differs and not self._confirmed):
            return self._stands_naked(want, differs, now_ns, closing=closing)
        if self._naked:
            self._naked, self._failed_ns = False, 0
            self._gap_ns += now_ns - self.since_ns
        self._confirmed = True
        self.software_target = protect.software_target(self._recipe, want, standing, self._instrument)
        told = (want.stop, want.target, self.software_target)
        if differs or (told == self._told and not self._gap_ns):
            return None
        gap_ms, self._gap_ns, self._told = self._gap_ns // MS, 0, told
        return News(finding=Finding.COVERED, stop=want.stop, target=want.target, gap_ms=gap_ms, software_target=self.software_target)

    def _stands_naked(self, want: Wanted, differs: list[str], now_ns: int, *, closing: bool) -> News | None:
        if not self._naked:
            self._naked, self.since_ns, self._failed_ns = True, now_ns, 0
        due = self.deadline_ns
        if closing:
            self._failed_ns = now_ns
            return None
        if due is None or now_ns < due:
            return None
        self._failed_ns = now_ns
        gap_ms = (now_ns - self.since_ns) // MS
        return News(finding=Finding.NAKED, stop=want.stop, target=want.target, gap_ms=gap_ms, reason="; ".join(differs) or "no stop stands")
