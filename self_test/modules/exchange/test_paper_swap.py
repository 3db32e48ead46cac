"""Paper positions in currency pairs pay for each turn of New York's day once, whatever happens in between."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from modules.exchange.paper_funding import Holding, Owed, settlement_ref
from modules.exchange.paper_swap import Swap as Turns
from modules.settings import Swap
from self_test.fakes.books import Books
from self_test.fakes.pairs import FX, fx_books, ticks
from state.accounts import Account
from state.market import Quote
from utils.fixed import money

KEY = "FOREX:EURUSD"
PRICE = ticks("EURUSD")
LONG = Holding(FX, 1, 100_000, 0)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def quote(text: str, key: str = KEY) -> Quote:
    return Quote(key, ms(text), PRICE - 5, PRICE + 5, 10**6, 10**6)


class Desk:
    """A watch with its ledger of what was booked."""

    def __init__(self, *, since: dict[str, int] | None = None, booked: set[str] | None = None) -> None:
        self.table: Books = fx_books("EURUSD", swap={"EURUSD": Swap(long=-0.0365, short=0.0365)})
        self.booked = set[str]() if booked is None else booked
        self.turns = Turns(self.table.instruments, Owed(self._was_booked, self.table.inst), since or {})

    def _was_booked(self, _: Account, ref: str) -> bool:
        return ref in self.booked

    def at(self, text: str, held: Holding | None = LONG) -> list[str]:
        events = self.turns.due(quote(text), held)
        self.booked |= {event.ref for event in events}
        return [str(money(event.amount).quantize(Decimal("0.01"))) for event in events]


def test_each_turn_is_paid_once_wednesday_three_times_as_much() -> None:
    desk = Desk()
    assert desk.at("2025-02-11T10:00") == []
    assert desk.at("2025-02-11T21:59") == [] and desk.at("2025-02-11T22:00") == ["11.00"]
    assert desk.at("2025-02-11T22:01") == [] and desk.at("2025-02-12T22:03") == ["33.00"]
    assert desk.booked == {settlement_ref(KEY, ms("2025-02-11T22:00")), settlement_ref(KEY, ms("2025-02-12T22:00"))}


def test_the_other_side_receives_and_nothing_held_pays_nothing() -> None:
    desk = Desk()
    desk.at("2025-02-11T10:00")
    assert desk.at("2025-02-11T22:00", Holding(FX, -1, 100_000, 0)) == ["-11.00"]
    assert desk.at("2025-02-12T22:00", None) == [] and desk.at("2025-02-13T22:00") == ["11.00"]


def test_the_turn_of_the_weeks_close_comes_with_the_first_quote_of_the_next() -> None:
    desk = Desk()
    desk.at("2025-02-14T21:30")
    assert desk.at("2025-02-16T22:05") == ["11.00"] and desk.at("2025-02-17T22:00") == ["11.00"]


def test_after_a_restart_what_was_missed_is_paid_and_what_was_booked_is_not_paid_again() -> None:
    before = Desk()
    before.at("2025-02-10T10:00")
    assert before.at("2025-02-10T22:00") == ["11.00"]
    after = Desk(since={KEY: ms("2025-02-10T10:00")}, booked=before.booked)
    assert after.at("2025-02-12T23:00") == ["11.00", "33.00"], "Tuesday and Wednesday; Monday's was booked"
    assert after.at("2025-02-12T23:01") == []


def test_other_instruments_have_no_turns() -> None:
    assert Desk().turns.due(quote("2025-02-11T22:00", "PERPS:AAAUSDT"), LONG) == []
