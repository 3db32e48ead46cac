from __future__ import annotations

import pytest

from modules.exchange.ibkr_codes import LOST, RESTORED, TABLE, code_of
from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        (
            201,
            "Order rejected - reason:IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE",
            NO_FUNDS,
        ),
        (201, "Order rejected - reason:No trading permissions.", NOT_TRADING),
        (202, "Order Canceled - reason:The contract is expired", NOT_TRADING),
        (321, "Error validating request: The API interface is currently in Read-Only mode.", BAD_KEY),
        (321, "Error validating request: something is malformed", BAD_KEY),
        (110, "", BAD_GRID),
        (109, "whatever it says of margin", BAD_PRICE),
        (10147, "", NO_SUCH_ORDER),
        (201, "a reason of tomorrow", 201),
        (424242, "", 424242),
    ],
)
def test_a_number_and_its_words_mean_a_code(number: int, words: str, code: object) -> None:
    assert code_of(number, words) == code


def test_states_of_the_link_are_no_answers_to_orders() -> None:
    assert not (LOST | RESTORED) & set(TABLE) and not LOST & RESTORED
