"""What a paper position owes at a settlement, whenever its figures come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange.paper_funding import Holding, Owed, settlement_ref
from self_test.fakes.books import PERP, seat_of
from state.accounts import Account
from state.booking import funding_of, pay_funding
from state.books import ACCT, INST, POS, rows
from state.market import FundingRate

KEY, T, H8 = "PERPS:AAAUSDT", 1_735_689_600_000, 8 * 3_600_000
LONG, SHORT = Holding(PERP, 1, 10, 0), Holding(PERP, -1, 10, 0)
MARK = 100_000


class Ledger:
    """Which settlements were booked."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __call__(self, account: Account, ref: str) -> bool:
        return f"{account}/{ref}" in self.names

    def book(self, owed: Owed, rate: FundingRate, mark: int = MARK) -> list[int]:
        events = owed.settle(rate, mark)
        self.names |= {f"{one.account}/{one.ref}" for one in events}
        return [one.amount for one in events]


def rate(n: int = 0, e8: int = 10_000) -> FundingRate:
    return FundingRate(KEY, T + n * H8, e8)


@given(st.sampled_from([-1, 1]), st.integers(1, 10**6), st.integers(1, 10**7), st.integers(-300_000, 300_000))
def test_it_is_the_arithmetic_of_replay_and_sweep(side: int, steps: int, price: int, e8: int) -> None:
    pos, inst, acct = np.zeros(1, POS), rows(INST), np.zeros(1, ACCT)
    pos["side"], pos["steps"], inst["unit"] = side, steps, 1_000
    paid = pay_funding(pos, inst, acct, 0, price, e8)
    assert paid == funding_of(inst, 0, side, steps, price, e8) == -acct[0]["cash"] == pos[0]["funding"]
    owed = Owed(Ledger(), inst)
    owed.note(KEY, T, Holding(PERP, side, steps, 0))
    (event,) = owed.settle(rate(e8=e8), price)
    assert (event.amount, event.ts, event.ref, event.key) == (paid, T, settlement_ref(KEY, T), KEY)


def test_long_pays_a_positive_rate_short_receives_it() -> None:
    for held, amount in ((LONG, 100_000_000), (SHORT, -100_000_000)):
        owed = Owed(Ledger(), seat_of(1_000_000))
        owed.note(KEY, T, held)
        assert Ledger().book(owed, rate()) == [amount], "10 x 100,000 ticks x 1,000,000 units x 0.0001"


def test_who_left_after_the_settlement_pays_and_who_came_after_it_does_not() -> None:
    ledger = Ledger()
    owed = Owed(ledger, seat_of(1_000_000))
    owed.note(KEY, T, LONG)
    owed.note(KEY, T + H8, None)
    assert ledger.book(owed, rate()) == [100_000_000]
    assert ledger.book(owed, rate(1)) == []
    owed.note(KEY, T + 2 * H8 + 1, LONG)
    assert not owed.wants(rate(2)) and owed.wants(rate(3))


def test_settlements_nobody_noticed_are_owed_since_the_position_was_opened() -> None:
    ledger = Ledger()
    owed = Owed(ledger, seat_of(1_000_000))
    assert owed.since(KEY) is None
    owed.note(KEY, T + 1, SHORT)
    assert owed.since(KEY) == T + 1
    assert [ledger.book(owed, rate(n)) for n in range(4)] == [[], [-100_000_000], [-100_000_000], [-100_000_000]]
    assert owed.since(KEY) == T + 3 * H8 + 1


def test_what_is_booked_is_not_wanted_again() -> None:
    ledger = Ledger()
    before = Owed(ledger, seat_of(1_000_000))
    before.note(KEY, T, LONG)
    assert ledger.book(before, rate()) != []
    after = Owed(ledger, seat_of(1_000_000))  # another life
    after.note(KEY, T - 5, LONG)
    assert not after.wants(rate()) and ledger.book(after, rate()) == []
    assert after.wants(rate(1))


def test_a_note_of_the_past_replaces_what_followed() -> None:
    owed = Owed(Ledger(), seat_of(1_000_000))
    owed.note(KEY, T, None)
    owed.note(KEY, T + H8, None)
    owed.note(KEY, T - 1, LONG)
    assert owed.wants(rate()) and owed.wants(rate(1))
    owed.forget(KEY, T)
    assert not owed.wants(rate()) and owed.wants(rate(1))
