from __future__ import annotations

import pytest

from config import CONFIG
from modules.accounts import Key
from modules.doctor import broker
from modules.doctor.findings import Finding, Verdict
from modules.environment import BrokerHosts, Environment
from modules.overrides import apply_overrides
from self_test.modules.simulator.live import serving
from utils.clock import WallClock
from utils.errors import ExitCode

pytestmark = pytest.mark.asyncio
NOBODY = BrokerHosts("http://127.0.0.1:9", "http://127.0.0.1:9")


async def told(key: Key, hosts: BrokerHosts, **changes: str) -> Finding:
    config = apply_overrides(CONFIG, {}, [f"{name.replace('__', '.')}={value}" for name, value in changes.items()])
    (found,) = await broker.findings(Environment.DEMO, key, hosts, config, WallClock())
    assert "planted" not in repr(found) and key.secret not in repr(found)
    return found


async def test_an_account_is_judged_by_what_the_broker_says_of_it() -> None:
    async with serving(symbols=("EURUSD", "GBPUSD"), pace="free") as simulator:
        hosts = BrokerHosts(simulator.oanda.ready()["oanda"]["http"], "")
        key = Key(simulator.oanda.account_id, simulator.oanda.token, "practice")
        fit = await told(key, hosts, domains__forex__symbols="EURUSD,GBPUSD")
        assert fit.verdict is Verdict.OK and "practice" in fit.words
        assert key.key.replace("-", "")[-4:] in fit.words and key.key not in fit.words
        assert "USDJPY" in (await told(key, hosts)).words
        refused = await told(Key(key.key, "planted"), hosts)
        assert (refused.verdict, refused.code) == (Verdict.FAIL, ExitCode.CREDENTIALS) and "OANDA_ENV" in refused.remedy


async def test_a_broker_that_is_not_there_is_said_and_without_a_key_nothing_is() -> None:
    assert (await told(Key("101-1-1-1", "planted"), NOBODY)).code is ExitCode.UNREACHABLE
    assert await broker.findings(Environment.DEMO, None, NOBODY, CONFIG, WallClock()) == []
