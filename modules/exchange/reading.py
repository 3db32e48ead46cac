"""An account read at rest: wallet, positions and open orders between two looks at the executions that show the same.

Each of these is another request, so a fill between two of them would set figures of different moments against each other. A reading
holds only when no execution became known while it was taken, from the listing or from the stream, and no order is known to have
more fills than were told; otherwise it is taken again, a few times.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal

import msgspec

from modules.exchange.cash_look import CashLook
from modules.exchange.foreign import Cover, foreign_orders
from modules.exchange.reports import OrderReport, PositionReport, WalletReport
from modules.exchange.teller import Teller, Tracker
from modules.ports import Venue
from state.accounts import Account
from state.instruments import Instrument
from state.messages import VenueRead
from utils.fixed import money_units, plain

TRIES = 5
"""Readings before giving up for now."""
ASKED_AT_ONCE = 20
"""Orders asked about one by one in a try; the rest wait for the next."""
MONEY_GRID = Decimal(1).scaleb(-10)


class Reading(msgspec.Struct, frozen=True):
    """What stood on the account at one moment."""

    wallet: WalletReport
    positions: list[PositionReport]
    orders: list[OrderReport]


async def read_at_rest(venue: Venue, teller: Teller, tracker: Tracker, since_ms: int, look: CashLook | None = None) -> Reading | None:
    """Tell every execution since `since_ms` (venue time) and read the rest; None when the account would not rest.

    `look` tells why the wallet moved otherwise; after news of it the wallet is read again, so that it contains all that was told.
    The caller must not wait before it acts on the answer: it holds for this instant. Raises what reading raises.
    """
    teller.tell(await venue.executions(since_ms))
    for _ in range(TRIES):
        heard = teller.heard
        wallet = await venue.wallet()
        moved = look is not None and await look.news(wallet.cash)
        positions = await venue.positions()
        orders = await venue.open_orders()
        teller.tell(orders)
        teller.tell(await venue.executions(since_ms))
        for key, venue_id, made in tracker.incomplete()[:ASKED_AT_ONCE]:
            teller.tell(await venue.executions_of(key, venue_id, made))
        await identify(venue, teller, tracker)
        if tracker.unknown():
            return None  # not at once again: a listing may lag behind
        if teller.heard == heard and not moved and not tracker.incomplete():
            teller.tell([*positions, wallet])
            return Reading(wallet, positions, orders)
    return None


async def identify(venue: Venue, teller: Teller, tracker: Tracker) -> None:
    """Look up the orders that executed and were never reported: whose they are decides what their executions mean."""
    for key, venue_id in tracker.unknown()[:ASKED_AT_ONCE]:
        report = await venue.order(key, venue_id=venue_id)
        if report is None:
            tracker.not_found(venue_id)
        else:
            teller.tell([report])


def venue_read(
    account: Account,
    ts: int,
    reading: Reading,
    instruments: Mapping[str, Instrument],
    prefix: str,
    tracker: Tracker,
    suspects: frozenset[str],
) -> tuple[VenueRead, frozenset[str]]:
    """The reading as the engine's event, and the venue ids that will count as foreign if the next reading shows them again."""
    sightings = foreign_orders(reading.orders, prefix, _covers(tracker, instruments), lambda name: tracker.order(name) is not None)
    foreign = [one.words for one in sightings if one.certain or one.venue_id in suspects] + [*tracker.foreign()]
    positions: dict[str, int] = {}
    for row in reading.positions:
        if not row.side or not row.size:
            continue
        if row.hedged or row.key not in instruments:
            why = "in hedge mode" if row.hedged else "in what this bot does not trade"
            foreign.append(f"a foreign position {why}: {'long' if row.side > 0 else 'short'} {plain(row.size)} {row.key}")
        else:
            positions[row.key] = row.side * instruments[row.key].steps(row.size)
    event = VenueRead(
        ts=ts,
        account=account,
        cash=_units(reading.wallet.cash),
        free=_units(reading.wallet.free),
        coins={coin: amount for coin, amount in reading.wallet.coins.items() if amount},
        positions=positions,
        foreign=tuple(sorted(foreign)),
    )
    return event, frozenset(one.venue_id for one in sightings if not one.certain)


def _covers(tracker: Tracker, instruments: Mapping[str, Instrument]) -> dict[str, Cover]:
    """What is held, as it should be protected."""
    covers: dict[str, Cover] = {}
    for key, instrument in instruments.items():
        held = tracker.held(key)
        if held.side:
            qty = max(instrument.qty(held.steps), held.coins)
            covers[key] = Cover(side=held.side, qty=qty, stop=instrument.price(held.stop), target=instrument.price(held.target))
    return covers


def _units(amount: Decimal) -> int:
    """Money units, rounded down: a venue may count finer than 1e-10."""
    return money_units(amount.quantize(MONEY_GRID, rounding=ROUND_FLOOR))
