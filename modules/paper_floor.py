"""Where the feed meets paper orders: quotes and prints go to the paper venue and drive the heartbeat, its answers go to the inbox.

No quote ever passes through the engine's queue; what a quote does to an order becomes an account event, and that does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from marketdata.bybit_parse import StreamParser
from marketdata.bybit_rest import BybitRest
from marketdata.bybit_ws import BybitStream
from modules.boot import frontier
from modules.data.feeds import BybitFeed, FeedEvent, Gaps, feed_topics
from modules.data.funding import FundingWatch, Settlements
from modules.data.ticker import VenueTicker
from modules.data.together import together
from modules.engine.core import Engine
from modules.engine.desk import FEEDS
from modules.engine.execs import booked
from modules.engine.inbox import Inbox
from modules.environment import CHANNELS, Hosts
from modules.exchange.paper import PaperVenue
from modules.exchange.paper_funding import Holding, Owed
from modules.settings import BotConfig
from state.accounts import Domain, Mode
from state.books import OPEN
from state.instruments import Instrument
from state.market import Quote, Trade
from state.messages import AccountEvent, BarsClosed, Command, FeedDown
from strategy.base import DEMO
from utils.clock import MS, Clock, VenueTime


class PaperFloor:
    """One paper venue for all domains, the feeds that move it, and venue time as the quotes tell it."""

    def __init__(
        self,
        engine: Engine,
        inbox: Inbox,
        config: BotConfig,
        clock: Clock,
        rng: random.Random,
        chosen: frozenset[int],
        gaps: Gaps | None = None,
    ) -> None:
        """`gaps` takes the holes that live candles went past."""
        self._gaps = gaps
        self._engine, self._inbox, self._config, self._clock, self._rng = engine, inbox, config, clock, rng
        state = engine.state
        self._venue = PaperVenue(state.inst, state.seats_in(Mode.PAPER), config.paper.latency_ms, engine.mandate.confirm_ms)
        self._owed = Owed(partial(booked, engine.state), engine.state.inst)
        self._funding: FundingWatch | None = None
        self._quote_age_ms = int(config.paper.max_quote_age_s * 1000)
        self._ticker = VenueTicker(inbox.put, quotes=DEMO in chosen, quote_age_ms=self._quote_age_ms)
        self.time = VenueTime(clock)
        self._waits = False
        self._also: list[Callable[[Quote], None]] = []

    def also(self, listener: Callable[[Quote], None]) -> None:
        """Tell `listener` of every quote, too."""
        self._also.append(listener)

    @property
    def idle(self) -> bool:
        """Every settlement that came was asked about."""
        return self._funding is None or self._funding.idle

    def time_now(self) -> int:
        """Venue time by now, ms; 0 before anything was heard."""
        return self.time.last_ts() if self._waits else self.time.estimate_ms()

    def runs_at(self, speed: float, *, waits: bool = False) -> None:
        """Venue time runs at `speed` times the wall clock; where it `waits` for us at every close it is what was heard last."""
        self.time = VenueTime(self._clock, speed)
        self._waits = waits

    def dispatch(self, command: Command) -> None:
        """Carry out a command of the engine."""
        self._inbox.put_account(self._venue.submit(command))

    def on_quote(self, quote: Quote) -> None:
        """A touch moved."""
        self.time.observe(quote.ts)
        self._inbox.put_account(self._venue.on_quote(quote))
        for listener in self._also:
            listener(quote)
        self._ticker.observe(quote, self._clock.monotonic_ns() // MS)

    def on_trade(self, trade: Trade) -> None:
        """A print came."""
        self._inbox.put_account(self._venue.on_trade(trade))

    def on_feed(self, group: Iterable[Instrument], event: FeedEvent) -> None:
        """A feed of `group` says something for the inbox; when it is down, no tick carries its quotes."""
        if isinstance(event, FeedDown):
            self._ticker.forget(instrument.key for instrument in group)
        self._inbox.put(event)

    def feed(self, domain: Domain, hosts: Hosts, rest: BybitRest) -> Callable[[], Coroutine[Any, Any, None]]:
        """The task of a domain's feed: a fresh connection at each start, going on from what the rows have seen."""
        name = FEEDS[domain]
        group = [one for one in self._engine.state.instruments if one.domain is domain]
        confirm_ms = self._config.domains[domain].confirm_ms

        async def run() -> None:
            url, topics = hosts.ws + CHANNELS[name], feed_topics(group, confirm_ms)
            funding = self.settles(group, confirm_ms, rest) if domain is Domain.PERPS else None

            def emit(event: FeedEvent) -> None:
                told = funding.attach(event) if funding is not None and isinstance(event, BarsClosed) else event
                self.on_feed(group, told)

            feed = BybitFeed(
                name,
                group,
                confirm_ms,
                BybitStream(url, topics, StreamParser(group), self._clock, self._rng),
                rest,
                self._clock,
                emit=emit,
                on_quote=self.on_quote,
                on_trade=self.on_trade,
                on_ticker=None if funding is None else funding.on_ticker,
                since=frontier(self._engine),
                quote_age_ms=self._quote_age_ms,
                gaps=self._gaps,
            )
            if funding is None:
                await feed.run()
            else:
                await funding.catch_up()  # what a decision on the first bar has to know
                await together([feed.run(), funding.run()])

        return run

    def settles(self, group: Sequence[Instrument], confirm_ms: int, rest: Settlements) -> FundingWatch:
        """The funding of `group` from now on. Paper trades only where it hears, so what is held now was held at each settlement missed."""
        state, keys = self._engine.state, {one.key for one in group}
        for key, i in state.seats_in(Mode.PAPER).items():
            pos = state.pos[i]
            if key in keys and int(pos["status"]) == OPEN:
                held = Holding(state.account_of(i), int(pos["side"]), int(pos["steps"]), i)
                self._owed.note(key, int(pos["opened_ts"]) + 1, held)
        self._funding = FundingWatch(
            group,
            confirm_ms,
            rest,
            self._clock,
            self._owed,
            known={key: int(state.observed[state.index[key]]["rates_ts"]) for key in keys},
            now_ms=self.time_now,
            held=self._venue.holding,
            pay=lambda events: self._inbox.put_account(list[AccountEvent](events)),
        )
        return self._funding
