"""A connection that is made again for ever: what it says, one word for each loss, and pauses that grow from failure to failure.

Its clock stands still while the consumer is busy, so that a slow consumer does not look like a dead venue to whoever watches the line.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from utils.backoff import Backoff
from utils.clock import SECOND, Clock

T = TypeVar("T")


class Lost(Exception):
    """A connection is of no more use; its text says why."""


class Reconnecting:
    """One line to a venue. A connection ends by `Lost` or by one of `losses`; any other exception goes to the consumer.

    `why`: what one of `losses` says in words, and for how many seconds at least nobody should try again. A connection that was up for
    `stable_s` ends a row of failures.
    """

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        backoff: Backoff,
        stable_s: float,
        losses: tuple[type[Exception], ...],
        why: Callable[[Exception], tuple[str, float]],
    ) -> None:
        self._clock, self._rng, self._backoff, self._stable_s = clock, rng, backoff, stable_s
        self._losses, self._why = losses, why
        self._consumer_ns = 0

    def now_s(self) -> float:
        """Transport time in seconds, without what the consumer took."""
        return (self._clock.monotonic_ns() - self._consumer_ns) / SECOND

    async def items(
        self, connection: Callable[[], AsyncGenerator[T, None]], up: type, down: Callable[[int, str], T]
    ) -> AsyncGenerator[T, None]:
        """What one `connection` after the other says, for ever; each ends only by an exception.

        An item of type `up` says that it speaks; `down` makes the item, from the time (ms) and the reason, that tells of its loss, once.
        """
        failures, told_down = 0, False
        while True:
            up_at: float | None = None
            try:
                async with aclosing(connection()) as said:
                    async for item in said:
                        if isinstance(item, up):
                            up_at, told_down = self.now_s(), False
                        before = self._clock.monotonic_ns()
                        yield item
                        self._consumer_ns += self._clock.monotonic_ns() - before
            except Lost as error:
                reason, away_s = str(error), 0.0
            except self._losses as error:
                reason, away_s = self._why(error)
            failures = 1 if up_at is not None and self.now_s() - up_at >= self._stable_s else failures + 1
            if not told_down:
                told_down = True
                yield down(self._clock.now_ms(), reason)
            await self._clock.sleep(max(away_s, self._backoff.delay_s(failures, self._rng)))
