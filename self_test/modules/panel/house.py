"""A panel on a real server and a real port, with a small state behind it and a counter that writes down what it was asked."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from config import CONFIG
from modules.panel.browse import Browser
from modules.panel.figures import Figures
from modules.panel.series import Forming
from modules.panel.settings import Panel
from modules.panel.site import Site, Sources
from modules.ui.commands import Wanted
from modules.ui.operator import Answer, Operator, Table
from modules.ui.recent import Recent
from modules.ui.trail import Page, Step
from self_test.telemetry.bot import Bot
from self_test.telemetry.samples import BTC, T0, fill, hold, place, refused, small_state, trade
from state.accounts import Account
from state.market import Candle
from state.messages import BarsClosed, Tick
from state.runtime import RuntimeState
from strategy.market import new_market
from telemetry.server import Server
from utils.clock import FakeClock
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE

TOKEN = "a-token-nobody-guesses"
M5 = 300_000
NASTY = '<img src=x onerror="alert(1)">'
STEPS = [Step(seq=3, ts=T0, kind="event", text="candles closed"), Step(seq=3, ts=T0, kind="refusal", text=f"too dear {NASTY}")]


class Shelf:
    """Views that answer with what was asked."""

    def look(self, wanted: Wanted) -> Answer:
        return Answer(title=wanted.line, lines=[f"about {wanted.line}", NASTY], table=Table(("a", "b"), (("1", NASTY),)))

    async def picture(self, wanted: Wanted) -> Answer:
        more = (("equity", b"two"), (NASTY, b"six")) if wanted.name == "report" else ()
        return Answer(title=wanted.line, picture=b"png", pictures=more)


class Desk:
    """A daemon that writes down what it does; closing a symbol called NONE is refused."""

    def __init__(self) -> None:
        self.did: list[tuple[str, str]] = []
        self.lives: tuple[Account, ...] = ()

    def check(self, wanted: Wanted, who: str) -> None:
        if wanted.args.get("symbol") == "NONE":
            raise Refusal(f"nothing is held in NONE {NASTY}")

    def opens_live(self, wanted: Wanted) -> tuple[Account, ...]:
        return self.lives

    def describe(self, wanted: Wanted) -> str:
        return f"{wanted.line}? {NASTY}"

    async def account_id(self, account: Account) -> str:
        return "1234567"

    async def carry_out(self, wanted: Wanted, who: str, digits: str = "") -> str:
        self.did.append((wanted.line, who))
        return f"{wanted.line} done"


class Aside:
    """What would run beside the daemon."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.kpi = json.dumps({"env": "simulated", "ts": T0, "kpi": [], "verdicts": []}).encode()

    async def run(self, job: str, given: bytes) -> bytes:
        self.asked.append((job, json.loads(given)))
        return msgspec.json.encode(Page(told=(), before=0) if job == "page" else STEPS)

    async def command(self) -> bytes:
        self.asked.append(("kpi", None))
        return self.kpi


def lively_state() -> RuntimeState:
    """Both accounts opened, one long spot position a little above its entry, regimes known."""
    state = small_state()
    state.market = new_market(2, M5, 3 * M5)
    state.market["regime"], state.market["last_close"], state.market["last_ts"] = [1, 2], [505_000, 30_000], T0 - M5
    hold(state, 0)
    state.pos[0]["mark"], state.pos[0]["risk"], state.pos[0]["arm"] = 505_000, 20_000, 1
    for a, balance in enumerate((1_000, 10_000)):
        state.acct[a]["day_start"] = balance * MONEY_SCALE
    state.ts = T0 + 3_600_000
    return state


def remember(recent: Recent, n: int = 60) -> None:
    """Candles, an entry, a refusal, a closed trade."""
    for k in range(n):
        price = 500_000 + 400 * (k % 7) + 60 * k
        candle = Candle(BTC, T0 + (k - 1) * M5, price, price + 500, price - 300, price + 200, 3.0)
        recent(k + 1, BarsClosed(T0 + k * M5, (candle,)), [])
    recent(n + 1, Tick(T0), [place()])
    told = fill("0.25")
    told.row.update(ts=T0, order_id="CP-BTCUSDT-1-e", side="buy", qty="0.002")
    recent(n + 2, Tick(T0), [told])
    recent(n + 3, Tick(T0 + M5), [refused()])
    recent(n + 4, Tick(T0 + M5), [trade(entry_ts=T0 + 6 * M5, exit_ts=T0 + 20 * M5)])


class House:
    """Everything a test may look into."""

    def __init__(self, settings: Panel | None = None, env: str = "simulated") -> None:
        self.clock, self.desk, self.aside, self.state = FakeClock(), Desk(), Aside(), lively_state()
        self.recent = Recent(self.state)
        remember(self.recent)
        nonces, texts = itertools.count(1), itertools.count(1)
        self.operator = Operator(env, Shelf(), self.desk, self.clock, lambda: f"n{next(nonces)}")
        self.site = Site(settings or Panel(), TOKEN, self.clock, lambda: f"secret-{next(texts)}")
        self.missing: list[str] = []
        self.sources = Sources(
            env=env,
            recent=self.recent,
            operator=self.operator,
            risk=CONFIG.risk,
            explore=CONFIG.learning.explore,
            missing=lambda: self.missing,
            forming=Forming({BTC: M5}),
            browser=Browser("nowhere", self.aside.run),
            figures=Figures(self.aside.command, self.clock),
        )
        self.server = Server(Bot().answers(), self.site.mount)

    @property
    def url(self) -> str:
        return self.server.url


@asynccontextmanager
async def open_house(settings: Panel | None = None, env: str = "simulated", *, attached: bool = True) -> AsyncIterator[House]:
    house = House(settings, env)
    if attached:
        house.site.attach(house.sources)
    await house.server.start("127.0.0.1", 0)
    try:
        yield house
    finally:
        await house.server.close()


def browser() -> aiohttp.ClientSession:
    """Keeps cookies of an address, as browsers do."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False))
