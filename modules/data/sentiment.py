"""Where market mood comes from, and the task that tells the engine of it by a journalled event, so that a replay feels the same.

Trading can do without: whatever fails here, what was told goes stale by its age and counts as neutral.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from modules.data.sentiment_formats import LARGEST, LARGEST_ANSWER, from_csv, from_json, newest
from modules.data.sentiment_settings import SentimentConfig
from state.messages import Control, Event
from strategy.sentiment import Neutral, Reading, SentimentSource
from utils.clock import Clock
from utils.errors import Transient
from utils.outage import Outages
from utils.supervise import Policy

TIMEOUT_S = 10.0
SENTIMENT = "sentiment"
"""What is out while a source says nothing that can be understood; one that does not answer is its task's outage."""
BACKING_OFF = Policy(restart_on=(Transient,), expendable=True, first_delay_s=5.0, max_delay_s=900.0)
"""For the task: trading can do without it; a service that is down is asked ever less often, to once in a quarter of an hour."""


class FileSource:
    """A fear-and-greed file, `.csv` or `.json`, read anew each time: somebody else keeps it up to date."""

    def __init__(self, path: Path) -> None:
        self.name, self._path = f"file {path.name}", path
        self._outages = Outages(source=self.name)

    async def latest(self, now: int) -> Reading | None:
        """The newest reading at `now`; None for a file that is missing, too large or cannot be understood."""
        return await asyncio.to_thread(self._read, now)

    def _read(self, now: int) -> Reading | None:
        try:
            with self._path.open("rb") as file:
                text = file.read(LARGEST + 1)
            if len(text) > LARGEST:
                raise ValueError(f"more than {LARGEST} bytes")
            readings = from_csv(text.decode()) if self._path.suffix == ".csv" else from_json(text, now)
        except (OSError, ValueError) as error:
            self._outages.begin(SENTIMENT, str(error))
            return None
        self._outages.over(SENTIMENT)
        return newest(readings, now)


class HttpSource:
    """JSON over HTTP: one small GET, no redirects, a bound on time and size."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.name, self._session, self._url = f"http {urlsplit(url).hostname}", session, url
        self._outages = Outages(source=self.name)

    async def latest(self, now: int) -> Reading | None:
        """The newest reading; None for an answer that cannot be understood. Transient for none, or one that is an error."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with self._session.get(self._url, timeout=timeout, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise Transient(f"{self.name} answers {answer.status}")
                text = await self._bounded(answer)
            reading = newest(from_json(text, now), now)
        except ValueError as error:
            self._outages.begin(SENTIMENT, str(error))
            return None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Transient(f"{self.name}: {error!r}") from error
        self._outages.over(SENTIMENT)
        return reading

    async def _bounded(self, answer: aiohttp.ClientResponse) -> bytes:
        text = b""
        async for chunk in answer.content.iter_any():
            text += chunk
            if len(text) > LARGEST_ANSWER:
                raise ValueError(f"more than {LARGEST_ANSWER} bytes")
        return text


def source_of(config: SentimentConfig, session: aiohttp.ClientSession) -> SentimentSource:
    """The source that is configured."""
    if config.source == "file":
        return FileSource(Path(config.path))
    if config.source == "http":
        return HttpSource(session, config.url)
    return Neutral()


class SentimentTask:
    """Asks a source and tells the engine what is new; `domains` are those it speaks of."""

    def __init__(
        self,
        source: SentimentSource,
        domains: tuple[str, ...],
        every_s: float,
        clock: Clock,
        venue_now: Callable[[], int],
        put: Callable[[Event], None],
    ) -> None:
        self._source, self._domains, self._every_s = source, domains, every_s
        self._clock, self._now, self._put = clock, venue_now, put
        self._told: Reading | str | None = "nothing yet"

    async def run(self) -> None:
        """For ever. Transient when the source fails: whoever supervises this waits longer each time."""
        while True:
            await self.step()
            await self._clock.sleep(self._every_s)

    async def step(self) -> None:
        """Ask once; an event for each domain when the answer is another than before."""
        now = self._now()
        try:
            reading = await self._source.latest(now)
        except Transient:
            if self._told == "nothing yet":
                self._tell(None, now)  # on, and unknown: the observation says so
            raise
        if reading != self._told:
            self._tell(reading, now)

    def _tell(self, reading: Reading | None, now: int) -> None:
        self._told = reading
        value, ts = (0.0, 0) if reading is None else (reading.value, reading.ts)
        args = {"milli": str(round(value * 1000)), "at": str(ts), "source": self._source.name}
        for domain in self._domains:
            self._put(Control(now, "sentiment", {"domain": domain, **args}, "the sentiment source"))
