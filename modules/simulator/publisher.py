"""What goes out as venue time advances: path points, candles at their close, and by the wall clock deeper books and running candles.

Order: points before `t`, then the candles that close at `t`, then time is `t`. Each point is published once and each close confirmed
once, at every speed; only what the venue itself thins (running candles, deeper books) is paced by wall time.
"""

from __future__ import annotations

from modules.simulator import intervals
from modules.simulator.hub import Client, Hub
from modules.simulator.topics import BookTopic, KlineTopic, Tape, Topic
from modules.simulator.venue import Venue

STEP_MS = 5 * intervals.MINUTE
"""`advance` stops at each multiple: the confirm-bar close at which daemons are waited for and venue time is saved."""


class Publisher:
    """Owns the living topics; `advance` and `pulse` are called by the server's loop."""

    def __init__(self, venue: Venue, hub: Hub) -> None:
        self._venue = venue
        self._hub = hub
        self._tapes: dict[str, Tape] = {}
        self._klines: dict[tuple[str, str], KlineTopic] = {}
        self._books: dict[tuple[str, str], BookTopic] = {}

    def subscribe(self, client: Client, topic: Topic) -> None:
        """Add the client and queue what the venue sends first (a snapshot of tickers and books)."""
        venue, hub = self._venue, self._hub
        series = venue.market.series[f"{client.category}:{topic.symbol}"]
        key = (client.category, topic.name)
        subscribers = hub.subscribers(*key)
        if topic.kind == "kline":
            if not subscribers:  # nobody listened: whatever closed meanwhile concerns no one
                self._klines[key] = KlineTopic(topic, series, subscribers, venue)
        elif topic.kind == "orderbook" and topic.argument != "1":
            if not subscribers:
                self._books[key] = BookTopic(topic, series, subscribers, venue)
            self._books[key].refresh(hub)
            hub.publish((client,), self._books[key].snapshot())
        else:
            tape = self._tapes.get(series.listing.key)
            if tape is None:
                tape = self._tapes[series.listing.key] = Tape(series, venue, hub)
            if (first := tape.first_message(topic)) is not None:
                hub.publish((client,), first)
        subscribers.add(client)
        client.topics.add(topic.name)

    def unsubscribe(self, client: Client, topic: str) -> None:
        """Take the client off a topic (nothing happens when it is not on it)."""
        if topic in client.topics:
            self._hub.subscribers(client.category, topic).discard(client)
            client.topics.discard(topic)

    def advance(self, target_ms: int) -> int:
        """Publish up to the next five-minute multiple or `target_ms`, whichever is first, and return the new venue time."""
        venue = self._venue
        now = venue.now_ms
        end = min(target_ms, (now // STEP_MS + 1) * STEP_MS)
        venue.market.extend(end + intervals.MINUTE)
        klines = [one for one in self._klines.values() if one.subscribers]
        tapes = [one for one in self._tapes.values() if one.wanted]
        while now < end:
            stop = min([end, *(one.closes_ms for one in klines if one.closes_ms > now)])
            if tapes:
                self._points(tapes, now, stop)
            now = stop
            venue.clock.publish(now)
            for one in klines:
                if one.closes_ms <= now:
                    one.confirm(self._hub)
        return now

    def _points(self, tapes: list[Tape], start_ms: int, stop_ms: int) -> None:
        due = [(row[0], number, row) for number, tape in enumerate(tapes) for row in tape.take(start_ms, stop_ms)]
        due.sort(key=_by_time)
        for ts, number, row in due:
            if ts > self._venue.now_ms:
                self._venue.clock.publish(ts)
            tapes[number].publish(row)

    def pulse(self, wall_s: float) -> None:
        """Send what is due by the wall clock: running candles, deeper books, a level 1 that has been silent."""
        for kline in self._klines.values():
            kline.pulse(self._hub, wall_s)
        for book in self._books.values():
            book.pulse(self._hub, wall_s)
        for tape in self._tapes.values():
            tape.pulse(wall_s)


def _by_time(due: tuple[int, int, object]) -> tuple[int, int]:
    return due[0], due[1]
