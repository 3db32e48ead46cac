"""Money in and out of live accounts over the wire: the whole bot against the simulator, whose truth is compared to the last unit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from modules.chaos.verdict import Told, wallets
from modules.exchange.bybit_cash import LOG
from modules.simulator.server import Simulator
from self_test.contracts.clients import venue
from self_test.contracts.whole import Venue, Whole, alive
from state.accounts import Account, Domain, Mode
from state.messages import CashMoved, Command, Record
from state.runtime import account_view
from utils.fixed import money

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("kernels")]
SPOT, PERP = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)


def transfer(simulator: Simulator, amount: int, number: int = 0) -> None:
    """Money in or out of one of the simulator's accounts."""
    simulator.private.transfer(simulator.private.keyring.accounts[number].api_key, "USDT", Decimal(amount))


def row_of(bot: Whole, account: Account = SPOT) -> dict[str, Decimal]:
    acct = bot.engine.state.acct[bot.engine.state.accounts.index(account)]
    return {name: money(int(acct[name])) for name in ("cash", "equity", "peak", "day_start", "outside")}


def booked(commands: list[Command]) -> list[tuple[str, str, str]]:
    """(account, kind, amount) of what was booked of the list."""
    rows = [one.row for one in commands if isinstance(one, Record) and one.kind == "cash"]
    return [(row["account"], row["kind"], row["amount"]) for row in rows if row["kind"].startswith("transfer")]


def agrees(simulator: Simulator, *lives: list[Command]) -> None:
    """The bot's cash rows of all its lives and the venue's wallets tell one story."""
    told = [Told(kind=one.kind, row=one.row) for life in lives for one in life if isinstance(one, Record)]
    assert wallets(told, Venue(simulator).ledger) == []


async def settled(bot: Whole) -> None:
    """Until the venue and the book agree and every movement was explained."""
    await bot.fresh_reads()
    await bot.until(lambda: not any(log.waiting for log in bot.engine.state.cash_logs.values()))


async def test_in_and_out_while_it_trades_is_neither_gain_nor_loss_to_the_last_unit(tmp_path: Path):
    async with venue() as simulator, alive(simulator, tmp_path) as bot:
        await bot.entered()
        await settled(bot)
        before = row_of(bot)
        transfer(simulator, 500)
        await bot.until(lambda: row_of(bot)["outside"] == 500)
        assert booked(bot.commands) == []
        transfer(simulator, -40_500)
        await bot.until(lambda: bool(booked(bot.commands)))
        await settled(bot)
        assert booked(bot.commands) == [("CRYPTO/LIVE", "transfer_out", "-40000")]
        after = row_of(bot)
        assert after["outside"] == 0
        share = after["equity"] / (after["equity"] + 40_000)
        assert after["peak"] == pytest.approx(before["peak"] * share, rel=Decimal("1e-3"))
        assert after["day_start"] == pytest.approx(before["day_start"] * share, rel=Decimal("1e-3"))
        assert account_view(bot.engine.state, 0).drawdown < 0.01 and not bot.engine.state.acct[0]["level"]
        assert ("account", "deficit") not in bot.reports()
        agrees(simulator, bot.commands)


async def test_what_leaves_while_the_bot_is_dead_is_booked_once_at_its_next_start(tmp_path: Path):
    async with venue() as simulator:
        async with alive(simulator, tmp_path) as first:
            await first.entered()
            transfer(simulator, -1_000)
            await first.until(lambda: bool(booked(first.commands)))
            await settled(first)
        transfer(simulator, -2_000)
        transfer(simulator, 300)
        transfer(simulator, -300)
        async with alive(simulator, tmp_path) as second:
            await second.until(lambda: bool(booked(second.commands)))
            await settled(second)
            assert [event.amount for event in second.told(CashMoved)] == [-20_000_000_000_000, 3_000_000_000_000, -3_000_000_000_000]
            assert sum(Decimal(amount) for _, _, amount in booked(second.commands)) == -2_000
            assert ("account", "deficit") not in second.reports() and row_of(second)["outside"] == 0
            agrees(simulator, first.commands, second.commands)
        async with alive(simulator, tmp_path) as third:
            await third.until(lambda: third.free)
            await settled(third)
            assert third.told(CashMoved) == []
            agrees(simulator, first.commands, second.commands, third.commands)


async def test_bad_input_a_list_that_cannot_be_read_leaves_the_hold_of_a_deficit_until_it_can(tmp_path: Path):
    async with venue() as simulator, alive(simulator, tmp_path) as bot:
        await bot.entered()
        await settled(bot)
        fault = bot.fault(kind="http_status", match=LOG, status=500, count=0)
        transfer(simulator, -1_000)
        await bot.until(lambda: "deficit" in bot.engine.state.holds["CRYPTO/LIVE"])
        assert booked(bot.commands) == [] and not bot.free
        simulator.private.remove_fault(fault)
        await bot.until(lambda: bot.free)
        assert booked(bot.commands) == [("CRYPTO/LIVE", "transfer_out", "-1000")]
        agrees(simulator, bot.commands)


async def test_each_account_hears_of_its_own_wallet_only(tmp_path: Path):
    async with venue() as simulator, alive(simulator, tmp_path, Domain.CRYPTO, Domain.PERPS) as bot:
        await settled(bot)
        before = row_of(bot)
        transfer(simulator, -700, number=1)
        await bot.until(lambda: bool(booked(bot.commands)))
        await settled(bot)
        assert booked(bot.commands) == [("PERPS/LIVE", "transfer_out", "-700")] and row_of(bot) == before


async def test_a_trade_is_never_taken_for_a_movement(tmp_path: Path):
    async with venue() as simulator, alive(simulator, tmp_path, Domain.PERPS) as bot:
        await bot.entered()
        bot.control("flatten", account="PERPS/LIVE")
        await bot.until(lambda: not bot.holding)
        await settled(bot)
        day_before = bot.now() - 86_400_000
        rows = await bot.floor._venues[bot.account].movements(day_before)  # everything since the account began: its opening alone
        assert {row.kind for row in rows} == {"transfer_in"}
        assert bot.told(CashMoved) == [] and booked(bot.commands) == []
