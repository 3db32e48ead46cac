"""Market frames of twenty spot pairs: decoded to typed values; decoded and applied, as the daemon does it.

Applied means: through the feed to the book and the gatherer of closes, the paper venue, whoever listens to quotes, and venue time, with the
real floor and an engine. Of ten frames six are books of one level, three are trades, one a candle that still runs: what a busy market
sends. No socket: bytes are in memory. Alone: python -m bench.frames
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np

from bench.markets import random_grid
from bench.measure import Row, rate, table
from config import CONFIG
from marketdata.bybit_parse import StreamParser, topic_of
from marketdata.bybit_ws import StreamItem
from modules.data.feeds import BybitFeed
from modules.engine.desk import FEEDS, chosen_strategies, fresh_engine
from modules.engine.inbox import Inbox
from modules.log_settings import begin_log
from modules.paper_floor import PaperFloor
from state.accounts import Domain
from state.instruments import Instrument
from utils.clock import WallClock
from utils.frames import Up

SYMBOLS, COUNT = 20, 40_000
START = 1_741_046_400_000
DECODED, APPLIED = 500_000.0, 100_000.0


def frames_of(instruments: tuple[Instrument, ...], count: int) -> list[bytes]:
    """`count` frames, the symbols in random turns, prices walking by ticks."""
    rng = np.random.default_rng(3)
    ticks = np.full(len(instruments), 100_000)
    number = np.zeros(len(instruments), np.int64)
    found = []
    for n in range(count):
        i = int(rng.integers(len(instruments)))
        symbol, ts = instruments[i].symbol.encode(), START + n
        ticks[i] += rng.integers(-3, 4)
        number[i] += 1
        price, kind = int(ticks[i]) / 100, n % 10
        if kind < 6 or number[i] == 1:
            size, u = b"%.4f" % rng.uniform(0.1, 9), int(number[i])
            found.append(
                b'{"topic":"orderbook.1.%b","ts":%d,"type":"snapshot","data":{"s":"%b","b":[["%.2f","%b"]],"a":[["%.2f","%b"]],"u":%d,"seq":%d},'
                b'"cts":%d}' % (symbol, ts, symbol, price, size, price + 0.01, size, u, u, ts)
            )
        elif kind < 9:
            found.append(
                b'{"topic":"publicTrade.%b","ts":%d,"type":"snapshot","data":[{"i":"229000%d","T":%d,"p":"%.2f","v":"%.4f","S":"%b","s":"%b",'
                b'"BT":false,"RPI":false,"seq":%d}]}'
                % (symbol, ts, n, ts, price, rng.uniform(0.001, 2), (b"Buy", b"Sell")[n & 1], symbol, n)
            )
        else:
            found.append(
                b'{"type":"snapshot","topic":"kline.5.%b","data":[{"start":%d,"end":%d,"interval":"5","open":"%.2f","close":"%.2f",'
                b'"high":"%.2f","low":"%.2f","volume":"%.4f","turnover":"34666.4005","confirm":false,"timestamp":%d}],"ts":%d}'
                % (symbol, START, START + 299_999, price, price, price + 1, price - 1, rng.uniform(1, 99), ts, ts)
            )
    return found


class Recorded:
    """A stream that gives its frames as fast as they are taken, then stays silent."""

    def __init__(self, frames: list[bytes], parser: StreamParser) -> None:
        self._frames, self._parser = frames, parser
        self.over = asyncio.Event()

    def resubscribe(self, topic: str) -> None:
        """A broken book would make this measure something else: AssertionError."""
        raise AssertionError(f"{topic} is broken")

    async def items(self) -> AsyncGenerator[StreamItem, None]:
        """Up, then what every frame holds."""
        yield Up(START)
        for raw in self._frames:
            for item in self._parser.parse(topic_of(raw), raw):
                yield item
        self.over.set()
        await asyncio.Event().wait()


class NoHistory:
    """No candle is missing."""

    async def klines(self, *_: Any, **__: Any) -> list[Any]:
        """None."""
        return []

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int:
        """The candle that runs."""
        return START


def applied(frames: list[bytes], instruments: tuple[Instrument, ...]) -> int:
    """Send the frames through feed and floor; how many quotes somebody heard."""
    engine, _ = fresh_engine(CONFIG, instruments, chosen_strategies(None), START, quotes=True)
    clock, inbox, heard = WallClock(), Inbox(), [0]
    floor = PaperFloor(engine, inbox, CONFIG, clock, random.Random(1), chosen_strategies(None))

    def listens(_quote: object) -> None:
        heard[0] += 1

    floor.also(listens)
    source = Recorded(frames, StreamParser(instruments))
    feed = BybitFeed(
        FEEDS[Domain.CRYPTO],
        instruments,
        CONFIG.domains[Domain.CRYPTO].confirm_ms,
        source,
        NoHistory(),
        clock,
        emit=lambda event: floor.on_feed(instruments, event),
        on_quote=floor.on_quote,
        on_trade=floor.on_trade,
        since={one.key: START for one in instruments},
    )

    async def once() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(feed.run())
            await source.over.wait()
            task.cancel()

    asyncio.run(once())
    return heard[0]


def frame_rows(runs: int, *, quick: bool = False) -> list[Row]:
    """Both rows, frames a second on one core; the log is set up as the daemon's."""
    begin_log(CONFIG.logs, verbose=False, secrets=())
    instruments = random_grid(SYMBOLS, 1).instruments
    frames = frames_of(instruments, COUNT // 10 if quick else COUNT)
    parser = StreamParser(instruments)

    def decode() -> None:
        for raw in frames:
            parser.parse(topic_of(raw), raw)

    note = f"{SYMBOLS} pairs: 6 books, 3 trades, 1 candle of 10; {sum(map(len, frames)) / len(frames):.0f} bytes"
    return [
        rate("market frames decoded", "frames/s", len(frames), decode, runs, goal=DECODED, note=note),
        rate("market frames decoded and applied", "frames/s", len(frames), lambda: applied(frames, instruments), runs, goal=APPLIED),
    ]


def main() -> int:
    """Measure and print."""
    sys.stdout.write(table(frame_rows(7)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
