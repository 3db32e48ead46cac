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
from marketdata.items import Ticker
from modules.boot import frontier
from modules.broker import Broker
from modules.data.feeds import BybitFeed, FeedEvent, Gaps, feed_topics
from modules.data.funding import FundingWatch, Settlements
from modules.data.marks import Marks
from modules.data.oanda_feed import QUOTE_AGE_MS as BROKER_QUOTE_AGE_MS
from modules.data.oanda_feed import OandaFeed
from modules.data.ticker import VenueTicker
from modules.data.together import together
from modules.engine.core import Engine
from modules.engine.desk import FEEDS
from modules.engine.execs import booked
from modules.engine.inbox import Inbox
from modules.environment import CHANNELS, Hosts
from modules.exchange.paper import PaperVenue
from modules.exchange.paper_funding import Holding, Owed
from modules.exchange.paper_options import PaperOptions
from modules.exchange.paper_swap import Swap
from modules.live_floor import account_of
from modules.settings import BotConfig
from state.accounts import OF_PAIRS, Domain, Mode
from state.books import OPEN
from state.instruments import Instrument
from state.market import Quote, Trade
from state.messages import AccountEvent, BarsClosed, Command, FeedDown
from strategy.base import DEMO
from utils.clock import MS, Clock, VenueTime
from utils.errors import Invariant


