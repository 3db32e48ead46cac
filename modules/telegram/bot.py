"""The chat's task: connects to the Bot API, listens behind the gate, hands over to the face, and carries the outbox.

The library's Application lives inside our loop; nothing of it is started but its handlers. The question for news is asked by our own
loop and not by the library's Updater: that one runs in a task nobody supervises, ends silently when the API answers 401 or 404 (as it does
when it is in trouble), waits on the machine's clock, and asks the API once more while stopping.

A dead API stops nothing: connecting is retried for ever with growing pauses, told once when lost and once when back. What was said
before the start, or while the API was out for longer than `deaf_s`, is dropped and never done late.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from telegram import BotCommand, Update
from telegram.error import InvalidToken, RetryAfter, TelegramError
from telegram.ext import (
    AIORateLimiter,
    Application,
    ApplicationBuilder,
    ApplicationHandlerStop,
    CallbackQueryHandler,
    MessageHandler,
    TypeHandler,
    filters,
)
from telegram.request import HTTPXRequest

from modules.telegram.allow import Strangers, Verdict
from modules.telegram.api import GARBAGE, Api, retry_after_s, translated
from modules.telegram.courier import open_courier
from modules.telegram.identity import Identity
from modules.telegram.outbox import Outbox
from modules.telegram.pace import Pace
from modules.telegram.settings import TelegramConfig
from modules.telegram.texts import addressed
from modules.telegram.wire import Face, Heard, Letter, Sender, Tapped, Urgency
from utils.clock import SECOND, Clock
from utils.errors import BotError
from utils.supervise import Policy

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = structlog.get_logger("chat")  # not "telegram": that is the library's

App = Application[Any, Any, Any, Any, Any, Any]

Commands = Sequence[tuple[str, str]]
"""(name, help line) of each command, as the chat's menu shows them."""
UPDATES = ("message", "callback_query")
BACKOFF = Policy(first_delay_s=1.0, max_delay_s=30.0)
TOKEN_REFUSED_S = 60.0
MOST_AT_ONCE = 16
"""So many texts and taps are worked on at once; the next wait at the API."""
CLOSE_S = 2.0
FAILED = "That went wrong on the way. Nothing more is done about it; /status shows what is."
DEAF = "I could not hear you for {minutes} min. What was said or tapped meanwhile is not done: say it again."
_TROUBLE = (TelegramError, TimeoutError, *GARBAGE)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the metrics show of the chat; counts grow from the start of the process."""

    up: bool
    waiting: int
    sent: int
    failures: dict[str, int]
    dropped: dict[str, int]
    strangers: dict[str, int]


class TelegramBot:
    """The chat. `put` and `sender` are there from the start; `run` is the supervised task."""

    def __init__(
        self, identity: Identity, config: TelegramConfig, clock: Clock, rng: random.Random, folder: Path, commands: Commands = ()
    ) -> None:
        self._identity, self._config, self._clock, self._rng = identity, config, clock, rng
        self._commands = tuple(commands)
        self._api = Api(clock, Pace(), identity.token)
        chats = identity.allowed.chats
        self._outbox = Outbox(chats, most=config.kept, flood=config.flood, burst=config.per_minute)
        self._courier = open_courier(self._outbox, self._api, clock, rng, folder)
        self._strangers = Strangers()
        self._offset = 0
        self._fresh = False
        """What waited at the API before we listened has been dropped."""
        self._heard_ns: int | None = None
        """When the API last answered the question for news."""
        self._out_ns: int | None = None
        """Since when the API has been out."""
        self._up = False
        self._broken: Exception | None = None
        """What a handler of ours raised: the library would only log it."""
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    @property
    def sender(self) -> Sender:
        """For the faces: while there is no connection it raises `Transient`."""
        return self._api

    def put(self, letter: Letter) -> None:
        """A notification: synchronous, never waits, never fails."""
        self._courier.put(letter)

    def figures(self) -> Figures:
        """For the metrics."""
        return Figures(
            up=self._up,
            waiting=self._courier.waiting,
            sent=self._api.sent,
            failures=dict(self._api.failures),
            dropped=dict(self._outbox.dropped),
            strangers=dict(self._strangers.counts),
        )

    async def settle(self, limit_s: float) -> int:
        """Before the task is cancelled, or while it is between two tries: give what waits so long to leave, and write down what stays.

        Returns how many letters stay for the next start.
        """
        return await self._courier.settle(limit_s if self._up else 0.0)

    async def run(self, face: Face) -> None:
        """Listen and deliver until cancelled. May be started again: the outbox, the place in the updates and the counts stay."""
        quiet()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._courier.keep(), name="telegram: outbox on disk")
            # In a thread: each of its two clients reads the certificates of the world, 0.1 s that the loop has not got.
            app = await asyncio.to_thread(self._application, face, group)
            self._api.use(app.bot)
            try:
                for chat in self._identity.allowed.chats:
                    group.create_task(self._courier.deliver(chat), name="telegram: deliver")
                await self._listen(app)
            finally:
                self._up = False
                self._api.use(None)
                await _close(app)

    def _application(self, face: Face, group: asyncio.TaskGroup) -> App:
        identity, answer_s = self._identity, self._config.answer_s
        # A proxy of the environment is for the world, not for an API on this machine.
        http: dict[str, Any] = {"httpx_kwargs": {"trust_env": not identity.local}}
        http |= {"read_timeout": answer_s, "write_timeout": answer_s, "connect_timeout": answer_s, "pool_timeout": answer_s}
        app = (
            ApplicationBuilder()
            .token(identity.token)
            .base_url(f"{identity.api_base}/bot")
            .base_file_url(f"{identity.api_base}/file/bot")
            .request(HTTPXRequest(connection_pool_size=16, **http))
            .get_updates_request(HTTPXRequest(connection_pool_size=1, **http))
            .rate_limiter(AIORateLimiter())
            .concurrent_updates(False)
            .updater(None)
            .job_queue(None)
            .build()
        )

        def start(work: Coroutine[Any, Any, None], chat: int) -> None:
            group.create_task(self._work(work, chat), name="telegram: face")

        async def gate(update: Update, _context: object) -> None:
            if not self._lets_in(update):
                raise ApplicationHandlerStop

        async def text(update: Update, _context: object) -> None:
            heard = self._heard(update, app.bot.username)
            if heard is not None:
                await self._at_once.acquire()
                start(face.text(heard), heard.chat)

        async def tap(update: Update, _context: object) -> None:
            tapped = self._tapped(update)
            await self._at_once.acquire()
            start(face.tap(tapped), tapped.chat)

        async def broken(_update: object, context: Any) -> None:
            self._broken = context.error

        app.add_error_handler(broken)
        app.add_handler(TypeHandler(Update, gate), group=-1)
        app.add_handler(MessageHandler(filters.UpdateType.MESSAGE & ~filters.StatusUpdate.ALL, text))
        app.add_handler(CallbackQueryHandler(tap))
        return app

    # --- listening ----------------------------------------------------------------------------------------------------------------

    async def _listen(self, app: App) -> None:
        failures = 0
        ready = False
        while True:
            try:
                ready = ready or await self._introduce(app)
                await self._drop_what_waited(app)
                async with asyncio.timeout(self._config.poll_s + 2 * self._config.answer_s):
                    # The first question, and the first after trouble, is not held open: its answer says that the API is there.
                    hold_s = self._config.poll_s if self._up else 0
                    updates = await app.bot.get_updates(self._offset, timeout=hold_s, allowed_updates=UPDATES)
            except _TROUBLE as error:
                failures += 1
                self._lost(error)
                await self._clock.sleep(self._pause_s(error, failures))
                continue
            failures = 0
            self._back()
            for update in updates:
                self._offset = update.update_id + 1  # first: one that breaks us is not asked for again
                await app.process_update(update)
                if self._broken is not None:
                    broken, self._broken = self._broken, None
                    raise broken

    async def _introduce(self, app: App) -> bool:
        """Who are we, and what are our commands: once a connection."""
        async with asyncio.timeout(4 * self._config.answer_s):
            await app.initialize()
            await app.bot.set_my_commands([BotCommand(name, about) for name, about in self._commands])
        return True

    async def _drop_what_waited(self, app: App) -> None:
        """At the start, and after an outage: a tap on "flatten" from an hour ago is nobody's wish any more."""
        now = self._clock.monotonic_ns()
        deaf_s = 0.0 if self._heard_ns is None else (now - self._heard_ns) / SECOND
        if self._fresh and deaf_s <= self._config.deaf_s:
            return
        async with asyncio.timeout(2 * self._config.answer_s):
            await app.bot.delete_webhook(drop_pending_updates=True)
        if self._fresh:
            text = DEAF.format(minutes=max(1, round(deaf_s / 60)))
            self.put(Letter(text=text, urgency=Urgency.STATUS, key="deaf"))
        self._fresh, self._heard_ns, self._offset = True, now, 0

    def _lost(self, error: Exception) -> None:
        self._up = False
        if self._out_ns is None:
            self._out_ns = self._clock.monotonic_ns()
            log.warning("the chat is out; it is tried again for ever", reason=str(translated(error, self._identity.token)))

    def _back(self) -> None:
        self._heard_ns = self._clock.monotonic_ns()
        self._up = True
        if self._out_ns is not None:
            log.warning("the chat is back", after_s=round((self._heard_ns - self._out_ns) / SECOND))
            self._out_ns = None

    def _pause_s(self, error: Exception, failures: int) -> float:
        if isinstance(error, RetryAfter):
            return retry_after_s(error) + 0.5
        return TOKEN_REFUSED_S if isinstance(error, InvalidToken) else BACKOFF.delay_s(failures, self._rng)

    # --- from updates to words and taps -------------------------------------------------------------------------------------------

    def _lets_in(self, update: Update) -> bool:
        """The gate: silence for everybody else, a count, one line a stranger."""
        person, place = update.effective_user, update.effective_chat
        user, chat = (None if person is None else person.id), (None if place is None else place.id)
        verdict = self._identity.allowed.judge(chat, user, bot=person is not None and person.is_bot)
        if verdict is Verdict.ALLOWED:
            return True
        if self._strangers.note(chat, user, verdict):
            log.warning("somebody who may not speak was not answered", reason=verdict.value, chat=chat, user=user)
        return False

    def _heard(self, update: Update, username: str) -> Heard | None:
        message, person = update.message, update.effective_user
        if message is None or person is None:
            return None
        text = addressed(message.text or message.caption or "", username)
        private = message.chat.id > 0
        if text is None or not (private or text.startswith("/")):
            return None  # people of a group may talk to each other, and to other bots
        return Heard(ts=self._clock.now_ms(), chat=message.chat.id, user=person.id, message=message.message_id, text=text, private=private)

    def _tapped(self, update: Update) -> Tapped:
        query = update.callback_query
        assert query is not None and query.message is not None  # noqa: S101, PT018  the handler's filter, and the gate: there was a chat  # nosec B101
        return Tapped(
            ts=self._clock.now_ms(),
            tap=query.id,
            chat=query.message.chat.id,
            user=query.from_user.id,
            message=query.message.message_id,
            data=query.data or "",
        )

    async def _work(self, work: Coroutine[Any, Any, None], chat: int) -> None:
        """One text or tap. What goes wrong in the world is answered with a line; a bug ends the task and the supervisor starts it again."""
        try:
            await work
        except BotError as error:
            log.warning("a request in the chat failed", error=repr(error))
            self.put(Letter(text=FAILED, chat=chat, urgency=Urgency.STATUS, key="failed"))
        finally:
            self._at_once.release()


def quiet() -> None:
    """The library tells each failed call with a traceback, tokens and all; we tell an outage once, in our own words."""
    for name in ("telegram", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


async def _close(app: App) -> None:
    """Give connections back, briefly: there is nothing to lose."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await app.shutdown()
            await app.bot.shutdown()  # does nothing if the line above did it; it did not when connecting failed half-way
    except (TimeoutError, TelegramError, RuntimeError) as error:
        log.debug("closing the chat", error=type(error).__name__)
