from __future__ import annotations

import random
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import fresh_engine, make_mandate, make_state
from modules.engine.grid import Grid
from modules.engine.inbox import Inbox
from modules.engine.migrations import schema
from modules.engine.recovery import LAYOUTS, layout, replay_tail, restore, snapshot_of, write_rows
from modules.engine.replay import drive, events_of, warm
from modules.engine.runner import Runner
from modules.exchange.paper_bars import BarVenue
from self_test.fakes.books import SPOT, coin
from self_test.fakes.fx_markets import fx_market
from self_test.fakes.markets import market
from self_test.fakes.pairs import ALL as PAIRS
from state.accounts import Account, Domain, Mode
from state.books import OPEN, PAR_E9
from state.chain import Chain
from state.ledger import Ledger, RowKind, read_ledger
from state.messages import Command, Event, Record, Report, decode_commands, decode_event, encode_commands, encode_event
from state.store import Blob, Snapshot
from strategy.base import F1, F2, O1
from utils.errors import ExitCode, Refusal
from utils.fixed import money

ALL = frozenset({0, 1, 2, 3})
Story = list[tuple[bytes, bytes]]
"""Journalled events with their commands."""


@pytest.fixture(scope="module")
def grid() -> Grid:
    return market(Domain.PERPS, seed=2, days=45)


def prepared(grid: Grid) -> Engine:
    """A warm engine with an opened wallet, before its first event."""
    engine, _ = fresh_engine(CONFIG, grid.instruments, ALL, int(grid.ts[grid.start]), quotes=False)
    warm(engine, grid)
    return engine


@pytest.fixture(scope="module")
def told(grid: Grid) -> tuple[Snapshot, Story, list[tuple[int, Snapshot]]]:
    """A run as it was journalled: the snapshot before it, its story, and snapshots taken on the way."""
    engine = prepared(grid)
    start = snapshot_of(engine, 0)
    story: Story = []
    on_the_way: list[tuple[int, Snapshot]] = []

    def keep(event: Event, commands: list[Command]) -> None:
        story.append((encode_event(event), encode_commands(commands)))
        if len(story) % 701 == 0:
            on_the_way.append((len(story), snapshot_of(engine, len(story))))

    venue = BarVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), grid.confirm_ms, grid.funding, grid.fine)
    drive(engine, venue, events_of(grid), keep)
    return start, story, on_the_way


def test_the_journal_fed_to_a_fresh_engine_gives_the_same_commands_byte_for_byte(told: tuple[Snapshot, Story, Any]) -> None:
    start, story, _ = told
    assert sum(b'"trade"' in commands for _, commands in story) > 20
    engine = restore(start)
    for seq, (event, commands) in enumerate(story):
        assert encode_commands(engine.process(decode_event(event))) == commands, seq


def test_from_any_snapshot_on_the_rest_is_the_same_and_so_is_the_end(told: tuple[Snapshot, Story, list[tuple[int, Snapshot]]]) -> None:
    start, story, on_the_way = told
    assert len(on_the_way) >= 4
    ends = []
    for seq, snapshot in [(0, start), *on_the_way]:
        engine = restore(snapshot)
        for event, commands in story[seq:]:
            assert encode_commands(engine.process(decode_event(event))) == commands
        ends.append(snapshot_of(engine, len(story)))
    assert all(bytes(end.state) == bytes(ends[0].state) and end.blobs == ends[0].blobs for end in ends)


def test_a_snapshot_of_other_rows_is_refused(told: tuple[Snapshot, Story, Any]) -> None:
    start = told[0]
    for blobs in (
        {name: blob for name, blob in start.blobs.items() if name != "pos"},
        {**start.blobs, "acct": Blob(start.blobs["acct"].dtype.replace("cash", "cents"), start.blobs["acct"].data)},
    ):
        with pytest.raises(Refusal, match="another layout") as refusal:
            restore(msgspec.structs.replace(start, blobs=blobs))
        assert refusal.value.code is ExitCode.NO_STATE_CHAIN
    with pytest.raises(Refusal, match="another layout"):
        restore(msgspec.structs.replace(start, state=msgspec.Raw(b'{"runtime":{}}')))


