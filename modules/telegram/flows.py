"""What becomes of words and taps: parsed, asked of the one counter, answered in the chat. Buttons and confirmations live here.

Every text is plain. A request that must be confirmed stands in one message of its own: confirmed, its buttons vanish and the message
says what came of it; too late, it says so. A Disaster goes on in that message, account by account, until all are flat.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import structlog

from modules.confirm import Kind
from modules.telegram.codec import Bonds, Bound, Press
from modules.telegram.panel import Screen, Stand, draw, in_force
from modules.telegram.replies import CANCEL, CONFIRM, DO, Course, answers, bound, hint, meant, question, suggested, words
from modules.telegram.texts import clip
from modules.telegram.wire import ANSWER_LIMIT, Heard, Sender, Tapped
from modules.ui.commands import VOCABULARY, Wanted, changes, parse
from modules.ui.notices import Notice, Topic
from modules.ui.operator import Answer, Done, MustConfirm, Operator, Outcome, Who
from utils.clock import Clock
from utils.errors import Refusal, Rejected, Transient, Unknown

log = structlog.get_logger("telegram")

PICTURES = frozenset({"chart", "report"})
"""What is drawn or read off the event loop."""
DRAWINGS = 4
"""Pictures that may be drawn at a time."""
ASKS = 64
"""Requests that are remembered, open ones and those whose buttons may be tapped again."""
REDRAW_MS = 1_000
"""A panel and a Disaster's message are edited no more often than this."""
TYPED = 8
"""A line as short as this, and no command, is what somebody types who was asked for digits."""
ALREADY = "already done"
UNSHOWN = "the buttons could not be shown, nothing was changed: ask again"
TOO_LATE = "too late, nothing was changed: ask again"


class Ask(msgspec.Struct, kw_only=True):
    """A request in its message, waiting for its confirmation."""

    line: str
    chat: int
    user: int
    must: MustConfirm
    nonce: str = ""
    """Of its buttons."""
    expires_ms: int = 0
    message: int = 0
    closed: str = ""
    """How it ended, which is the answer to a later tap; empty while it waits."""
    farewell: str = ""
    """What its message shall say at last, until it does."""


class Open(msgspec.Struct, kw_only=True):
    """A panel in its message."""

    message: int
    nonce: str
    shown: Screen
    edited_ms: int


