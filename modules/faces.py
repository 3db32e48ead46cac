"""The faces of a run: the counter behind them, what they are told, the command line's socket, and the tasks of those that run here."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from modules.confirm import Kind, typed_digits
from modules.fulfil import Building, Fulfilment
from modules.ui.commands import changes, parse
from modules.ui.notices import Notices, Urgency, booted, report_ready
from modules.ui.operator import MustConfirm, Operator, Outcome, Views, Who
from modules.ui.option_view import configured, priced
from state.messages import Command, Event
from telemetry.server import Ask
from utils.errors import Refusal

PICTURES = frozenset({"chart", "report"})
"""What is drawn off the event loop."""
CONFIRM, CANCEL = "confirm", "cancel"
"""Requests of the socket beside the vocabulary: `args` hold the nonce and, for `confirm`, digits."""


NEWS_ROOM = 10_000
"""Events that wait to be told; beyond that the oldest are not told."""
Listener = Callable[[int, Event, list[Command]], None]
Job = tuple[str, Callable[[], Coroutine[Any, Any, None]]]
"""A task and its name."""


class Faces:
    """Everything an operator meets; `observe` is an observer of the runner.

    What is only for showing happens in a task of its own: a bug in a text must never reach the engine.
    """

    def __init__(self, building: Building, views: Views, listeners: tuple[Listener, ...] = (), jobs: tuple[Job, ...] = ()) -> None:
        """`listeners` are told of every event, as observers are, in that task; `jobs` are the tasks of other faces."""
        self._state, self._listeners, self._jobs = building.state, listeners, list(jobs)
        self.deeds = Fulfilment(building)
        self.operator = Operator(
            str(building.options.env),
            views,
            self.deeds,
            building.clock,
            lambda: secrets.token_urlsafe(9),
            lambda notice: notice.urgency is Urgency.NEVER_DROP,
        )
        frames = configured(building.config)
        self.figures = priced(frames)
        """What prices the options that are held."""
        self._notices = Notices(frames)
        self._news: deque[tuple[int, Event, list[Command]]] = deque(maxlen=NEWS_ROOM)
        self._wake = asyncio.Event()

    def observe(self, seq: int, event: Event, commands: list[Command]) -> None:
        """Answer who asked; leave the rest to the task."""
        self.deeds.observe(seq, event, commands)
        self._news.append((seq, event, commands))
        self._wake.set()

    def ready(self) -> None:
        """The bot is ready: say so to who watches."""
        self.operator.tell(booted(self._state.ts, self._state))

    def report(self, name: str) -> None:
        """A report has been made: say so to who watches."""
        self.operator.tell(report_ready(self._state.ts, name))

    def jobs(self) -> list[Job]:
        """Every face that runs in this process; trading can do without each."""
        return [("notices", self._tell_news), *self._jobs]

    def add(self, name: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One more face that runs here."""
        self._jobs.append((name, job))

    async def _tell_news(self) -> None:
        """For ever: what has just been decided, to listeners and as notices to who watches."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._news:
                self._tell_next()
                await asyncio.sleep(0)

    def tell_rest(self) -> None:
        """At the end, when the task may be behind: everything decided so far."""
        while self._news:
            self._tell_next()

    def _tell_next(self) -> None:
        seq, event, commands = self._news.popleft()
        for listener in self._listeners:
            listener(seq, event, commands)
        for notice in self._notices(event, commands, self._state):
            self.operator.tell(notice)

    async def over_socket(self, ask: Ask) -> Any:
        """A request of the command line: an answer, what was done, or what has to be confirmed. Refusal."""
        who = Who(name=ask.who or "command line", surface="cli", person="command line")
        if ask.name == CONFIRM:
            return told(await self.operator.confirm(ask.args.get("nonce", ""), who, ask.args.get("digits", "")))
        if ask.name == CANCEL:
            self.operator.cancel(ask.args.get("nonce", ""), who)
            return {"done": "nothing done"}
        wanted = parse([ask.name, *ask.args.values()])
        if not changes(wanted):
            return {"answer": await self.operator.picture(wanted) if wanted.name in PICTURES else self.operator.look(wanted)}
        outcome = await self.operator.ask(wanted, who)
        given = list(typed_digits(ask.digits))
        while ask.sure and isinstance(outcome, MustConfirm):
            if outcome.kind is Kind.DIGITS and not given:
                raise Refusal(f"{outcome.text}\nsay --real-money with these characters (of several accounts: with commas, in this order)")
            outcome = await self.operator.confirm(outcome.nonce, who, given.pop(0) if outcome.kind is Kind.DIGITS else "")
        return told(outcome)


def told(outcome: Outcome) -> dict[str, Any]:
    """An outcome as a JSON document."""
    return {"confirm": outcome} if isinstance(outcome, MustConfirm) else {"done": outcome.text}
