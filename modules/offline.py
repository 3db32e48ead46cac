"""State without a daemon: looking at it changes nothing; a request takes the lock and writes the journal, where the next start finds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modules.boot import evidence_of, resume, stored_policies
from modules.engine.core import Engine
from modules.engine.inbox import Inbox
from modules.engine.migrations import open_chain, snapshots
from modules.engine.recovery import restore
from modules.engine.runner import Runner
from modules.requests import request_event
from modules.settings import BotConfig
from modules.stage_request import note_earned
from state.journal import read_journal
from state.ledger import read_ledger
from state.messages import Command, Event, Report, decode_event
from state.runtime import RuntimeState
from utils.errors import Refusal
from utils.files import DirectoryLock

NOTHING = "no state in {}; start the bot there first, or name another --env or --state-dir"


def stored_engine(folder: Path) -> Engine:
    """The engine of `folder` as recovery would find it, changing nothing on disk; Refusal (2) when there is none."""
    loaded = snapshots(folder).peek() if folder.is_dir() else None
    if loaded is None or loaded.snapshot is None:
        raise Refusal(NOTHING.format(folder))
    engine = restore(loaded.snapshot)
    engine.state.evidence = evidence_of(read_ledger(folder / "ledger"), loaded.snapshot.seq)
    for _, event, _ in read_journal(folder / "journal", loaded.snapshot.seq):
        engine.process(decode_event(event))
    return engine


def stored_state(folder: Path) -> RuntimeState:
    """The state alone."""
    return stored_engine(folder).state


def apply_offline(folder: Path, name: str, args: Mapping[str, str], config: BotConfig) -> list[str]:
    """Take the lock and journal the request; returns what the engine reported. Refusal when there is no state, or somebody holds it."""
    if not folder.is_dir():
        raise Refusal(NOTHING.format(folder))
    with DirectoryLock(folder):
        return journal_request(folder, name, args, config)


def journal_request(folder: Path, name: str, args: Mapping[str, str], config: BotConfig) -> list[str]:
    """As `apply_offline`, for a caller who holds the lock.

    What has to leave for a venue is not sent from here: orders of a dead daemon are asked about at its next start, closes too.
    """
    chain = open_chain(folder)
    try:
        if chain.snapshot is None:
            raise Refusal(NOTHING.format(folder))
        engine, _, lost = resume(chain, chain.snapshot, stored_policies(folder))
        said: list[str] = []
        warnings = [f"recovery: {warning}" for warning in (*chain.warnings, *([lost] if lost else []))]

        def listen(_seq: int, _event: Event, commands: list[Command]) -> None:
            reports = [command for command in commands if isinstance(command, Report)]
            said.extend(f"{one.account}: {one.text}" if one.what == "control" and one.account else one.text for one in reports)

        runner = Runner(engine, Inbox(), chain, dispatch=lambda _command: None, observers=[listen])
        runner.apply([*request_event(engine.state, config, name, args, engine.state.ts, "command line")])
        runner.checkpoint()
        note_earned(folder, engine.state.earned)  # what a promotion has opened, the next start must know
    finally:
        chain.close()
    if name == "flatten":
        said.append("no bot runs here: it is written down, and the next start closes what is held")
    return [*warnings, *(said or [f"{name}: done"])]
