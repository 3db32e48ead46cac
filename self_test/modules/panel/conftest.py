"""A panel on the loopback, and a browser in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio

from self_test.modules.panel.house import House, browser, open_house


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as found:
        yield found


@pytest_asyncio.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with browser() as found:
        yield found
