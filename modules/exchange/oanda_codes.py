"""What each of OANDA's reject and cancel reasons means: the code that `Rejected` carries (modules/ports.py), else the reason itself.

The list has grown since it was written down, by whole families: an unknown reason is read by how it begins or ends, and is an explicit no
in any case.
"""

from __future__ import annotations

from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, BELOW_MINIMUM, DUPLICATE_ID, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING, NOTHING_TO_REDUCE

_NAMED: dict[str, tuple[str, ...]] = {
    BAD_KEY: ("ACCOUNT_LOCKED", "ACCOUNT_NOT_ACTIVE", "ACCOUNT_ORDER_CREATION_LOCKED", "ACCOUNT_NEW_POSITIONS_LOCKED"),
    DUPLICATE_ID: ("CLIENT_ORDER_ID_ALREADY_EXISTS", "CLIENT_TRADE_ID_ALREADY_EXISTS"),
    NO_SUCH_ORDER: ("ORDER_DOESNT_EXIST", "NO_SUCH_ORDER"),
    NOTHING_TO_REDUCE: (
        "TRADE_DOESNT_EXIST", "NO_SUCH_TRADE", "CLOSEOUT_POSITION_DOESNT_EXIST", "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE",
        "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE", "POSITION_CLOSEOUT_FAILED", "LINKED_TRADE_CLOSED", "NO_SUCH_POSITION",
    ),
    NO_FUNDS: ("INSUFFICIENT_MARGIN", "INSUFFICIENT_FUNDS", "ORDER_CANCEL_WOULD_TRIGGER_CLOSEOUT"),
    BELOW_MINIMUM: ("UNITS_MINIMUM_NOT_MET", "UNITS_MIMIMUM_NOT_MET"),
    NOT_TRADING: (
        "MARKET_HALTED", "INSTRUMENT_NOT_TRADEABLE", "INSTRUMENT_HALTED", "INSTRUMENT_BID_HALTED", "INSTRUMENT_ASK_HALTED",
        "INSTRUMENT_PRICE_UNKNOWN", "INSTRUMENT_UNKNOWN", "INSTRUMENT_MISSING", "INSTRUMENT_BID_REDUCE_ONLY", "INSTRUMENT_ASK_REDUCE_ONLY",
        "ACCOUNT_POSITION_VALUE_LIMIT_EXCEEDED",
    ),
    BAD_PRICE: ("LOSING_TAKE_PROFIT", "STOP_LOSS_ON_FILL_LOSS", "TAKE_PROFIT_ON_FILL_LOSS", "PRICE_INVALID", "PRICE_MISSING"),
    BAD_GRID: ("UNITS_INVALID", "UNITS_LIMIT_EXCEEDED"),
}  # fmt: skip
TABLE: dict[str, str] = {reason: code for code, reasons in _NAMED.items() for reason in reasons}

_ENDS: tuple[tuple[str, str], ...] = (
    ("_PRECISION_EXCEEDED", BAD_GRID),
    ("_UNITS_INVALID", BAD_GRID),
    ("_MINIMUM_NOT_MET", BAD_PRICE),
    ("_MAXIMUM_EXCEEDED", BAD_PRICE),
    ("_ON_FILL_LOSS", BAD_PRICE),
    ("_PRICE_INVALID", BAD_PRICE),
    ("_LOSS", BAD_PRICE),
    ("_HALTED", NOT_TRADING),
    ("_NOT_TRADEABLE", NOT_TRADING),
    ("_REDUCE_ONLY", NOT_TRADING),
    ("_DOESNT_EXIST", NO_SUCH_ORDER),
)


def code_of(reason: str) -> str:
    """The code of a reason; the reason itself where the ports have no name for it."""
    if reason in TABLE:
        return TABLE[reason]
    return next((code for end, code in _ENDS if reason.endswith(end)), reason)
