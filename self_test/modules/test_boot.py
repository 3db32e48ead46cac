from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from config import CONFIG
from modules.boot import assemble, checkpoint, frontier, needed, open_chain, recover, warm_up
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, make_mandate
from modules.engine.recovery import restore, snapshot_of
from self_test.fakes.books import M5, M15, PERP, coin
from self_test.fakes.stored import COINS, START, Played
from state.accounts import Domain
from state.booking import equity_of
from state.books import FLAT, OPEN
from state.ledger import read_ledger
from state.market import Candle
from state.runtime import RuntimeState, holding
from state.stages import paper_account

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