def ledger_sum(folder: Path, kind: RowKind) -> Decimal:
    field = {"cash": "amount", "trade": "pnl"}[kind.value]
    return sum((Decimal(msgspec.json.decode(row.row)[field]) for row in read_ledger(folder / "ledger", kind)), Decimal(0))


@pytest.mark.parametrize("seed", range(4))
def test_after_a_crash_at_any_point_the_ledger_is_whole_exactly_once(
    tmp_path: Path, told: tuple[Snapshot, Story, Any], grid: Grid, seed: int
) -> None:
    """Events go through the runner in batches; now and then the process dies without closing anything, and starts again."""
    rng = random.Random(seed)
    start, story, _ = told
    events = [decode_event(event) for event, _ in story]
    folder = tmp_path / "life0"
    chain = Chain.open(folder, schema(), durable=False)
    engine = restore(start)
    chain.checkpoint(snapshot_of(engine, 0))
    done = lives = 0
    while done < len(events):
        sent: list[Command] = []
        runner = Runner(engine, Inbox(), chain, sent.append, [])
        until = min(len(events), done + rng.randint(1, 900))
        while done < until:
            batch = events[done : min(until, done + rng.randint(1, 7))]
            runner.apply(batch)
            done += len(batch)
            if rng.random() < 0.01:
                runner.checkpoint()
        if done < len(events) and rng.random() < 0.5:
            # Dies after the journal took one more event and before the ledger did.
            chain.journal.record(encode_event(events[done]), encode_commands(engine.process(events[done])))
            chain.journal.flush()
            done += 1
        # What a killed process leaves is what its files hold at that moment; the next life begins with a copy of them.
        lives += 1
        folder = shutil.copytree(folder, tmp_path / f"life{lives}")
        chain.close()
        chain = Chain.open(folder, schema(), durable=False)
        assert chain.snapshot is not None
        assert chain.journal.last_seq == done
        engine = restore(chain.snapshot)
        assert replay_tail(engine, chain, chain.snapshot.seq).differing == 0
    chain.close()
    assert lives >= 4
    expected = [
        (seq, index, bytes(msgspec.json.encode(command.row)))
        for seq, (_, commands) in enumerate(story, 1)
        for index, command in enumerate(msgspec.json.decode(commands, type=list[Command]))
        if isinstance(command, Record)
    ]
    found = [(row.ref.seq, row.ref.index, bytes(row.row)) for row in read_ledger(folder / "ledger")]
    assert found == expected
    # The wallet is its deposit and every row since; what is open is valued on top.
    deposit = Decimal(1_000)
    state = engine.state
    assert deposit + ledger_sum(folder, RowKind.CASH) == money(int(state.acct[0]["cash"]))
    open_costs = sum(int(row["fees"] + row["funding"]) for row in state.pos if row["status"] == 2)
    assert deposit + ledger_sum(folder, RowKind.TRADE) - money(open_costs) == money(int(state.acct[0]["cash"]))


def test_a_program_that_decides_otherwise_is_noticed_and_the_ledger_keeps_what_was(
    tmp_path: Path, told: tuple[Snapshot, Story, Any]
) -> None:
    start, story, _ = told
    chain = Chain.open(tmp_path, schema(), durable=False)
    engine = restore(start)
    chain.checkpoint(snapshot_of(engine, 0))
    other = encode_commands([Record("cash", {"amount": "5"})])
    for event, commands in (story[0], (story[1][0], other)):
        chain.journal.record(event, commands)
    chain.journal.flush()
    replayed = replay_tail(restore(start), chain, 0)
    before = [one.row for one in decode_commands(story[0][1]) if isinstance(one, Record)]
    assert (replayed.events, replayed.rows, replayed.differing) == (2, len(before) + 1, 1)
    assert [msgspec.json.decode(row.row) for row in chain.ledger.rows()] == [*before, {"amount": "5"}]
    chain.close()


