"""Playbooks of money that comes and goes beside trading: rows explain, readings decide, drawdown never notices."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from modules.engine.recovery import restore, snapshot_of
from self_test.scenarios.desk import DAY_MS, LiveDesk, books_balance, refused, reports, round_trip, rows, settled
from state.accounts import Account, Domain, Mode
from state.messages import CashMoved, Command, Event, decode_event, encode_event
from state.runtime import account_view, freeze, thaw
from utils.fixed import MONEY_SCALE, money

OTHER = Account(Domain.PERPS, Mode.LIVE)


class MovedDesk(LiveDesk):
    """A live desk whose wallet people reach into. Every event goes through the journal's form."""

    def __init__(self, *symbols: str, **more: Any) -> None:
        self.events: list[Event] = []
        self.numbers = count(1)
        super().__init__(*symbols, **more)
        self.read()

    def tell(self, event: Event) -> list[Command]:
        self.events.append(event)
        return super().tell(decode_event(encode_event(event)))

    def moves(self, amount: int, *, own: bool = False, ref: str = "", told: bool = True) -> CashMoved:
        """Money comes or leaves at the venue, and the list tells of it."""
        self.later(1)
        self.venue_cash += amount
        kind = "transfer_in" if amount > 0 else "transfer_out"
        event = CashMoved(self.now, self.live, amount * MONEY_SCALE, kind, ref or f"row{next(self.numbers)}", own)
        if told:
            self.tell(event)
        return event

    def read(self, **told: Any) -> list[Command]:
        return super().read(**{"cash_cursor": self.now, **told})

    @property
    def outside(self) -> Any:
        return money(int(self.acct["outside"]))

    @property
    def cash(self) -> Any:
        return money(int(self.acct["cash"]))


def test_a_deposit_in_between_stays_outside_and_is_told() -> None:
    desk = MovedDesk()
    desk.moves(500)
    said = desk.read()
    assert reports(said) == [("account", "outside")] and rows(said, "cash") == []
    assert (desk.cash, desk.outside, desk.causes) == (1_000, 500, set())
    assert desk.read() == []


def test_a_withdrawal_in_between_is_neither_loss_nor_deficit() -> None:
    desk = MovedDesk()
    desk.moves(-300)
    said = desk.read()
    (row,) = rows(said, "cash")
    assert (row["kind"], row["amount"], row["ref"], row["account"]) == ("transfer_out", "-300", "row1", "CRYPTO/LIVE")
    assert reports(said) == [("account", "cash")] and desk.causes == set()
    view = account_view(desk.engine.state, 0)
    assert (view.equity, view.balance, view.drawdown, view.realised_pnl) == ("700", "700", 0.0, "0")
    desk.bar()
    assert not desk.acct["day_stopped"] and not desk.acct["level"] and account_view(desk.engine.state, 1).equity == "1000"
    settled(desk)
    desk.enter()


def test_a_withdrawal_takes_first_what_was_not_ours() -> None:
    desk = MovedDesk()
    desk.moves(200)
    desk.read()
    desk.moves(-300)
    assert [row["amount"] for row in rows(desk.read(), "cash")] == ["-100"]
    assert (desk.cash, desk.outside, desk.causes) == (900, 0, set())
    settled(desk)


def test_to_and_fro_at_once_changes_nothing() -> None:
    for first, second in ((300, -300), (-300, 300)):
        desk = MovedDesk()
        desk.moves(first)
        desk.moves(second)
        assert desk.read() == [] and (desk.cash, desk.outside, desk.causes) == (1_000, 0, set())
        settled(desk)


def test_the_same_row_read_twice_counts_once() -> None:
    desk = MovedDesk()
    row = desk.moves(-100)
    desk.tell(row)
    desk.read()
    desk.tell(row)
    desk.venue_cash -= 100  # and now money is really missing
    desk.read()
    assert desk.cash == 900 and desk.causes == {"deficit"}


def test_without_a_row_missing_money_is_a_deficit_until_the_row_comes() -> None:
    desk = MovedDesk()
    row = desk.moves(-100, told=False)
    desk.read()
    assert desk.causes == {"deficit"} and refused(desk.signal()) == "account_held" and desk.cash == 1_000
    desk.tell(row)
    said = desk.read()
    assert desk.causes == set() and [one["amount"] for one in rows(said, "cash")] == ["-100"]
    settled(desk)


def test_a_row_that_comes_after_its_reading_takes_nothing_twice() -> None:
    desk = MovedDesk()
    desk.moves(200)
    desk.read()
    late = desk.moves(-200, told=False)
    desk.read()
    assert (desk.cash, desk.outside) == (1_000, 0)
    desk.tell(late)
    assert rows(desk.read(), "cash") == [] and (desk.cash, desk.outside, desk.causes) == (1_000, 0, set())


