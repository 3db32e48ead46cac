"""What the bot holds of an account against what its venue shows: the differences, and what follows from each.

Pure and idempotent: once its findings are applied (`Book.after`), the same read finds nothing new. A failed or partial read never comes
here: it says nothing, least of all "flat". Own cash and own coins are the sum of own fills, so what the venue shows beyond them is
somebody else's: left alone, never counted. What it shows less of is a deficit. A size that differs keeps the account from entering until
both agree. A hold is found once and cleared once; while a key has work in flight, nothing that its fills would move is judged.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from state.instruments import Instrument
from state.messages import VenueRead
from utils.fixed import money, plain

ZERO = Decimal(0)

ROUNDING_UNITS = 1_000
"""Money units (1e-7 quote) by which shares of fees and fills may be rounded apart; more is a difference."""

MISMATCH = "mismatch"
"""A perpetual position of another size than ours."""
FOREIGN = "foreign"
"""Orders or positions on the account that nobody here made."""
DEFICIT = "deficit"
"""The venue shows less cash or coin than the bot's own fills add up to."""
CAUSES = (MISMATCH, FOREIGN, DEFICIT)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """What the bot holds of one account. Cash in money units, coins in base units, positions in signed steps."""

    cash: int
    """Own cash."""
    outside: int = 0
    """Cash in the same wallet that is not the bot's, as last found."""
    others: int = 0
    """Own cash of the bot's other account that lives in the same wallet (the virtual split of one key)."""
    coins: dict[str, Decimal] = {}
    """Own base coins: the exact sum of own fills minus the fees taken in the coin."""
    outside_coins: dict[str, Decimal] = {}
    positions: dict[str, int] = {}
    busy: frozenset[str] = frozenset()
    """Keys with work in flight: orders that may still fill, fills that are still asked about. Any of them suspends the judging of cash."""
    busy_coins: frozenset[str] = frozenset()
    """The base coins of the spot keys among them."""
    dust: dict[str, Decimal] = {}
    """By coin, the smallest difference that counts (`dust_of`); a coin without one is exact."""
    held: dict[str, str] = {}
    """Holds in force that were found here: cause -> reason."""

    def after(self, findings: Findings) -> Book:
        """The book once the findings are applied."""
        coins = {**self.outside_coins, **findings.outside_coins}
        held = {cause: reason for cause, reason in {**self.held, **findings.holds}.items() if cause not in findings.clear}
        return msgspec.structs.replace(
            self,
            cash=self.cash + findings.rounding,
            outside=self.outside if findings.outside is None else findings.outside,
            outside_coins={coin: amount for coin, amount in coins.items() if amount},
            held=held,
        )


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What differs and is not yet known to differ; empty when there is nothing new."""

    holds: dict[str, str] = {}
    """Causes (`CAUSES`) that keep the account from entering from now on, with the reason in words; also a cause whose reason changed."""
    clear: tuple[str, ...] = ()
    """Causes that are gone."""
    rounding: int = 0
    """Money units to add to own cash."""
    outside: int | None = None
    """New outside cash, None = as it was."""
    outside_coins: dict[str, Decimal] = {}
    """New amounts of outside coins, only those that changed; 0 = none left."""


def dust_of(instrument: Instrument, price: Decimal) -> Decimal:
    """The smallest base quantity that can be traded at `price`: the least step and size, worth at least the least order.

    Without a price (0) only the quantities count.
    """
    least = max(instrument.step, instrument.min_qty)
    return max(least, instrument.min_notional / price) if price > 0 else least


def reconcile(book: Book, read: VenueRead) -> Findings:
    """The new differences between `book` and `read`, which must have been taken after every execution up to it was booked."""
    short, outside_coins = _coins(book, read)
    sizes = _sizes(book, read)
    cash_short, rounding, outside = (0, 0, book.outside) if book.busy else _cash(book, read)
    if sizes or short:  # a fill is missing somewhere: its cash is neither a deposit nor a rounding, and not a loss of its own either
        cash_short, rounding, outside = 0, 0, book.outside
    if cash_short:
        short.append(
            f"{plain(money(cash_short))} of cash is missing: own {plain(money(book.cash + book.others))}, held {plain(money(read.cash))}"
        )
    reasons = {MISMATCH: "; ".join(sizes), FOREIGN: "; ".join(read.foreign), DEFICIT: "; ".join(short)}
    # What could not be judged may still differ: a hold falls only after a look at everything.
    judged = {MISMATCH: not book.busy, FOREIGN: True, DEFICIT: not book.busy and not sizes}
    return Findings(
        holds={cause: reason for cause, reason in reasons.items() if reason and book.held.get(cause) != reason},
        clear=tuple(cause for cause in CAUSES if cause in book.held and judged[cause] and not reasons[cause]),
        rounding=rounding,
        outside=None if outside == book.outside else outside,
        outside_coins=outside_coins,
    )


def comparable(book: Book, read: VenueRead) -> bool:
    """Whether the cash of `read` may be judged: nothing is on its way, and sizes and coins agree."""
    return not book.busy and not _sizes(book, read) and not _coins(book, read)[0]


def _sizes(book: Book, read: VenueRead) -> list[str]:
    """Perpetual positions that differ, in words."""
    differing = []
    for key in sorted((book.positions.keys() | read.positions.keys()) - book.busy):
        own, shown = book.positions.get(key, 0), read.positions.get(key, 0)
        if own != shown:
            differing.append(f"{key}: the venue shows {shown} steps, the bot holds {own}")
    return differing


def _coins(book: Book, read: VenueRead) -> tuple[list[str], dict[str, Decimal]]:
    """Deficits in words, and the new amounts of outside coins."""
    short: list[str] = []
    outside: dict[str, Decimal] = {}
    for coin in sorted((book.coins.keys() | book.outside_coins.keys() | read.coins.keys()) - book.busy_coins):
        own, dust = book.coins.get(coin, ZERO), book.dust.get(coin, ZERO)
        shown = max(read.coins.get(coin, ZERO), ZERO)  # a debt is the account holder's own affair
        known = book.outside_coins.get(coin, ZERO)
        if 0 < own - shown >= dust:
            short.append(f"{plain(own - shown)} {coin} is missing: own {plain(own)}, held {plain(shown)}")
        beyond = max(shown - own, ZERO)
        if beyond != known and (abs(beyond - known) >= dust or not beyond):
            outside[coin] = beyond
    return short, outside


def _cash(book: Book, read: VenueRead) -> tuple[int, int, int]:
    """Money units missing, to book as rounding, and outside."""
    beyond = read.cash - book.cash - book.others
    rounding = beyond - book.outside
    if abs(rounding) <= ROUNDING_UNITS:
        return 0, rounding, book.outside
    if beyond < -ROUNDING_UNITS:
        return -beyond, 0, 0
    if beyond < 0:
        return 0, beyond, 0  # the outside money has left, and we are a rounding short
    return 0, 0, beyond
