"""Leverage, position mode and margin mode: what may be switched when, and the not-modified answers."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator import flow, margin, order_checks
from modules.simulator.account import CROSS, ISOLATED, QUOTE, Account, cash
from modules.simulator.desk import Desk
from modules.simulator.order_types import ZERO, Now, Refused

HEDGE = 3


def set_leverage(desk: Desk, account: Account, symbol: str, buy: Decimal, sell: Decimal) -> Refused | None:
    """One leverage for both sides of a symbol."""
    table = desk.tiers[symbol]
    if buy != sell or buy < 1:
        return Refused(order_checks.PARAMETER, "params error: leverage invalid")
    if buy == account.lever(symbol):
        return Refused(110043, "leverage not modified")
    held = account.held(symbol)
    value = max((one.size for one in held), default=ZERO) * desk.mark(symbol)
    if buy > margin.tier_at(table, value).max_leverage:
        return Refused(110013, "cannot set leverage gt maxLeverage by risk limit")
    before, margins = account.lever(symbol), [one.margin for one in held]
    account.leverage[symbol] = buy
    if account.isolated:
        for one in held:
            one.margin = cash(one.cost / buy)
    if desk.figures(account).available < 0 and buy < before:
        account.leverage[symbol] = before
        for one, old in zip(held, margins, strict=True):
            one.margin = old
        return flow.NO_FUNDS["linear"]
    for idx in (1, 2) if account.hedge.get(symbol) else (0,):
        desk.touch_position(account.uid, symbol, idx)
    return None


def switch_mode(desk: Desk, account: Account, symbol: str | None, mode: int) -> Refused | None:
    """One-way (0) or hedge (3)."""
    if mode not in {0, HEDGE} or (symbol is not None and symbol not in desk.tiers):
        return Refused(order_checks.PARAMETER, "params error: mode invalid")
    hedge = mode == HEDGE
    changing = [one for one in ([symbol] if symbol else desk.tiers) if account.hedge.get(one, False) != hedge]
    if not changing:
        return Refused(110025, "Position mode has not been modified")
    for one in changing:
        if account.held(one):
            return Refused(110024, "You have an existing position, so the position mode cannot be switched")
        if any(account.open_orders("linear", one)):
            return Refused(110028, "You have existing open orders, so the position mode cannot be switched")
    for one in changing:
        account.hedge[one] = hedge
    return None


def set_margin_mode(desk: Desk, account: Account, mode: str, now: Now) -> Refused | None:
    """Cross or isolated for the whole account; positions get their margin from what is free, or give it back."""
    if mode not in {CROSS, ISOLATED}:
        return Refused(order_checks.PARAMETER, "params error: setMarginMode invalid")
    if mode == account.margin_mode:
        return Refused(110026, "Cross/isolated margin mode is not modified")
    held = account.held()
    if mode == ISOLATED:
        needed = {id(one): cash(one.cost / account.lever(one.symbol)) for one in held}
        sums = desk.figures(account)
        if sum(needed.values(), ZERO) + sums.order_im + sums.locked > account.balance(QUOTE):
            return flow.NO_FUNDS["linear"]
        for one in held:
            one.margin = needed[id(one)]
    else:
        for one in held:
            one.margin = ZERO
    account.margin_mode, account.moded = mode, now.ts
    for one in held:
        desk.touch_position(account.uid, one.symbol, one.idx)
    return None
