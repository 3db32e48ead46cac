"""Reasons of OANDA by the ports' names, also those that were added after the list was written."""

from __future__ import annotations

import pytest

from modules.exchange.oanda_codes import TABLE, code_of
from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, BELOW_MINIMUM, DUPLICATE_ID, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING, NOTHING_TO_REDUCE


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("MARKET_HALTED", NOT_TRADING),
        ("INSTRUMENT_NOT_TRADEABLE", NOT_TRADING),
        ("INSTRUMENT_ASK_HALTED", NOT_TRADING),
        ("INSUFFICIENT_MARGIN", NO_FUNDS),
        ("CLIENT_ORDER_ID_ALREADY_EXISTS", DUPLICATE_ID),
        ("ORDER_DOESNT_EXIST", NO_SUCH_ORDER),
        ("TRADE_DOESNT_EXIST", NOTHING_TO_REDUCE),
        ("CLOSEOUT_POSITION_DOESNT_EXIST", NOTHING_TO_REDUCE),
        ("UNITS_MIMIMUM_NOT_MET", BELOW_MINIMUM),
        ("UNITS_PRECISION_EXCEEDED", BAD_GRID),
        ("STOP_LOSS_ON_FILL_PRICE_PRECISION_EXCEEDED", BAD_GRID),
        ("STOP_LOSS_ON_FILL_LOSS", BAD_PRICE),
        ("GUARANTEED_STOP_LOSS_ORDER_ON_FILL_LOSS", BAD_PRICE),
        ("LOSING_TAKE_PROFIT", BAD_PRICE),
        ("ACCOUNT_LOCKED", BAD_KEY),
        ("BOUNDS_VIOLATION", "BOUNDS_VIOLATION"),
        ("SOMETHING_OF_TOMORROW", "SOMETHING_OF_TOMORROW"),
        ("", ""),
    ],
)
def test_what_a_reason_means(reason: str, code: str):
    assert code_of(reason) == code


def test_no_reason_has_two_meanings():
    from modules.exchange.oanda_codes import _NAMED

    assert len(TABLE) == sum(len(reasons) for reasons in _NAMED.values())
