"""What an engine was told to do: tables, limits and permissions, fixed for its lifetime and handed in by the roof."""

from __future__ import annotations

import msgspec

from modules.engine.policies import Policies
from modules.timeframes import BY_DAYS, TimeframeMap, map_of
from state.accounts import Account, Domain
from state.books import Rows
from strategy.sentiment import SentimentRule
from telemetry.demotion import CanaryConfig, DemotionConfig
from telemetry.gate_config import GateConfig


class StrategyCard(msgspec.Struct, frozen=True, kw_only=True):
    """What people need to know of a strategy, beside its row in RULES."""

    name: str
    style: str
    confirmed: bool = True
    """Fed by the market kernel's signals; False for the demo, which enters on a cadence."""


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the engine reads and never writes."""

    rules: Rows
    limits: Rows
    params: Rows
    strategies: tuple[StrategyCard, ...]
    """In the order of the rows of RULES."""
    allowed: dict[Account, frozenset[int]]
    """Which strategies may trade which account."""
    lives: dict[Domain, frozenset[int]] = {}
    """Which strategies may ever trade real money, by domain: only their styles are offered any."""
    explores: dict[Account, frozenset[int]] = {}
    """Which strategies a paper account tries with other exit profiles, because they trade live beside it."""
    explore_own: bool = False
    """A running bot's own decisions on paper explore; those of a replay or a sweep are greedy."""
    switched: bool = False
    """A running bot's domains enter while their switches are on; a replay has no switches."""
    explore_slider: float = 0.10
    explore_seed: str = "1"
    closing_only: frozenset[str] = frozenset()
    """Instrument keys that are here only because something is held in them: managed to their exit, never entered."""
    feed_of: dict[str, str]
    """Instrument key -> name of the feed its candles come from."""
    policies: Policies = msgspec.field(default_factory=Policies)
    """Those that can be put in force; without a store only the static one can."""
    sentiment: SentimentRule = SentimentRule()
    env: str = "simulated"
    """Evidence speaks for the environment that gathered it."""
    gate: GateConfig = GateConfig()
    canary: CanaryConfig = CanaryConfig()
    demotion: DemotionConfig = DemotionConfig()
    procedures: dict[str, str] = {}
    """`DOMAIN/style` -> hash of everything that makes its decisions."""
    quotes: bool
    """Fills come from quotes (paper, live); False in bar replay."""
    max_spread_ratio: float = 3.0
    demo_every_ms: int = 60_000
    demo_min_multiple: float = 1.2
    """A demo order is this many times the venue's minimum, or the normal size if smaller."""
    demo_fraction: float = 0.01
    """Stop and target distance of the demo, as a fraction of the price."""
    option_demo_fraction: float = 0.10
    """The same for options, of the premium: a hundredth of it lies inside the spread."""
    option_frames: TimeframeMap = map_of(BY_DAYS)
    """Which timeframes govern an option that is held, by the days to its expiry."""
