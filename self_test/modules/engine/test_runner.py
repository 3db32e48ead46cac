from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.engine.inbox import Inbox
from modules.engine.migrations import schema
from modules.engine.recovery import restore, snapshot_of
from modules.engine.runner import LEAVING, Runner
from self_test.scenarios.desk import Desk, kinds, only
from state.chain import Chain
from state.ledger import RowKind
from state.messages import Close, Command, Control, Event, Record, Report, Tick, decode_event
from utils.errors import Invariant


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    opened = Chain.open(tmp_path, schema(), durable=False)
    yield opened
    opened.close()


def test_everything_is_journalled_and_in_the_ledger_before_a_command_leaves(chain: Chain) -> None:
    desk = Desk()
    desk.open()
    seen: list[tuple[int, int, int]] = []

    def dispatch(command: Command) -> None:
        seen.append((chain.journal.last_seq, chain.journal.synced_seq, chain.ledger.count))

    runner = Runner(desk.engine, Inbox(), chain, dispatch, [])
    order_events: list[Event] = [Tick(desk.now), Control(desk.now, "flatten", {"account": "all"}, "me"), Tick(desk.now + 86_400_000)]
    runner.apply(order_events)
    assert seen == [(3, 3, 3)]  # the whole batch, with the equity row of the day that ended and the verdicts on two styles
    assert runner.processed == 3
    assert [decode_event(event) for _, event, _ in chain.journal.entries()] == order_events


def test_only_commands_for_a_venue_leave_and_observers_see_all(chain: Chain) -> None:
    desk = Desk()
    desk.open()
    sent: list[Command] = []
    told: list[tuple[int, Event, list[Command]]] = []
    runner = Runner(desk.engine, Inbox(), chain, sent.append, [lambda seq, event, commands: told.append((seq, event, commands))])
    runner.apply([Control(desk.now, "flatten", {"account": "all"}, "me")])
    assert [type(command) for command in sent] == [Close]
    ((seq, event, commands),) = told
    assert (seq, type(event)) == (1, Control)
    assert only(Close, commands) is sent[0]
    assert kinds(commands, Report) != []
    assert not any(issubclass(kind, Record | Report) for kind in LEAVING)


def test_a_checkpoint_is_where_the_next_life_begins(chain: Chain) -> None:
    desk = Desk()
    runner = Runner(desk.engine, Inbox(), chain, lambda _: None, [])
    runner.apply([Tick(desk.now), Control(desk.now, "pause", {}, "me")])
    runner.checkpoint()
    assert chain.snapshot is not None
    assert chain.snapshot.seq == 2
    engine = restore(chain.snapshot)
    assert engine.state.toggles.paused
    assert snapshot_of(engine, 2, chain.ledger.count) == chain.snapshot


@pytest.mark.asyncio
async def test_it_takes_what_waits_and_a_bug_ends_it(chain: Chain) -> None:
    desk, inbox = Desk(), Inbox()
    starts: list[int] = []
    second = asyncio.Event()
    runner = Runner(
        desk.engine,
        inbox,
        chain,
        lambda _: None,
        [lambda seq, _, __: second.set() if seq == 2 else None],
        taken=lambda: starts.append(runner.processed),
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(_until_invariant(runner))
        for ts in (1, 2):
            inbox.put(Tick(desk.now + ts))
        await asyncio.wait_for(second.wait(), 5)
        inbox.put(Control(desk.now, "no such request"))
        assert "no such request" in await running
    assert starts == [0, 2]
    assert chain.journal.last_seq == 2  # what could not be decided was not journalled
    assert list(chain.ledger.rows(RowKind.TRADE)) == []


async def _until_invariant(runner: Runner) -> str:
    with pytest.raises(Invariant) as caught:
        await runner.run()
    return str(caught.value)
