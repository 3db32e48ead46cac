from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange.ibkr_contracts import PRODUCTS
from modules.exchange.ibkr_size import affordable, fit_to_contracts
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument, option_slot
from state.runtime import RuntimeState
from strategy.market import new_market

EUR, JPY = PRODUCTS["EURUSD"], PRODUCTS["JPYUSD"]


def test_a_wallet_that_cannot_buy_one_is_told_the_figures() -> None:
    found = affordable(EUR, Decimal("0.0083"), Decimal(1000))
    assert found.contracts == 0
    assert found.refusal == (
        "one contract of 6E options (125,000 EUR) costs 1,037.50 USD; 2% of the wallet (1,000.00 USD) is 20.00 USD; "
        "the smallest wallet that could buy one has 51,875.00 USD"
    )
    assert (found.premium_usd, found.budget_usd) == (Decimal("1037.50"), Decimal(20))


def test_one_that_can_is_told_how_many() -> None:
    found = affordable(JPY, Decimal("0.000050"), Decimal(70_000))
    assert (found.contracts, found.refusal, found.premium_usd) == (2, "", Decimal(625))
    assert affordable(EUR, Decimal("0.0080"), Decimal(-5)).contracts == 0


@given(premium=st.decimals("0.00005", "0.2", places=5), share=st.decimals("0.001", "1", places=3))
def test_the_smallest_wallet_is_the_smallest(premium: Decimal, share: Decimal) -> None:
    least = affordable(EUR, premium, Decimal(1), share).smallest_wallet_usd
    assert affordable(EUR, premium, least, share).contracts >= 1
    assert affordable(EUR, premium, least - Decimal("0.01"), share).contracts == 0


@pytest.mark.parametrize(("premium", "share"), [("0", "0.02"), ("-1", "0.02"), ("0.01", "0")])
def test_nothing_is_bought_for_nothing(premium: str, share: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        affordable(EUR, Decimal(premium), Decimal(1000), Decimal(share))


def slot(symbol: str) -> Instrument:
    tick = Decimal("0.001") if symbol.endswith("JPY") else Decimal("0.00001")
    pair = Instrument(
        domain=Domain.FOREX, symbol=symbol, base=symbol[:3], quote=symbol[3:], tick=tick, step=Decimal(1), min_qty=Decimal(1),
        min_notional=Decimal(0), max_qty=Decimal(100_000_000),
    )  # fmt: skip
    return option_slot(pair)


def test_live_orders_are_whole_contracts_and_on_paper_nothing_changes() -> None:
    accounts = (Account(Domain.OPTIONS, Mode.LIVE), Account(Domain.OPTIONS, Mode.PAPER))
    state = RuntimeState((slot("EURUSD"), slot("USDJPY")), accounts, new_market(2, 900_000, 3_600_000))
    state.inst["min_steps"], state.inst["max_steps"] = 1, 1_000_000
    fit_to_contracts(state)
    found = {
        (str(state.account_of(i)), state.instrument(i).symbol): tuple(int(row[name]) for name in ("min_steps", "lot_steps", "max_steps"))
        for i, row in enumerate(state.inst)
    }
    assert found == {
        ("OPTIONS/LIVE", "EURUSD"): (1_250, 1_250, 125_000),
        ("OPTIONS/LIVE", "USDJPY"): (1, 1, 0),
        ("OPTIONS/PAPER", "EURUSD"): (1, 0, 1_000_000),
        ("OPTIONS/PAPER", "USDJPY"): (1, 0, 1_000_000),
    }
