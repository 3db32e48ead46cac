from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from decimal import Decimal
from typing import TypeVar

import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import IbkrGateway
from modules.exchange.ibkr_slots import IbkrSlots
from modules.exchange.reports import OrderKind, PositionReport
from modules.flatten import FlatReport, LiveAccount, flatten_account, flatten_accounts
from modules.flatten_plan import Ours
from modules.ports import BAD_KEY, BELOW_MINIMUM, Barred, Ticket, free
from self_test.fakes.flat_venue import NOW, FlatVenue
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument
from utils.clock import FakeClock
from utils.errors import Refusal, Rejected, Transient
from utils.throttle import Urgency

T = TypeVar("T")
SPOT, PERPS = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)


def coins(account: Account, count: int) -> dict[str, Instrument]:
    made = [
        Instrument(
            domain=account.domain, symbol=f"C{n}USDT", base=f"C{n}", quote="USDT", tick=Decimal("0.01"), step=Decimal("0.1"),
            min_qty=Decimal("0.1"), min_notional=Decimal(5), max_qty=Decimal(1000),
        )
        for n in range(count)
    ]  # fmt: skip
    return {one.key: one for one in made}


def ours(account: Account, count: int, **more: object) -> Ours:
    told = {"tag": "abc", "ts": NOW, "instruments": coins(account, count)} | more
    return Ours(account=account, **told)  # type: ignore[arg-type]


def run(clock: FakeClock, work: Awaitable[T], steps: int = 4000) -> T:
    """Drive the work by moving its clock."""

    async def go() -> T:
        async def finish() -> T:
            return await work

        async with asyncio.TaskGroup() as group:
            task = group.create_task(finish())
            for _ in range(steps):
                if task.done():
                    break
                await clock.advance(0.05)
            else:
                task.cancel()
        return task.result()

    return asyncio.run(go())


def spot_book(count: int, venue: FlatVenue) -> Ours:
    """Positions with brackets that the venue made, an entry that rests, and coins of the user beside ours."""
    known = ours(SPOT, count, held={f"CRYPTO:C{n}USDT": Decimal(10) for n in range(count)})
    for n in range(count):
        venue.coins[f"C{n}"] = Decimal(17)
        venue.rest(f"CRYPTO:C{n}USDT", f"98765{n}", -1, "10", OrderKind.SPOT_BRACKET)
    venue.rest("CRYPTO:C0USDT", "CLabc-C0USDT-1-e", 1, "3")
    return known


def test_spot_sells_what_is_ours_and_leaves_the_users_coins() -> None:
    venue, clock = FlatVenue(), FakeClock()
    known = spot_book(3, venue)
    foreign = venue.rest("CRYPTO:C1USDT", "my-own-order", -1, "7")
    report = run(clock, flatten_account(LiveAccount(known, venue), clock))
    assert report.verified and (report.cancelled, report.closed) == (4, 3)
    assert venue.coins == {f"C{n}": Decimal(7) for n in range(3)}
    assert report.left == ("CRYPTO:C1USDT: an order that is not ours, id my-own-order",)
    assert not venue.orders[foreign.venue_id].status.final


def test_perpetuals_are_closed_before_their_stops_go() -> None:
    venue, clock = FlatVenue(), FakeClock()
    venue.sizes = {"PERPS:C0USDT": Decimal(4), "PERPS:C1USDT": Decimal(-5)}
    venue.rest("PERPS:C0USDT", "", -1, "4", OrderKind.STOP_LOSS)
    venue.rest("PERPS:C1USDT", "PLabc-C1USDT-1-s1", 1, "5", OrderKind.CONDITIONAL)
    known = ours(PERPS, 2, held={"PERPS:C0USDT": Decimal(4), "PERPS:C1USDT": Decimal(-5)})
    report = run(clock, flatten_account(LiveAccount(known, venue), clock))
    assert report.verified and venue.sizes == {"PERPS:C0USDT": 0, "PERPS:C1USDT": 0}
    assert (report.cancelled, report.closed) == (0, 2), "what the venue sweeps with the position needs no cancel"