def test_a_restored_engine_has_the_terms_it_had_and_shares_nothing(told: tuple[Snapshot, Story, Any], grid: Grid) -> None:
    engine, theirs = restore(told[0]), prepared(grid).mandate
    for name in set(theirs.__struct_fields__) - {"policies"}:  # these are the caller's
        ours, wanted = getattr(engine.mandate, name), getattr(theirs, name)
        assert np.array_equal(ours, wanted) if isinstance(wanted, np.ndarray) else ours == wanted, name
    engine.state.acct["cash"] += 1
    engine.mandate.limits["base"] = 0.5
    again = restore(told[0])
    assert again.state.acct[0]["cash"] == engine.state.acct[0]["cash"] - 1 and again.mandate.limits[0]["base"] != 0.5


def test_only_records_become_rows_and_their_index_counts_every_command(tmp_path: Path) -> None:
    ledger, _ = Ledger.open(tmp_path, durable=False)
    said = Report(ts=1, what="a", text="b")
    commands: list[Command] = [said, Record("cash", {"n": 1}), said, Record("equity", {"n": 2})]
    assert (write_rows(ledger, 5, commands), write_rows(ledger, 5, commands)) == (2, 0)
    assert [(row.ref.seq, row.ref.index) for row in ledger.rows()] == [(5, 1), (5, 3)]
    ledger.close()


def as_of_before(snapshot: Snapshot, name: str, without: tuple[str, ...], more: tuple[tuple[str, str], ...] = ()) -> Snapshot:
    """The snapshot as a program would have written it whose rows `name` had no fields `without`, and `more` of its own."""
    blob, dtype = snapshot.blobs[name], LAYOUTS[name]
    stored = np.frombuffer(blob.data, dtype=dtype)
    fields = [(field, dtype.fields[field][0]) for field in dtype.names or () if field not in without]
    old = np.zeros(len(stored), np.dtype([*fields, *more]))
    for field, _ in fields:
        old[field] = stored[field]
    return msgspec.structs.replace(snapshot, blobs={**snapshot.blobs, name: Blob(layout(old), old.tobytes())})


NEW_SINCE_LIVE = {
    "pos": ("closes", "explored", "unprotected_ms"),
    "inst": ("market", "session", "open_ts", "close_ts", "rest_ts", "rest_until"),
    "acct": ("live", "free", "outside", "canary", "canary_since", "canary_trades", "canary_realised"),
    "limits": ("canary_base", "canary_loss", "canary_factor", "weekend", "weekend_lead_min"),
}


@pytest.fixture(scope="module")
def two() -> Snapshot:
    """A snapshot of three coins, none of whose rows is as a fresh one has it."""
    engine, _ = fresh_engine(CONFIG, (coin("AAAUSDT"), coin("BBBUSDT"), coin("CCCUSDT")), ALL, 1_735_689_600_000, quotes=True)
    state = engine.state
    for table in (state.pos, state.inst, state.acct):
        for n, field in enumerate(table.dtype.names or ()):
            if field not in {"account", "market"}:
                table[field] = n + 1
    return snapshot_of(engine, 9)


def test_rows_of_the_previous_layout_are_adopted(two: Snapshot) -> None:
    old = two
    for name, fields in NEW_SINCE_LIVE.items():
        old = as_of_before(old, name, fields)
    now, then = restore(two), restore(old)
    assert then.state.inst["market"].tolist() == [0, 1, 2], "before there were seats every instrument had one account"
    for name, fields in NEW_SINCE_LIVE.items():
        ours, theirs = (getattr(one.mandate if name == "limits" else one.state, name) for one in (then, now))
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        for field in ours.dtype.names:
            if field not in fields:
                assert np.array_equal(ours[field], theirs[field]), field
            elif field != "market":
                assert not ours[field].any() and theirs[field].any(), f"{field} is new: it starts at zero"
    assert restore(snapshot_of(then, 9)).state.pos.dtype == LAYOUTS["pos"], "from then on it is stored as today"


