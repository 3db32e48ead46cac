"""What goes out as venue time advances: path points, candles at their close, and by the wall clock deeper books and running candles.

Order: points before `t`, then the candles that close at `t`, then time is `t`. Each point is published once and each close confirmed
once, at every speed; only what the venue itself thins (running candles, deeper books) is paced by wall time.
"""

from __future__ import annotations

from typing import Protocol

from modules.simulator import intervals
from modules.simulator.hub import Client, Hub
from modules.simulator.market import Series
from modules.simulator.point_reader import Row
from modules.simulator.topics import BookTopic, KlineTopic, Tape, Topic
from modules.simulator.venue import Venue

STEP_MS = 5 * intervals.MINUTE
"""`advance` stops at each multiple: the confirm-bar close at which daemons are waited for and venue time is saved."""


class Follower(Protocol):
    """Whoever must see every point of every listing, and act at instants of venue time: the exchange."""

    def point(self, series: Series, row: Row) -> None:
        """The market moved; its frames go out next."""

    def told(self) -> None:
        """The frames of what just happened are out."""

    def next_stop(self, after_ms: int) -> int:
        """The next instant at which it wants to act."""

    def reached(self, now_ms: int) -> None:
        """Time is at an instant; all points before it are out, none at it."""


class Publisher:
    """Owns the living topics; `advance` and `pulse` are called by the server's loop."""

    def __init__(self, venue: Venue, hub: Hub, follower: Follower | None = None) -> None:
        self._venue = venue
        self._hub = hub
        self._follower = follower
        self._tapes: dict[str, Tape] = {}
        self._klines: dict[tuple[str, str], KlineTopic] = {}
        self._books: dict[tuple[str, str], BookTopic] = {}
        self._all: list[Tape] = []
        self._taken_ms = -1
        """With a follower: up to here the points of all listings have been taken, and the next of them is at `due`."""
        self._due_ms = -1

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
            tape = self._tape(series)
            if (first := tape.first_message(topic)) is not None:
                hub.publish((client,), first)
        subscribers.add(client)
        client.topics.add(topic.name)

    def _tape(self, series: Series) -> Tape:
        tape = self._tapes.get(series.listing.key)
        if tape is None:
            tape = self._tapes[series.listing.key] = Tape(series, self._venue, self._hub)
        return tape

    def forget(self, key: str) -> None:
        """The bars ahead of a listing have changed."""
        if (tape := self._tapes.get(key)) is not None:
            tape.points.forget()
            self._due_ms = -1

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
        follower = self._follower
        klines = [one for one in self._klines.values() if one.subscribers]
        if follower is None:
            tapes = [one for one in self._tapes.values() if one.wanted]
        else:
            tapes = self._all = self._all or [self._tape(one) for one in venue.market.series.values()]
        while now < end:
            stop = min([end, *(one.closes_ms for one in klines if one.closes_ms > now)])
            if follower is not None:
                stop = min(stop, follower.next_stop(now))
            if follower is None:
                if tapes:
                    self._points(tapes, now, stop)
            elif stop > self._due_ms:
                self._points(tapes, now if self._taken_ms < 0 else self._taken_ms, stop)
                self._taken_ms = stop
                self._due_ms = min((one.points.next_ts for one in tapes), default=stop)
            now = stop
            venue.clock.publish(now)
            for one in klines:
                if one.closes_ms <= now:
                    one.confirm(self._hub)
            if follower is not None:
                follower.reached(now)
                follower.told()
        return now

    def _points(self, tapes: list[Tape], start_ms: int, stop_ms: int) -> None:
        due = [(row[0], number, row) for number, tape in enumerate(tapes) for row in tape.points.take(start_ms, stop_ms)]
        due.sort(key=_by_time)
        follower = self._follower
        for ts, number, row in due:
            if ts > self._venue.now_ms:
                self._venue.clock.publish(ts)
            tape = tapes[number]
            if follower is None:
                tape.publish(row)
                continue
            follower.point(tape.series, row)
            if tape.wanted:
                tape.publish(row)
            follower.told()

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
