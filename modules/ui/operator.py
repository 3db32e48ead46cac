"""The one counter behind Telegram, the panel and the command line: what they may look at, ask for and must confirm.

A face shows what comes back and knows nothing else. Looking is quick and from memory; a change goes, once confirmed, into the engine's
inbox as an event with the name of who asked. Everything raised towards a face is a Refusal: one sentence to show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from modules import confirm
from modules.confirm import Kind, Pending
from modules.ui.commands import VOCABULARY, Wanted, changes
from modules.ui.watch import Watch, Watchers
from state.accounts import Account
from utils.clock import Clock
from utils.errors import Refusal

MOST_PENDING = 100
"""Requests that may wait for their confirmation; the oldest gives way."""
SAID = {
    confirm.Outcome.WRONG_PERSON: "only who asked may confirm this",
    confirm.Outcome.EXPIRED: "too late: ask again",
    confirm.Outcome.WRONG_DIGITS: "these are not the last 4 characters of the account's id",
    confirm.Outcome.ALREADY_DONE: "that was done already",
    confirm.Outcome.UNKNOWN: "nothing waits for this confirmation: ask again",
}


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks.

    `name` goes into the journal; `person` is whom a confirmation is bound to, `place` the message or session: the same at `ask`
    and at `confirm`.
    """

    name: str
    surface: Literal["telegram", "panel", "cli"]
    person: str
    place: str = ""


class Table(msgspec.Struct, frozen=True):
    """Rows under a head, all of them words."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to see: plain text without markup, whoever shows it escapes it."""

    title: str
    lines: Sequence[str] = ()
    table: Table | None = None
    data: Any = None
    """The same as a JSON document."""
    picture: bytes | None = None
    """PNG."""
    pictures: tuple[tuple[str, bytes], ...] = ()
    """More of them, each with its title: what a report has beside the first."""
    more: tuple[tuple[str, Wanted], ...] = ()
    """Buttons that suggest themselves: label and what it wants."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """It is done, or on its way; `text` says what came of it."""

    text: str


class MustConfirm(msgspec.Struct, frozen=True, kw_only=True, tag="confirm"):
    """A person has to confirm: show `text`, then `Operator.confirm(nonce)`. The nonce changes with each step."""

    nonce: str
    kind: Kind
    text: str
    expires_s: float


Outcome = Done | MustConfirm


class Views(Protocol):
    """What looking says; `modules.ui.answers` has them."""

    def look(self, wanted: Wanted) -> Answer:
        """From memory, quick; Refusal for what does not exist."""

    async def picture(self, wanted: Wanted) -> Answer:
        """Drawn or read off the event loop; Refusal."""


class Deeds(Protocol):
    """What the daemon can do for an operator; `modules.fulfil` does it."""

    def check(self, wanted: Wanted, who: str) -> None:
        """Refusal when `wanted` cannot be, with the reason; changes nothing."""

    def opens_live(self, wanted: Wanted) -> tuple[Account, ...]:
        """Live accounts that could enter afterwards and cannot now."""

    def describe(self, wanted: Wanted) -> str:
        """What would happen, in the words of a question."""

    async def account_id(self, account: Account) -> str:
        """The venue's id of an account; empty when nobody can tell."""

    async def carry_out(self, wanted: Wanted, who: str, digits: str = "") -> str:
        """Do it; what came of it in words. Refusal when it can no longer be."""


