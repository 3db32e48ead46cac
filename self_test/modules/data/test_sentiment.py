"""The sources, and the task that tells the engine: once for each answer, neutral for none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from modules.data.sentiment import BACKING_OFF, FileSource, HttpSource, SentimentTask, source_of
from modules.data.sentiment_formats import LARGEST, LARGEST_ANSWER
from modules.data.sentiment_settings import SentimentConfig
from state.messages import Control, Event
from strategy.sentiment import Neutral, Reading
from utils.clock import FakeClock
from utils.errors import Transient

NOW = 1_735_700_000_000


def answer(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], path: str = "/mood") -> Reading | None:
    """What a source makes of a real answer over the loopback."""

    async def ask() -> Reading | None:
        app = web.Application()
        app.router.add_get("/mood", handler)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            return await HttpSource(session, str(server.make_url(path))).latest(NOW)

    return asyncio.run(ask())


def test_an_answer_over_http() -> None:
    async def mood(_: web.Request) -> web.Response:
        return web.json_response({"value": -0.7, "ts": NOW - 5})

    assert answer(mood) == Reading(-0.7, NOW - 5)


@pytest.mark.parametrize(
    "body", [b"<html>sorry</html>", b'{"value": 7}', b" " * (LARGEST_ANSWER + 1)], ids=["no json", "no mood", "too large"]
)
def test_an_answer_that_cannot_be_understood_is_neutral(body: bytes) -> None:
    async def mood(_: web.Request) -> web.Response:
        return web.Response(body=body)

    assert answer(mood) is None


def test_an_endless_answer_is_cut_off() -> None:
    async def mood(request: web.Request) -> web.StreamResponse:
        out = web.StreamResponse()
        await out.prepare(request)
        while True:
            await out.write(b"[" * 65_536)

    assert answer(mood) is None


@pytest.mark.parametrize("status", [500, 404, 302])
def test_errors_and_redirects_may_pass(status: int) -> None:
    async def mood(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/mood"}, text='{"value": 1}')

    with pytest.raises(Transient, match=str(status)):
        answer(mood)


def test_nobody_there_may_pass() -> None:
    async def ask() -> None:
        async with aiohttp.ClientSession() as session:
            await HttpSource(session, "http://127.0.0.1:1/mood").latest(NOW)

    with pytest.raises(Transient):
        asyncio.run(ask())


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "mood.csv"
    source = FileSource(path)
    assert asyncio.run(source.latest(NOW)) is None
    path.write_text(f"ts,value\n{NOW - 9},25\n{NOW + 9},100\n")
    assert asyncio.run(source.latest(NOW)) == Reading(-0.5, NOW - 9)
    path.write_text("ts,value\nx,25\n")
    assert asyncio.run(source.latest(NOW)) is None
    path.write_bytes(b"\xff" * 10)
    assert asyncio.run(source.latest(NOW)) is None
    path.write_bytes(b" " * (LARGEST + 1))
    assert asyncio.run(source.latest(NOW)) is None
    as_json = tmp_path / "mood.json"
    as_json.write_text('{"value": 0.25}')
    assert asyncio.run(FileSource(as_json).latest(NOW)) == Reading(0.25, NOW)


class Says:
    """A source that says what it is told to; an error is raised."""

    name = "test"

    def __init__(self, *answers: Reading | Transient | None) -> None:
        self._answers = list(answers)

    async def latest(self, now: int) -> Reading | None:
        found = self._answers.pop(0)
        if isinstance(found, Transient):
            raise found
        return found


def told(*answers: Reading | Transient | None) -> list[tuple[str, str, str]]:
    """(domain, milli, at) of every event, after one step an answer."""
    put: list[Event] = []
    task = SentimentTask(Says(*answers), ("CRYPTO", "PERPS"), 60.0, FakeClock(), lambda: NOW, put.append)

    async def steps() -> None:
        for one in answers:
            if isinstance(one, Transient):
                with pytest.raises(Transient):
                    await task.step()
            else:
                await task.step()

    asyncio.run(steps())
    assert all(isinstance(one, Control) and one.name == "sentiment" and one.args["source"] == "test" for one in put)
    return [(one.args["domain"], one.args["milli"], one.args["at"]) for one in put if isinstance(one, Control)]


def test_each_answer_is_told_once_to_every_domain() -> None:
    fear = Reading(-0.5, NOW - 1)
    assert told(fear, fear, Reading(-0.5, NOW)) == [(d, "-500", at) for at in (str(NOW - 1), str(NOW)) for d in ("CRYPTO", "PERPS")]


def test_nothing_understood_is_told_as_neutral_once() -> None:
    assert told(None, None) == [("CRYPTO", "0", "0"), ("PERPS", "0", "0")]
    assert told(Transient("down"), Transient("down")) == [("CRYPTO", "0", "0"), ("PERPS", "0", "0")]
    assert told(Reading(0.2, NOW), Transient("down"))[-1] == ("PERPS", "200", str(NOW)), "what was told goes stale by its age"


def test_the_source_that_is_configured() -> None:
    async def names() -> list[str]:
        async with aiohttp.ClientSession() as session:
            configs = (
                SentimentConfig(),
                SentimentConfig(source="file", path="a/m.csv"),
                SentimentConfig(source="http", url="https://m.example/x"),
            )
            return [source_of(one, session).name for one in configs]

    assert asyncio.run(names()) == [Neutral.name, "file m.csv", "http m.example"]
    assert BACKING_OFF.expendable and BACKING_OFF.max_delay_s == 900.0


def outages(lines: list[Any]) -> list[tuple[str, str]]:
    return [(line["event"], line["source"]) for line in lines if line["log_level"] == "warning"]


@pytest.mark.asyncio
async def test_a_file_that_cannot_be_read_is_one_outage_however_often_it_is_asked(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "mood.json")
    with capture_logs() as lines:
        for _ in range(3):
            assert await source.latest(NOW) is None
        (tmp_path / "mood.json").write_text(json.dumps({"value": -0.5, "ts": NOW - 5}))
        for _ in range(2):
            assert await source.latest(NOW) is not None
    assert outages(lines) == [("outage", "file mood.json"), ("outage over", "file mood.json")]


@pytest.mark.asyncio
async def test_nonsense_over_http_is_one_outage_too() -> None:
    bodies = [b"<html>", b"<html>", b'{"value": 0.5, "ts": 1}']

    async def mood(_: web.Request) -> web.Response:
        return web.Response(body=bodies.pop(0))

    app = web.Application()
    app.router.add_get("/mood", mood)
    with capture_logs() as lines:
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            source = HttpSource(session, str(server.make_url("/mood")))
            found = [await source.latest(NOW) for _ in range(3)]
    assert found[:2] == [None, None] and found[2] is not None
    assert outages(lines) == [("outage", "http 127.0.0.1"), ("outage over", "http 127.0.0.1")]
