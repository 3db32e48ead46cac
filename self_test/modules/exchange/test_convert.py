"""A venue's decimals on our grid."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from modules.exchange.convert import fees_of, fill_of, money_up
from self_test.fakes.live_floor import instrument
from self_test.modules.exchange.test_tracker import SPOT, execution
from state.accounts import Account, Domain, Mode


@pytest.mark.parametrize(("amount", "units"), [("0.00000000001", 1), ("-0.00000000001", 0), ("1", 10**10), ("-1.00000000005", -(10**10))])
def test_fees_round_up(amount: str, units: int) -> None:
    assert money_up(Decimal(amount)) == units


def test_a_fee_is_in_quote_or_in_the_coin_or_in_neither() -> None:
    report = execution("a", "1", fee="0.001")
    assert fees_of(report, instrument()) == (0, Decimal("0.001"))
    assert fees_of(msgspec.structs.replace(report, fee_coin="USDT"), instrument()) == (10_000_000, Decimal(0))
    with pytest.raises(ValueError, match="MNT"):
        fees_of(msgspec.structs.replace(report, fee_coin="MNT"), instrument())
    assert fees_of(msgspec.structs.replace(report, fee=Decimal(0), fee_coin=""), instrument()) == (0, Decimal(0))


def test_a_fill_is_exact_or_refused() -> None:
    fill = fill_of(execution("a", "0.123", price="99.9"), SPOT, instrument(), "o")
    assert (fill.price, fill.steps, fill.order_id) == (999, 123, "o")
    for wrong in (execution("a", "0.1234"), execution("a", "0.1", price="99.95")):
        with pytest.raises(ValueError, match="multiple"):
            fill_of(wrong, SPOT, instrument(), "o")
    assert fill_of(execution("a", "0.1", coin="MNT"), SPOT, instrument(), "o").fee == 0


def test_a_broker_takes_its_fee_in_the_accounts_currency_and_says_what_an_exit_gained() -> None:
    report = msgspec.structs.replace(
        execution("a", "1000", price="150.123", fee="0.05", coin="USD"), key="FOREX:USDJPY", pl=Decimal("-5.2200")
    )
    yen = msgspec.structs.replace(
        instrument(), domain=Domain.FOREX, symbol="USDJPY", base="USD", quote="JPY", tick=Decimal("0.001"), step=Decimal(1)
    )
    fill = fill_of(report, Account(Domain.FOREX, Mode.LIVE), yen, "o")
    assert (fill.fee, fill.base_fee, fill.gained) == (5 * 10**8, Decimal(0), -522 * 10**8)
    assert fill_of(execution("a", "0.1"), SPOT, instrument(), "o").gained is None
    loss = msgspec.structs.replace(report, pl=Decimal("-0.00000000005"))
    assert fill_of(loss, Account(Domain.FOREX, Mode.LIVE), yen, "o").gained == -1, "never more than was gained"
