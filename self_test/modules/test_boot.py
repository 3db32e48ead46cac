from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config import CONFIG
from modules.boot import assemble, checkpoint, frontier, needed, never_tradable, recover, resume, stored_policies, warm_up
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, make_mandate, make_state
from modules.engine.migrations import open_chain, schema
from modules.engine.recovery import restore, snapshot_of
from self_test.fakes.books import M5, M15, PERP, SPOT, coin
from self_test.fakes.stored import COINS, START, Played
from self_test.scenarios.desk import LiveDesk
from self_test.telemetry.ledgers import row
from state.accounts import Account, Domain, Mode
from state.booking import equity_of
from state.books import FLAT, OPEN
from state.chain import Chain
from state.ledger import read_ledger
from state.market import Candle
from state.messages import AccountDown
from state.policies import PolicyRef
from state.runtime import Readable, RuntimeState, holding
from state.stages import paper_account
from strategy.base import C4
from telemetry.ledger_rows import read_rows
from telemetry.sample import sample_of

CRYPTO = (paper_account(Domain.CRYPTO),)


def stored_state(folder: Path) -> RuntimeState:
    chain = open_chain(folder)
    found = recover(chain).state
    chain.close()
    assert found is not None
    return found


def test_a_first_start_is_a_recovery_from_nothing(tmp_path: Path) -> None:
    chain = open_chain(tmp_path)
    assert recover(chain).state is None and recover(chain).warnings == ()
    chain.close()
    state, fresh = assemble(CONFIG, COINS, CRYPTO, None)
    assert fresh == {one.key for one in COINS}
    assert state.acct["cash"].tolist() == [0], "the wallet is opened by an event, never by assembling"


