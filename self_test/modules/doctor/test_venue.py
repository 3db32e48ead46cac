from __future__ import annotations

import asyncio

import pytest

from config import CONFIG
from modules.accounts import Key
from modules.doctor import venue
from modules.doctor.findings import Finding, Verdict
from modules.environment import Environment, Hosts
from modules.exchange.reports import KeyRights
from state.accounts import Domain
from utils.clock import WallClock
from utils.errors import ExitCode

NOBODY = Hosts("http://127.0.0.1:9", "ws://127.0.0.1:9")


def of(**changes: object) -> Finding:
    good = {"read_only": False, "spot": True, "derivatives": True, "withdraw": False, "ips": ("203.0.113.7",)}
    found = KeyRights(account_id="12345678", **(good | changes))  # type: ignore[arg-type]
    return venue.judged("key CRYPTO", Environment.LIVE, Domain.CRYPTO, found, may_withdraw=False)


@pytest.mark.parametrize(
    ("ahead", "taken", "verdict"), [(0, 20, "ok"), (-400, 10, "ok"), (700, 20, "warn"), (-6_000, 20, "fail"), (700, 900, "ok")]
)
def test_the_clock_against_the_venues(ahead: int, taken: int, verdict: str) -> None:
    told = venue.clock_finding(ahead, taken)
    assert told.verdict == verdict and ("behind" in told.words) == (ahead > 0)
    assert bool(told.remedy) == (verdict != "ok")


def test_a_key_is_judged_by_what_it_may_do_and_shown_by_the_end_of_its_account() -> None:
    assert of().verdict is Verdict.OK and "…5678" in of().words and "12345678" not in of().words
    assert of(ips=("*",)).verdict is Verdict.WARN
    for changes, word in (({"withdraw": True}, "withdraw"), ({"read_only": True}, "read-only"), ({"spot": False}, "spot")):
        told = of(**changes)
        assert (told.verdict, told.code) == (Verdict.FAIL, ExitCode.CREDENTIALS) and word in told.words


def test_forex_names_are_told_never_values() -> None:
    def told(env: Environment, **environ: str) -> Finding:
        (found,) = venue.forex(env, environ)
        assert "hidden" not in repr(found)
        return found

    assert told(Environment.SIMULATED, OANDA_API_TOKEN="hidden").verdict is Verdict.SKIP
    assert told(Environment.DEMO).verdict is Verdict.SKIP
    assert told(Environment.DEMO, OANDA_API_TOKEN="hidden").code is ExitCode.CREDENTIALS
    assert told(Environment.DEMO, OANDA_API_TOKEN="hidden", OANDA_ACCOUNT_ID="hidden").verdict is Verdict.OK


def test_a_venue_that_is_not_there_is_said_and_the_rest_skipped() -> None:
    async def go() -> tuple[venue.Market, list[Finding]]:
        found = await venue.market(NOBODY, CONFIG, (Domain.CRYPTO,), WallClock(), own_time=False)
        keys = {Domain.CRYPTO: Key("planted-key", "planted-secret")}
        return found, await venue.key_findings(Environment.DEMO, keys, NOBODY, CONFIG, WallClock(), reached=found.reached)

    found, keys = asyncio.run(go())
    assert {one.check: one.verdict for one in found.findings} == {"clock": "skip", "venue": "fail", "feeds": "skip"}
    assert found.findings[1].code is ExitCode.UNREACHABLE
    assert [one.verdict for one in keys] == [Verdict.SKIP, Verdict.SKIP] and "planted" not in repr(keys)
    assert "could not be asked" in keys[0].words and "BYBIT_PERP_API_KEY is not set" in keys[1].words