NEW_WITH_FOREX = {
    "inst": ("rate_e9", "via", "inverse", "via_tick", "on_margin", "base_ccy", "quote_ccy", "swap_long_e8", "swap_short_e8"),
    "limits": ("fx_pair_gross", "fx_gross", "fx_currency"),
    "pos": ("bought", "paid"),
}


def test_rows_from_before_currencies_are_worth_what_they_were(told: tuple[Snapshot, Story, Any]) -> None:
    """Crypto is at par, its limits are the usual ones, and what is held remembers what was paid for all of it."""
    engine = restore(told[0])
    for event, _ in told[1]:
        engine.process(decode_event(event))
        if (engine.state.pos["status"] == OPEN).any():
            break
    held = engine.state.pos["status"] == OPEN
    assert held.any() and (engine.state.pos["bought"][held] > 0).all()
    old = now = snapshot_of(engine, 9)
    for name, fields in NEW_WITH_FOREX.items():
        old = as_of_before(old, name, fields)
    then, ours = restore(old), restore(now)
    assert (then.state.inst["rate_e9"] == PAR_E9).all() and (then.state.inst["via"] == -1).all()
    for name in NEW_WITH_FOREX["limits"]:
        assert then.mandate.limits[0][name] == getattr(CONFIG.risk, name)
    assert np.array_equal(then.state.pos["bought"][held], ours.state.pos["bought"][held])
    assert np.array_equal(then.state.pos["paid"], ours.state.pos["paid"]), "margin is not paid away"


def test_spot_from_before_what_was_paid_was_kept_was_paid_at_par(two: Snapshot) -> None:
    assert restore(two).state.inst["spot"].all()
    pos = restore(as_of_before(two, "pos", ("paid",))).state.pos
    assert pos["value"].all() and np.array_equal(pos["paid"], pos["value"])


SLOTS = ("arm_side", "arm_left", "arm_level")
"""Fields of a market row with a place for each strategy."""


def with_slots(snapshot: Snapshot, n: int, without: str = "") -> tuple[Snapshot, np.ndarray]:
    """The snapshot as a program would have written it that knew `n` strategies, and its market rows."""
    dtype = LAYOUTS["market"]
    stored = np.frombuffer(snapshot.blobs["market"].data, dtype=dtype)
    fields = [
        (name, dtype.fields[name][0] if name not in SLOTS else np.dtype((dtype.fields[name][0].base, (n,))))
        for name in dtype.names or ()
        if name != without
    ]
    old = np.zeros(len(stored), np.dtype(fields))
    for name, _ in fields:
        old[name] = stored[name][:, :n] if name in SLOTS else stored[name]
    return msgspec.structs.replace(snapshot, blobs={**snapshot.blobs, "market": Blob(layout(old), old.tobytes())}), old


@pytest.mark.parametrize("known, without", [(4, "channel"), (7, "")], ids=["before forex", "before options"])
def test_a_table_that_has_grown_is_adopted(two: Snapshot, known: int, without: str) -> None:
    rows = np.frombuffer(two.blobs["market"].data, dtype=LAYOUTS["market"]).copy()
    for name in SLOTS:
        rows[name] = 3
    full = msgspec.structs.replace(two, blobs={**two.blobs, "market": Blob(layout(rows), rows.tobytes())})
    then = restore(with_slots(full, known, without)[0]).state.market
    assert then.dtype == LAYOUTS["market"]
    for name in SLOTS:
        assert then[name].tolist() == [[3] * known + [0] * (8 - known)] * 3, "the new ones are armed by nothing"
    assert np.array_equal(then["vol_ratio"], restore(two).state.market["vol_ratio"])


