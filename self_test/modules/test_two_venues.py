"""Crypto and forex in one daemon, each at its own venue: both trade, their books are the venues', and either venue may die alone."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.audit import rows_of
from config import CONFIG
from modules import app, broker, loading
from modules.environment import Environment, Hosts
from modules.exchange.oanda import OandaVenue
from modules.marketplace import MarketPlace
from modules.options import RunOptions
from modules.overrides import apply_overrides
from modules.simulator import faults
from modules.simulator.launcher import Endpoints
from modules.simulator.server import Simulator
from modules.ui.console import ConsoleObserver, console_on
from self_test.modules.simulator.live import serving
from state.accounts import Account
from state.messages import Control
from telemetry.status import status_of
from utils.backoff import Backoff
from utils.clock import WallClock

LIMIT_S = 90.0
NAMES = ("CRYPTO/LIVE", "CRYPTO/PAPER", "FOREX/LIVE", "FOREX/PAPER")
SHORT = [f"domains.{name}.warmup_days={days}" for name, days in (("crypto", 1), ("forex", 2), ("options", 2))]
QUICK = apply_overrides(CONFIG, {}, [*SHORT, "http.port=0", "panel.on=false"])


@pytest.fixture(autouse=True)
def _compiling_stays_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "warm", lambda config: 0)


def endpoints(simulator: Simulator, **changes: str) -> Endpoints:
    ready: dict[str, Any] = simulator.ready()
    plain = {
        "api_key": ready["api_key"],
        "api_secret": ready["api_secret"],
        "perp_api_key": ready["perp_api_key"],
        "perp_api_secret": ready["perp_api_secret"],
        "oanda_http": ready["oanda"]["http"],
        "oanda_stream": ready["oanda"]["stream"],
        "oanda_token": ready["oanda_token"],
        "oanda_account": ready["oanda_account"],
    }
    return Endpoints(
        pid=0, bybit_http=simulator.http, bybit_ws=ready["bybit"]["ws"], control=f"{simulator.http}/control", **(plain | changes)
    )


class Town:
    """A daemon of a stage on a simulator of the test."""

    def __init__(self, tmp_path: Path, simulator: Simulator, stage: int = 4, **changes: str) -> None:
        self.simulator, self.stream = simulator, io.StringIO()
        self.places = endpoints(simulator, **changes)
        options = RunOptions(
            stage=stage,
            env=Environment.SIMULATED,
            state_dir=tmp_path,
            strategies=("demo",),
            enable=("forex",),
            symbols=("BTCUSDT", "EURUSD"),
            override_gates=True,
        )
        self.daemon = app.Daemon(options, QUICK, ConsoleObserver(console_on(self.stream), WallClock()), WallClock())

    def closed(self, name: str) -> int:
        state = self.daemon.engine.state
        return state.closed_trades[state.accounts.index(Account.parse(name))]

    async def until(self, what: Callable[[], bool]) -> None:
        while not what():
            await WallClock().sleep(0.02)

    async def trades_on(self, *names: str, more: int = 1) -> None:
        """Wait until each of the accounts has closed so many more trades."""
        goal = {name: self.closed(name) + more for name in names}
        await self.until(lambda: all(self.closed(name) >= count for name, count in goal.items()))


@asynccontextmanager
async def living(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Simulator, **more: Any) -> AsyncIterator[Town]:
    town = Town(tmp_path, simulator, **more)

    async def found(options: RunOptions, _clock: object) -> MarketPlace:
        place = town.places
        hosts = Hosts(place.bybit_http, place.bybit_ws)
        return MarketPlace(name="test", hosts=hosts, control_url=place.control, embedded=place, state_dir=options.state_dir)

    async def left(_self: MarketPlace) -> None:
        """The test ends its simulator itself."""

    monkeypatch.setattr(app, "find_market", found)
    monkeypatch.setattr(MarketPlace, "leave", left)
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
        running = group.create_task(town.daemon.run())
        await town.until(lambda: hasattr(town.daemon, "readiness") and town.daemon.readiness.reached.is_set())
        try:
            yield town
        finally:
            town.daemon.stopping.set()
            await running


def differences(town: Town, folder: Path) -> list[str]:
    """What the bot's ledger of FOREX/LIVE and the broker's own do not agree on."""
    told: dict[str, Any] = town.simulator.oanda.ledger()
    ours = [(row.kind, msgspec.json.decode(bytes(row.row))) for row in rows_of(folder)]
    mine = [(kind, row) for kind, row in ours if row.get("account") == "FOREX/LIVE"]
    fills = {row["exec_id"]: (row["symbol"], Decimal(row["qty"])) for kind, row in mine if kind == "fill"}
    theirs = {row["id"]: (row["instrument"].replace("_", ""), abs(Decimal(row["units"]))) for row in told["fills"]}
    cash = sum((Decimal(row["amount"]) for kind, row in mine if kind == "cash"), Decimal(0))
    venue = sum((Decimal(row["amount"]) for row in told["cash"]), Decimal(0))
    return [
        *(f"only in one of the books: {name} {(fills | theirs)[name]}" for name in sorted(fills.keys() ^ theirs.keys())),
        *(f"{name}: {fills[name]} here, {theirs[name]} there" for name in fills.keys() & theirs.keys() if fills[name] != theirs[name]),
        *([] if cash == venue else [f"cash {cash} here, {venue} there"]),
    ]


@pytest.mark.asyncio
async def test_both_domains_trade_on_paper_and_for_real_and_the_broker_has_the_same_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "simulated"
    async with serving(symbols=("BTCUSDT",), pace="lockstep") as simulator, living(tmp_path, monkeypatch, simulator) as town:
        await town.trades_on(*NAMES, more=2)
        daemon = town.daemon
        door = daemon.live.desks[Account.parse("FOREX/LIVE")].venue
        assert isinstance(door, OandaVenue) and daemon.engine.state.tag and door.prefix == f"FL{daemon.engine.state.tag}-"
        daemon.inbox.put(Control(daemon.engine.state.ts, "pause", {}, "the test"))
        await town.until(lambda: not any(row["status"] for row in daemon.engine.state.pos))
        shown = msgspec.to_builtins(status_of(daemon.engine.state, "simulated").accounts)
        assert shown.pop("OPTIONS/PAPER")["closed_trades"] == 0, "its switch is off"
        assert set(shown) == set(NAMES) and len({view["balance"] for view in shown.values()}) == 4, "four wallets"
        assert all(view["closed_trades"] >= 2 for view in shown.values())
        daemon.runner.checkpoint()
        await town.until(lambda: differences(town, folder) == [])
    assert "forex on by --enable" in town.stream.getvalue()


@pytest.mark.asyncio
async def test_when_the_broker_dies_crypto_trades_on_and_forex_enters_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(symbols=("BTCUSDT",), pace="lockstep") as simulator, living(tmp_path, monkeypatch, simulator, stage=3) as town:
        await town.trades_on("CRYPTO/LIVE", "CRYPTO/PAPER", "FOREX/PAPER")
        await simulator.oanda.close()
        state = town.daemon.engine.state
        await town.until(lambda: "oanda" in state.feeds_down)
        before = town.closed("FOREX/PAPER")
        await town.trades_on("CRYPTO/LIVE", "CRYPTO/PAPER", more=2)
        assert set(state.feeds_down) == {"oanda"} and not state.holds.get("CRYPTO/LIVE") and not state.halted
        assert town.closed("FOREX/PAPER") == before
        assert town.daemon.readiness.missing() == [], "it is as ready as it was"


@pytest.mark.asyncio
async def test_when_the_crypto_venue_dies_forex_trades_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(symbols=("BTCUSDT",), pace="free") as simulator, living(tmp_path, monkeypatch, simulator) as town:
        await town.trades_on(*NAMES)
        state = town.daemon.engine.state
        town.daemon.live.desks[Account.parse("CRYPTO/LIVE")].watch.ask()
        for where in ("/v5", "kline", "orderbook", "publicTrade"):
            fault = {"kind": "drop" if not where.startswith("/") else "http_status", "match": where, "count": 0, "status": 503}
            simulator.private.add_fault(faults.parse(fault))
        await town.until(lambda: "bybit-spot" in state.feeds_down)
        before = town.closed("CRYPTO/PAPER")
        await town.trades_on("FOREX/LIVE", "FOREX/PAPER", more=2)
        assert "oanda" not in state.feeds_down and not state.holds.get("FOREX/LIVE")
        assert town.closed("CRYPTO/PAPER") - before <= 1


@pytest.mark.asyncio
async def test_a_broker_that_cannot_be_reached_at_the_start_is_told_once_and_had_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "AGAIN", Backoff(base_s=0.2, cap_s=0.5))
    async with serving(symbols=("BTCUSDT",), pace="lockstep") as simulator:
        right = endpoints(simulator)
        async with living(tmp_path, monkeypatch, simulator, stage=3, oanda_http="http://127.0.0.1:9") as town:
            await town.trades_on("CRYPTO/LIVE")
            daemon, said = town.daemon, town.stream.getvalue()
            assert said.count("FOREX unavailable: the broker at http://127.0.0.1:9 does not answer") == 1
            assert all(one.domain != "FOREX" for one in daemon.engine.state.instruments) and daemon.next is None
            assert daemon.broker is not None
            daemon.broker.rest.wire._base_url = right.oanda_http  # it is back
            town.places = right
            await daemon.stopping.wait()
            assert daemon.next is not None and daemon.next.enable == ("forex",)
        assert "FOREX: the broker answers now" in town.stream.getvalue()
        again = app.Daemon(daemon.next, QUICK, daemon.console, WallClock(), later=True)
        town.daemon = again
        async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
            running = group.create_task(again.run())
            await town.until(lambda: hasattr(again, "engine") and "FOREX/PAPER" in map(str, again.engine.state.accounts))
            await town.trades_on("FOREX/PAPER", "CRYPTO/LIVE")
            again.stopping.set()
            await running
