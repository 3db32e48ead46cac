"""The class of a refusal, for whoever counts them: the venue's no by what it is about, and what was never sent. A bounded set of words."""

from __future__ import annotations

from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, BARRED, BELOW_MINIMUM, NO_FUNDS, NOT_TRADING
from utils.errors import Rejected

UNFIT = "unfit"
"""The account or the instrument could not take the entry; nothing was sent."""
UNSENT = "unsent"
"""It could not be sent, however often it was tried."""
LOST = "lost"
"""Sent, and by all evidence it never reached the venue."""
VENUE = ""
"""The venue's no in its own words alone."""
NAMED = frozenset({NO_FUNDS, BELOW_MINIMUM, BAD_KEY, NOT_TRADING, BAD_PRICE, BAD_GRID, BARRED})
"""`Rejected.code` of ours that is its own class; `barred` is our own last look: halted, held, too late, taken back."""
KINDS = NAMED | {UNFIT, UNSENT, LOST, VENUE}
OURS = frozenset({BARRED, UNFIT, UNSENT, LOST})
"""Classes of what no venue has answered."""


def kind_of(no: Rejected) -> str:
    """The class of what a venue (or our last look) has said."""
    return no.code if isinstance(no.code, str) and no.code in NAMED else VENUE