def test_a_story_of_forex_from_before_options_is_told_again_byte_for_byte() -> None:
    """Seven strategies, seven rules, seven slots: what arms O1 today decides nothing there, and the tail of the journal is the same."""
    grid = fx_market(*PAIRS, days=70)
    engine, _ = fresh_engine(CONFIG, grid.instruments, frozenset({F1, F2}), int(grid.ts[grid.start]), quotes=False)
    warm(engine, grid)
    start, story = snapshot_of(engine, 0), list[tuple[bytes, bytes]]()
    venue = BarVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), grid.confirm_ms, grid.funding, grid.fine)
    drive(engine, venue, events_of(grid), lambda event, commands: story.append((encode_event(event), encode_commands(commands))))
    assert sum(b'"trade"' in commands for _, commands in story) > 5
    rules = engine.mandate.rules[:7]
    state = msgspec.json.decode(bytes(start.state))
    state["terms"]["strategies"] = state["terms"]["strategies"][:7]
    old = with_slots(start, 7)[0]
    blobs = {**old.blobs, "rules": Blob(layout(rules), rules.tobytes())}
    old = msgspec.structs.replace(old, state=msgspec.Raw(msgspec.json.encode(state)), blobs=blobs)
    then = restore(old)
    assert len(then.mandate.rules) == len(then.mandate.strategies) == 7
    for seq, (event, commands) in enumerate(story):
        assert encode_commands(then.process(decode_event(event))) == commands, seq
    assert np.array_equal(then.state.acct, engine.state.acct) and np.array_equal(then.state.pos, engine.state.pos)
    assert then.state.market["arm_level"][:, O1].any(), "it was armed on the way"


def test_an_adopted_engine_goes_on(told: tuple[Snapshot, Story, Any]) -> None:
    old = told[0]
    for name, fields in NEW_SINCE_LIVE.items():
        old = as_of_before(old, name, fields)
    engine = restore(old)
    for seq, (event, commands) in enumerate(told[1][:400]):
        assert encode_commands(engine.process(decode_event(event))) == commands, seq


@pytest.mark.parametrize(
    "name, without, more",
    [
        ("pos", (), (("gone", "i8"),)),
        ("acct", ("cash",), (("cents", "i8"),)),
        ("pos", ("atr",), (("atr", "i8"),)),
        ("acct", ("holds_ms",), (("holds_ms", "(8,32)i8"),)),
    ],
)
def test_a_field_that_is_gone_or_changed_is_refused(
    two: Snapshot, name: str, without: tuple[str, ...], more: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(Refusal, match=f"rows '{name}' have another layout") as refusal:
        restore(as_of_before(two, name, without, more))
    assert refusal.value.code is ExitCode.NO_STATE_CHAIN


@pytest.mark.parametrize("text", ["(3,)|nonsense", "(3,)|'<f8'", "(3,)|[('cash', 'what')]"])
def test_a_layout_that_cannot_be_read_is_refused(two: Snapshot, text: str) -> None:
    with pytest.raises(Refusal, match="rows 'pos' have another layout"):
        restore(msgspec.structs.replace(two, blobs={**two.blobs, "pos": Blob(text, two.blobs["pos"].data)}))


def test_terms_and_seats_of_a_live_account_come_back() -> None:
    coins = (coin("AAAUSDT"), coin("BBBUSDT"))
    accounts = (Account(Domain.CRYPTO, Mode.LIVE), SPOT)
    state = make_state(CONFIG, coins, accounts)
    state.tag = "abc"
    mandate = make_mandate(CONFIG, coins, accounts, ALL, quotes=True, idle=[SPOT])
    back = restore(snapshot_of(Engine(state, mandate), 0))
    assert back.state.seats == state.seats and back.state.accounts == accounts and back.state.tag == "abc"
    assert (back.mandate.allowed, back.mandate.explores) == (mandate.allowed, mandate.explores)
    assert np.array_equal(back.state.inst, state.inst) and back.state.acct["live"].tolist() == [1, 0]