def test_what_was_not_booked_is_found_in_the_executions() -> None:
    """Killed between the fill and the journal: the stored state knows nothing of the position."""
    venue, clock = FlatVenue(), FakeClock()
    venue.execute(venue.rest("PERPS:C0USDT", "PLabc-C0USDT-1-e", 1, "4"), Decimal(4))
    report = run(clock, flatten_account(LiveAccount(ours(PERPS, 1, since_ms=NOW), venue), clock))
    assert report.verified and venue.sizes["PERPS:C0USDT"] == 0

    venue = FlatVenue()
    venue.coins["C0"] = Decimal(2)
    venue.execute(venue.rest("CRYPTO:C0USDT", "CLabc-C0USDT-1-e", 1, "4"), Decimal(4), fee_coin="C0")
    venue.execute(venue.rest("CRYPTO:C0USDT", "123", -1, "3", OrderKind.SPOT_BRACKET), Decimal(3))
    report = run(clock, flatten_account(LiveAccount(ours(SPOT, 1), venue), clock))
    assert report.verified and venue.coins["C0"] == Decimal(2), "the stop had sold 3 of our 4"


def test_a_foreign_position_is_left_and_told() -> None:
    venue, clock = FlatVenue(), FakeClock()
    venue.sizes = {"PERPS:C0USDT": Decimal(4), "PERPS:C1USDT": Decimal(9)}
    report = run(clock, flatten_account(LiveAccount(ours(PERPS, 2, held={"PERPS:C1USDT": Decimal(5)}), venue), clock))
    assert report.verified and venue.sizes == {"PERPS:C0USDT": 4, "PERPS:C1USDT": 4}
    assert "PERPS:C0USDT: a position of 4 that is not ours" in report.left


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("partial", [False, True])
def test_twenty_percent_of_all_requests_fail_and_nothing_is_sold_twice(seed: int, partial: bool) -> None:
    clock = FakeClock()
    spot, perps = FlatVenue(share=0.2, seed=seed, partial=partial), FlatVenue(share=0.2, seed=seed + 100, partial=partial)
    known = spot_book(25, spot)
    perps.sizes = {f"PERPS:C{n}USDT": Decimal(8) * (-1) ** n for n in range(25)}
    held = ours(PERPS, 25, held=dict(perps.sizes))
    reports = run(clock, flatten_accounts([LiveAccount(known, spot), LiveAccount(held, perps)], clock))
    assert all(one.verified and one.seconds <= 15 for one in reports), reports
    assert set(spot.coins.values()) == {Decimal(7)} and set(perps.sizes.values()) == {Decimal(0)}


def test_a_venue_that_is_down_keeps_being_asked_and_the_others_do_not_wait() -> None:
    up, down, clock, said = FlatVenue(), FlatVenue(), FakeClock(), list[str]()
    known = spot_book(2, up)
    down.down, down.sizes = True, {"PERPS:C0USDT": Decimal(4)}
    work = flatten_accounts(
        [LiveAccount(known, up), LiveAccount(ours(PERPS, 1, held=dict(down.sizes)), down)], clock, limit_s=20, say=said.append
    )
    fine, lost = run(clock, work)
    assert fine.verified and fine.seconds < 2
    assert (lost.verified, lost.account) == (False, "PERPS/LIVE") and 20 <= lost.seconds < 21 and "does not answer" in lost.trouble
    assert 3 <= len(said) <= 4 and all(line.startswith("PERPS/LIVE: ") and line.endswith("trying again") for line in said)
    assert len(down.asked) > 300


def test_options_without_their_client_library_are_told_and_the_coins_beside_them_are_sold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ib_async", None)
    venue, clock = FlatVenue(), FakeClock()
    known, options = spot_book(3, venue), Account(Domain.OPTIONS, Mode.LIVE)
    slots = IbkrSlots(IbkrVenue(IbkrGateway(IbkrPlace("127.0.0.1", 4002, 1, "U1234567")), clock, venue_now=lambda: NOW))
    fine, lost = run(clock, flatten_accounts([LiveAccount(known, venue), LiveAccount(ours(options, 0), slots)], clock))
    assert fine.verified and set(venue.coins.values()) == {Decimal(7)}
    assert (lost.verified, lost.account) == (False, "OPTIONS/LIVE") and "make setup-ibkr" in lost.trouble
    assert lost.seconds < 1, "nobody who asks again would hear anything else"


