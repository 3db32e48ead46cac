"""The loop around the engine: events in, journal before anything leaves, commands out.

A batch of waiting events is decided, journalled and made durable together; only then do its commands go to their venue. If this
process dies in between, recovery finds the orders in flight and asks, it never guesses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from modules.engine.core import Engine
from modules.engine.inbox import Inbox
from modules.engine.recovery import snapshot_of, write_rows
from state.chain import Chain
from state.messages import Cancel, Close, Command, Event, Place, Protect, encode_commands, encode_event

Observer = Callable[[int, Event, list[Command]], None]
"""Told of each journalled event after its commands have left: it may look, never touch."""

LEAVING = (Place, Cancel, Protect, Close)


class Runner:
    """Drives one engine from one inbox."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        chain: Chain,
        dispatch: Callable[[Command], None],
        observers: list[Observer],
        taken: Callable[[], None] = lambda: None,
    ) -> None:
        """`taken` is told when a batch leaves the inbox: the decision's clock starts."""
        self.engine, self.inbox, self.chain = engine, inbox, chain
        self._dispatch = dispatch
        self._observers = observers
        self._taken = taken
        self.processed = 0
        """Events applied since start."""

    async def run(self) -> None:
        """For ever: take what waits, apply it. Any exception is a bug of ours and ends the process."""
        while True:
            events = await self.inbox.take()
            self._taken()
            self.apply(events)
            # Quotes and control requests get their turn between batches.
            await asyncio.sleep(0)

    def apply(self, events: list[Event]) -> None:
        """Decide a batch, journal it, make it durable, let its commands leave, tell the observers."""
        decided: list[tuple[int, Event, list[Command]]] = []
        leaving = False
        for event in events:
            commands = self.engine.process(event)
            seq = self.chain.journal.record(encode_event(event), encode_commands(commands))
            decided.append((seq, event, commands))
            leaving = leaving or any(isinstance(command, LEAVING) for command in commands)
        if leaving:
            self.chain.journal.sync()
        else:
            self.chain.journal.flush()
        for seq, _, commands in decided:
            write_rows(self.chain.ledger, seq, commands)
        self.chain.ledger.flush()
        for seq, event, commands in decided:
            for command in commands:
                if isinstance(command, LEAVING):
                    self._dispatch(command)
            for observer in self._observers:
                observer(seq, event, commands)
        self.processed += len(events)

    def checkpoint(self) -> None:
        """Store a snapshot of this very moment, the ledger first."""
        self.chain.checkpoint(snapshot_of(self.engine, self.chain.journal.last_seq, self.chain.ledger.count))
