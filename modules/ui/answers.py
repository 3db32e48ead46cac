"""What looking says: a table from each command that looks to the function that answers it, and the object that faces call.

Answers come from memory and are quick; charts and reports are drawn beside the daemon, and so are the key figures, now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from modules.options import RunOptions
from modules.schedule import command, figures_command
from modules.ui import answers_gate, answers_general, answers_market, answers_money, answers_pictures
from modules.ui.beside import Beside
from modules.ui.commands import Wanted
from modules.ui.operator import Answer
from modules.ui.periods import Period
from modules.ui.scene import DAY_MS, Scene
from modules.ui.trail import Lately, LatelyAsk
from utils.clock import Clock
from utils.errors import Refusal

POLL_S = 15.0
REPORT_S = 240.0
KPI_EVERY_S = 600.0
"""Key figures are made again at most so often, and only after a trade has closed or a day ended."""

Look = Callable[[Scene, Mapping[str, str]], Answer]
LOOKS: dict[str, Look] = {
    "status": answers_general.status,
    "positions": answers_money.positions,
    "trades": answers_money.trades,
    "pnl": answers_money.pnl,
    "kpi": answers_gate.kpi,
    "why": answers_market.why,
    "pairs": answers_market.pairs,
    "stage": answers_gate.stage,
    "explore": answers_market.explore,
    "learn": answers_general.learn,
    "drift": answers_general.drift,
    "regime": answers_market.regime,
    "logs": answers_general.logs,
    "version": answers_general.version,
    "help": answers_general.help_,
    "panel": answers_general.panel,
}
"""Name -> what it says now."""


def reporter(options: RunOptions, beside: Beside) -> answers_pictures.MakeReport:
    """Makes reports of a run's state by the command that a person would type."""

    async def make(period: Period, now: int) -> None:
        await beside.command(command(options, period, now), REPORT_S)

    return make


class Looking:
    """What an operator can look at (`modules.ui.operator.Views`)."""

    def __init__(self, scene: Scene, beside: Beside, clock: Clock, make_report: answers_pictures.MakeReport) -> None:
        """`make_report` makes the report of a period where it is not there yet."""
        self.scene = scene
        self._beside, self._clock, self._make_report = beside, clock, make_report

    def look(self, wanted: Wanted) -> Answer:
        """The answer, from memory; Refusal for what does not exist, or is drawn."""
        view = LOOKS.get(wanted.name)
        if view is None:
            raise Refusal(f"{wanted.name} is a picture: it is drawn, not looked up")
        return view(self.scene, wanted.args)

    async def picture(self, wanted: Wanted) -> Answer:
        """A chart or a report; whatever else is asked is looked up. Refusal when it cannot be made."""
        if wanted.name == "chart":
            return await answers_pictures.chart(self.scene, wanted.args, self._beside)
        if wanted.name == "report":
            return await answers_pictures.report(self.scene, wanted.args, self._make_report)
        return self.look(wanted)

    # --- a task of the daemon ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: remember what the journal knows of earlier lives, keep the key figures fresh. What fails is tried again later."""
        await self._remember()
        made_ns, of = 0, (-1, -1)
        while True:
            state = self.scene.state
            newest = (sum(state.closed_trades), state.ts // DAY_MS)
            rested = not made_ns or self._clock.monotonic_ns() - made_ns >= KPI_EVERY_S * 1e9
            if newest != of and rested and state.ts:
                made_ns, of = self._clock.monotonic_ns(), newest
                await self._figures()
            await self._clock.sleep(POLL_S)

    async def _remember(self) -> None:
        ask = LatelyAsk(folder=str(self.scene.folder), instruments=self.scene.state.instruments)
        try:
            found = msgspec.msgpack.decode(await self._beside.run("lately", msgspec.json.encode(ask)), type=Lately)
        except Refusal:
            return  # it is a convenience; what happens from now on is remembered anyway
        self.scene.recent.fill(found.told, found.bars)

    async def _figures(self) -> None:
        try:
            self.scene.kpis = msgspec.json.decode(await self._beside.command(figures_command(self.scene.folder)), type=dict)
        except (Refusal, msgspec.MsgspecError):
            return  # no ledger yet, or the machine is busy: the last figures stand
