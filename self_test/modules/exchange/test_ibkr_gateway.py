"""The parts that need no client library; with it, over the wire: `self_test/contracts/ibkr`."""

from __future__ import annotations

import asyncio
import sys

import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr_gateway import IbkrGateway, library, masked
from modules.ports import BAD_KEY
from utils.errors import Rejected

PLACE = IbkrPlace("127.0.0.1", 4002, 1, "DU1234567")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ib_async", None)


def test_without_the_library_there_is_one_no_that_says_how_to_get_it(nowhere: None) -> None:
    with pytest.raises(Rejected, match=r"pip install -r requirements-ibkr\.txt.*docs/ibkr\.md") as caught:
        library()
    assert "\n" not in str(caught.value) and caught.value.code == BAD_KEY, "one more reason for which an account cannot be reached"


@pytest.mark.asyncio
async def test_whoever_asks_without_it_hears_the_same(nowhere: None) -> None:
    gateway = IbkrGateway(PLACE)
    with pytest.raises(Rejected, match="requirements-ibkr"):
        await gateway.summary()
    assert not gateway.up
    gateway.close()
    gateway.drop("nothing was open")


@pytest.mark.asyncio
async def test_orders_on_a_line_that_is_not_there_are_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.exchange.ibkr_gateway.library", object)
    with pytest.raises(ConnectionError):
        IbkrGateway(PLACE).place_all(None, ())


@pytest.mark.asyncio
async def test_waiting_ends_when_there_is_nothing_to_wait_for() -> None:
    gateway = IbkrGateway(PLACE)
    words: list[str] = ["there"]
    assert await gateway.until(lambda: words[0] if words else None, 1.0) == "there"
    words.clear()
    async with asyncio.timeout(1.0):  # no connection: nothing will come
        assert await gateway.until(lambda: words[0] if words else None, 60.0) is None


def test_an_account_is_shown_by_its_end_only() -> None:
    assert masked("DU1234567") == "…567" and masked("") == "no account"
    assert "1234567" not in repr(PLACE)
