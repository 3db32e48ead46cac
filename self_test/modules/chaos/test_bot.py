from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from modules.chaos import bot as chaos_bot
from modules.chaos.bot import Bot, run_command
from telemetry.server import Answers, Ask, Server

LIMIT_S = 20.0


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the place of the bot: an interpreter that runs what it is told."""
    monkeypatch.setattr(chaos_bot, "PROGRAM", (sys.executable,))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110  another process writes a file, nobody sends an event
            await asyncio.sleep(0.01)


def test_a_life_is_started_killed_started_again_and_stopped(tmp_path: Path, program: None) -> None:
    async def scenario() -> None:
        bot = Bot(tmp_path, ("-u", "-c", "import time; print('here'); time.sleep(60)"), tmp_path / "out")
        await bot.kill()
        assert await bot.stop(1) is None and bot.ended is None
        await bot.start()
        await until(lambda: "here" in bot.said)
        assert bot.ended is None
        await bot.kill()
        assert bot.ended == -9
        await bot.start()
        await until(lambda: bot.said.count("here") == 2)
        assert await bot.stop(LIMIT_S) == -15
        assert await bot.stop(1) == -15 and bot.lives == 2

    asyncio.run(scenario())


def test_a_life_that_does_not_stop_is_told(tmp_path: Path, program: None) -> None:
    words = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(60)"

    async def scenario() -> None:
        bot = Bot(tmp_path, ("-u", "-c", words), tmp_path / "out")
        await bot.start()
        await until(lambda: "deaf" in bot.said)
        assert await bot.stop(0.05) is None
        await bot.kill()

    asyncio.run(scenario())


def test_readiness_and_status_come_over_the_socket(tmp_path: Path) -> None:
    missing = ["feed"]

    async def control(ask: Ask) -> None:
        return None

    async def scenario() -> None:
        bot = Bot(tmp_path, (), tmp_path / "out")
        assert not await bot.ready() and bot.missing == "no answer" and await bot.status() is None
        answers = Answers(metrics=lambda: b"bot_x 1\n", unhealthy=list, missing=lambda: missing, status=lambda: {"x": 1}, control=control)
        server = Server(answers)
        (tmp_path / "simulated").mkdir()
        await server.start("127.0.0.1", 0, tmp_path / "simulated" / "control.sock")
        try:
            assert not await bot.ready() and bot.missing == "feed"
            missing.clear()
            assert await bot.ready() and await bot.status() == {"x": 1}
            async with aiohttp.ClientSession() as session:
                assert await bot.exposition(session) == ""
                (bot.folder / "daemon.json").write_text(json.dumps({"http": server.url}))
                assert await bot.exposition(session) == "bot_x 1\n"
        finally:
            await server.close()

    asyncio.run(scenario())


def test_a_command_runs_to_its_end_or_is_ended(program: None) -> None:
    code, said = asyncio.run(run_command("-c", "import sys; print('out'); sys.exit(3)", limit_s=LIMIT_S))
    assert (code, said) == (3, "out\n")
    code, said = asyncio.run(run_command("-c", "import time; time.sleep(60)", limit_s=0.05))
    assert code is None and "in time" in said
