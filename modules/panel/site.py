"""The panel as part of an HTTP application: which path shows what, to whom. What changes something is in `controls.py`.

Whoever sits on this machine may look; everything else needs a log-in. Each answer carries the headers of `guard.py`, and a page is never
kept by a browser or a proxy.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import web

from modules.panel import controls, facts, series
from modules.panel.auth import Session, Sessions, Tries
from modules.panel.browse import Browser
from modules.panel.figures import Figures
from modules.panel.guard import HEADERS, is_local, knows_host, same_origin
from modules.panel.live import Hub
from modules.panel.render import Pages
from modules.panel.replies import COOKIE, document, html
from modules.panel.series import Forming
from modules.panel.settings import Panel
from modules.settings import Risk
from modules.timeframes import TimeframeMap
from modules.ui.operator import Operator
from modules.ui.option_view import FRAMES
from modules.ui.recent import Recent
from state.instruments import Instrument
from utils.clock import Clock
from utils.errors import Refusal

STATIC = Path(__file__).parents[1] / "ui" / "static"
LATEST = 12
OPEN_PATHS = re.compile(r"/(login|static/.*|metrics|healthz|readyz|status)")
"""Paths that nobody has to log in for: the door itself, styles, and what the server has served to whoever asks since before the panel."""
FORM = "application/x-www-form-urlencoded"

log = structlog.get_logger("panel")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What the panel reads and whom it asks; only there once the engine is."""

    env: str
    recent: Recent
    operator: Operator
    risk: Risk
    explore: float
    """Share of decisions that explore, as configured."""
    missing: Callable[[], list[str]]
    """What is missing for trading, in words."""
    forming: Forming
    browser: Browser
    """The journal and the ledger on disk."""
    figures: Figures
    """Key figures and verdicts."""
    frames: TimeframeMap = FRAMES
    """Which timeframes govern an option that is held."""


