"""The daemon's lives in one process: another stage or profile is another life, under the same lock, with the same port and simulator.

Start-up is recovery, so another life is no more than an end and a start. One that is refused (no key, no answer) gives way to the one
before it: what is held must be looked after.
"""

from __future__ import annotations

import os

from modules.app import Daemon
from modules.keepalive import KeepAlive, stand_of
from modules.marketplace import MarketPlace
from modules.options import RunOptions
from modules.settings import BotConfig
from modules.ui.console import ConsoleObserver
from utils.clock import Clock
from utils.errors import ExitCode, Refusal
from utils.files import DirectoryLock, close_to_others


async def live_on(options: RunOptions, config: BotConfig, console: ConsoleObserver, clock: Clock) -> ExitCode:
    """Live until nobody asks for another life; Refusal for what cannot be."""
    daemon = Daemon(options, config, console, clock)
    before: RunOptions | None = None
    market: MarketPlace | None = None
    with DirectoryLock(options.folder), KeepAlive(lambda: stand_of(daemon), os.environ):
        if closed := close_to_others(options.folder):
            console.say(
                f"{closed} files and folders in {options.folder} were open to others on this machine; now only their owner reads them"
            )
        while True:
            try:
                code = await daemon.run()
            except Refusal as refusal:
                if before is None or daemon.born:
                    raise
                console.say(f"stage {daemon.options.stage}, {daemon.options.profile} cannot be: {refusal}")
                console.say(f"going back to stage {before.stage}, {before.profile}")
                daemon, before = Daemon(before, config, console, clock, later=True), None
                continue
            market = getattr(daemon, "market", market)
            if daemon.next is None:
                if market is not None:
                    await market.leave()  # who is asked to end between two lives has left the exchange to the next, which never found it
                return code
            before = daemon.lasting()
            daemon = Daemon(daemon.next, config, console, clock, later=True)