def test_a_withdrawal_of_nearly_all_ends_in_the_honest_hold_and_ends_when_money_is_back() -> None:
    desk = MovedDesk()
    desk.moves(-1_000)
    assert rows(desk.read(), "cash") == [] and desk.causes == {"deficit"}
    assert account_view(desk.engine.state, 0).drawdown == 0.0 and not desk.acct["halted"]
    desk.moves(400)
    said = desk.read()
    assert [row["amount"] for row in rows(said, "cash")] == ["-600"] and desk.causes == set()
    settled(desk)


def test_the_margin_of_a_position_cannot_be_withdrawn_quietly() -> None:
    desk = MovedDesk(perps=True)
    order = desk.open()
    held = {desk.coin().key: int(order.intent.side) * order.intent.steps}
    bound = money(int(desk.pos()["value"]) // max(1, int(desk.engine.state.inst[desk.seat()]["leverage"])))
    leaves = int(desk.cash - bound) + 1
    desk.moves(-leaves)
    desk.read(positions=held)
    assert desk.causes == {"deficit"} and rows(desk.all, "cash")[-1]["kind"] != "transfer_out"
    desk.moves(2)
    desk.read(positions=held)
    assert desk.causes == set() and rows(desk.all, "cash")[-1]["amount"] == str(2 - leaves)
    books_balance(desk)


def test_what_is_on_its_way_is_judged_when_it_has_come_to_rest() -> None:
    desk = MovedDesk()
    order = desk.enter()
    desk.moves(-100)
    desk.read()
    assert desk.cash == 1_000 and desk.causes == set()
    desk.filled(order)
    desk.read()
    assert rows(desk.all, "cash")[-1]["amount"] == "-100"
    settled(desk)


def test_a_coin_that_is_missing_keeps_cash_unjudged_and_the_row_waiting() -> None:
    desk = MovedDesk()
    desk.open()
    desk.moves(-100)
    desk.read(coins={})
    assert desk.causes == {"deficit"} and rows(desk.all, "cash")[-1]["kind"] != "transfer_out"
    desk.read()
    assert desk.causes == set() and rows(desk.all, "cash")[-1]["amount"] == "-100"
    settled(desk)


def test_a_deposit_counts_as_own_where_it_is_set_and_is_no_gain() -> None:
    desk = MovedDesk()
    desk.moves(200, own=True)
    (row,) = rows(desk.read(), "cash")
    assert (row["kind"], row["amount"]) == ("transfer_in", "200") and (desk.cash, desk.outside) == (1_200, 0)
    assert account_view(desk.engine.state, 0).drawdown == 0.0 and int(desk.acct["peak"]) == 1_200 * MONEY_SCALE
    desk.bar()
    settled(desk)


def test_it_waits_through_a_restart() -> None:
    desk = MovedDesk()
    desk.moves(-100)
    snapshot = snapshot_of(desk.engine, 7)
    desk.engine = restore(snapshot)
    desk.read()
    assert rows(desk.all, "cash")[-1]["amount"] == "-100" and desk.causes == set()
    settled(desk)
    readable, arrays = freeze(desk.engine.state)
    assert thaw(readable, {name: array.copy() for name, array in arrays.items()}).cash_logs == desk.engine.state.cash_logs


@pytest.mark.parametrize("own", [False, True])
def test_a_replay_of_the_journal_comes_to_the_same(own: bool) -> None:
    desk = MovedDesk()
    round_trip(desk, price=9_900)
    snapshot = snapshot_of(desk.engine, 7)
    began = len(desk.events)
    for amount in (250, -400, 30, -10):
        desk.moves(amount, own=own)
        desk.read()
        desk.bar()
    desk.later(DAY_MS).bar()
    again = restore(snapshot)
    for event in desk.events[began:]:
        again.process(event)
    assert freeze(again.state)[0] == freeze(desk.engine.state)[0] and (again.state.acct == desk.engine.state.acct).all()


def test_a_row_from_before_the_wallet_is_in_its_opening() -> None:
    desk = MovedDesk()
    desk.tell(CashMoved(desk.now - 1_000_000, desk.live, 1_000 * MONEY_SCALE, "transfer_in", "opening", True))
    desk.moves(0)
    desk.read(cash=1_500 * MONEY_SCALE)
    assert (desk.cash, desk.outside) == (1_000, 500)


@pytest.mark.parametrize("amount", [-600, -100, 400, 3_000])
def test_the_days_return_is_what_it_was_whatever_moves_in_between(amount: int) -> None:
    """Equity over the day's start, and the policy trades' profit over it, with and without the money that came or left."""

    def day(moved: int) -> tuple[float, float]:
        desk = MovedDesk("AAAUSDT", "BBBUSDT")
        round_trip(desk, price=10_300)
        desk.open(1)
        desk.bar(10_100)
        if moved:
            desk.moves(moved, own=moved > 0)
            desk.read()
            assert desk.causes == set()
        row = next(one for one in rows(desk.later(DAY_MS).bar(10_100), "equity") if one["account"] == "CRYPTO/LIVE")
        start = float(row["start"])
        return float(row["equity"]) / start, float(row["policy"]["swing"]) / start

    assert day(amount) == pytest.approx(day(0), rel=1e-9)
