"""The gateway of options: not configured, without its library, not there. With the library, over the wire: contracts/ibkr."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from modules.doctor import gateway
from modules.doctor.findings import Finding, Verdict
from modules.environment import Environment, IbkrPlace
from modules.exchange.ibkr_gateway import IbkrGateway
from utils.clock import WallClock
from utils.errors import ExitCode, Rejected, Transient

pytestmark = pytest.mark.asyncio
PLACE = IbkrPlace("127.0.0.1", 9, 7, "DU1234567")


async def told(env: Environment = Environment.DEMO, place: IbkrPlace | None = PLACE) -> Finding:
    (found,) = await gateway.findings(env, place, "practice", WallClock())
    assert PLACE.account not in repr(found) and found.check == "key OPTIONS"
    return found


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is installed; what its connection would do is said by each test."""
    monkeypatch.setitem(sys.modules, "ib_async", ModuleType("ib_async"))


async def test_without_an_account_it_says_so_and_how_to_have_one() -> None:
    found = await told(place=None)
    assert found.verdict is Verdict.SKIP and found.words.startswith("not configured") and "IBKR_ACCOUNT" in found.remedy
    assert (await told(Environment.SIMULATED)).verdict is Verdict.SKIP


async def test_without_the_library_the_remedy_is_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ib_async", None)
    found = await told()
    assert (found.verdict, found.code) == (Verdict.FAIL, ExitCode.CREDENTIALS) and "requirements-ibkr.txt" in found.remedy


@pytest.mark.parametrize(
    "said, code, remedy",
    [
        (Transient("the gateway at 127.0.0.1:9 does not answer"), ExitCode.UNREACHABLE, "4002"),
        (Rejected("the gateway refuses this client (507)"), ExitCode.CREDENTIALS, "API settings"),
    ],
)
@pytest.mark.usefixtures("library")
async def test_a_gateway_that_is_not_there_or_says_no(
    monkeypatch: pytest.MonkeyPatch, said: Exception, code: ExitCode, remedy: str
) -> None:
    async def ready(self: IbkrGateway) -> None:
        assert self.place.client_id == PLACE.client_id + 1, "the bot's own connection stays"
        raise said

    monkeypatch.setattr(IbkrGateway, "ready", ready)
    found = await told()
    assert (found.verdict, found.code, found.words) == (Verdict.FAIL, code, str(said)) and remedy in found.remedy
