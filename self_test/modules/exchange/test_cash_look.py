"""The list of cash movements by cursor: when it is asked, each row told once, whatever fails."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from modules.exchange.cash_look import EVERY_S, PATIENCE_S, CashLook
from modules.exchange.reports import CashReport
from self_test.modules.exchange.watching import LIVE_PERP, LIVE_SPOT
from state.messages import AccountEvent, CashMoved, FundingPaid
from state.transfers import OVERLAP_MS, CashLog
from utils.clock import FakeClock
from utils.errors import BotError, Rejected, Transient

pytestmark = pytest.mark.asyncio
CASH = Decimal(1000)
KEY = "PERPS:AAAUSDT"


class Listed:
    """A list, a look at it, and what was told."""

    def __init__(self, told: CashLog | None = None, *, own: bool = False) -> None:
        self.clock = FakeClock()
        self.rows: list[CashReport] = []
        self.since: list[int] = []
        self.fault: BotError | None = None
        self.hangs = False
        self.differing = True
        self.told: list[AccountEvent] = []
        self.look = CashLook(
            LIVE_SPOT, self, self.told.extend, self.clock, self.clock.now_ms, lambda cash: self.differing, told=told,
            sharing=(LIVE_PERP,), own_deposits=own, traded={KEY},
        )  # fmt: skip

    async def movements(self, since_ms: int) -> list[CashReport]:
        self.since.append(since_ms)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return [row for row in self.rows if row.ts >= since_ms]

    def row(self, ref: str, amount: str, ts: int | None = None) -> None:
        kind = "transfer_in" if Decimal(amount) > 0 else "transfer_out"
        when = self.clock.now_ms() if ts is None else ts
        self.rows.append(CashReport(ref=ref, kind=kind, coin="USDT", amount=Decimal(amount), ts=when))

    def refs(self) -> list[str]:
        return [event.ref for event in self.told if isinstance(event, CashMoved)]


async def begun(*, own: bool = False) -> Listed:
    """A list that was looked at once, a second ago."""
    one = Listed(own=own)
    assert not await one.look.news(CASH)
    await one.clock.advance(1)
    return one


async def test_a_row_is_told_once_with_all_that_is_known_of_it() -> None:
    one = await begun()
    one.row("a", "-12.5")
    assert await one.look.news(CASH), "the wallet has to be read again"
    now = one.clock.now_ms()
    assert one.told == [CashMoved(now, LIVE_SPOT, -125_000_000_000, "transfer_out", "a", False, (LIVE_PERP,))]
    assert not await one.look.news(CASH) and one.refs() == ["a"] and one.look.cursor == now


async def test_what_counts_as_own_is_what_comes_and_only_where_it_is_set() -> None:
    for own in (True, False):
        one = await begun(own=own)
        one.row("in", "5")
        one.row("out", "-5")
        await one.look.news(CASH)
        assert [event.own for event in one.told if isinstance(event, CashMoved)] == [own, False]


async def test_what_was_there_when_it_began_is_part_of_the_opening_balance() -> None:
    one = Listed()
    one.row("before", "1000")
    assert not await one.look.news(CASH) and one.told == []
    await one.clock.advance(1)
    one.row("after", "1")
    assert await one.look.news(CASH) and one.refs() == ["after"]


async def test_a_wallet_that_agrees_is_looked_at_every_few_minutes() -> None:
    one = Listed()
    one.differing = False
    for _ in range(int(EVERY_S) - 1):
        await one.clock.advance(1)
        await one.look.news(CASH)
    assert one.since == []
    for _ in range(10):
        await one.clock.advance(1)
        await one.look.news(CASH)
    assert len(one.since) == 1


async def test_a_restart_reads_from_the_cursor_with_an_overlap_and_never_from_before_the_wallet() -> None:
    began = Listed().clock.now_ms()
    told = CashLog(since=began - 20 * OVERLAP_MS, cursor=began - 5 * OVERLAP_MS, seen={"known": began - 5 * OVERLAP_MS - 1})
    one = Listed(told)
    one.row("known", "-1", began - 5 * OVERLAP_MS - 1)
    one.row("lagged", "-1", began - 5 * OVERLAP_MS - 1)
    one.row("dead", "-1", began - 3)
    assert await one.look.news(CASH) and one.refs() == ["lagged", "dead"]
    assert one.since == [told.cursor - OVERLAP_MS]
    young = Listed(CashLog(since=began - 5, cursor=began - 4))
    young.row("opening", "1000", began - 5)
    assert not await young.look.news(CASH) and young.since == [began - 5]


@pytest.mark.parametrize("fault", [Transient("no route"), Rejected("no", 10001), None])
async def test_bad_input_a_list_that_cannot_be_read_says_nothing_and_is_asked_again(fault: BotError | None) -> None:
    one = await begun()
    one.row("a", "-1")
    cursor, one.fault, one.hangs = one.look.cursor, fault, fault is None
    began = asyncio.get_running_loop().time()
    assert not await one.look.news(CASH) and one.told == [] and one.look.cursor == cursor
    assert asyncio.get_running_loop().time() - began < PATIENCE_S + 1
    one.fault, one.hangs = None, False
    assert await one.look.news(CASH) and one.refs() == ["a"]


async def test_what_is_remembered_of_rows_stays_bounded() -> None:
    one = await begun()
    for n in range(50):
        one.row(f"r{n}", "1")
        await one.look.news(CASH)
        await one.clock.advance(OVERLAP_MS / 1000)
    assert len(one.refs()) == 50 and len(one.look._seen) <= 4


async def test_funding_in_the_list_is_a_settlement_of_a_position_and_that_of_others_is_not_ours() -> None:
    one = await begun()
    now = one.clock.now_ms()
    one.rows += [
        CashReport(ref=ref, kind="settlement", coin="USDT", amount=Decimal("-0.25"), ts=now, key=key)
        for ref, key in (("x7", KEY), ("x8", "PERPS:ZZZUSDT"))
    ]
    assert await one.look.news(CASH), "the wallet has to be read again"
    assert one.told == [FundingPaid(now, LIVE_SPOT, KEY, 2_500_000_000, "x7")]
    assert not await one.look.news(CASH)
