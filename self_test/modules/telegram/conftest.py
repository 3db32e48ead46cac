"""Fixtures of the chat's tests: a stand-in for the Bot API that listens, a room around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from self_test.fakes.telegram_api import TelegramApi
from self_test.fakes.telegram_room import Room


@pytest_asyncio.fixture
async def api() -> AsyncIterator[TelegramApi]:
    found = TelegramApi()
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture
async def room(api: TelegramApi, tmp_path: Path) -> Room:
    return Room(tmp_path, api)
