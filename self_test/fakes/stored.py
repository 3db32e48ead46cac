"""A state directory as the daemon leaves it: the real engine, runner, chain and paper venue, driven by made-up quotes and bars."""

from __future__ import annotations

import asyncio
from pathlib import Path

from config import CONFIG
from modules.boot import checkpoint, recover
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, make_mandate, make_state, wallet_events
from modules.engine.inbox import Inbox
from modules.engine.migrations import open_chain
from modules.engine.runner import Runner
from modules.exchange.paper import PaperVenue
from self_test.fakes.books import M5, SPOT, coin
from state.accounts import Mode
from state.market import Candle, Quote
from state.messages import BarsClosed, Command, Control, Tick, VenueReset

START = 1_741_075_200_000
MINUTE_MS = 60_000
COINS = (coin("AAAUSDT"), coin("BBBUSDT"))
LEVEL = 100_000


class Played:
    """A bot on `folder` that lives through made-up minutes. Close it, or leave it as a crash would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.chain = open_chain(folder)
        stored = recover(self.chain).state
        state = stored or make_state(CONFIG, COINS, (SPOT,))
        self.engine = Engine(state, make_mandate(CONFIG, COINS, (SPOT,), chosen_strategies(("demo",)), quotes=True))
        checkpoint(self.engine, self.chain)
        self.inbox = Inbox()
        self.venue = PaperVenue(state.inst, state.seats_in(Mode.PAPER), 150, M5)
        self.now = max(START, state.ts)
        self.runner = Runner(self.engine, self.inbox, self.chain, self._dispatch, [])
        boot = Control(self.now, "boot", {"stage": "1", "feeds": ""}, "start")
        self.runner.apply([boot, *wallet_events(CONFIG, (SPOT,), self.now), VenueReset(self.now, SPOT)])

    def _dispatch(self, command: Command) -> None:
        self.inbox.put_account(self.venue.submit(command))

    def minutes(self, count: int) -> None:
        """Live on: every minute quotes and a tick, every five a bar; prices swing by two per mille."""
        for _ in range(count):
            self.now += MINUTE_MS
            turn = self.now // MINUTE_MS
            quotes = []
            for n, one in enumerate(COINS):
                bid = LEVEL + (turn * 37 + n * 11) % 200
                quote = Quote(one.key, self.now, bid, bid + 2, 100_000, 100_000)
                self.inbox.put_account(self.venue.on_quote(quote))
                quotes.append(quote)
            if self.now % M5 == 0:
                bars = tuple(Candle(q.key, self.now - M5, q.bid, q.bid + 50, q.bid - 50, q.bid, 10_000.0) for q in quotes)
                self.inbox.put(BarsClosed(self.now, bars, tuple(quotes)))
            self.inbox.put(Tick(self.now, tuple(quotes)))
            while self.inbox.depth:
                self.runner.apply(asyncio.run(self.inbox.take()))

    def close(self) -> None:
        """End cleanly."""
        self.runner.checkpoint()
        self.chain.close()

    def crash(self) -> None:
        """End as a killed process does: what was flushed is there, no snapshot was made."""
        self.chain.close()