class Operator:
    """One counter for all faces; used by one event loop."""

    def __init__(
        self,
        env: str,
        views: Views,
        deeds: Deeds,
        clock: Clock,
        draw_nonce: Callable[[], str],
        never_drop: Callable[[Any], bool] = lambda _notice: True,
    ) -> None:
        """`draw_nonce`: unguessable, short, never twice. `never_drop` tells which notices a slow subscriber must still get."""
        self.env = env
        self._views, self._deeds, self._clock, self._draw = views, deeds, clock, draw_nonce
        self._pending: dict[str, Pending] = {}
        self._watchers: Watchers[Any] = Watchers(never_drop)

    # --- looking ----------------------------------------------------------------------------------------------------------------------

    def look(self, wanted: Wanted) -> Answer:
        """What `wanted` shows, from memory; Refusal for one that asks for a change."""
        if changes(wanted):
            raise Refusal(f"{wanted.line} asks for a change; it is asked for, not looked at")
        return self._views.look(wanted)

    async def picture(self, wanted: Wanted) -> Answer:
        """A chart or a report, drawn off the event loop."""
        return await self._views.picture(wanted)

    # --- asking -----------------------------------------------------------------------------------------------------------------------

    async def ask(self, wanted: Wanted, who: Who, *, tapped: bool = False) -> Outcome:
        """Ask for a change; Refusal when it cannot be. `tapped`: a button was pressed, which is the first of two taps of a disaster."""
        if not changes(wanted):
            raise Refusal(f"{wanted.line} changes nothing")
        self._deeds.check(wanted, who.name)
        entry, lives = VOCABULARY[wanted.name], self._deeds.opens_live(wanted)
        kind = confirm.needed(
            env=self.env, disaster=entry.confirm is Kind.TWICE, opens_live=bool(lives), asks=entry.confirm is not Kind.NONE
        )
        if kind is Kind.NONE:
            return Done(await self._deeds.carry_out(wanted, who.name))
        text = self._deeds.describe(wanted)
        opened = [(str(one), await self._deeds.account_id(one)) for one in lives] if kind is Kind.DIGITS else []
        pending = confirm.ask(
            kind,
            self._draw(),
            who.person,
            text,
            self._clock.now_ms(),
            name=wanted.name,
            args=tuple(wanted.args.items()),
            where=who.place,
            accounts=opened,
            tapped=tapped,
        )
        self._keep(pending)
        return self._must(pending)

    async def confirm(self, nonce: str, who: Who, digits: str = "") -> Outcome:
        """Confirm what `nonce` stands for: done, or the next step (of a disaster; of several accounts with real money).

        Refusal: too late, wrong person, wrong digits.
        """
        name = nonce.rpartition(".")[0]
        pending, outcome = confirm.answer(
            self._pending.get(name), who.person, self._clock.now_ms(), token=nonce, typed=digits, where=who.place
        )
        if pending is not None:
            self._pending[name] = pending
        if pending is None or outcome in SAID:
            raise Refusal(SAID.get(outcome, SAID[confirm.Outcome.UNKNOWN]))
        if outcome is confirm.Outcome.AGAIN:
            return self._must(pending)
        wanted = Wanted(pending.name, dict(pending.args))
        self._deeds.check(wanted, who.name)  # the world may have moved on since it was asked for
        return Done(await self._deeds.carry_out(wanted, who.name, ",".join(typed for _, typed in pending.digits)))

    def cancel(self, nonce: str, who: Who) -> None:
        """Forget a request; nothing happens when it is not there, or is another person's."""
        name = nonce.rpartition(".")[0]
        pending = self._pending.get(name)
        if pending is not None and pending.who == who.person and pending.where == who.place and not pending.done:
            del self._pending[name]

    # --- being told -------------------------------------------------------------------------------------------------------------------

    def watch(self) -> Watch[Any]:
        """A subscription to notices from now on; close it when done."""
        return self._watchers.join()

    def tell(self, notice: Any) -> None:
        """Pass a notice on to everybody who watches; never waits."""
        self._watchers.tell(notice)

    def _keep(self, pending: Pending) -> None:
        while len(self._pending) >= MOST_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[pending.nonce] = pending

    def _must(self, pending: Pending) -> MustConfirm:
        left = (pending.expires_ts - self._clock.now_ms()) / 1000
        text = pending.what
        if pending.kind is Kind.DIGITS:
            which = f", account {pending.taps + 1} of {len(pending.digits)}" if len(pending.digits) > 1 else ""
            text = f"{text}\nThis is real money{which}: type the last 4 characters of the id of {pending.whose}."
        return MustConfirm(nonce=pending.token, kind=pending.kind, text=text, expires_s=max(0.0, left))