def test_after_a_crash_the_journal_brings_it_to_the_last_event(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(30)
    bot.crash()
    chain = open_chain(tmp_path)
    stored = recover(chain)
    chain.close()
    assert stored.state is not None and stored.replayed is not None
    assert stored.replayed.events > 20 and stored.replayed.differing == 0 and stored.replayed.rows == 0, "the ledger had its rows"
    seq = chain.journal.last_seq
    again = Engine(stored.state, bot.engine.mandate)
    assert snapshot_of(again, seq).state == snapshot_of(bot.engine, seq).state
    assert snapshot_of(again, seq).blobs == snapshot_of(bot.engine, seq).blobs
    assert stored.state.closed_trades[0] > 0


def test_ledger_rows_that_a_crash_took_are_written_again_once(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(30)
    bot.crash()
    (log,) = (tmp_path / "ledger").glob("*.log")
    whole = log.read_bytes()
    log.write_bytes(b"".join(whole.splitlines(keepends=True)[:-5]))
    for wanted in (5, 0):
        chain = open_chain(tmp_path)
        stored = recover(chain)
        chain.close()
        assert stored.replayed is not None and stored.replayed.rows == wanted
        assert log.read_bytes() == whole
    refs = [row.ref for row in read_ledger(tmp_path / "ledger")]
    assert len(set(refs)) == len(refs)


def test_a_program_that_decides_otherwise_says_so_and_keeps_what_was_done(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(4)
    # The journal goes on under other terms than the snapshot knows: as if the program had changed in between.
    bot.engine.mandate = msgspec.structs.replace(bot.engine.mandate, demo_fraction=0.02)
    bot.minutes(12)
    cash = int(bot.engine.state.acct[0]["cash"])
    bot.chain.journal.sync()
    bot.crash()
    chain = open_chain(tmp_path)
    assert chain.snapshot is not None
    engine = restore(chain.snapshot)
    assert engine.mandate.demo_fraction != 0.02
    stored = recover(chain)
    chain.close()
    assert stored.replayed is not None and stored.replayed.differing > 0
    assert any("would be decided differently" in line for line in stored.warnings)
    assert stored.state is not None and int(stored.state.acct[0]["cash"]) == cash


def test_what_is_held_is_always_needed(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    while not (bot.engine.state.pos["status"] == OPEN).all():
        bot.minutes(1)
    bot.close()
    stored = stored_state(tmp_path)
    other = coin("CCCUSDT")
    assert needed((other,), None) == (other,)
    assert needed((other,), stored) == (other, *COINS)
    assert needed((COINS[1],), stored) == (COINS[1], COINS[0])

    coarser = msgspec.structs.replace(COINS[1], tick=COINS[1].tick * 10)
    assert needed((coarser,), stored)[0] == COINS[1]  # held, and not to be counted in such ticks
    state, fresh = assemble(CONFIG, needed((other,), stored), CRYPTO, stored)
    assert fresh == {other.key}
    for one in COINS:
        assert state.pos[state.index[one.key]] == stored.pos[stored.index[one.key]]
        assert state.market[state.index[one.key]] == stored.market[stored.index[one.key]]
    assert state.acct[0] == stored.acct[0] and state.closed_trades == stored.closed_trades and state.ts == stored.ts
    assert state.orders == stored.orders and state.execs == stored.execs


def test_what_is_held_is_carried_over_to_a_finer_grid_and_the_market_row_starts_anew(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    while not (bot.engine.state.pos["status"] == OPEN).all():
        bot.minutes(1)
    bot.close()
    stored = stored_state(tmp_path)
    changed = (msgspec.structs.replace(COINS[0], tick=COINS[0].tick / 10, step=COINS[0].step / 100), COINS[1])
    assert needed(changed, stored) == changed
    state, fresh = assemble(CONFIG, changed, CRYPTO, stored)
    assert fresh == {COINS[0].key}
    before, after = holding(stored, 0), holding(state, 0)
    assert before == after
    assert state.pos[0]["stop"] == 10 * stored.pos[0]["stop"]
    assert state.pos[0]["steps"] == 100 * stored.pos[0]["steps"]
    assert equity_of(state.pos, state.inst, state.acct, 0) == equity_of(stored.pos, stored.inst, stored.acct, 0)
    stored.pos[:]["status"] = FLAT
    assert assemble(CONFIG, changed, CRYPTO, stored)[1] == {COINS[0].key}


def test_whatever_a_snapshot_keeps_goes_on(tmp_path: Path) -> None:
    """Every part of the state that is no row is adopted by name; what `assemble` computes itself is listed here."""
    bot = Played(tmp_path)
    stored = bot.engine.state
    own = {"instruments", "accounts", "stage", "ts", "orders", "feeds_down", "closed_trades", "realised", "acct", "pos"}
    for name in set(Readable.__struct_fields__) - own:
        setattr(stored, name, object())
    state, _ = assemble(CONFIG, COINS, CRYPTO, stored)
    assert [name for name in sorted(set(Readable.__struct_fields__) - own) if getattr(state, name) is not getattr(stored, name)] == []
    bot.crash()


def test_a_new_account_comes_beside_the_old_and_an_old_one_stays(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(10)
    bot.close()
    stored = stored_state(tmp_path)
    perp = coin("BTCUSDT", Domain.PERPS)
    state, _ = assemble(CONFIG, (*COINS, perp), (paper_account(Domain.PERPS), *CRYPTO), stored)
    a = state.accounts.index(stored.accounts[0])
    assert state.acct[a] == stored.acct[0] and state.acct[state.accounts.index(PERP)]["cash"] == 0
    alone, _ = assemble(CONFIG, (*COINS, perp), (paper_account(Domain.PERPS),), stored)
    assert set(alone.accounts) == {PERP, stored.accounts[0]}


def test_warming_up_fills_rows_and_decides_nothing(tmp_path: Path) -> None:
    state, _ = assemble(CONFIG, COINS, CRYPTO, None)
    engine = Engine(state, make_mandate(CONFIG, COINS, state.accounts, chosen_strategies(None), quotes=True))
    assert frontier(engine) == {}
    key = COINS[0].key
    before = {key: [Candle(key, START - n * M15, 100, 110, 90, 100, 1.0) for n in range(5, 0, -1)]}
    bars = {key: [Candle(key, START + n * M5, 100, 110, 90, 100 + n % 3, 1.0) for n in range(30)]}
    warm_up(engine, before, bars)
    assert frontier(engine) == {key: START + 30 * M5}
    assert not state.orders and not np.any(state.pos["status"])
    chain = open_chain(tmp_path)
    checkpoint(engine, chain)
    chain.close()
    assert stored_state(tmp_path).market[0] == state.market[0]


LIVE = Account(Domain.CRYPTO, Mode.LIVE)


def lived(*symbols: str) -> RuntimeState:
    """What a live account and the paper one beside it hold, both in the first coin."""
    desk = LiveDesk(*symbols)
    desk.filled(desk.enter(), steps=1_999)
    with desk.on(desk.paper):
        desk.open(strategy=C4)
    desk.tell(AccountDown(desk.now, desk.live, "stream", "lost"))
    desk.read(cursor=77, cash_cursor=99, coins={**desk.venue_coins, "ZZZ": Decimal(5)})
    return desk.engine.state


@pytest.mark.parametrize("accounts", [(LIVE, SPOT), (SPOT, LIVE), (SPOT,), (PERP, SPOT)])
def test_whatever_the_line_up_what_each_account_holds_stays_its_own(accounts: tuple[Account, ...]) -> None:
    stored = lived("AAAUSDT", "BBBUSDT")
    coins = (coin("BBBUSDT"), coin("AAAUSDT"), coin("CCCUSDT"), coin("AAAUSDT", Domain.PERPS))
    state, fresh = assemble(CONFIG, coins, accounts, stored)
    assert set(state.accounts) == {*accounts, LIVE, SPOT}, "an account that was there stays"
    assert fresh == {"CRYPTO:CCCUSDT", "PERPS:AAAUSDT"}
    for account in (LIVE, SPOT):
        for key in ("CRYPTO:AAAUSDT", "CRYPTO:BBBUSDT"):
            assert state.pos[state.row_of(account, key)] == stored.pos[stored.row_of(account, key)]
        a, b = state.accounts.index(account), stored.accounts.index(account)
        assert state.acct[a] == stored.acct[b]
        assert (state.inst["account"] == [seat[0] for seat in state.seats]).all()
    assert sum(int(row["status"] == OPEN) for row in state.pos) == 2
    for name in ("orders", "execs", "tag", "holds", "coins", "outside_coins", "cursors", "cash_logs"):
        assert getattr(state, name) == getattr(stored, name), name
    assert (
        state.tag == "abc"
        and state.cursors == {"CRYPTO/LIVE": 77}
        and state.cash_logs["CRYPTO/LIVE"].cursor == 99
        and state.coins["CRYPTO/LIVE"]["AAA"] == Decimal("0.1997001")
    )


def test_a_live_account_comes_beside_what_paper_has_done(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(30)
    bot.crash()
    stored = stored_state(tmp_path)
    state, fresh = assemble(CONFIG, COINS, (LIVE, SPOT), stored)
    assert state.accounts == (LIVE, SPOT) and fresh == frozenset()
    assert state.acct["live"].tolist() == [1, 0] and state.acct[0]["cash"] == 0, "it opens with what the venue has, by an event"
    assert state.acct[1] == stored.acct[0]
    assert (state.closed_trades, state.realised) == ([0, stored.closed_trades[0]], [0, stored.realised[0]])
    for one in COINS:
        assert state.pos[state.row_of(SPOT, one.key)] == stored.pos[stored.row_of(SPOT, one.key)]
        assert state.pos[state.row_of(LIVE, one.key)]["status"] == FLAT
    engine = Engine(state, make_mandate(CONFIG, COINS, (LIVE, SPOT), chosen_strategies(None), quotes=True))
    again = restore(snapshot_of(engine, 1)).state
    assert again.seats == state.seats and np.array_equal(again.pos, state.pos)


def test_what_only_a_live_account_holds_is_needed() -> None:
    stored = lived("AAAUSDT", "BBBUSDT")
    stored.pos[stored.row_of(SPOT, "CRYPTO:AAAUSDT")]["status"] = FLAT
    assert [one.key for one in needed([coin("BBBUSDT")], stored)] == ["CRYPTO:BBBUSDT", "CRYPTO:AAAUSDT"]


def test_both_accounts_are_carried_over_to_a_finer_grid() -> None:
    stored = lived("AAAUSDT")
    finer = coin("AAAUSDT", tick=Decimal("0.001"), step=Decimal("0.00001"), min_qty=Decimal("0.00001"))
    state, fresh = assemble(CONFIG, (finer,), stored.accounts, stored)
    assert fresh == {finer.key}
    for account in (LIVE, SPOT):
        old, new = stored.pos[stored.row_of(account, finer.key)], state.pos[state.row_of(account, finer.key)]
        assert (new["steps"], new["stop"], new["value"]) == (old["steps"] * 10, old["stop"] * 10, old["value"])


def test_what_a_wallet_can_never_trade_is_told_by_account() -> None:
    stored = lived("AAAUSDT", "BBBUSDT")
    engine = Engine(stored, make_mandate(CONFIG, stored.instruments, stored.accounts, frozenset(), quotes=True))
    stored.acct["equity"] = 200 * 10**10
    assert never_tradable(engine) == [
        f"CRYPTO/LIVE {symbol}: never tradable with this wallet, its smallest order is 5.00 USDT, one trade may take 2% of 200.00"
        for symbol in ("AAAUSDT", "BBBUSDT")
    ], "as a canary; on paper 5 % are enough"
    stored.acct["equity"] = 250 * 10**10
    assert never_tradable(engine) == []
    stored.acct["equity"] = 0
    assert never_tradable(engine) == [], "a wallet that is not open says nothing"


# --- a ledger that lost rows ------------------------------------------------------------------------------------------------------


def rotten(folder: Path, keep: int) -> bytes:
    """The ledger's file with line `keep` + 1 changed; what it was."""
    (log,) = (folder / "ledger").glob("*.log")
    whole = log.read_bytes()
    lines = whole.splitlines(keepends=True)
    lines[keep] = lines[keep].replace(b"{", b"[", 1)
    log.write_bytes(b"".join(lines))
    return whole


def opened(folder: Path) -> tuple[tuple[str, ...], RuntimeState]:
    chain = open_chain(folder)
    stored = recover(chain)
    chain.close()
    assert stored.state is not None
    return stored.warnings, stored.state


def test_rows_that_rot_took_are_written_again_from_the_journal(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(40)
    bot.close()
    whole = rotten(tmp_path, 3)
    warnings, state = opened(tmp_path)
    assert any("bad line 4" in line for line in warnings) and not any("rows of the ledger were lost" in line for line in warnings)
    assert [path.read_bytes() for path in sorted((tmp_path / "ledger").glob("ledger-*.log"))] == [whole]
    assert state.evidence == bot.engine.state.evidence
    assert opened(tmp_path)[0] == (), "whole again"


@pytest.mark.parametrize("how", ["a bad line", "no file"])
def test_rows_that_are_gone_for_good_are_told_of_for_ever_and_nothing_is_judged_on_the_rest(tmp_path: Path, how: str) -> None:
    bot = Played(tmp_path)
    bot.minutes(40)
    for _ in range(2):
        bot.runner.checkpoint()
    bot.chain.journal.rotate()
    bot.chain.journal.prune(bot.chain.journal.last_seq + 1)
    bot.minutes(10)
    bot.close()
    for path in (tmp_path / "journal").glob("*.log"):
        if path != max((tmp_path / "journal").glob("*.log")):
            path.unlink()
    rotten(tmp_path, 3)
    if how == "no file":
        for path in (tmp_path / "ledger").glob("ledger-*.log"):
            path.unlink()
    warnings, state = opened(tmp_path)
    (told,) = [line for line in warnings if "rows of the ledger were lost" in line]
    book = read_rows(state.evidence)
    assert [(one.account, one.what, one.ts) for one in book.damaged] == [("", told, state.ts)]
    for since, judged in ((state.ts - 1, False), (state.ts + 1, True)):
        begun = row("verdict", what="start", ts=since, account="CRYPTO/PAPER", style="swing", procedure="a" * 64)
        sample = sample_of(read_rows([*state.evidence, begun]), "CRYPTO/PAPER", "swing", "live", state.ts + 2)
        assert (sample.wrong == ()) is judged
    again, later = opened(tmp_path)
    assert later.evidence == state.evidence and len([line for line in again if "were lost" in line]) <= 1


def test_a_day_that_ends_in_the_journals_tail_is_judged_on_all_that_was_known(tmp_path: Path) -> None:
    """Without it an offer would be withdrawn by whoever looks, or asks for something, while the daemon is down."""
    bot = Played(tmp_path)
    bot.minutes(30)
    bot.runner.checkpoint()
    bot.minutes(5)
    bot.crash()
    chain = open_chain(tmp_path)
    assert chain.snapshot is not None
    engine, replayed, lost = resume(chain, chain.snapshot)
    chain.close()
    assert replayed.events > 3 and replayed.differing == 0 and lost == ""
    assert engine.state.evidence == bot.engine.state.evidence != []


def test_a_policy_in_force_that_lies_there_no_more_is_said_and_the_static_one_decides(tmp_path: Path) -> None:
    engine = Engine(make_state(CONFIG, COINS, (SPOT,)), make_mandate(CONFIG, COINS, (SPOT,), chosen_strategies(None), quotes=True))
    engine.state.policies["CRYPTO"] = PolicyRef(version="0123456789ab", level=1)
    chain = Chain.open(tmp_path, schema(), durable=False)
    chain.checkpoint(snapshot_of(engine, 0))
    chain.close()
    chain = Chain.open(tmp_path, schema(), durable=False)
    stored = recover(chain, stored_policies(tmp_path))
    chain.close()
    assert stored.state is not None and stored.state.policies["CRYPTO"].version == "0123456789ab"
    (line,) = [line for line in stored.warnings if "policy" in line]
    assert line.startswith("CRYPTO: policy 0123456789ab: ") and line.endswith("; the static policy decides")
