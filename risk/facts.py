"""What a rule may look at, and how it tells of a refusal: a clause that never changes and the figures it judged."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from state.books import Rows
from state.instruments import Instrument
from state.market import Quote

MINUTE_MS = 60_000


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What only the running bot knows about an instrument at this moment."""

    feed_up: bool = True
    feed_reason: str = ""
    """Why its feed is down."""
    account_held: bool = False
    """Something is unsettled between us and the venue of this account (its stream, its key, a difference, a foreign order)."""
    held_by: str = ""
    """What that is."""
    halted_by: str = ""
    """Why the account was halted."""
    paused: bool = False
    switched_on: bool = True
    """The operator lets its domain enter (forex and options have a switch of their own)."""
    allowed: bool = True
    """Stage, toggles and the strategy's own domain list let it trade here."""
    bar_age_ms: int = 0
    """Venue time since the newest closed bar closed."""
    confirm_ms: int = 0
    """Length of a confirm bar; 0 = no bar is needed."""
    quote: Quote | None = None
    """The quote of the moment; feeds attach only fresh ones (transport time), so None means none or too old."""
    quote_needed: bool = False
    """True wherever fills come from quotes; replay over bars has none."""
    spread_median: float = 0.0
    """Ticks; 0 = not known yet."""
    max_spread_ratio: float = 3.0
    largest_move: float = 0.0
    """How far the farthest of the last bars went from the close before it, in standard deviations."""
    max_move: float = 0.0
    """The limit on that; 0 = none."""
    surface_missing: bool = False
    """It is an option, and no volatility surface covers it."""
    surface_age_ms: int = 0
    """Trading time of the week of currencies since its surface was quoted."""
    surface_limit_ms: int = 0
    """The limit on that."""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The rows an intent is judged against, and where in them it belongs; `tag` marks this bot's order ids on a live account."""

    pos: Rows
    inst: Rows
    acct: Rows
    rules: Rows
    limits: Rows
    i: int
    s: int
    tag: str = ""

    @property
    def a(self) -> int:
        """The account's row."""
        return int(self.inst[self.i]["account"])


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal's circumstances; `judged` is what the compiled plan handed back, 0 where it handed nothing."""

    book: Book
    health: Health
    instrument: Instrument
    ts: int
    judged: float = 0.0
    reference: int = 0
    """The price it would have been entered near, ticks; 0 where none was looked at."""
    stop: int = 0
    """And its stop there."""

    def share(self, units: float) -> str:
        """Money units as a share of the account's equity."""
        equity = int(self.book.acct[self.book.a]["equity"])
        return f"{units / equity:.1%}" if equity > 0 else "all"


def _nothing(_: Facts) -> str:
    return ""


class Told(msgspec.Struct, frozen=True):
    """How a refusal is told: one clause, and what was judged beside its limit (nothing where there is no figure)."""

    words: str
    figure: Callable[[Facts], str] = _nothing
