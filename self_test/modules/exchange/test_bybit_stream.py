"""The private socket against a venue that misbehaves on purpose; what a whole venue tells is in self_test/contracts."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from marketdata.bybit_ws import BAN_S, StreamLimits
from modules.exchange.bybit_stream import EXPIRES_MS, TOPICS, BybitAccountStream
from modules.exchange.reports import AccountItem, ExecutionReport, Link, OrderReport, WalletReport
from self_test.modules.exchange.test_bybit_account import EXECUTION, ORDER, POSITION, WALLET
from state.accounts import Domain
from utils.backoff import Backoff
from utils.clock import SECOND, WallClock

QUICK = StreamLimits(check_s=0.01, close_s=0.2, backoff=Backoff(base_s=0.01, cap_s=0.02))
pytestmark = pytest.mark.asyncio


class QuickClock(WallClock):
    """The machine's clock, except that pauses are short and told, and that it can jump ahead."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.ahead_s = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.ahead_s * SECOND

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await super().sleep(min(seconds, 0.01))


class PrivateVenue:
    """One private channel: logs in whom it likes, subscribes, publishes, and counts."""

    def __init__(self) -> None:
        self.url = ""
        self.logins: list[list[Any]] = []
        self.subscribed: list[list[str]] = []
        self.pings = 0
        self.refuses_logins = 0
        self.refuses_topics = 0
        self.answers_logins = True
        self.banned = 0
        self.before_ack: list[bytes] = []
        self._open: set[ServerConnection] = set()

    def handshake(self, connection: ServerConnection, _: Request) -> Response | None:
        if self.banned:
            self.banned -= 1
            return connection.respond(HTTPStatus.FORBIDDEN, "access too frequent")
        return None

    async def publish(self, topic: str, *found: Any) -> None:
        for connection in list(self._open):
            await connection.send(frame(topic, *found).decode())

    async def raw(self, text: str) -> None:
        for connection in list(self._open):
            await connection.send(text)

    async def serve(self, connection: ServerConnection) -> None:
        self._open.add(connection)
        try:
            async for message in connection:
                for answer in self._answers(msgspec.json.decode(message)):
                    await connection.send(answer if isinstance(answer, str) else msgspec.json.encode(answer).decode())
        except ConnectionClosed:
            pass
        finally:
            self._open.discard(connection)

    def _answers(self, request: dict[str, Any]) -> list[Any]:
        match request["op"]:
            case "auth":
                self.logins.append(request["args"])
                if not self.answers_logins:
                    return []
                good = self.refuses_logins <= 0
                self.refuses_logins -= 1
                return [{"success": good, "ret_msg": "" if good else "Params Error", "op": "auth", "conn_id": "c"}]
            case "subscribe":
                self.subscribed.append(request["args"])
                good = self.refuses_topics <= 0
                self.refuses_topics -= 1
                ack = {"success": good, "ret_msg": "", "op": "subscribe", "conn_id": "c", "req_id": request["req_id"]}
                return [*(one.decode() for one in self.before_ack), ack]
            case _:
                self.pings += 1
                return [{"op": "pong", "args": ["1"], "conn_id": "c"}]


def frame(topic: str, *found: Any) -> bytes:
    return msgspec.json.encode({"id": "i", "topic": topic, "creationTime": 7, "data": list(found)})


@asynccontextmanager
async def private_venue() -> AsyncIterator[PrivateVenue]:
    venue = PrivateVenue()
    server: Server
    async with serve(venue.serve, "127.0.0.1", 0, compression=None, close_timeout=0.2, process_request=venue.handshake) as server:
        venue.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v5/private"
        yield venue


def stream(venue: PrivateVenue, domain: Domain = Domain.CRYPTO, clock: WallClock | None = None, ahead_ms: int = 0, **limits: Any) -> Any:
    clock = clock or QuickClock()
    made = BybitAccountStream(
        venue.url, "k", "s3cr3t", domain, clock, lambda: 1_700_000_000_000 + ahead_ms, random.Random(1),
        limits=msgspec.structs.replace(QUICK, **limits),
    )  # fmt: skip
    return aclosing(made.items())


async def take(items: AsyncGenerator[AccountItem, None]) -> AccountItem:
    async with asyncio.timeout(10):
        return await anext(items)


async def link(items: AsyncGenerator[AccountItem, None]) -> Link:
    item = await take(items)
    assert isinstance(item, Link)
    return item


