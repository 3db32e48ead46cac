from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from config import CONFIG
from modules.engine.desk import make_state
from modules.environment import Environment
from modules.exchange.oanda import OandaVenue
from modules.flatten_doors import accounts_of, live_accounts, ours_of
from modules.simulator import launcher
from self_test.fakes.books import coin
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.runtime import RuntimeState
from utils.clock import FakeClock
from utils.errors import Transient

LIVE, PAPER = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.CRYPTO, Mode.PAPER)
FX = Account(Domain.FOREX, Mode.LIVE)
KEYS = {"BYBIT_API_KEY": "k", "BYBIT_API_SECRET": "s"}


def state_with_a_position() -> RuntimeState:
    one = coin("AAAUSDT")
    state = make_state(CONFIG, (one,), (LIVE, PAPER))
    i = state.row_of(LIVE, one.key)
    state.pos[i]["status"], state.pos[i]["side"], state.pos[i]["steps"] = OPEN, 1, 7
    state.tag, state.ts = "abc", 900
    state.execs = dict.fromkeys([f"{LIVE}/x1", f"{PAPER}/x2"])
    return state


def test_what_the_state_knows_of_an_account() -> None:
    state = state_with_a_position()
    key = coin("AAAUSDT").key
    found = ours_of(state, LIVE, 5)
    assert found.held == {key: coin("AAAUSDT").qty(7)} and found.booked == {"x1"}
    assert (found.tag, found.ts, found.since_ms) == ("abc", 5, 900)
    state.cursors[str(LIVE)] = 800
    assert ours_of(state, LIVE, 5).since_ms == 800
    assert ours_of(state, PAPER, 5).held == {}


def test_which_accounts_there_are() -> None:
    assert accounts_of(state_with_a_position(), {}) == [LIVE]
    assert accounts_of(None, {Domain.PERPS: 1}) == [Account(Domain.PERPS, Mode.LIVE)]


def test_forex_has_a_door_of_its_own_and_practice_is_none_of_a_real_bots(tmp_path: Path) -> None:
    oanda = {"OANDA_ACCOUNT_ID": "101-1-1-1", "OANDA_API_TOKEN": "t"}
    assert opened(Environment.DEMO, tmp_path, None, KEYS | oanda) == ([("CRYPTO/LIVE", False), ("FOREX/LIVE", False)], [])
    assert opened(Environment.LIVE, tmp_path, None, KEYS | oanda) == ([("CRYPTO/LIVE", False)], [])
    assert len(opened(Environment.LIVE, tmp_path, None, oanda | {"OANDA_ENV": "live"})[0]) == 1


@pytest.mark.parametrize(
    "broken, told",
    [({"OANDA_ACCOUNT_ID": "101-1-1-1"}, "OANDA_API_TOKEN is missing"), ({"OANDA_ENV": "elsewhere"}, "'elsewhere' is not one of")],
)
def test_what_is_wrong_with_the_key_of_one_domain_keeps_no_other_from_being_closed(
    tmp_path: Path, broken: dict[str, str], told: str
) -> None:
    oanda = broken if "OANDA_ACCOUNT_ID" in broken else {"OANDA_ACCOUNT_ID": "101-1-1-1", "OANDA_API_TOKEN": "t"} | broken
    doors, missing = opened(Environment.DEMO, tmp_path, None, KEYS | oanda)
    assert doors == [("CRYPTO/LIVE", False)] and len(missing) == 1 and told in missing[0]


def test_the_brokers_door_closes_only_what_this_bot_opened(tmp_path: Path) -> None:
    state = make_state(CONFIG, (coin("EURUSD", domain=Domain.FOREX, base="EUR", quote="USD"),), (FX,))
    oanda = {"OANDA_ACCOUNT_ID": "101-1-1-1", "OANDA_API_TOKEN": "t"}

    async def prefix() -> str:
        async with live_accounts(Environment.DEMO, tmp_path, state, CONFIG, oanda, FakeClock()) as ([found], _):
            assert isinstance(found.venue, OandaVenue)
            return found.venue.prefix

    state.pos[state.row_of(FX, "FOREX:EURUSD")]["status"] = OPEN
    assert asyncio.run(prefix()) == "", "whose trades are whose cannot be told"
    state.tag = "abc"
    assert asyncio.run(prefix()) == "FLabc-"


def opened(
    env: Environment, folder: Path, state: RuntimeState | None, environ: Mapping[str, str]
) -> tuple[list[tuple[str, bool]], list[str]]:
    """The accounts that were opened, with whether something is known of them, and those that were not."""

    async def go() -> tuple[list[tuple[str, bool]], list[str]]:
        async with live_accounts(env, folder, state, CONFIG, environ, FakeClock()) as (found, missing):
            return [(str(one.ours.account), bool(one.ours.held)) for one in found], missing

    return asyncio.run(go())


def test_doors_are_opened_where_there_is_a_key(tmp_path: Path) -> None:
    state = state_with_a_position()
    assert opened(Environment.DEMO, tmp_path, state, KEYS) == ([(str(LIVE), True)], [])
    assert opened(Environment.DEMO, tmp_path, None, KEYS) == ([(str(LIVE), False)], [])
    assert opened(Environment.DEMO, tmp_path, state, {})[1] == ["CRYPTO/LIVE: there is no key for it, so nothing can be closed there"]


def test_in_simulated_nothing_is_started_where_nothing_ever_was(tmp_path: Path) -> None:
    assert opened(Environment.SIMULATED, tmp_path, None, {}) == ([], [])
    assert opened(Environment.SIMULATED, tmp_path, state_with_a_position(), {})[1]
    assert list(tmp_path.iterdir()) == []


def test_a_simulator_that_is_gone_is_started_again_and_asked_for_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that runs is left at its speed; its venue time is what executions are asked by."""
    started: list[Path] = []

    async def go(answer: bytes) -> int:
        async def clock(_: web.Request) -> web.Response:
            return web.Response(body=answer)

        app = web.Application()
        app.router.add_get("/control/clock", clock)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            base = f"http://127.0.0.1:{runner.addresses[0][1]}"
            endpoints = launcher.Endpoints(
                pid=1, bybit_http=base, bybit_ws=base, control=f"{base}/control", api_key="k", api_secret="s", perp_api_key="p",
                perp_api_secret="q",
            )  # fmt: skip

            async def ensure(state_dir: Path, *_: object) -> launcher.Endpoints:
                started.append(state_dir)
                return endpoints

            monkeypatch.setattr(launcher, "ensure_running", ensure)
            (tmp_path / "simulated" / "venue").mkdir(parents=True, exist_ok=True)
            clock_ = FakeClock()
            async with live_accounts(Environment.SIMULATED, tmp_path, state_with_a_position(), CONFIG, {}, clock_) as (found, missing):
                assert missing == [] and len(found) == 1
                return int(found[0].venue._venue_now())  # type: ignore[attr-defined]
        finally:
            await runner.cleanup()

    assert asyncio.run(go(msgspec.json.encode({"now": 12_345, "speed": 10.0}))) == 12_345
    assert started == [tmp_path]
    with pytest.raises(Transient, match="does not say its time"):
        asyncio.run(go(b"{"))
