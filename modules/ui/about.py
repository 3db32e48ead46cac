"""The views there are before all others: commands, version, status and positions."""

from __future__ import annotations

import sys

import msgspec

from modules.ui.commands import VOCABULARY, Wanted
from modules.ui.operator import Answer
from modules.version import VERSION
from state.runtime import RuntimeState
from telemetry.status import status_of
from utils.errors import Refusal


class FirstViews:
    """`modules.ui.operator.Views` over the engine's state alone."""

    def __init__(self, state: RuntimeState, env: str, *, live: bool) -> None:
        self._state, self._env, self._live = state, env, live

    def look(self, wanted: Wanted) -> Answer:
        """Refusal for what is not here."""
        match wanted.name:
            case "help" | "version":
                return about(wanted)
            case "status" | "positions":
                found = msgspec.to_builtins(status_of(self._state, self._env, live=self._live))
                views = found["accounts"].items()
                if wanted.name == "status":
                    lines = [f"{name}: equity {view['equity']}, {view['closed_trades']} closed trades" for name, view in views]
                    return Answer(title=f"{self._env.upper()}, stage {found['stage']}", lines=lines, data=found)
                held = {name: view["open_positions"] for name, view in views}
                lines = [f"{name} {one['side']} {one['symbol']} {one['qty']}" for name, there in held.items() for one in there]
                return Answer(title="Positions", lines=lines or ["none"], data=held)
            case _:
                raise Refusal(f"{wanted.line} is not shown here")

    async def picture(self, wanted: Wanted) -> Answer:
        """None here."""
        raise Refusal(f"{wanted.line} is not drawn here")


def about(wanted: Wanted) -> Answer:
    """`help` and `version`, which need nothing."""
    if wanted.name == "version":
        python = sys.version.split()[0]
        return Answer(title=f"trading bot {VERSION}", lines=(f"Python {python}",), data={"version": VERSION, "python": python})
    name = wanted.args.get("command")
    rows = [VOCABULARY[name]] if name else list(VOCABULARY.values())
    return Answer(title="Commands", lines=[f"{one.usage}: {one.help}" for one in rows], data={one.usage: one.help for one in rows})
