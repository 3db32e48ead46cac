"""Playbooks of a venue that came up without memory: entries are gone, protection and closes are asked for again."""

from __future__ import annotations

from self_test.scenarios.desk import Desk, kinds, only, rows
from state.accounts import Account, Domain, Mode
from state.books import FLAT, OPEN
from state.messages import Close, Protect, Tick, VenueReset

DAYS_20 = 20 * 86_400_000


def test_a_venue_without_memory_gets_protection_and_closes_again_and_entries_are_gone() -> None:
    desk = Desk("AAAUSDT", "BBBUSDT", "CCCUSDT")
    desk.open(0)
    desk.later(DAYS_20)
    first = only(Close, desk.tell(Tick(desk.now)))
    desk.bar()
    desk.open(1)
    desk.bar(10_800)
    desk.enter(2, quote=desk.quote(2))
    commands = desk.later(5_000).tell(VenueReset(desk.now, desk.account))
    protected = {one.key: one for one in kinds(commands, Protect)}
    assert set(protected) == {desk.coin(0).key, desk.coin(1).key}
    assert (protected[desk.coin(1).key].stop, protected[desk.coin(1).key].trailed) == (int(desk.pos(1)["stop"]), True)
    again = only(Close, commands)
    assert again.reduce.key == desk.coin(0).key and again.reduce.reason == first.reduce.reason
    assert again.reduce.order_id != first.reduce.order_id
    assert desk.pos(2)["status"] == FLAT
    assert list(desk.engine.state.orders) == [again.reduce.order_id]
    order = [commands.index(protected[desk.coin(0).key]), commands.index(again)]
    assert order == sorted(order), "protected before it is closed"
    assert rows(desk.closed(again, 10_800), "trade")


def test_a_half_filled_entry_stays_with_what_it_has() -> None:
    desk = Desk()
    order = desk.enter()
    desk.filled(order, steps=2_000, left=3_000)
    commands = desk.tell(VenueReset(desk.now, desk.account))
    assert only(Protect, commands).steps == 2_000
    assert (desk.pos()["status"], desk.pos()["working"], desk.engine.state.orders) == (OPEN, 0, {})


def test_another_account_is_none_of_its_business() -> None:
    desk = Desk()
    desk.open()
    assert desk.tell(VenueReset(desk.now, Account(Domain.PERPS, Mode.PAPER))) == []