class Site:
    """The panel. `mount` it on the server's application, `attach` the sources once they exist, run `hub.run` as a task."""

    def __init__(self, settings: Panel, token: str, clock: Clock, draw: Callable[[], str]) -> None:
        """`draw` makes an unguessable text, new each time."""
        self.settings, self.token, self.clock, self.draw = settings, token, clock, draw
        self.sessions, self.tries = Sessions(), Tries(_wrong)
        self.hub = Hub(self._parts, clock)
        self.pages = Pages()
        self._sources: Sources | None = None

    def attach(self, sources: Sources) -> None:
        """From now on there is something to show."""
        self._sources = sources

    @property
    def sources(self) -> Sources:
        """What the panel reads; 503 before it is there."""
        if self._sources is None:
            raise web.HTTPServiceUnavailable(text="the bot is starting; try again in a moment\n", headers={"Retry-After": "2"})
        return self._sources

    def mount(self, app: web.Application) -> None:
        """Add the pages to `app`, and guard everything in it."""
        app.middlewares.append(self._guarded)
        app.on_response_prepare.append(_sign)
        app.on_shutdown.append(self._leave)
        get = app.router.add_get
        for path, handler in (
            ("/", self._overview),
            ("/symbol/{key}", self._symbol),
            ("/kpi", self._kpi),
            ("/journal", self._journal),
            ("/journal/{seq:[0-9]{1,18}}", self._chain),
            ("/data/equity", self._equity),
            ("/data/bars/{key}", self._bars),
        ):
            get(path, handler)
        get("/live/{topic}", self._live, allow_head=False)
        controls.mount(self, app)
        app.router.add_static("/static", STATIC)

    # --- who may ------------------------------------------------------------------------------------------------------------------------

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not knows_host(request.headers.get("Host", ""), self.settings.hosts):
            return web.Response(status=421, text="this is not the name of this place; panel.hosts names more than the loopback\n")
        if request.method not in {"GET", "HEAD"}:
            if not same_origin(request.host, request.headers):
                return self.note(request, 403, "Refused", "That request came from another site. Nothing was changed.")
            if request.can_read_body and request.content_type != FORM:
                return web.Response(status=415, text="a form is expected\n")
        elif not OPEN_PATHS.fullmatch(request.path) and not self.may_look(request):
            return self.to_login(request)
        try:
            return await handler(request)
        except Refusal as error:
            return self.note(request, 409, "Refused", str(error))

    def session(self, request: web.Request) -> Session | None:
        """Who is logged in, if anybody."""
        return self.sessions.find(request.cookies.get(COOKIE, ""), self.clock.now_ms())

    def may_look(self, request: web.Request) -> bool:
        """Whether pages are shown to whoever asks."""
        local = is_local(request.host, request.remote, request.headers) and not self.settings.look_needs_login
        return local or self.session(request) is not None

    def to_login(self, request: web.Request) -> web.StreamResponse:
        """Send the browser to the log-in, and back afterwards."""
        back = request.path if request.method == "GET" and not request.path.startswith(("/live/", "/data/")) else "/controls"
        where = f"/login?next={back}"
        if "HX-Request" in request.headers:
            return web.Response(status=200, headers={"HX-Redirect": where})
        raise web.HTTPSeeOther(where)

    async def _leave(self, _app: web.Application) -> None:
        await self.hub.close()

    # --- pages --------------------------------------------------------------------------------------------------------------------------

    def page(self, request: web.Request, name: str, *, title: str, status: int = 200, **values: Any) -> web.Response:
        """A whole page with head and navigation."""
        source = self._sources
        shell = {
            "title": title,
            "path": request.path,
            "session": self.session(request),
            "head": None if source is None else facts.head(source.recent.state, source.env, source.missing()),
            "symbols": [] if source is None else facts.markets(source.recent.state),
        }
        return html(self.pages.draw(name, **shell, **values), status)

    def note(self, request: web.Request, status: int, title: str, text: str) -> web.StreamResponse:
        """A short answer: a page for a browser, a piece of one for htmx, which shows only what succeeds."""
        if "HX-Request" in request.headers:
            return html(self.pages.draw("parts/outcome", kind="refused", text=text), 200)
        return self.page(request, "note", title=title, text=text, status=status)

    async def _overview(self, request: web.Request) -> web.StreamResponse:
        return self.page(request, "overview", title="Overview", **self._overview_values(self.sources))

    def _overview_values(self, source: Sources) -> dict[str, Any]:
        state = source.recent.state
        return {
            "cards": facts.cards(state, source.risk),
            "positions": facts.positions(state, "", source.frames),
            "checks": facts.checks(state, source.missing()),
            "markets": facts.markets(state),
            "latest": list(source.recent.latest)[: -LATEST - 1 : -1],
        }

    async def _symbol(self, request: web.Request) -> web.StreamResponse:
        instrument = self._instrument(request)
        return self.page(request, "symbol", title=instrument.symbol, instrument=instrument, **self._symbol_values(self.sources, instrument))

    def _symbol_values(self, source: Sources, instrument: Instrument) -> dict[str, Any]:
        state = source.recent.state
        return {
            "market": next(one for one in facts.markets(state) if one.key == instrument.key),
            "positions": facts.positions(state, instrument.key, source.frames),
            "latest": list(source.recent.by_key.get(instrument.key, ()))[: -2 * LATEST - 1 : -1],
        }

    def _instrument(self, request: web.Request) -> Instrument:
        state, key = self.sources.recent.state, request.match_info["key"]
        if key not in state.index:
            raise Refusal(f"nothing of that name is traded; there are {', '.join(one.symbol for one in state.instruments)}")
        return state.instruments[state.index[key]]

    async def _kpi(self, request: web.Request) -> web.StreamResponse:
        return self.page(request, "kpi", title="Key figures", **await self.sources.figures.read())

    async def _journal(self, request: web.Request) -> web.StreamResponse:
        values = await self.sources.browser.page(request.query, self.sources.recent)
        if request.headers.get("HX-Target") == "older":
            return html(self.pages.draw("parts/journal_rows", **values))
        return self.page(request, "journal", title="Journal", **values)

    async def _chain(self, request: web.Request) -> web.StreamResponse:
        key = request.query.get("key", "")
        values = await self.sources.browser.chain(int(request.match_info["seq"]), key, self.sources.recent)
        return self.page(request, "chain", title=f"Entry {request.match_info['seq']}", **values)

    # --- what charts and live values are made of ------------------------------------------------------------------------------------------

    async def _equity(self, request: web.Request) -> web.StreamResponse:
        return document(series.equity(self.sources.recent))

    async def _bars(self, request: web.Request) -> web.StreamResponse:
        instrument, source = self._instrument(request), self.sources
        found = series.bars(source.recent, instrument)
        forming = source.forming.bar(instrument)
        return document(
            {
                "digits": max(0, -int(instrument.tick.normalize().as_tuple().exponent)),
                "tick": float(instrument.tick),
                "bars": found,
                "forming": forming if forming and (not found or forming[0] > found[-1][0]) else None,
                "marks": series.marks(source.recent, instrument, found[0][0] if found else 0),
                "levels": series.levels(source.recent, instrument),
            }
        )

    async def _live(self, request: web.Request) -> web.StreamResponse:
        _ = self.sources
        return await self.hub.serve(request, request.match_info["topic"], lambda: self.may_look(request))

    def _parts(self, topic: str) -> Mapping[str, Any] | None:
        """The live parts of a page: pieces of it as text, and figures for its charts."""
        source = self.sources
        state = source.recent.state
        head = self.pages.draw("parts/head", head=facts.head(state, source.env, source.missing()))
        if topic == "head":
            return {"head": head}
        if topic == "overview":
            values = self._overview_values(source)
            pieces = {name: self.pages.draw(f"parts/{name}", **values) for name in ("cards", "positions", "checks", "markets", "latest")}
            newest = {account: [marks[-1][0] // 1000, marks[-1][1] / 1e10] for account, marks in source.recent.equity.items() if marks}
            return {"head": head, **pieces, "equity": newest}
        if topic == "controls":
            return {"head": head, "standing": {"drawn": controls.standing(source)["drawn"]}}
        if topic in state.index:
            instrument = state.instruments[state.index[topic]]
            values = self._symbol_values(source, instrument)
            pieces = {name: self.pages.draw(f"parts/{name}", **values) for name in ("positions", "latest", "market")}
            found = series.bars(source.recent, instrument, 2)
            bar = {"closed": found, "forming": source.forming.bar(instrument), "levels": series.levels(source.recent, instrument)}
            return {"head": head, **pieces, "bar": bar}
        return None


def _wrong(address: str, count: int) -> None:
    """One line a burst of wrong log-ins; what was typed is nobody's business."""
    log.warning("somebody gave the panel a wrong token", address=address, times=count)


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    """The headers of every answer."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-cache" if request.path.startswith("/static/") else "no-store")
