from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from self_test.telemetry.bot import Bot
from telemetry.client import Silent, ask, control
from telemetry.local_socket import bind_private
from telemetry.server import Ask, Server
from utils.errors import ExitCode, Refusal, Transient

pytestmark = pytest.mark.asyncio


@pytest.fixture(params=["short", "long"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = tmp_path if request.param == "short" else tmp_path / ("x" * 120)
    folder.mkdir(exist_ok=True)
    return folder / "control.sock"


@pytest_asyncio.fixture
async def bot(path: Path):
    bot = Bot()
    server = Server(bot.answers())
    await server.start("127.0.0.1", 0, path)
    yield bot
    await server.close()


async def test_a_running_daemon_is_asked(bot: Bot, path: Path) -> None:
    assert await ask(path, "/status") == {"env": "simulated"}
    bot.missing = ["warm-up"]
    assert await ask(path, "/readyz") == {"ok": False, "missing": ["warm-up"]}


async def test_a_request_is_carried_out(bot: Bot, path: Path) -> None:
    assert await control(path, Ask("pause", {}, "cli")) == {"done": "pause"}
    assert bot.asked == [Ask("pause", {}, "cli")]


async def test_the_daemons_refusal_is_ours(bot: Bot, path: Path) -> None:
    with pytest.raises(Refusal, match="no such request: explode") as refusal:
        await control(path, Ask("explode"))
    assert refusal.value.code is ExitCode.GATE_REFUSED


async def test_nobody_there_is_transient(path: Path) -> None:
    with pytest.raises(Transient, match="no daemon answers"):
        await ask(path, "/status")
    with pytest.raises(Transient, match="no daemon answers"):
        await ask(path.parent / "nowhere" / "control.sock", "/status")


async def test_a_daemon_that_hangs_is_given_up(path: Path) -> None:
    with bind_private(path) as held:
        held.listen()
        with pytest.raises(Silent, match=r"may still be done"):
            await control(path, Ask("pause"), limit_s=0.05)


async def test_something_else_on_the_socket_is_told_apart(path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(talk, sock=bind_private(path))
    async with server:
        with pytest.raises(Transient, match="JSON"):
            await ask(path, "/status")