@pytest.mark.parametrize("error", [Refusal("this door cannot be opened here"), ValueError("this door cannot be opened here")])
def test_whatever_one_account_meets_the_others_are_flattened(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    up, broken, clock, said = FlatVenue(), FlatVenue(), FakeClock(), list[str]()
    known = spot_book(2, up)

    async def positions() -> list[PositionReport]:
        raise error

    monkeypatch.setattr(broken, "positions", positions)
    pair = [LiveAccount(ours(PERPS, 1), broken), LiveAccount(known, up)]
    lost, fine = run(clock, flatten_accounts(pair, clock, say=said.append))
    assert fine.verified and set(up.coins.values()) == {Decimal(7)}
    assert (lost.verified, lost.account) == (False, "PERPS/LIVE") and "this door cannot be opened here" in lost.trouble


def test_a_venue_that_comes_back_is_flattened() -> None:
    venue, clock = FlatVenue(), FakeClock()
    venue.down, venue.sizes = True, {"PERPS:C0USDT": Decimal(4)}

    async def scenario() -> FlatReport:
        async def recover() -> None:
            await clock.sleep(7)
            venue.down = False

        async with asyncio.TaskGroup() as group:
            group.create_task(recover())
            task = group.create_task(flatten_account(LiveAccount(ours(PERPS, 1, held=dict(venue.sizes)), venue), clock))
        return task.result()

    report = run(clock, scenario())
    assert report.verified and 7 <= report.seconds < 8


def test_a_key_that_is_refused_ends_it_at_once() -> None:
    venue, clock = FlatVenue(), FakeClock()

    async def refuse() -> list[object]:
        raise Rejected("invalid key", BAD_KEY)

    venue.open_orders = refuse  # type: ignore[assignment,method-assign]
    report = run(clock, flatten_account(LiveAccount(ours(PERPS, 1), venue), clock))
    assert not report.verified and report.seconds < 1 and "invalid key" in report.trouble


def test_a_rest_too_small_is_told_and_counts_as_flat() -> None:
    venue, clock = FlatVenue(), FakeClock()
    venue.coins = {"C0": Decimal("0.05"), "C1": Decimal("0.3")}
    venue.refuse = lambda ticket: BELOW_MINIMUM if ticket.qty * 10 < 5 else ""
    held = {"CRYPTO:C0USDT": Decimal("0.05"), "CRYPTO:C1USDT": Decimal("0.3")}
    report = run(clock, flatten_account(LiveAccount(ours(SPOT, 2, held=held), venue), clock))
    assert report.verified and [line.partition(":C")[2][:8] for line in report.left] == ["0USDT: 0", "1USDT: 0"]


def test_a_refused_sale_is_tried_again_under_a_new_id() -> None:
    venue, clock, seen = FlatVenue(), FakeClock(), list[str]()

    def refuse(ticket: Ticket) -> str:
        seen.append(ticket.link_id)
        return "paused" if len(seen) < 3 else ""

    venue.refuse = refuse
    venue.sizes = {"PERPS:C0USDT": Decimal(4)}
    report = run(clock, flatten_account(LiveAccount(ours(PERPS, 1, held=dict(venue.sizes)), venue), clock))
    assert report.verified and len(set(seen)) == 3


def test_an_answer_that_was_lost_is_repeated_under_the_same_id_only() -> None:
    venue, clock, links = FlatVenue(), FakeClock(), list[str]()
    create = venue.create
    venue.sizes = {"PERPS:C0USDT": Decimal(4)}

    async def lossy(ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        links.append(ticket.link_id)
        if len(links) < 4:
            raise Transient("connection refused")
        return await create(ticket, urgency, barred)

    venue.create = lossy  # type: ignore[method-assign]
    report = run(clock, flatten_account(LiveAccount(ours(PERPS, 1, held=dict(venue.sizes)), venue), clock))
    assert report.verified and len(links) == 4 and len(set(links)) == 1


def test_with_the_state_lost_only_marked_orders_go_and_the_rest_is_named() -> None:
    venue, clock = FlatVenue(), FakeClock()
    venue.sizes = {"PERPS:C0USDT": Decimal(4)}
    marked = venue.rest("PERPS:C0USDT", "PLxyz-C0USDT-1a-e", 1, "2")
    stranger = venue.rest("PERPS:C0USDT", "mine", 1, "2")
    report = run(clock, flatten_account(LiveAccount(ours(PERPS, 1, tag=""), venue), clock))
    assert not report.verified and "state is lost" in report.trouble and len(report.left) == 2
    assert venue.orders[marked.venue_id].status.final and not venue.orders[stranger.venue_id].status.final
    assert venue.sizes["PERPS:C0USDT"] == Decimal(4)

    spot = FlatVenue()
    spot.coins = {"C0": Decimal(3), "C1": Decimal(0)}
    report = run(clock, flatten_account(LiveAccount(ours(SPOT, 1, tag=""), spot), clock))
    assert report.left == ("3 C0: whose it is cannot be told",)
