"""Every face of a run wired to its daemon: views, notices, the command line's socket, the web panel, the chat."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable

from aiohttp import web

from modules.engine.core import Engine
from modules.faces import Faces
from modules.fulfil import Building
from modules.panel.floor import PanelFloor
from modules.telegram.desk import open_desk, stand_of
from modules.ui.answers import Looking, reporter
from modules.ui.beside import Beside
from modules.ui.order_lines import order_lines
from modules.ui.recent import Recent
from modules.ui.scene import Scene
from state.market import Candle, Quote
from telemetry.metrics import MetricsObserver

GOODBYE_S = 2.0
"""What is still to be said in the chat gets so long at the end; the rest stays on disk for the next start."""


class FaceFloor(Faces):
    """The faces of one life. `notes` go into the banner."""

    def __init__(
        self, building: Building, engine: Engine, rng: random.Random, missing: Callable[[], list[str]], panel_url: Callable[[], str]
    ) -> None:
        """`missing`: what is not ready, in words. Refusal for a panel token that nobody should trust."""
        options, config, clock, state = building.options, building.config, building.clock, building.state
        env, folder = str(options.env), options.folder
        self._recent, self._venue_ts = Recent(state), building.venue_ts
        recent = self._recent
        beside = Beside()
        url = panel_url if config.panel.on else str
        scene = Scene(engine, recent, env, folder=folder, venue_now=building.venue_ts, panel_url=url, learning=config.learning)
        views = Looking(scene, beside, clock, reporter(options, beside))
        self.panel = PanelFloor(config, folder, os.environ, clock)
        super().__init__(building, views, (recent, order_lines), (("views", views.run), ("panel", self.panel.run)))
        self.panel.attach(env, recent, self.operator, missing, beside)
        accounts = [str(account) for account in state.accounts]
        self.chat, note = open_desk(
            self.operator,
            lambda: stand_of(state, engine.mandate, env, options.profile),
            lambda: accounts,
            config.telegram,
            clock,
            rng,
            folder,
            os.environ,
        )
        self.notes = (note,)
        if self.chat is not None:
            self.add("telegram", self.chat.run)

    def prime(self, candles: Iterable[Candle]) -> None:
        """Candles from before this life, oldest first: a chart begins with them."""
        self._recent.prime(candles)

    def mount(self, app: web.Application) -> None:
        """Add the panel to the server's TCP application."""
        self.panel.mount(app)

    def sample(self, metrics: MetricsObserver) -> None:
        """Read what the faces price, options, and have counted: the chat, who was not let in there, wrong log-ins at the panel."""
        metrics.sample_options(self._recent.state, self.figures, self._venue_ts())
        metrics.sample_panel(self.panel.site.tries.wrong)
        if self.chat is not None:
            found = self.chat.figures()
            counts = {"failures": found.failures, "dropped": found.dropped, "strangers": found.strangers}
            metrics.sample_chat(up=found.up, waiting=found.waiting, sent=found.sent, counts=counts)

    def on_quote(self, quote: Quote) -> None:
        """Every quote, for candles that are not closed yet."""
        self.panel.on_quote(quote)

    async def goodbye(self) -> None:
        """The last news to whoever watches, and what waits in the chat on its way."""
        self.tell_rest()
        if self.chat is not None:
            await self.chat.settle(GOODBYE_S)