class PaperFloor:
    """A paper venue for each domain, the feeds that move them, and venue time as the quotes tell it."""

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
        self._owed = Owed(partial(booked, engine.state), engine.state.inst)
        self._domains = {one.key: one.domain for one in state.instruments}
        self._venues = {domain: self._paper(domain) for domain in dict.fromkeys(self._domains.values())}
        self._funding: FundingWatch | None = None
        self._quote_age_ms = int(config.paper.max_quote_age_s * 1000)
        ages = {one.key: BROKER_QUOTE_AGE_MS for one in state.instruments if one.domain in OF_PAIRS}
        self._demo = DEMO in chosen
        self._ticker = VenueTicker(inbox.put, wanted=self._wants_quotes, quote_age_ms=self._quote_age_ms, ages=ages)
        self._closed: dict[str, int] = {}
        """Feed -> the newest close that it has given out."""
        self._broker_feed: OandaFeed | None = None
        self.time = VenueTime(clock)
        self._waits = False
        self._also: list[Callable[[Quote], None]] = []

    def _paper(self, domain: Domain) -> PaperVenue:
        """The paper venue of a domain; currency pairs are financed there, options priced from their pairs' quotes."""
        state, paper = self._engine.state, self._config.paper
        mine = {key: i for key, i in state.seats_in(Mode.PAPER).items() if self._domains[key] is domain}
        if domain is Domain.OPTIONS:
            return PaperOptions(state, mine, paper.latency_ms, self._config.domains[domain].confirm_ms)
        since = {key: int(state.pos[i]["opened_ts"]) for key, i in mine.items() if int(state.pos[i]["status"]) == OPEN}
        swap = Swap(state.instruments, self._owed, since) if domain is Domain.FOREX else None
        patience_ms = self._config.domains[domain].confirm_ms
        return PaperVenue(state.inst, mine, paper.latency_ms, patience_ms, swap, by_mark=self._by_mark(domain))

    def _wants_quotes(self) -> bool:
        """Whether something is entered on a tick: the demo, or what waits for an explored position to leave (`choose.go_on`)."""
        return self._demo or bool(self._engine.state.waiting)

    def also(self, listener: Callable[[Quote], None]) -> None:
        """Tell `listener` of every quote, too."""
        self._also.append(listener)

    @property
    def idle(self) -> bool:
        """Every settlement that came was asked about."""
        return self._funding is None or self._funding.idle

    @property
    def heard_out(self) -> bool:
        """Every feed that is up has given out what closed by now, and it was decided on: what must be before a venue is told to go on."""
        if self._inbox.depth:
            return False
        ts = self._engine.state.ts
        for domain in self._venues:
            feed, length = FEEDS[domain], self._config.domains[domain].confirm_ms
            if feed in self._engine.state.feeds_down:
                continue
            if domain in OF_PAIRS:
                if self._broker_feed is not None and not self._broker_feed.caught_up(ts):
                    return False
            elif self._closed.get(feed, 0) < ts // length * length:
                return False
        return True

    def time_now(self) -> int:
        """Venue time by now, ms; 0 before anything was heard."""
        return self.time.last_ts() if self._waits else self.time.estimate_ms()

    def runs_at(self, speed: float, *, waits: bool = False) -> None:
        """Venue time runs at `speed` times the wall clock; where it `waits` for us at every close it is what was heard last."""
        self.time = VenueTime(self._clock, speed)
        self._waits = waits

    def dispatch(self, command: Command) -> None:
        """Carry out a command of the engine."""
        account = account_of(command)
        if account is None:
            raise Invariant(f"no venue carries out {type(command).__name__}")
        self._inbox.put_account(self._venues[account.domain].submit(command))

    def on_quote(self, quote: Quote) -> None:
        """A touch moved."""
        self.time.observe(quote.ts)
        self._inbox.put_account(self._venues[self._domains[quote.key]].on_quote(quote))
        for listener in self._also:
            listener(quote)
        self._ticker.observe(quote, self._clock.monotonic_ns() // MS)

    def on_trade(self, trade: Trade) -> None:
        """A print came."""
        self._inbox.put_account(self._venues[self._domains[trade.key]].on_trade(trade))

    def on_feed(self, group: Iterable[Instrument], event: FeedEvent) -> None:
        """A feed of `group` says something for the inbox; when it is down, no tick carries its quotes."""
        if isinstance(event, FeedDown):
            self._ticker.forget(instrument.key for instrument in group)
        if isinstance(event, BarsClosed) and event.candles:
            name = FEEDS[self._domains[event.candles[0].key]]
            self._closed[name] = max(self._closed.get(name, 0), event.ts)
            options = self._venues.get(Domain.OPTIONS)
            if isinstance(options, PaperOptions):
                self._inbox.put_account(options.on_bars(event))
        self._inbox.put(event)

    def _by_mark(self, domain: Domain) -> bool:
        return domain is Domain.PERPS and self._config.risk.trigger == "mark"

    def feed(self, domain: Domain, hosts: Hosts, rest: BybitRest, broker: Broker | None = None) -> Callable[[], Coroutine[Any, Any, None]]:
        """The task of a domain's feed: a fresh connection at each start, going on from what the rows have seen."""
        if domain in OF_PAIRS:
            return partial(self._from_broker, broker)
        name = FEEDS[domain]
        group = [one for one in self._engine.state.instruments if one.domain is domain]
        confirm_ms = self._config.domains[domain].confirm_ms

        async def run() -> None:
            url, topics = hosts.ws + CHANNELS[name], feed_topics(group, confirm_ms)
            funding = self.settles(group, confirm_ms, rest) if domain is Domain.PERPS else None
            marks = Marks(self._venues[domain].on_mark) if self._by_mark(domain) else None

            def emit(event: FeedEvent) -> None:
                if isinstance(event, BarsClosed):
                    event = event if funding is None else funding.attach(event)
                    event = event if marks is None else marks.attach(event)
                elif isinstance(event, FeedDown) and marks is not None:
                    marks.forget()
                self.on_feed(group, event)

            def on_ticker(ticker: Ticker) -> None:
                if funding is not None:
                    funding.on_ticker(ticker)
                if marks is not None:
                    marks.on_ticker(ticker)

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
                on_ticker=on_ticker,
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

    async def _from_broker(self, broker: Broker | None) -> None:
        """The task of the broker's feed; without a way to the broker what is held there hears nothing."""
        if broker is None:
            return
        group = [one for one in self._engine.state.instruments if one.domain in OF_PAIRS]
        domains = self._config.domains
        self._broker_feed = OandaFeed(
            FEEDS[Domain.FOREX],
            group,
            {one.key: domains[one.domain].frames(one.symbol).confirm_ms for one in group},
            broker.prices(group),
            broker.rest,
            self._clock,
            emit=partial(self.on_feed, group),
            on_quote=self.on_quote,
            on_halt=lambda key: self._ticker.forget([key]),
            venue_now=self.time_now,
            since=frontier(self._engine),
        )
        await self._broker_feed.run()

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
            held=self._venues[Domain.PERPS].holding,
            pay=lambda events: self._inbox.put_account(list[AccountEvent](events)),
        )
        return self._funding
