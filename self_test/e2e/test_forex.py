"""Two venues with live money in one process, over the wire: killed with a currency position open, its books stay the broker's, and
without `--enable forex` it enters nothing there."""

from __future__ import annotations

import json
import signal
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.audit import rows_of
from bench.bot import Bot, no_leftovers, run, simulators_of, started
from self_test.e2e.test_live import exec_ids, flat, sums, told, venue

LIVE, PAPER, CRYPTO, CRYPTO_PAPER, OPTIONS = "FOREX/LIVE", "FOREX/PAPER", "CRYPTO/LIVE", "CRYPTO/PAPER", "OPTIONS/PAPER"
STAGE_4 = (
    *("--stage", "4", "--override-gates", "--strategies", "demo", "--speed", "600", "--symbols", "BTCUSDT,EURUSD,USDJPY"),
    *("--set", "domains.crypto.warmup_days=2"),
)
ENTERS_NOTHING = "FOREX enters nothing until somebody says `forex on` (or starts with --enable forex)"


def trades(bot: Bot, account: str) -> int:
    return len(told(bot, "trade", account))


def units(fill: dict[str, Any]) -> Decimal:
    """Signed quantity of a row of ours, as the broker writes it."""
    return Decimal(fill["qty"]) * (1 if fill["side"] == "buy" else -1)


def holds(bot: Bot) -> bool:
    """Whether our fills leave something open on the live account of FOREX."""
    open_units: dict[str, Decimal] = {}
    for row in told(bot, "fill", LIVE):
        open_units[row["symbol"]] = open_units.get(row["symbol"], Decimal(0)) + units(row)
    return any(open_units.values())


def frozen_while_it_holds(bot: Bot, control: str) -> bool:
    """Freeze it, and leave it frozen if the broker and its own books both have a position at this moment."""
    if not holds(bot):
        return False
    bot.process.send_signal(signal.SIGSTOP)
    if holds(bot) and venue(control)["oanda"]["positions"]:
        return True
    bot.process.send_signal(signal.SIGCONT)
    return False


def balance_at_the_broker(control: str) -> Decimal:
    """What the broker's account summary says, not what its ledger adds up to."""
    with urllib.request.urlopen(f"{control}/accounts", timeout=10) as answer:  # noqa: S310  loopback
        return Decimal(json.loads(answer.read())["oanda"]["balance"])


def same_books(bot: Bot, control: str) -> None:
    """At rest: every fill of the broker is booked once and no other, and cash is the broker's to the last unit."""
    theirs = {row["id"]: (row["instrument"].replace("_", ""), Decimal(row["units"]), Decimal(row["price"])) for row in fills_there(control)}
    ours = told(bot, "fill", LIVE)
    assert len({row["exec_id"] for row in ours}) == len(ours)
    assert {row["exec_id"]: (row["symbol"], units(row), Decimal(row["price"])) for row in ours} == theirs
    assert {symbol for symbol, _, _ in theirs.values()} == {"EURUSD", "USDJPY"}
    ledger = venue(control)["oanda"]
    assert sums(ledger["cash"])["USD"] == balance_at_the_broker(control) != Decimal(10_000)
    assert Decimal(bot.status()["accounts"][LIVE]["balance"]) == balance_at_the_broker(control)
    assert sum(Decimal(row["amount"]) for row in told(bot, "cash", LIVE)) == balance_at_the_broker(control)
    assert ledger["unprotected"] == [] and ledger["positions"] == []


def fills_there(control: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = venue(control)["oanda"]["fills"]
    return found


def apart(bot: Bot, control: str) -> None:
    """Four wallets (options stay off), each the sum of its own rows; what one account did is in no other and at no other venue."""
    accounts = bot.status()["accounts"]
    assert set(accounts) == {LIVE, PAPER, CRYPTO, CRYPTO_PAPER, OPTIONS} and accounts.pop(OPTIONS)["closed_trades"] == 0
    assert {name: one["standing"] for name, one in accounts.items()} == {
        LIVE: "live",
        PAPER: "paper",
        CRYPTO: "live",
        CRYPTO_PAPER: "paper",
    }
    crypto = {row["execId"] for row in venue(control)["fills"]}
    assert set(exec_ids(bot, CRYPTO)) == crypto
    assert not set(exec_ids(bot, PAPER)) & {row["id"] for row in fills_there(control)}
    for account, view in accounts.items():
        rows = told(bot, "trade", account)
        assert len(rows) == view["closed_trades"] > 0
        assert sum((Decimal(row["pnl"]) for row in rows), Decimal(0)) == Decimal(view["realised_pnl"])
        assert {row["symbol"] for row in told(bot, "fill", account)} == ({"EURUSD", "USDJPY"} if "FOREX" in account else {"BTCUSDT"})


def to_rest(bot: Bot, state_dir: Path) -> None:
    assert run("pause", "--yes", "--state-dir", str(state_dir)).returncode == 0
    bot.until("flat", lambda: flat(bot), 40)


def test_currencies_live_beside_crypto_through_a_kill_and_a_switch(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        with started(state_dir, *STAGE_4, "--enable", "forex") as bot:
            control = bot.ready()["simulator"]
            bot.until("closed trades", lambda: all(trades(bot, one) for one in (LIVE, PAPER, CRYPTO)), 40)
            bot.until("a currency position", lambda: frozen_while_it_holds(bot, control), 40)
            bot.kill()
        first = [bytes(row.row) for row in rows_of(bot.folder)]
        done = {one: trades(bot, one) for one in (LIVE, PAPER, CRYPTO)}

        with started(state_dir, *STAGE_4, "--enable", "forex", output=tmp_path / "again.out") as bot:
            control = bot.ready()["simulator"]
            assert "going on from the stored state" in bot.said and ENTERS_NOTHING not in bot.said
            bot.until("trading on", lambda: all(trades(bot, one) > count + 1 for one, count in done.items()), 40)
            to_rest(bot, state_dir)
            same_books(bot, control)
            apart(bot, control)
            assert bot.stop() == 0 and "Traceback" not in bot.said
        assert [bytes(row.row) for row in rows_of(bot.folder)][: len(first)] == first
        entered = exec_ids(bot, LIVE), exec_ids(bot, PAPER)

        with started(state_dir, *STAGE_4, output=tmp_path / "off.out") as bot:
            control = bot.ready()["simulator"]
            assert ENTERS_NOTHING in bot.said
            assert run("unpause", "--yes", "--state-dir", str(state_dir)).returncode == 0
            bot.until("its market is there", lambda: "feed oanda is up" in bot.said, 40)
            count = trades(bot, CRYPTO)
            bot.until("crypto trades on", lambda: trades(bot, CRYPTO) > count + 1, 40)
            assert (exec_ids(bot, LIVE), exec_ids(bot, PAPER)) == entered and len(fills_there(control)) == len(entered[0])
            assert run("control", "forex", "on", "--yes", "--state-dir", str(state_dir)).returncode == 0
            bot.until("it was the switch", lambda: len(exec_ids(bot, LIVE)) > len(entered[0]), 40)
            assert bot.stop() == 0 and "Traceback" not in bot.said
    assert simulators_of(state_dir) == []
