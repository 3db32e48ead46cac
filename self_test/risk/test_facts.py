from __future__ import annotations

import pytest

from risk.facts import Facts, Health, Told
from self_test.fakes.books import books
from self_test.risk.test_gate import book
from utils.fixed import MONEY_SCALE


@pytest.mark.parametrize("equity, words", [(1_000, "5.0%"), (0, "all"), (-3, "all")])
def test_a_share_of_what_is_not_there_is_all_of_it(equity: int, words: str) -> None:
    table = books()
    table.acct[0]["equity"] = equity * MONEY_SCALE
    facts = Facts(book=book(table), health=Health(), instrument=table.instruments[0], ts=1)
    assert facts.share(50 * MONEY_SCALE) == words
    assert not Told("words").figure(facts)