class Chat:
    """The face (`wire.Face`) of the operator's chat. `sweep` is to be called about once a second."""

    def __init__(
        self,
        sender: Sender,
        operator: Operator,
        stand: Callable[[], Stand],
        accounts: Callable[[], list[str]],
        bonds: Bonds,
        clock: Clock,
    ) -> None:
        """`stand`: what the panel shows now. `accounts`: those that a Disaster closes."""
        self._sender, self._operator, self._stand, self._accounts = sender, operator, stand, accounts
        self._bonds, self._clock = bonds, clock
        self._asks: OrderedDict[str, Ask] = OrderedDict()
        """By the nonce of each of their steps."""
        self._panels: dict[int, Open] = {}
        """The newest of each chat."""
        self._courses: list[Course] = []
        self._disasters: dict[str, tuple[str, bool]] = {}
        """What was told of each account since the last Disaster was asked for: it may be told before its message is known."""
        self._drawing = 0

    # --- what comes in ----------------------------------------------------------------------------------------------------------------

    async def text(self, message: Heard) -> None:
        """A command, the digits that were asked for, or something else, which gets a short helpful answer."""
        if await self._digits(message) or not (message.private or message.text.startswith("/")):
            return  # in a group people also talk to each other
        try:
            await self._serve(parse(meant(message.text)), message.chat, message.user)
        except Refusal as refusal:
            await self._sender.send(message.chat, str(refusal))

    async def tap(self, tap: Tapped) -> None:
        """A button: it counts for the person and from the message that it was made for."""
        press, judged = self._bonds.judge(tap.data, tap.chat, tap.user, tap.message)
        if press is None or judged is not Bound.GOOD or press.action not in {DO, CONFIRM, CANCEL}:
            await self._sender.answer(tap.tap, Bound.UNKNOWN.value if judged is Bound.GOOD else judged.value)
            return
        try:
            await (self._wish(tap, press) if press.action == DO else self._decide(tap, press))
        except Refusal as refusal:
            await self._sender.answer(tap.tap, clip(str(refusal), ANSWER_LIMIT), alert=True)

    # --- looking and asking -----------------------------------------------------------------------------------------------------------

    async def _serve(self, wanted: Wanted, chat: int, user: int) -> None:
        if wanted.name == "panel":
            await self._open_panel(chat, user)
        elif changes(wanted):
            outcome = await self._ask(wanted, chat, user)
            if not isinstance(outcome, MustConfirm):
                await self._sender.send(chat, outcome.text if outcome else "That is asked already: confirm it above.")
                await self._gates(wanted, chat, user)
        elif wanted.name in PICTURES:
            await self._show(await self._picture(wanted), chat, user)
        else:
            await self._show(self._operator.look(wanted), chat, user)

    async def _wish(self, tap: Tapped, press: Press) -> None:
        """A line of the vocabulary: a switch of the panel, or a button that suggested itself under an answer."""
        wanted = parse(press.value)
        panel = self._panels.get(tap.chat)
        stop = hint(panel.shown, press.value) if panel is not None and panel.message == tap.message else ""
        if stop and in_force(self._stand(), press.value):
            await self._sender.answer(tap.tap, stop)
        elif not changes(wanted):
            await self._sender.answer(tap.tap)
            try:
                await self._serve(wanted, tap.chat, tap.user)
            except Refusal as refusal:
                await self._sender.send(tap.chat, str(refusal))
        else:
            outcome = await self._ask(wanted, tap.chat, tap.user, tapped=True)
            if isinstance(outcome, Done):
                await self._sender.answer(tap.tap, clip(f"{outcome.text} {stop}".strip(), ANSWER_LIMIT))
                await self._gates(wanted, tap.chat, tap.user)
            else:
                await self._sender.answer(tap.tap, "confirm it below" if outcome else "that is asked already: confirm it below")

    async def _ask(self, wanted: Wanted, chat: int, user: int, *, tapped: bool = False) -> Outcome | None:
        """Done at once, or a message that asks; None where this person is asked the same already."""
        now, person = self._clock.now_ms(), (chat, user, wanted.line)
        if any((one.chat, one.user, one.line) == person and not one.closed and now < one.expires_ms for one in self._asks.values()):
            return None
        if wanted.name == "flatten":
            self._disasters.clear()
        try:
            outcome = await self._operator.ask(wanted, _who(chat, user), tapped=tapped)
        except Refusal:
            await self._gates(wanted, chat, user)
            raise
        if isinstance(outcome, MustConfirm):
            await self._gates(wanted, chat, user)
            ask = Ask(line=wanted.line, chat=chat, user=user, must=outcome)
            self._renew(ask, outcome)
            try:
                ask.message = await self._sender.send(chat, question(outcome), answers(outcome, ask.nonce))
            except (Transient, Unknown, Rejected):
                self._forget(ask)
                raise
            self._bonds.bind(ask.nonce, ask.message)
        return outcome

    def _forget(self, ask: Ask) -> None:
        """Its buttons could not be shown: nobody is kept from asking again."""
        self._operator.cancel(ask.must.nonce, _who(ask.chat, ask.user))
        ask.closed = UNSHOWN
        ask.farewell = f"{ask.must.text}\n{UNSHOWN}" if ask.message else ""

    def _renew(self, ask: Ask, must: MustConfirm) -> None:
        """The step that is waited for now; its buttons have a nonce that those of the step before did not have."""
        ask.must, ask.expires_ms = must, self._clock.now_ms() + int(must.expires_s * 1000)
        ask.nonce = self._bonds.issue(ask.chat, ask.user)
        self._asks[ask.nonce] = ask
        while len(self._asks) > ASKS:
            self._asks.popitem(last=False)

    async def _gates(self, wanted: Wanted, chat: int, user: int) -> None:
        """Whoever goes to another stage sees what its gates ask."""
        if wanted.name == "stage":
            await self._show(self._operator.look(Wanted("stage")), chat, user)

    # --- confirming -------------------------------------------------------------------------------------------------------------------

    async def _decide(self, tap: Tapped, press: Press) -> None:
        ask = self._asks.get(press.nonce)
        if ask is None or ask.closed or ask.nonce != press.nonce:  # the last: the first of two taps, delivered again
            await self._sender.answer(tap.tap, Bound.OLD.value if ask is None else ask.closed or ALREADY)
        elif press.action == CANCEL:
            self._operator.cancel(ask.must.nonce, _who(tap.chat, tap.user))
            await self._sender.answer(tap.tap, "cancelled")
            await self._close(ask, "cancelled, nothing was changed")
        else:
            await self._confirm(ask, tap)

    async def _confirm(self, ask: Ask, tap: Tapped) -> None:
        ask.closed = ALREADY  # whatever comes while this is under way
        try:
            outcome = await self._operator.confirm(ask.must.nonce, _who(tap.chat, tap.user))
        except Refusal as refusal:
            await self._sender.answer(tap.tap, clip(str(refusal), ANSWER_LIMIT), alert=True)
            await self._close(ask, str(refusal))
            return
        if isinstance(outcome, Done):
            await self._carried(ask, outcome)
            await self._sender.answer(tap.tap, clip(outcome.text, ANSWER_LIMIT))
            return
        await self._next(ask, outcome)
        await self._sender.answer(tap.tap, "once more")

    async def _next(self, ask: Ask, must: MustConfirm) -> None:
        """The message asks for the next step."""
        ask.closed = ""
        self._renew(ask, must)
        self._bonds.bind(ask.nonce, ask.message)
        try:
            await self._sender.edit(ask.chat, ask.message, question(must, again=must.kind is Kind.TWICE), answers(must, ask.nonce))
        except (Transient, Unknown, Rejected):
            self._forget(ask)
            raise

    async def _digits(self, message: Heard) -> bool:
        """Whether the text was the digits that a request of this person waits for."""
        typed, now = message.text.strip().removeprefix("/"), self._clock.now_ms()  # in a group only "/4567" is heard
        person = (message.chat, message.user)
        waiting = [one for one in self._asks.values() if (one.chat, one.user) == person and one.must.kind is Kind.DIGITS]
        ask = next((one for one in reversed(waiting) if not one.closed and now < one.expires_ms), None)
        if ask is None or not typed or len(typed) > TYPED or typed.split()[0].lower() in VOCABULARY:
            return False
        try:
            outcome = await self._operator.confirm(ask.must.nonce, _who(*person), typed)
        except Refusal as refusal:
            await self._sender.send(message.chat, str(refusal))
            return True
        if isinstance(outcome, Done):
            await self._carried(ask, outcome)
            await self._sender.send(message.chat, outcome.text)
        else:
            await self._next(ask, outcome)
            await self._sender.send(message.chat, outcome.text.rpartition("\n")[2])
        return True

    async def _carried(self, ask: Ask, done: Done) -> None:
        """Confirmed and on its way: the buttons vanish; a Disaster's message goes on telling."""
        if ask.line != "flatten":
            await self._close(ask, ALREADY, f"DONE: {done.text}")
            return
        ask.closed = ALREADY
        accounts = dict.fromkeys(self._accounts(), ("closing", False)) | self._disasters
        course = Course(chat=ask.chat, message=ask.message, accounts=accounts)
        self._courses.append(course)
        await self._quietly(self._tell(course))

    async def _close(self, ask: Ask, closed: str, text: str = "") -> None:
        """Its buttons vanish and the message says how it ended."""
        ask.closed, ask.farewell = closed, f"{ask.must.text}\n{text or closed}"
        await self._part(ask)

    async def _part(self, ask: Ask) -> None:
        """The last edit; an outage puts it off to the next sweep."""
        if await self._quietly(self._sender.edit(ask.chat, ask.message, ask.farewell)) is not False:
            ask.farewell = ""

    # --- what goes out ----------------------------------------------------------------------------------------------------------------

    async def _show(self, answer: Answer, chat: int, user: int) -> None:
        nonce = self._bonds.issue(chat, user) if answer.more else ""
        message = await self._sender.send(chat, words(answer), suggested(answer.more, nonce), answer.picture)
        self._bonds.bind(nonce, message)
        for title, picture in answer.pictures:  # one after the other: between two of them the chat says what is more urgent
            await self._sender.send(chat, title, picture=picture, silent=True)

    async def _open_panel(self, chat: int, user: int) -> None:
        screen, nonce = draw(self._stand()), self._bonds.issue(chat, user)
        message = await self._sender.send(chat, screen.text, bound(screen, nonce))
        self._bonds.bind(nonce, message)
        self._panels[chat] = Open(message=message, nonce=nonce, shown=screen, edited_ms=self._clock.now_ms())

    async def _picture(self, wanted: Wanted) -> Answer:
        """Drawn off the event loop while other words and taps go on; a few at a time."""
        if self._drawing >= DRAWINGS:
            raise Refusal(f"{DRAWINGS} pictures are being drawn already; ask again in a moment")
        self._drawing += 1
        try:
            return await self._operator.picture(wanted)
        finally:
            self._drawing -= 1

    # --- what goes on by itself -------------------------------------------------------------------------------------------------------

    def heard(self, notice: Notice) -> bool:
        """A notice came by; whether the message of a Disaster tells it."""
        if notice.kind is not Topic.DISASTER:
            return False
        self._disasters[notice.account] = where = (notice.lines[0], notice.over)
        for course in self._courses:
            course.accounts[notice.account] = where
        return bool(self._courses)

    async def sweep(self) -> None:
        """Say of requests that they are too late, bring panels up to date, tell how Disasters go."""
        now = self._clock.now_ms()
        for nonce, ask in list(self._asks.items()):
            if nonce != ask.nonce:
                continue
            if not ask.closed and now >= ask.expires_ms:
                await self._close(ask, TOO_LATE)
            elif ask.farewell:
                await self._part(ask)
        for chat, panel in list(self._panels.items()):
            screen = draw(self._stand())
            if screen != panel.shown and now - panel.edited_ms >= REDRAW_MS:
                panel.edited_ms = now
                done = await self._quietly(self._sender.edit(chat, panel.message, screen.text, bound(screen, panel.nonce)))
                if done:
                    panel.shown = screen
                elif done is None:
                    self._panels.pop(chat)
        for course in list(self._courses):
            if course.text != course.shown and now - course.edited_ms >= REDRAW_MS and await self._quietly(self._tell(course)) is None:
                self._courses.remove(course)  # its message is gone; the notices of the accounts go on
            elif course.over and course.text == course.shown:
                self._courses.remove(course)

    async def _tell(self, course: Course) -> None:
        text, course.edited_ms = course.text, self._clock.now_ms()
        await self._sender.edit(course.chat, course.message, text)
        course.shown = text

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> bool | None:
        """Whether it went through; None where the API will never have it (a message that was deleted)."""
        try:
            await work
        except Rejected as error:
            log.info("telegram refused", code=error.code)
            return None
        except (Transient, Unknown):
            return False
        return True


def _who(chat: int, user: int) -> Who:
    return Who(name=f"telegram:{user}", surface="telegram", person=f"telegram:{user}", place=str(chat))
