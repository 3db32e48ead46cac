"""What takes long to load and is needed before the first event: loaded at the start, off the event loop, while the simulator starts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module

from modules.environment import secret
from modules.exchange.bybit import load
from modules.panel.render import templates
from modules.procedure import procedures
from modules.settings import BotConfig
from modules.telegram.identity import TOKEN
from modules.warm import warm
from strategy.registry import STRATEGIES
from utils.errors import Refusal


def load_what_is_used(config: BotConfig, stage: int, environ: Mapping[str, str]) -> None:
    """Kernels and the parsed rules always; panel templates, the client of private accounts, the chat's library where they have a use."""
    warm(config)
    procedures(config, config.domains, frozenset(one.index for one in STRATEGIES))  # for what it parses, and keeps
    if config.panel.on:
        templates()
    if stage > 1:
        load()
    with suppress(Refusal):  # of a file that cannot be read: the banner says so, the bot runs without a chat
        if secret(TOKEN, environ):
            import_module("modules.telegram.bot")
