"""Live money on the built-in exchange, over the wire: the books of the bot are those of the venue, paper stays paper, and it goes on."""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.audit import replayed, rows_of
from bench.bot import Bot, no_leftovers, run, simulators_of, started

LIVE, PAPER, FOREX = "CRYPTO/LIVE", "CRYPTO/PAPER", "FOREX/PAPER"
STAGE_2 = (
    *("--stage", "2", "--override-gates", "--strategies", "demo", "--symbols", "BTCUSDT,ETHUSDT"),
    *("--set", "domains.crypto.warmup_days=2"),
)


def venue(control: str) -> dict[str, Any]:
    """The exchange's own ledger."""
    with urllib.request.urlopen(f"{control}/ledger", timeout=10) as answer:  # noqa: S310  loopback
        found: dict[str, Any] = json.loads(answer.read())
    return found


def told(bot: Bot, kind: str, account: str) -> list[dict[str, Any]]:
    """The bot's rows of one kind and account."""
    rows = [json.loads(bytes(row.row)) for row in rows_of(bot.folder) if row.kind == kind]
    return [row for row in rows if row["account"] == account]


def sums(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Cash rows added up by coin, exactly."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        found[row.get("coin", "USDT")] += Decimal(row["amount"])
    return dict(found)


def exec_ids(bot: Bot, account: str) -> list[str]:
    return [row["exec_id"] for row in told(bot, "fill", account)]


def same_books(bot: Bot, ledger: dict[str, Any]) -> None:
    """At rest: every execution of the venue is booked once, and no other; cash and coins are the venue's to the last unit."""
    theirs = {row["execId"]: row for row in ledger["fills"]}
    ours = {row["exec_id"]: row for row in told(bot, "fill", LIVE)}
    assert len(ours) == len(told(bot, "fill", LIVE)) and ours.keys() == theirs.keys()
    for name, row in ours.items():
        other = theirs[name]
        assert (row["symbol"], row["side"], row["order_id"]) == (other["symbol"], other["side"].lower(), other["orderLinkId"]) or (
            other["orderLinkId"] == "" and row["symbol"] == other["symbol"]
        )
        assert (Decimal(row["qty"]), Decimal(row["price"])) == (Decimal(other["execQty"]), Decimal(other["execPrice"]))
    (uid,) = {row["account"] for row in ledger["fills"]}
    assert sums(told(bot, "cash", LIVE)) == sums([row for row in ledger["cash"] if row["account"] == uid])


def apart(bot: Bot, ledger: dict[str, Any]) -> None:
    """What is on paper never was at the venue, and each wallet is the sum of its own rows."""
    accounts = bot.status()["accounts"]
    assert set(accounts) == {LIVE, PAPER, FOREX} and accounts[FOREX]["closed_trades"] == 0, "forex is there and enters nothing"
    assert not set(exec_ids(bot, PAPER)) & {row["execId"] for row in ledger["fills"]}
    assert sums(told(bot, "cash", PAPER)) == {"USDT": Decimal(accounts[PAPER]["balance"])}
    assert sums(told(bot, "cash", LIVE))["USDT"] == Decimal(accounts[LIVE]["balance"])
    for account, view in accounts.items():
        trades = told(bot, "trade", account)
        assert len(trades) == view["closed_trades"]
        assert sum((Decimal(row["pnl"]) for row in trades), Decimal(0)) == Decimal(view["realised_pnl"])


def flat(bot: Bot) -> bool:
    return not any(view["open_positions"] for view in bot.status()["accounts"].values())


def test_a_live_account_beside_paper_and_on_after_a_restart(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        with started(state_dir, *STAGE_2, "--speed", "10", "--duration", "15") as bot:
            control = bot.ready()["simulator"]
            bot.until("fills on both accounts", lambda: exec_ids(bot, LIVE) and exec_ids(bot, PAPER), 30)
            early = venue(control)
            assert bot.ended() == 0, bot.said[-2000:]
            assert "Traceback" not in bot.said and "CRYPTO/LIVE" in bot.said
        first = [bytes(row.row) for row in rows_of(bot.folder)]
        assert {row["execId"] for row in early["fills"]} <= set(exec_ids(bot, LIVE))
        assert all(row["orderLinkId"].startswith("CL") for row in early["orders"] if row["side"] == "Buy")
        view = bot.status()["accounts"][LIVE]
        assert view["standing"] == "live" and view["canary"] is None and view["halted"] is None
        assert replayed(bot.folder, tmp_path / "copy").differing == 0

        with started(state_dir, *STAGE_2, "--speed", "60", output=tmp_path / "again.out") as bot:
            control = bot.ready()["simulator"]
            assert "going on from the stored state" in bot.said
            bot.until("a live trade", lambda: told(bot, "trade", LIVE) and told(bot, "trade", PAPER), 40)
            assert run("pause", "--yes", "--state-dir", str(state_dir)).returncode == 0
            bot.until("flat", lambda: flat(bot), 40)
            ledger = venue(control)
            same_books(bot, ledger)
            apart(bot, ledger)
            assert bot.status()["accounts"][LIVE]["held_by"] == {}
            assert bot.stop() == 0
        assert [bytes(row.row) for row in rows_of(bot.folder)][: len(first)] == first
        assert {row["execId"] for row in early["fills"]} <= {row["execId"] for row in ledger["fills"]}, "the exchange kept its books, too"
        assert ledger["positions"] == [] and [row for row in ledger["unprotected"] if row["wall_ms"] > 2_000] == []
        assert replayed(bot.folder, tmp_path / "copy").differing == 0
    assert simulators_of(state_dir) == []
