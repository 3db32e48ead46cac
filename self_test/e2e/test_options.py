"""Options on paper beside everything else of stage 5: contracts in the books, wallets apart, killed with one held and on; a switch of
their own, and without a broker a reason."""

from __future__ import annotations

import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from bench.audit import replayed, rows_of
from bench.bot import Bot, no_leftovers, run, simulators_of, started
from self_test.e2e.test_live import exec_ids, flat, sums, told
from state.options import OptionContract

PAPER = "OPTIONS/PAPER"
ACCOUNTS = {"CRYPTO/LIVE", "CRYPTO/PAPER", "FOREX/LIVE", "FOREX/PAPER", PAPER}
STAGE_5 = (
    *("--stage", "5", "--override-gates", "--strategies", "demo", "--speed", "600", "--symbols", "BTCUSDT,EURUSD,USDJPY"),
    *("--set", "domains.crypto.warmup_days=2"),
)
ENTERS_NOTHING = "OPTIONS enters nothing until somebody says `options on` (or starts with --enable options)"
NO_LIVE = "OPTIONS/LIVE unavailable: the simulator has no options venue; OPTIONS trades on paper"


def trades(bot: Bot, account: str = PAPER) -> int:
    return len(told(bot, "trade", account))


def held(bot: Bot) -> dict[str, Decimal]:
    """Contract -> quantity that the fills leave."""
    found: Counter[str] = Counter()
    for row in told(bot, "fill", PAPER):
        found[row["symbol"]] += Decimal(row["qty"]) * (1 if row["side"] == "buy" else -1)  # type: ignore[assignment]
    return {symbol: Decimal(qty) for symbol, qty in found.items() if qty}


def frozen_while_it_holds(bot: Bot) -> bool:
    """Stop it for a kill, if an option is held at this moment."""
    bot.process.send_signal(signal.SIGSTOP)
    if held(bot):
        return True
    bot.process.send_signal(signal.SIGCONT)
    return False


def contracts(bot: Bot) -> list[OptionContract]:
    """What the books name; each is a contract, bought in hundreds and paid for without a fee."""
    rows = told(bot, "fill", PAPER)
    assert {Decimal(row["qty"]) % 100 for row in rows} == {0} and {Decimal(row["fee"]) for row in rows} == {0}
    assert {row["symbol"] for row in rows} >= {row["symbol"] for row in told(bot, "trade", PAPER)}
    return [OptionContract.parse(row["symbol"]) for row in rows]


def apart(bot: Bot) -> None:
    """Five wallets, each the sum of its own rows; none has an execution of another."""
    accounts = bot.status()["accounts"]
    assert set(accounts) == ACCOUNTS
    seen = Counter(name for account in ACCOUNTS for name in exec_ids(bot, account))
    assert set(seen.values()) == {1}
    for account, view in accounts.items():
        rows = told(bot, "trade", account)
        assert len(rows) == view["closed_trades"] > 0, account
        assert sum((Decimal(row["pnl"]) for row in rows), Decimal(0)) == Decimal(view["realised_pnl"]), account
        money = {coin: amount for coin, amount in sums(told(bot, "cash", account)).items() if coin in {"USD", "USDT"}}
        assert list(money.values()) == [Decimal(view["balance"])], account
    start = Decimal(1_000)
    assert start + Decimal(accounts[PAPER]["realised_pnl"]) == Decimal(accounts[PAPER]["balance"])


def to_rest(bot: Bot, state_dir: Path) -> None:
    assert run("pause", "--yes", "--state-dir", str(state_dir)).returncode == 0
    bot.until("flat", lambda: flat(bot), 40)


@pytest.mark.timeout(300)
def test_what_the_docs_type_shows_o1_trading(tmp_path: Path) -> None:
    """The seed of `docs/options.md` (here with fewer coins): the real strategies, and O1 is through with a contract within a venue day."""
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        seed_2 = ("--stage", "5", "--override-gates", "--enable", "forex,options", "--speed", "6000", "--seed", "2")
        with started(state_dir, *seed_2, "--symbols", "BTCUSDT,EURUSD,USDJPY", "--set", "domains.crypto.warmup_days=2") as bot:
            bot.ready()
            bot.until("O1's first trade", lambda: trades(bot) > 0, 150)
            (row, *_) = told(bot, "trade", PAPER)
            assert row["strategy"] == "O1" and OptionContract.parse(row["symbol"]).pair in {"EURUSD", "USDJPY"}
            assert bot.stop() == 0 and "Traceback" not in bot.said
    assert simulators_of(state_dir) == []


@pytest.mark.timeout(300)
def test_options_trade_beside_everything_else_through_a_kill_and_a_switch(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        with started(state_dir, *STAGE_5, "--enable", "forex,options") as bot:
            bot.ready()
            assert NO_LIVE in bot.said and ENTERS_NOTHING not in bot.said
            bot.until("closed trades", lambda: all(trades(bot, one) for one in ACCOUNTS), 120)
            bot.until("an option held", lambda: frozen_while_it_holds(bot), 90)
            (first_held, *_) = held(bot)
            bot.kill()
        first = [bytes(row.row) for row in rows_of(bot.folder)]
        done = trades(bot)

        with started(state_dir, *STAGE_5, "--enable", "forex,options", output=tmp_path / "again.out") as bot:
            bot.ready()
            assert "going on from the stored state" in bot.said
            bot.until("what was held is sold", lambda: first_held not in held(bot), 40)
            bot.until("trading on", lambda: trades(bot) > done + 2, 40)
            bot.until("calls and puts", lambda: len({one.right for one in contracts(bot)}) == 2, 60)
            to_rest(bot, state_dir)
            apart(bot)
            found = contracts(bot)
            assert {one.pair for one in found} == {"EURUSD", "USDJPY"}
            assert bot.stop() == 0 and "Traceback" not in bot.said
        assert [bytes(row.row) for row in rows_of(bot.folder)][: len(first)] == first
        assert replayed(bot.folder, tmp_path / "copy").differing == 0
        entered = exec_ids(bot, PAPER)

        with started(state_dir, *STAGE_5, "--enable", "forex", output=tmp_path / "off.out") as bot:
            bot.ready()
            assert ENTERS_NOTHING in bot.said
            assert run("unpause", "--yes", "--state-dir", str(state_dir)).returncode == 0
            count = trades(bot, "FOREX/PAPER")
            bot.until("currencies trade on", lambda: trades(bot, "FOREX/PAPER") > count + 3, 40)
            assert exec_ids(bot, PAPER) == entered
            assert run("control", "options", "on", "--yes", "--state-dir", str(state_dir)).returncode == 0
            bot.until("it was the switch", lambda: len(exec_ids(bot, PAPER)) > len(entered), 40)
            assert bot.stop() == 0 and "Traceback" not in bot.said
    assert simulators_of(state_dir) == []