async def test_login_then_topics_then_up_and_what_overtakes_the_answer_follows_it():
    async with private_venue() as venue, stream(venue) as items:
        venue.before_ack = [frame("execution", EXECUTION | {"category": "spot"})]
        assert (await link(items)).up
        assert isinstance(await take(items), ExecutionReport)
        key, expires, signature = venue.logins[0]
        assert (key, expires, venue.subscribed) == ("k", 1_700_000_000_000 + EXPIRES_MS, [list(TOPICS)])
        assert signature == hmac.new(b"s3cr3t", f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        assert signature == "5ba7e487e0b166a3ac514cbb443e3ac58c40de7e5549e03f6cb0a7b976b7543a", "the documented vector"


async def test_each_topic_becomes_its_report_and_other_domains_are_left_out():
    async with private_venue() as venue, stream(venue) as items:
        assert (await link(items)).up
        await venue.publish("order", ORDER | {"category": "linear"}, ORDER | {"category": "inverse"}, ORDER | {"category": "spot"})
        await venue.publish("position", POSITION | {"category": "linear"})
        await venue.publish("wallet", {"coin": [WALLET["coin"][1]]}, WALLET)
        order, wallet = await take(items), await take(items)
        assert isinstance(order, OrderReport) and order.key == "CRYPTO:BTCUSDT"
        assert isinstance(wallet, WalletReport) and wallet.ts == 7 and wallet.free == 65


@pytest.mark.parametrize(
    "topic, row",
    [
        ("order", ORDER | {"category": "spot", "orderStatus": "Sleeping"}),
        ("order", ORDER),
        ("execution", EXECUTION | {"category": "spot", "execQty": "much"}),
        ("wallet", {"coin": [{"coin": "USDT"}]}),
        ("position", "row"),
    ],
)
async def test_a_row_that_cannot_be_understood_ends_the_connection_so_that_a_reconcile_follows(topic: str, row: Any):
    async with private_venue() as venue, stream(venue) as items:
        assert (await link(items)).up
        await venue.publish(topic, row)
        down = await link(items)
        assert not down.up and topic in down.reason
        assert (await link(items)).up


async def test_a_frame_that_is_no_json_is_the_same():
    async with private_venue() as venue, stream(venue) as items:
        assert (await link(items)).up
        await venue.raw("{half")
        assert not (await link(items)).up
        assert (await link(items)).up


async def test_topics_that_nobody_asked_for_are_left_alone():
    async with private_venue() as venue, stream(venue) as items:
        assert (await link(items)).up
        await venue.publish("greeks", {"baseCoin": "BTC"})
        await venue.publish("execution", EXECUTION | {"category": "spot"})
        assert isinstance(await take(items), ExecutionReport)


async def test_a_refused_login_is_told_once_and_tried_again_signed_anew():
    clock = QuickClock()
    async with private_venue() as venue, stream(venue, clock=clock) as items:
        venue.refuses_logins = 3
        down = await link(items)
        assert not down.up and "Params Error" in down.reason
        assert (await link(items)).up
        assert len(venue.logins) == 4 and len(venue.subscribed) == 1


async def test_refused_topics_and_missing_answers_are_losses():
    async with private_venue() as venue, stream(venue) as items:
        venue.refuses_topics = 1
        assert "subscribe refused" in (await link(items)).reason
        assert (await link(items)).up
    async with private_venue() as venue, stream(venue, ack_s=0.05) as items:
        venue.answers_logins = False
        assert "no answer to auth" in (await link(items)).reason
        venue.answers_logins = True
        assert (await link(items)).up


async def test_a_socket_that_opens_and_never_answers_costs_seconds_not_ten() -> None:
    """After a restart nobody may enter until the stream is up; a half-open socket made that fifteen seconds."""
    clock = QuickClock()
    async with private_venue() as venue, aclosing(
        BybitAccountStream(venue.url, "k", "s", Domain.CRYPTO, clock, lambda: 1_700_000_000_000, random.Random(1)).items()
    ) as items:  # fmt: skip
        venue.answers_logins = False
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(link(items))
            while not venue.logins:
                await WallClock().sleep(0.005)
            clock.ahead_s = 4
        assert asked.result().reason == "no answer to auth within 3 s"


async def test_a_ban_is_waited_for():
    clock = QuickClock()
    async with private_venue() as venue, stream(venue, clock=clock) as items:
        venue.banned = 1
        assert (await link(items)).reason == "HTTP 403"
        assert (await link(items)).up
        assert clock.pauses == [BAN_S]


async def test_a_venue_that_is_not_there_is_told_once():
    clock = QuickClock()
    venue = PrivateVenue()
    venue.url = "ws://127.0.0.1:9/v5/private"
    async with stream(venue, clock=clock) as items:
        assert not (await link(items)).up
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await anext(items)
        assert len(clock.pauses) > 2


async def test_the_time_of_a_busy_consumer_is_not_the_venues_silence():
    clock = QuickClock()
    async with private_venue() as venue, stream(venue, clock=clock) as items:
        assert (await link(items)).up
        clock.ahead_s += 3600
        await venue.publish("execution", EXECUTION | {"category": "spot"})
        assert isinstance(await take(items), ExecutionReport)


async def test_pings_go_out_and_their_answers_count_as_life():
    async with private_venue() as venue, stream(venue, ping_s=0.02, silent_s=0.6) as items:
        assert (await link(items)).up
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.9):
                await anext(items)
        assert venue.pings > 5


async def test_failures_are_forgotten_after_a_stable_time():
    clock = QuickClock()
    async with private_venue() as venue, stream(venue, clock=clock, stable_s=0.0, backoff=Backoff(base_s=1.0, cap_s=64.0)) as items:
        for _ in range(4):
            assert (await link(items)).up
            await venue.raw("{half")
            assert not (await link(items)).up
        assert all(pause <= 1.0 for pause in clock.pauses), "each is the first of its row"
