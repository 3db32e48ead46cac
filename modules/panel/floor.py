"""The panel wired to the daemon: its token, what it reads, where it computes what takes longer, its one task."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from aiohttp import web

from modules.panel.browse import Browser
from modules.panel.figures import Figures
from modules.panel.series import Forming
from modules.panel.site import Site, Sources
from modules.panel.token import find_token
from modules.schedule import figures_command
from modules.settings import BotConfig
from modules.ui.operator import Operator
from modules.ui.option_view import configured
from modules.ui.recent import Recent
from state.market import Quote
from utils.clock import Clock


class Aside(Protocol):
    """Work in a process beside the daemon (`modules.ui.beside.Beside`)."""

    async def run(self, job: str, given: bytes) -> bytes:
        """What a job makes of its input; Refusal."""

    async def command(self, words: list[str]) -> bytes:
        """The output of a command; Refusal."""


class PanelFloor:
    """One daemon's panel. `mount` goes to the server, `run` is a task that trading can do without, `on_quote` is told every quote."""

    def __init__(self, config: BotConfig, folder: Path, environ: Mapping[str, str], clock: Clock) -> None:
        """`folder`: of the environment's state, already locked. Refusal for a token that nobody should trust."""
        self._config, self._folder, self._clock = config, folder, clock
        self.site = Site(config.panel, find_token(folder, environ), clock, lambda: secrets.token_urlsafe(32))
        self._forming = Forming({})

    def mount(self, app: web.Application) -> None:
        """Add the panel to the server's TCP application, unless it is switched off."""
        if self._config.panel.on:
            self.site.mount(app)

    def attach(self, env: str, recent: Recent, operator: Operator, missing: Callable[[], list[str]], aside: Aside) -> None:
        """There is an engine: `recent` watches it, `operator` is its counter."""
        widths = {one.key: self._config.domains[one.domain].frames(one.symbol).confirm_ms for one in recent.state.instruments}
        self._forming = Forming(widths)
        words = figures_command(self._folder)
        self.site.attach(
            Sources(
                env=env,
                recent=recent,
                operator=operator,
                risk=self._config.risk,
                explore=self._config.learning.explore,
                missing=missing,
                forming=self._forming,
                browser=Browser(str(self._folder), aside.run),
                figures=Figures(lambda: aside.command(words), self._clock),
                frames=configured(self._config),
            )
        )

    def on_quote(self, quote: Quote) -> None:
        """Every quote, for the candle that is not closed yet."""
        self._forming.quote(quote)

    async def run(self) -> None:
        """Keep what is looked at up to date, for ever."""
        await self.site.hub.run()
