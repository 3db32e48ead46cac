"""How much one simulator process serves: frames and requests a second, and how long a private reply takes meanwhile.

Fifty symbols; five connections, in a process of their own, that subscribe to everything (candles, trades, tickers, 50-level books, on spot
and linear); twenty signed orders a second. Once at --speed 60, then as fast as it goes; the first five seconds of each do not count.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from bench.measure import Row, table
from modules.simulator import extra_coins
from modules.simulator.generated import COINS
from utils.clock import WallClock

REPO = Path(__file__).resolve().parents[1]
SYMBOLS = tuple(f"{coin}USDT" for coin in (*COINS, *extra_coins.NAMES))
CONNECTIONS = ("linear", "linear", "linear", "spot", "spot")
ORDERS_A_SECOND = 20
PACED, HOT = 60.0, 6000.0
WARM_UP_S = 5
FRAMES_GOAL = 10_000.0
PAGE = 10
"""Arguments to a subscription, as many as spot allows."""
LINEAR_OF_20 = 8
"""Of twenty orders; the venue takes ten a second."""


class Load:
    """The counters of one run against one simulator."""

    def __init__(self, ready: dict[str, Any]) -> None:
        self.http, self.ws, self.control = ready["bybit"]["http"], ready["bybit"]["ws"], ready["control"]
        self._key, self._secret = ready["api_key"], ready["api_secret"]
        self.replies_ms: list[float] = []
        self.refused = 0
        self.codes: set[int] = set()

    async def trade(self, session: aiohttp.ClientSession) -> None:
        """Orders at an even pace, far from the market and at it, each cancelled or closed by the next."""
        loop, due = asyncio.get_running_loop(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in itertools.count():
                due += 1 / ORDERS_A_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                side = "Buy" if number // 20 % 2 else "Sell"
                body = {
                    "category": "spot",
                    "symbol": "BTCUSDT",
                    "side": side,
                    "orderType": "Market",
                    "qty": "20" if side == "Buy" else "0.0001",
                }
                if number % 20 < LINEAR_OF_20:
                    body |= {"category": "linear", "symbol": "ETHUSDT", "qty": "0.05"}
                group.create_task(self._order(session, json.dumps(body), loop))

    async def _order(self, session: aiohttp.ClientSession, text: str, loop: asyncio.AbstractEventLoop) -> None:
        stamp = str(WallClock().now_ms())
        signature = hmac.new(self._secret.encode(), f"{stamp}{self._key}5000{text}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-BAPI-API-KEY": self._key, "X-BAPI-TIMESTAMP": stamp, "X-BAPI-RECV-WINDOW": "5000", "X-BAPI-SIGN": signature}
        began = loop.time()
        async with session.post(f"{self.http}/v5/order/create", data=text, headers=headers) as answer:
            code = (await answer.json())["retCode"]
            self.refused += code != 0
            self.codes.add(code)
        self.replies_ms.append((loop.time() - began) * 1000)

    async def health(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        """How many are connected."""
        async with session.get(f"{self.control}/healthz") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def joined(self, session: aiohttp.ClientSession) -> None:
        """Until all connections are there."""
        for _ in range(600):
            if (await self.health(session))["clients"] == len(CONNECTIONS):
                return
            await asyncio.sleep(0.1)

    async def speed(self, session: aiohttp.ClientSession, speed: float | None = None) -> dict[str, Any]:
        """Set the speed, or ask for the clock."""
        if speed is None:
            async with session.get(f"{self.control}/clock") as answer:
                found: dict[str, Any] = await answer.json()
                return found
        async with session.post(f"{self.control}/clock", json={"speed": speed}) as answer:
            changed: dict[str, Any] = await answer.json()
            return changed


async def _consume(ws: str, category: str, count: Callable[[], None]) -> None:
    """Subscribe to everything of a category and count what comes."""
    topics = [f"{kind}.{one}" for one in SYMBOLS for kind in ("kline.1", "publicTrade", "tickers", "orderbook.50") if listed(one, category)]
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{ws}/v5/public/{category}", max_msg_size=0) as socket:
        for first in range(0, len(topics), PAGE):
            await socket.send_json({"op": "subscribe", "args": topics[first : first + PAGE]})
        async for _ in socket:
            count()


def listen(ws: str, counter: Any) -> None:
    """All connections, in a process of their own; `counter` is shared."""

    def count() -> None:
        counter.value += 1

    async def everything() -> None:
        await asyncio.gather(*(_consume(ws, category, count) for category in CONNECTIONS))

    asyncio.run(everything())


async def counted(counter: Any, seconds: int) -> list[int]:
    """Frames of each second."""
    found = []
    for _ in range(seconds):
        before = counter.value, time.perf_counter()
        await asyncio.sleep(1)
        found.append(round((counter.value - before[0]) / (time.perf_counter() - before[1])))
    return found


def listed(symbol: str, category: str) -> bool:
    """AAVE and WIF are perpetuals only."""
    return category == "linear" or symbol not in {"AAVEUSDT", "WIFUSDT"}


def memory_mb(pid: int) -> float:
    """Resident memory of a process; 0 where it cannot be read."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_s(pid: int) -> float:
    """Processor time of a process so far; 0 where it cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load_rows(seconds: int) -> list[Row]:
    """Start a simulator, load it, and say what it did."""
    words = [sys.executable, "-c", "import sys; from modules.simulator.commands import main; sys.exit(main(sys.argv[1:]))", "simulator"]
    words += ["--symbols", ",".join(SYMBOLS), "--speed", str(PACED), "--pace", "free", "--balance", "USDT=10000000,BTC=10"]
    with subprocess.Popen(  # noqa: S603  our own words  # nosec B603
        words, cwd=REPO, stdout=subprocess.PIPE
    ) as process:
        try:
            ready = json.loads(process.stdout.readline()) if process.stdout is not None else {}
            return asyncio.run(_measure(ready, process.pid, seconds))
        finally:
            process.send_signal(signal.SIGTERM)


async def _measure(ready: dict[str, Any], pid: int, seconds: int) -> list[Row]:
    load, spawn = Load(ready), multiprocessing.get_context("spawn")
    counter = spawn.Value("q", 0, lock=False)
    listener = spawn.Process(target=listen, args=(load.ws, counter), daemon=True)
    listener.start()
    rows: list[Row] = []
    try:
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            await load.joined(session)
            trading = group.create_task(load.trade(session))
            for speed, name in ((PACED, "paced x60"), (HOT, "flat out")):
                await load.speed(session, speed)
                await asyncio.sleep(WARM_UP_S)
                rows += await _stage(load, session, counter, pid, seconds, name)
            trading.cancel()
    finally:
        listener.terminate()
        listener.join()
    return rows


async def _stage(load: Load, session: aiohttp.ClientSession, counter: Any, pid: int, seconds: int, name: str) -> list[Row]:
    """The two rows of one speed."""
    load.replies_ms.clear()
    load.codes.clear()
    load.refused, before = 0, memory_mb(pid)
    spent, began = cpu_s(pid), time.perf_counter()
    counts = await counted(counter, seconds)
    busy = (cpu_s(pid) - spent) / (time.perf_counter() - began)
    clock, replies = await load.speed(session), sorted(load.replies_ms)
    served = len(replies) / seconds
    return [
        Row(
            name=f"simulator, frames served, {name}", unit="frames/s", median=statistics.median(counts), lowest=min(counts),
            highest=max(counts), runs=seconds, goal=None if name.startswith("paced") else FRAMES_GOAL,
            note=f"{len(SYMBOLS)} symbols, {len(CONNECTIONS)} connections, achieved x{clock['achieved'] or 0:.1f}",
        ),
        Row(
            name=f"simulator, private orders, {name}", unit="requests/s", median=served, lowest=served, highest=served, runs=1,
            note=f"{load.refused} refused {sorted(load.codes - {0}) or ''}; reply p50 {_quantile(replies, 0.5):.1f} ms, "
            f"p99 {_quantile(replies, 0.99):.1f} ms; {busy:.0%} of a core, {memory_mb(pid):.0f} MB ({memory_mb(pid) - before:+.0f})",
        ),
    ]  # fmt: skip


def _quantile(values: list[float], share: float) -> float:
    """Of sorted values; 0 when there are none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


if __name__ == "__main__":
    sys.stdout.write(table(load_rows(10)))
