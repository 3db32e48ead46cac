"""A venue's execution on our grid: Decimal in its units -> ticks, steps and money units, exact or refused."""

from __future__ import annotations

from decimal import Decimal

from modules.exchange.reports import ZERO, ExecutionReport
from state.accounts import Account, Domain
from state.instruments import Instrument
from state.orders import Fill
from utils.fixed import ceil_steps, exact_count, floor_steps

UNIT = Decimal(1).scaleb(-10)
"""One money unit in quote currency."""


def money_up(amount: Decimal) -> int:
    """Money units of `amount`, rounded up: never less than was paid, never more than was received."""
    return ceil_steps(amount, UNIT)


def fees_of(report: ExecutionReport, instrument: Instrument) -> tuple[int, Decimal]:
    """(money units, base units) of an execution's fee; ValueError when it was taken in a third coin.

    Of FOREX everything is booked in the account's currency, whatever the pair's are, and there its fees are taken.
    """
    if report.fee == ZERO or report.fee_coin == instrument.quote or instrument.domain is Domain.FOREX:
        return money_up(report.fee), ZERO
    if report.fee_coin == instrument.base:
        return 0, report.fee
    raise ValueError(f"a fee of {report.fee} {report.fee_coin} is neither in {instrument.quote} nor in {instrument.base}")


def fill_of(report: ExecutionReport, account: Account, instrument: Instrument, order_id: str) -> Fill:
    """The execution as the engine books it; ValueError when price or size is off the grid. A fee in a third coin counts as none."""
    try:
        fee, base_fee = fees_of(report, instrument)
    except ValueError:
        fee, base_fee = 0, ZERO
    return Fill(
        ts=report.ts,
        account=account,
        key=report.key,
        order_id=order_id,
        exec_id=report.exec_id,
        side=report.side,
        price=instrument.ticks(report.price),
        steps=exact_count(report.qty, instrument.step),
        fee=fee,
        maker=report.maker,
        base_fee=base_fee,
        gained=None if report.pl is None else floor_steps(report.pl, UNIT),
    )
