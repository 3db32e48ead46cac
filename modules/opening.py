"""What the engine is told before anything else at every boot: stage and feeds, new wallets, venues without memory, standing halts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modules.boot import frontier
from modules.engine.core import Engine
from modules.engine.desk import FEEDS, wallet_events
from modules.live_floor import LiveFloor
from modules.options import RunOptions
from modules.settings import BotConfig
from state.accounts import Account, Domain, Mode
from state.messages import Control, Event, VenueReset
from state.stages import STAGES, Cell


def first_events(
    engine: Engine, config: BotConfig, options: RunOptions, domains: Sequence[Domain], live: LiveFloor, halted: Callable[[Account], bool]
) -> list[Event]:
    """The events of a boot, in order. `halted`: whether the HALTED file forbids an account its entries."""
    state = engine.state
    ts = max([state.ts, *frontier(engine).values()])
    words = {
        "stage": str(options.stage),
        "feeds": ",".join(dict.fromkeys(FEEDS[domain] for domain in domains)),
        "live": ",".join(map(str, live.desks)),
        "unmanaged": ",".join(map(str, live.unmanaged(state))),
    }
    if options.override_gates:
        words["override"] = "1"
    events: list[Event] = [Control(ts, "boot", words, "start")]
    row = STAGES[options.stage]
    asked = [name for name in options.enable if row.cell(Domain(name.upper())) is not Cell.OFF]  # what is off was told by the notices
    events += [Control(ts, name, {"to": "on"}, "--enable") for name in asked]
    events += wallet_events(config, state.accounts, ts)
    events += live.openings(state, ts)
    events += [VenueReset(ts, account) for account in state.accounts if account.mode is Mode.PAPER]
    standing = [one for one in state.accounts if halted(one) and str(one) not in state.halted]
    return events + [Control(ts, "flatten", {"account": str(one)}, "the HALTED file") for one in standing]
