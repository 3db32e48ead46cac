"""What `doctor` says of a gateway that answers: over the wire, beside the bot's own connection."""

from __future__ import annotations

import pytest

from modules.doctor import gateway
from modules.doctor.findings import Finding, Verdict
from modules.environment import Environment, IbkrPlace
from self_test.contracts.ibkr.desk import Desk
from self_test.fakes.tws import FakeTws
from utils.clock import WallClock
from utils.errors import ExitCode

pytestmark = pytest.mark.asyncio


async def told(tws: FakeTws, account: str) -> Finding:
    place = IbkrPlace("127.0.0.1", tws.port, 7, account)
    (found,) = await gateway.findings(Environment.DEMO, place, "practice", WallClock())
    assert account not in repr(found), "whole ids are nobody's business"
    return found


async def test_an_account_of_the_gateway_is_fit_and_the_bots_connection_stays() -> None:
    tws = FakeTws()
    await tws.start()
    desk = Desk(tws)
    await desk.venue.wallet()
    found = await told(tws, tws.account)
    assert found.verdict is Verdict.OK and "practice" in found.words and f"…{tws.account[-3:]}" in found.words
    assert desk.gateway.up
    other = await told(tws, "DU7654321")
    assert (other.verdict, other.code) == (Verdict.FAIL, ExitCode.CREDENTIALS) and "does not manage" in other.words
    await desk.venue.close()
    await tws.stop()
    gone = await told(tws, tws.account)
    assert (gone.verdict, gone.code) == (Verdict.FAIL, ExitCode.UNREACHABLE) and "log in there" in gone.remedy
