"""What positions and orders need as margin, and where they end: risk tiers, initial and maintenance margin, bankruptcy price.

Formulas (bybit_v5 §14): value = size × mark; IM = value / leverage; MM = value × mmr(tier) − deduction(tier), continuous over tiers;
order IM = remaining quantity × price / leverage for what would open. Only the quote coin is collateral.
In cross a position is bankrupt where the account's margin balance, less the closing fee, is zero; isolated, where its own margin is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from modules.simulator.account import QUOTE, Account, Position
from modules.simulator.filters import Listing
from modules.simulator.matching import down, up
from modules.simulator.order_types import ZERO, Order, Side

_LADDER = (("0.01", "50"), ("0.02", "25"), ("0.03", "16"), ("0.05", "10"), ("0.10", "5"))
"""Maintenance rate and most leverage, tier by tier."""
TIER_DEPTHS = 20
"""The first tier reaches so many times the usual depth at the touch; each further one as much again, doubled."""


class Tier(msgspec.Struct, frozen=True):
    """Up to `limit` of position value."""

    number: int
    limit: Decimal
    mmr: Decimal
    max_leverage: Decimal
    deduction: Decimal


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """An account's margin at this instant, in quote coin."""

    wallet: Decimal
    unrealised: Decimal
    position_im: Decimal
    position_mm: Decimal
    order_im: Decimal
    locked: Decimal
    available: Decimal
    """For new linear orders; may be negative."""
    spendable: Decimal
    """For spot buys and withdrawals: unrealised profits cannot be spent; never negative."""

    @property
    def margin_balance(self) -> Decimal:
        """Wallet and unrealised profit."""
        return self.wallet + self.unrealised


def tiers(listing: Listing) -> tuple[Tier, ...]:
    """The risk tiers of a perpetual, from how deep its book usually is."""
    found: list[Tier] = []
    limit, deduction, width = ZERO, ZERO, Decimal(int(listing.depth_quote)) * TIER_DEPTHS
    before = ZERO
    for number, (mmr, most) in enumerate(_LADDER, start=1):
        deduction += limit * (Decimal(mmr) - before) if found else ZERO
        limit += width
        width *= 2
        before = Decimal(mmr)
        found.append(Tier(number, limit, before, Decimal(most), deduction))
    return tuple(found)


def tier_at(table: Sequence[Tier], value: Decimal) -> Tier:
    """The tier of a position value; beyond the last, the last."""
    return next((one for one in table if value <= one.limit), table[-1])


def maintenance(table: Sequence[Tier], value: Decimal) -> Decimal:
    """Maintenance margin of a position value."""
    tier = tier_at(table, value)
    return max(ZERO, value * tier.mmr - tier.deduction)


def opening(
    account: Account, symbol: str, idx: int, side: Side, orders: Sequence[tuple[Decimal, Decimal]]
) -> list[tuple[Decimal, Decimal]]:
    """Of (qty, price) orders on one side, the parts that would open: in one-way mode what exceeds an opposite position."""
    position = account.positions.get(f"{symbol}:{idx}")
    spare = position.size if position is not None and position.size and position.side != side and idx == 0 else ZERO
    found = []
    for qty, price in orders:
        used = min(qty, spare)
        spare -= used
        if qty > used:
            found.append((qty - used, price))
    return found


def order_margin(account: Account, extra: Order | None = None, price: Decimal = ZERO) -> Decimal:
    """Initial margin of all live linear orders, with one more if given (at `price`)."""
    sides: dict[tuple[str, int, Side], list[tuple[Decimal, Decimal]]] = {}
    for order in account.open_orders("linear"):
        if order.resting and not order.reduce_only and order is not extra:
            sides.setdefault((order.symbol, order.position_idx, order.side), []).append((order.leaves, order.price))
    if extra is not None and not extra.reduce_only:
        sides.setdefault((extra.symbol, extra.position_idx, extra.side), []).append((extra.qty - extra.filled, price))
    total = ZERO
    for (symbol, idx, side), orders in sides.items():
        total += sum((qty * at for qty, at in opening(account, symbol, idx, side, orders)), ZERO) / account.lever(symbol)
    return total


def figures(account: Account, mark: Callable[[str], Decimal], table: Callable[[str], Sequence[Tier]], base_of: dict[str, str]) -> Figures:
    """Everything at once."""
    unrealised = initial = maintained = bound = losses = ZERO
    for position in account.held():
        price = mark(position.symbol)
        value = position.size * price
        profit = position.profit_at(price)
        unrealised += profit
        losses += min(ZERO, profit)
        initial += value / account.lever(position.symbol)
        maintained += maintenance(table(position.symbol), value)
        bound += position.margin
    wallet, locked, orders = account.balance(QUOTE), account.locked(QUOTE, base_of), order_margin(account)
    if account.isolated:
        available = spend = wallet - locked - bound - orders
    else:
        available = wallet + unrealised - locked - initial - orders
        spend = min(available, wallet + losses - locked - initial - orders)
    return Figures(
        wallet=wallet, unrealised=unrealised, position_im=bound if account.isolated else initial, position_mm=maintained, order_im=orders,
        locked=locked, available=available, spendable=max(ZERO, spend),
    )  # fmt: skip


def bankruptcy(position: Position, mark: Decimal, balance: Decimal, fee_rate: Decimal, tick: Decimal) -> Decimal:
    """The price at which closing at `fee_rate` uses up `balance` (margin and unrealised profit at `mark`), rounded so that nothing is owed.

    long: balance + (p − mark)·size = p·size·fee;  short: balance − (p − mark)·size = p·size·fee. At least a tick.
    """
    if position.side == "Buy":
        return max(tick, up((mark * position.size - balance) / (position.size * (1 - fee_rate)), tick))
    return max(tick, down((mark * position.size + balance) / (position.size * (1 + fee_rate)), tick))


def liquidation(
    position: Position, mark: Decimal, balance: Decimal, needed: Decimal, table: Sequence[Tier], tick: Decimal
) -> Decimal | None:
    """About where maintenance is no longer met if only this price moves (today's tier); None when there is no such price."""
    rate = tier_at(table, position.size * mark).mmr
    room = balance - needed
    if position.side == "Buy":
        price = mark - room / (position.size * (1 - rate))
        return up(price, tick) if price > 0 else None
    return down(mark + room / (position.size * (1 + rate)), tick)
