"""Keeping pace with a fast simulator: the daemon registers, and tells it when a close has been digested.

The simulator waits for that word after each close, so speed never changes what a fast bot could have done. The word is sent when the
engine has processed the close; quotes before it went to the paper venue as they came. When nothing closes for a while it is asked
whether its market has ended.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from state.messages import BarsClosed, Command, Event, FeedUp
from utils.clock import SECOND, Clock, WallClock
from utils.errors import Transient

ANSWER_LIMIT_S = 10.0
PATIENCE_S = 5.0
"""How long the simulator waits for us at a close."""
IDLE_LOOK_S = 0.002
QUIET_S = 2.0
"""Wall seconds without a close after which the simulator is asked how it stands."""


class Lockstep:
    """One daemon's place at one simulator's control API."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        control_url: str,
        name: str,
        ended: Callable[[], None],
        idle: Callable[[], bool] = lambda: True,
        clock: Clock | None = None,
    ) -> None:
        """`ended` is called once, when a recorded market has been played to its end; a close is digested when all is `idle`, too."""
        self._session, self._url, self._name = session, f"{control_url.rstrip('/')}/clock", name
        self._newest = 0
        self._done = 0
        self._told = 0
        self._news = asyncio.Event()
        self._ended = ended
        self._idle = idle
        self._clock = clock or WallClock()
        self.venue_now = 0
        """The simulator's venue time when it last answered, ms."""

    def observe(self, _seq: int, event: Event, _commands: Sequence[Command]) -> None:
        """A runner's observer: notes the newest close that was processed; what came late counts once the feed has caught up."""
        if isinstance(event, BarsClosed):
            self._newest = max(self._newest, event.ts)
        caught_up = isinstance(event, FeedUp) or (isinstance(event, BarsClosed) and not event.late)
        if caught_up and self._newest > self._done:
            self._done = self._newest
            self._news.set()

    async def register(self) -> dict[str, Any]:
        """Take the place; returns the simulator's clock. Transient when it does not answer."""
        return await self._post({"register": self._name, "pid": os.getpid()})

    async def look(self) -> dict[str, Any]:
        """The simulator's clock as it stands. Transient when it does not answer."""
        return await self._ask("GET", None)

    async def unregister(self) -> None:
        """Leave: the simulator no longer waits for us."""
        await self._post({"unregister": self._name})

    async def run(self) -> None:
        """Send the word for every close, for ever. Transient when the simulator does not answer; start again after registering."""
        while True:
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._news.wait()
            except TimeoutError:
                clock = await self._ask("GET", None)
            else:
                self._news.clear()
                if self._done <= self._told:
                    continue
                await self._work_done()
                self._told = self._done
                clock = await self._post({"ack": self._told, "name": self._name})
            self.venue_now = int(clock["now"])
            if clock["ended"]:
                self._ended()
                return

    async def _work_done(self) -> None:
        """Orders that the close led to have left and been answered; longer than the simulator waits we do not wait either."""
        until = self._clock.monotonic_ns() + round(PATIENCE_S * SECOND)
        while not self._idle() and self._clock.monotonic_ns() < until:
            await self._clock.sleep(IDLE_LOOK_S)

    async def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", body)

    async def _ask(self, method: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)
            data = None if body is None else msgspec.json.encode(body)
            async with self._session.request(method, self._url, data=data, timeout=timeout) as response:
                answer: dict[str, Any] = msgspec.json.decode(await response.read())
                if response.status != 200:
                    raise Transient(f"the simulator refuses {body}: {answer}")
                return answer
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            raise Transient(f"the simulator at {self._url} does not answer: {error!r}") from error
