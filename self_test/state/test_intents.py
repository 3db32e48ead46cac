from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from state.accounts import Account, Domain, Mode
from state.intents import Side, order_id

accounts = st.builds(Account, st.sampled_from(Domain), st.sampled_from(Mode))
symbols = st.from_regex(r"[A-Z0-9][A-Z0-9-]{0,22}", fullmatch=True)
times = st.integers(1_500_000_000_000, 4_100_000_000_000)
decisions = st.tuples(accounts, symbols, times, st.sampled_from("ex"))


def made(decision: tuple[Account, str, int, str]) -> str:
    account, symbol, ts, leg = decision
    return order_id(account, f"{account.domain}:{symbol}", ts, leg)


@given(decisions)
def test_an_order_id_fits_the_venues_rules(decision: tuple[Account, str, int, str]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", made(decision))
    assert made(decision) == made(decision)


@given(decisions, decisions)
def test_two_decisions_never_share_an_id(one: tuple[Account, str, int, str], other: tuple[Account, str, int, str]) -> None:
    assert (made(one) == made(other)) == (one == other)


def test_long_names_that_begin_alike_are_told_apart() -> None:
    account = Account(Domain.OPTIONS, Mode.PAPER)
    put, call = "OPTIONS:EURUSD-2025-06-20-1.08-P", "OPTIONS:EURUSD-2025-06-20-1.08-C"
    assert order_id(account, put, 1_750_000_000_000, "e") != order_id(account, call, 1_750_000_000_000, "e")


def test_sides_are_signs_and_words() -> None:
    assert [(int(side), side.word) for side in Side] == [(1, "long"), (-1, "short")]
