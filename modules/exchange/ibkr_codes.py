"""What each error number of Interactive Brokers means: the code that `Rejected` carries (modules/ports.py), a state of the link, or a note.

Numbers come with an order's id (about that order) or with -1 (about the connection). One that nobody here knows is an explicit no when it
comes with an order that then ends unfilled, and nothing otherwise.
"""

from __future__ import annotations

from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, BELOW_MINIMUM, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING

_NAMED: dict[str, tuple[int, ...]] = {
    BAD_KEY: (321, 10190),  # 321 names its cause in words; for an order it is the gateway's read-only switch or a malformed request
    NOT_TRADING: (200, 203, 354, 387, 460, 10089),
    NO_SUCH_ORDER: (104, 135, 161, 10147, 10148),
    BAD_PRICE: (109, 163, 382, 463),
    BAD_GRID: (110, 355, 383),
    BELOW_MINIMUM: (388, 434),
}
TABLE: dict[int, str] = {number: code for code, numbers in _NAMED.items() for number in numbers}

_WORDS: tuple[tuple[str, str], ...] = (
    ("insufficient", NO_FUNDS),
    ("available funds", NO_FUNDS),
    ("equity with loan", NO_FUNDS),
    ("margin", NO_FUNDS),
    ("read-only", BAD_KEY),
    ("permission", NOT_TRADING),
    ("not available for trading", NOT_TRADING),
    ("expired", NOT_TRADING),
    ("closed", NOT_TRADING),
    ("minimum price variation", BAD_GRID),
    ("price", BAD_PRICE),
)
"""Of the reason in words that stands behind 201 (rejected), 202 (cancelled) and 321, the first that fits."""
IN_WORDS = frozenset({201, 202, 321})

LOST = frozenset({1100, 2110})
"""The gateway has lost Interactive Brokers: orders there stand, and nothing is heard of them."""
RESTORED = frozenset({1101, 1102})
REFUSED_CLIENT = frozenset({326, 501, 503})
"""A connection that will not come about by trying: client id taken, version too old."""
NO_PROOF = frozenset({104, 110, 135, 161, 321, 329, 399, 404, 10147, 10148})
"""About a change or a cancel: whatever the library makes of them, they do not say that the order is gone."""
NEW_ORDER_NO = frozenset({110, 321, 434})
"""That the library takes for warnings, and that refuse an order which was never taken."""


def code_of(number: int, words: str = "") -> str | int:
    """The code of an error; the number itself where the ports have no name for it."""
    if number in IN_WORDS:
        low = words.lower()
        found = next((code for word, code in _WORDS if word in low), None)
        if found is not None:
            return found
    return TABLE.get(number, number)
