"""Which strategies there are, and under which terms each may trade: the tables of the mission, as data.

Distances are multiples of the primary ATR28 at entry; `demo` measures in fractions of the entry price, O1 in fractions of the premium.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from state.accounts import Domain
from strategy.base import C1, C2, C3, C4, DEMO, F1, F2, O1

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Style(StrEnum):
    """What is promoted by itself: long holds with trailing stops, or short ones without."""

    SWING = "swing"
    SCALP = "scalp"


class EntryOrder(StrEnum):
    """How an entry is sent: at market (spot: IOC at ask + slippage cap), as a capped IOC limit, or resting at the confirm close."""

    MARKET = "market"
    IOC_LIMIT = "ioc_limit"
    MAKER = "maker"


class Profile(msgspec.Struct, frozen=True):
    """One exit profile: distances of stop, trail (0 = none) and target."""

    stop: float
    trail: float
    target: float


class Strategy(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy's terms. `index` is its place in signal codes and in the RULES rows."""

    id: str
    index: int
    style: Style
    domains: tuple[Domain, ...]
    """Where it may trade at all (paper included)."""
    live_domains: tuple[Domain, ...]
    """Where it may trade live; everywhere else it stays on paper."""
    paper_only: bool = False
    long_only: tuple[Domain, ...] = (Domain.CRYPTO,)
    """Domains in which it never goes short: coins cannot be borrowed on spot."""
    entry: EntryOrder = EntryOrder.MARKET
    entry_cap_bp: float = 0.0
    """Furthest price of a capped limit entry from the confirm close, in 1/10,000; 0 = no cap."""
    tight: Profile
    base: Profile
    wide: Profile
    fraction: float = 0.0
    """Distances are fractions of the entry price, and whoever plans an entry passes this fraction of it as the ATR; 0 = they are ATR."""
    stop_cap: float
    """Largest stop distance as a fraction of the entry price; beyond it the arm is refused, never shortened."""
    cost_cap: float
    """Largest round-trip cost as a fraction of the stop distance; 0 = no cost gate."""
    max_hold_ms: int
    prior_hold_h: float
    """Median hold in hours, assumed until the strategy has its own."""
    counts: bool = True
    """Whether its trades are evidence."""

    def arms(self) -> tuple[Profile, Profile, Profile]:
        """The profiles in arm order: tight, base, wide."""
        return self.tight, self.base, self.wide

    def sides(self, domain: Domain) -> tuple[int, ...]:
        """Side codes it may take in `domain`; empty where it may not trade."""
        if domain not in self.domains:
            return ()
        return (1,) if domain in self.long_only else (1, 2)


_CRYPTO = (Domain.CRYPTO, Domain.PERPS)
_SHOWN = (*_CRYPTO, Domain.FOREX, Domain.OPTIONS)

STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        id="C1",
        index=C1,
        style=Style.SWING,
        domains=_CRYPTO,
        live_domains=_CRYPTO,
        tight=Profile(4, 6, 24),
        base=Profile(6, 12, 24),
        wide=Profile(8, 16, 24),
        stop_cap=0.08,
        cost_cap=0.15,
        max_hold_ms=20 * DAY_MS,
        prior_hold_h=30,
    ),
    Strategy(
        id="C2",
        index=C2,
        style=Style.SWING,
        domains=_CRYPTO,
        live_domains=_CRYPTO,
        tight=Profile(4, 8, 24),
        base=Profile(6, 12, 24),
        wide=Profile(8, 16, 24),
        stop_cap=0.08,
        cost_cap=0.15,
        max_hold_ms=10 * DAY_MS,
        prior_hold_h=24,
    ),
    Strategy(
        id="C3",
        index=C3,
        style=Style.SCALP,
        domains=_CRYPTO,
        live_domains=(Domain.PERPS,),
        entry=EntryOrder.IOC_LIMIT,
        entry_cap_bp=3.0,
        tight=Profile(2, 0, 4),
        base=Profile(3, 0, 6),
        wide=Profile(4, 0, 8),
        stop_cap=0.03,
        cost_cap=0.20,
        max_hold_ms=24 * HOUR_MS,
        prior_hold_h=6,
    ),
    Strategy(
        id="C4",
        index=C4,
        style=Style.SCALP,
        domains=_CRYPTO,
        live_domains=(),
        paper_only=True,
        entry=EntryOrder.MAKER,
        tight=Profile(2, 0, 2),
        base=Profile(3, 0, 2),
        wide=Profile(4, 0, 2),
        stop_cap=0.03,
        cost_cap=0.20,
        max_hold_ms=12 * HOUR_MS,
        prior_hold_h=4,
    ),
    Strategy(
        id="demo",
        index=DEMO,
        style=Style.SCALP,
        domains=_SHOWN,
        live_domains=_SHOWN,  # of the built-in exchange: it runs nowhere else
        tight=Profile(0.01, 0.01, 0.01),
        base=Profile(0.01, 0.01, 0.01),
        wide=Profile(0.01, 0.01, 0.01),
        fraction=0.01,
        stop_cap=0.15,  # of an option its stop lies a tenth of the premium away: a hundredth is less than the spread
        cost_cap=0.0,
        max_hold_ms=60_000,
        prior_hold_h=1 / 60,
        counts=False,
    ),
    Strategy(
        id="F1",
        index=F1,
        style=Style.SWING,
        domains=(Domain.FOREX,),
        live_domains=(Domain.FOREX,),
        tight=Profile(3, 6, 16),
        base=Profile(4, 8, 16),
        wide=Profile(6, 12, 16),
        stop_cap=0.015,
        cost_cap=0.15,
        max_hold_ms=5 * DAY_MS,
        prior_hold_h=40,
    ),
    Strategy(
        id="F2",
        index=F2,
        style=Style.SCALP,
        domains=(Domain.FOREX,),
        live_domains=(),
        paper_only=True,
        tight=Profile(2, 0, 2),
        base=Profile(3, 0, 2),
        wide=Profile(4, 0, 2),
        stop_cap=0.015,
        cost_cap=0.20,
        max_hold_ms=12 * HOUR_MS,
        prior_hold_h=4,
    ),
    Strategy(
        id="O1",
        index=O1,
        style=Style.SWING,
        domains=(Domain.OPTIONS,),
        live_domains=(Domain.OPTIONS,),
        tight=Profile(0.40, 0, 1.0),
        base=Profile(0.50, 0, 1.0),
        wide=Profile(0.60, 0, 1.0),
        fraction=1.0,
        stop_cap=0.65,
        cost_cap=0.15,
        max_hold_ms=42 * DAY_MS,  # no contract runs longer; each position's own ends three days before its expiry
        prior_hold_h=96,
    ),
)
"""Every strategy, in the order of its index. C3's target is twice its stop. `demo` runs in `simulated` only.
O1 is always long the premium; its side chooses the right, a call or a put."""

BY_ID = {strategy.id: strategy for strategy in STRATEGIES}


def strategy(name: str) -> Strategy:
    """The strategy called `name`; KeyError, naming the known ones, otherwise."""
    if name not in BY_ID:
        raise KeyError(f"unknown strategy {name!r}; known: {', '.join(BY_ID)}")
    return BY_ID[name]
