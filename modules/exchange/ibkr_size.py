"""Whether a wallet can buy one listed option at all: the premium of one contract against the share that a position may lose. Pure.

One contract of CME is 125,000 euros: at a premium of 0.0080 that is 1,000 dollars, the whole of a small wallet. So the answer "no" is the
usual one, and it bears the figures that would have to change.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import msgspec

from modules.exchange.ibkr_contracts import INVERTED, MOST, PRODUCTS, Product
from state.accounts import Domain, Mode
from state.runtime import RuntimeState

SHARE = Decimal("0.02")
"""Of the wallet: the most that one position may lose, and a premium can be lost whole."""
CENT = Decimal("0.01")


class Affordable(msgspec.Struct, frozen=True, kw_only=True):
    """What a wallet can buy."""

    contracts: int
    premium_usd: Decimal
    """Of one contract, without fees."""
    budget_usd: Decimal
    smallest_wallet_usd: Decimal
    """That could buy one contract."""
    refusal: str = ""
    """Why it is none; empty when it is at least one."""


def affordable(product: Product, premium: Decimal, wallet_usd: Decimal, share: Decimal = SHARE) -> Affordable:
    """Whole contracts at `premium` (US dollars per unit) within `share` of `wallet_usd`. ValueError for a premium or share not above 0."""
    if premium <= 0 or share <= 0:
        raise ValueError(f"a premium of {premium} and a share of {share} must both be above 0")
    one = premium * product.units
    budget = max(Decimal(0), wallet_usd) * share
    contracts = int(budget // one)
    wallet = (one / share).quantize(CENT, rounding=ROUND_CEILING)
    refusal = ""
    if not contracts:
        refusal = (
            f"one contract of {product.future} options ({product.units:,} {product.symbol}) costs {one:,.2f} USD; "
            f"{share:.0%} of the wallet ({max(Decimal(0), wallet_usd):,.2f} USD) is {budget:,.2f} USD; "
            f"the smallest wallet that could buy one has {wallet:,.2f} USD"
        )
    return Affordable(contracts=contracts, premium_usd=one, budget_usd=budget, smallest_wallet_usd=wallet, refusal=refusal)


def fit_to_contracts(state: RuntimeState) -> None:
    """Orders on live seats of options are whole contracts of the exchange; of a pair that is not bought there, none is small enough."""
    for i, (a, m) in enumerate(state.seats):
        one, row = state.instruments[m], state.inst[i]
        if one.domain is not Domain.OPTIONS or state.accounts[a].mode is not Mode.LIVE:
            continue
        product = None if one.symbol in INVERTED else PRODUCTS.get(one.symbol)
        row["lot_steps"] = row["min_steps"] = 1 if product is None else one.steps(Decimal(product.units))
        row["max_steps"] = 0 if product is None else min(int(row["max_steps"]), one.steps(product.units * MOST))
