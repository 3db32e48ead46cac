from __future__ import annotations

import socket
import stat
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from self_test.telemetry.bot import Bot
from telemetry.local_socket import address
from telemetry.server import Ask, Server
from utils.errors import ExitCode, Refusal

pytestmark = pytest.mark.asyncio


@pytest.fixture
def bot() -> Bot:
    return Bot()


@pytest_asyncio.fixture
async def server(bot: Bot, tmp_path: Path):
    server = Server(bot.answers())
    await server.start("127.0.0.1", 0, tmp_path / "control.sock")
    yield server
    await server.close()


@pytest_asyncio.fixture
async def web():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def local(tmp_path: Path):
    with address(tmp_path / "control.sock") as where:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=where)) as session:
            yield session


async def test_the_real_port_is_known_after_the_start(server: Server) -> None:
    assert server.port > 0
    assert server.url == f"http://127.0.0.1:{server.port}"


async def test_metrics_come_as_prometheus_expects_them(server: Server, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{server.url}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert await answer.read() == b"bot_stage 1.0\n"


async def test_status_is_the_object_handed_in(server: Server, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{server.url}/status") as answer:
        assert (answer.status, await answer.json()) == (200, {"env": "simulated"})


@pytest.mark.parametrize("path, field", [("/healthz", "wrong"), ("/readyz", "missing")])
async def test_a_probe_says_what_is_the_matter(server: Server, web: aiohttp.ClientSession, bot: Bot, path: str, field: str) -> None:
    async with web.get(server.url + path) as answer:
        assert (answer.status, await answer.json()) == (200, {"ok": True, field: []})
    getattr(bot, field).append("feed bybit-spot")
    async with web.get(server.url + path) as answer:
        assert (answer.status, await answer.json()) == (503, {"ok": False, field: ["feed bybit-spot"]})


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/status"])
async def test_tcp_is_for_reading_only(server: Server, web: aiohttp.ClientSession, bot: Bot, path: str) -> None:
    async with web.post(server.url + path, json={}) as answer:
        assert answer.status == 405


async def test_there_is_no_control_on_tcp(server: Server, web: aiohttp.ClientSession, bot: Bot) -> None:
    async with web.post(f"{server.url}/control", json={"name": "pause"}) as answer:
        assert answer.status == 404
    assert not bot.asked


async def test_the_socket_file_is_private_and_gone_after_the_close(bot: Bot, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    server = Server(bot.answers())
    await server.start("127.0.0.1", 0, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await server.close()
    await server.close()
    assert not path.exists()


async def test_a_request_goes_to_the_daemon_and_its_answer_comes_back(server: Server, local: aiohttp.ClientSession, bot: Bot) -> None:
    asked = {"name": "pause", "args": {"account": "all"}, "who": "cli:ann"}
    async with local.post("http://daemon/control", json=asked) as answer:
        assert (answer.status, await answer.json()) == (200, {"done": "pause"})
    assert bot.asked == [Ask("pause", {"account": "all"}, "cli:ann")]


async def test_a_refused_request_says_why(server: Server, local: aiohttp.ClientSession) -> None:
    async with local.post("http://daemon/control", json={"name": "explode"}) as answer:
        assert (answer.status, await answer.json()) == (409, {"error": "no such request: explode", "code": 3})


NONSENSE = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b'{"name": 1}',
    b'{"name": "a", "args": {"b": 1}}',
    b'{"name": "a", "x": 1}',
    b'{"name": "\xff"}',
]


@pytest.mark.parametrize("body", NONSENSE)
async def test_a_request_that_makes_no_sense_reaches_nobody(server: Server, local: aiohttp.ClientSession, bot: Bot, body: bytes) -> None:
    async with local.post("http://daemon/control", data=body) as answer:
        assert answer.status == 400
        assert "error" in await answer.json()
    assert not bot.asked


async def test_the_socket_answers_what_tcp_answers(server: Server, local: aiohttp.ClientSession) -> None:
    async with local.get("http://daemon/status") as answer:
        assert await answer.json() == {"env": "simulated"}


async def test_a_port_in_use_is_refused_by_name_and_nothing_stays_open(server: Server, bot: Bot, tmp_path: Path) -> None:
    second, path = Server(bot.answers()), tmp_path / "second.sock"
    with pytest.raises(Refusal, match=f"--http-port: 127.0.0.1:{server.port} is in use") as refusal:
        await second.start("127.0.0.1", server.port, path)
    assert refusal.value.code is ExitCode.USAGE
    assert not path.exists()


async def test_an_address_that_is_not_ours_is_refused(bot: Bot) -> None:
    with pytest.raises(Refusal, match=r"--http-host: 192\.0\.2\.1:0 cannot be opened"):
        await Server(bot.answers()).start("192.0.2.1", 0)


async def test_a_socket_in_use_closes_the_port_again(server: Server, bot: Bot, tmp_path: Path) -> None:
    second = Server(bot.answers())
    with pytest.raises(Refusal, match="listening"):
        await second.start("127.0.0.1", 0, tmp_path / "control.sock")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", second.port)) != 0
    assert (tmp_path / "control.sock").is_socket(), "the living daemon keeps its own"
