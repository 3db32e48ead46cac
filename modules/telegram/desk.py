"""The operator's chat wired to one run: who may speak, what is told, what stands on the panel. One expendable task holds it all."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modules.engine import explore_live, switches
from modules.engine.explore import base_rate
from modules.engine.mandate import Mandate
from modules.environment import Environment
from modules.telegram.codec import Bonds
from modules.telegram.flows import Chat
from modules.telegram.identity import TOKEN, read_identity
from modules.telegram.panel import Stand
from modules.telegram.replies import tiled
from modules.telegram.settings import TelegramConfig
from modules.telegram.wire import Letter, Urgency
from modules.ui.commands import VOCABULARY
from modules.ui.notices import Notice, Topic
from modules.ui.operator import Operator
from modules.ui.wording import short_time
from state.runtime import RuntimeState
from strategy.exploration import epsilon
from strategy.regime import CHOP
from utils.clock import Clock
from utils.errors import Refusal

if TYPE_CHECKING:
    from modules.telegram.bot import Figures, TelegramBot

SWEEP_S = 0.5
NONCE_BYTES = 8
COMMANDS = tuple((row.name, row.help) for row in VOCABULARY.values())
"""The chat's menu."""
AHEAD = frozenset({Topic.BREAKER, Topic.DISASTER, Topic.DEMOTION, Topic.DRIFT, Topic.OUTAGE, Topic.STAGE, Topic.ASKED})
"""What overtakes the fills that wait to be told, unless it is silent: what may want a hand at once, and whatever takes that back."""
NO_TOKEN = f"Telegram: off, {TOKEN} is not set"


class Desk:
    """The chat of one life of the daemon. Made by `open_desk`; `run` is its task."""

    def __init__(self, bot: TelegramBot, chat: Chat, bonds: Bonds, operator: Operator, chats: tuple[int, ...], clock: Clock) -> None:
        """What is told from now on is kept for `run`, whenever that begins."""
        self._bot, self._chat, self._bonds, self._chats, self._clock = bot, chat, bonds, chats, clock
        self._env, self._watch = operator.env, operator.watch()

    async def run(self) -> None:
        """Listen, answer and tell, until cancelled. May be started again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._bot.run(self._chat), name="telegram: the API")
            tasks.create_task(self._tell(), name="telegram: notices")
            tasks.create_task(self._sweep(), name="telegram: sweep")

    async def settle(self, limit_s: float) -> int:
        """Before the task is cancelled: let what waits leave. Returns how many letters stay on disk for the next start."""
        await self._drain()
        return await self._bot.settle(limit_s)

    def figures(self) -> Figures:
        """For the metrics."""
        return self._bot.figures()

    async def _tell(self) -> None:
        try:
            async for notice in self._watch:
                self._pass_on(notice)
        finally:  # ended: what is left goes to the outbox, which is on disk
            await self._drain()

    async def _drain(self) -> None:
        """What was told already, without waiting for more."""
        while self._watch.waiting and (notice := await self._watch.take()):
            self._pass_on(notice)

    def _pass_on(self, notice: Notice) -> None:
        told = self._chat.heard(notice)
        for letter in letters(notice, self._env, self._chats, self._bonds, told=told):
            self._bot.put(letter)

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(SWEEP_S)
            await self._chat.sweep()


def letters(notice: Notice, env: str, chats: tuple[int, ...], bonds: Bonds, *, told: bool) -> list[Letter]:
    """A notice as letters: the environment in front, its buttons bound to each chat. `told`: a Disaster's message tells its course."""
    if notice.kind is Topic.ASKED and notice.who.startswith("telegram:") and len(chats) == 1:
        return []  # who asked has had his answer in this very chat
    if told and notice.urgency is Urgency.STATUS:
        return []
    moment = f" {short_time(notice.ts)}" if env == Environment.SIMULATED else ""  # venue time is not the reader's there
    key = notice.key if notice.urgency is Urgency.STATUS else str(notice.kind)
    ahead = notice.kind in AHEAD and not notice.silent
    letter = Letter(text=f"[{env}{moment}] {notice.text}", urgency=notice.urgency, key=key, silent=notice.silent, ahead=ahead)
    if not notice.buttons:
        return [letter]
    return [msgspec.structs.replace(letter, chat=chat, buttons=tiled(notice.buttons, bonds.issue(chat))) for chat in chats]


def stand_of(state: RuntimeState, mandate: Mandate, env: str, profile: str) -> Stand:
    """What the panel shows of a run."""
    base = base_rate(state, mandate)
    many = len({one.domain for one in state.instruments}) > 1
    return Stand(
        env=env,
        stage=state.stage,
        profile=profile,
        forex=state.toggles.forex,
        options=state.toggles.options,
        unavailable=tuple((name, why) for name in ("forex", "options") if (why := switches.missing(state, name))),
        learning=state.toggles.learning,
        paused=state.toggles.paused,
        explore_live=explore_live.anywhere(state),
        percent=round(base * 100),
        adjusted=tuple(
            (one.key if many else one.symbol, epsilon(base, 1.0 if int(state.market[m]["regime"]) == CHOP else 0.0))
            for m, one in enumerate(state.instruments)
        ),
        halted=tuple(state.halted),
    )


def open_desk(
    operator: Operator,
    stand: Callable[[], Stand],
    accounts: Callable[[], list[str]],
    config: TelegramConfig,
    clock: Clock,
    rng: random.Random,
    folder: Path,
    environ: Mapping[str, str],
) -> tuple[Desk | None, str]:
    """(the chat of a run, a line for its banner). No token, or one that makes no sense: the bot runs without, and the line says why."""
    try:
        identity = read_identity(environ, config.api_base)
    except Refusal as refusal:
        return None, f"Telegram: OFF, {refusal}"
    if identity is None:
        return None, NO_TOKEN
    from modules.telegram.bot import TelegramBot  # noqa: PLC0415  the library takes 0.7 s and 29 MB, and many a bot has no chat

    bot = TelegramBot(identity, config, clock, rng, folder, COMMANDS)
    bonds = Bonds(lambda: secrets.token_urlsafe(NONCE_BYTES))
    chat = Chat(bot.sender, operator, stand, accounts, bonds, clock)
    chats = identity.allowed.chats
    line = f"Telegram: on, {len(chats)} chat{'' if len(chats) == 1 else 's'} may speak"
    return Desk(bot, chat, bonds, operator, chats, clock), line
