"""What must be confirmed, how, by whom and until when: one set of rules for Telegram, the panel and the command line.

Pure: times, nonces and persons are arguments; nothing here knows a button, a socket or a clock. Times are transport (wall) time in ms, not
venue time, because persons tap in it. Source: definitions, "Guardrails: Confirms".

A face does three things: `needed` tells the kind, `ask` makes the `Pending` that it keeps and shows, `answer` judges each tap or typed
line and returns the `Pending` to keep instead. It acts on `Outcome.CONFIRMED` alone, which a `Pending` gives once in its life.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from utils.errors import Refusal

SIMULATED = "simulated"
ONCE_MS, DIGITS_MS, TWICE_MS = 60_000, 300_000, 30_000
DIGITS = 4
"""So many characters, the last of the account's id, are typed."""
TRIES = 3
"""So many wrong digits end a request: whoever is mistaken as often is not looking at the account he means."""


class Kind(StrEnum):
    """How a person confirms."""

    NONE = "none"
    """Not at all."""
    ONCE = "once"
    """One tap within 60 s."""
    DIGITS = "digits"
    """The last four characters of the id of each account that it opens, one after the other, each typed within 5 min."""
    TWICE = "twice"
    """Two taps, the second within 30 s of the first."""


class Outcome(StrEnum):
    """What an answer came to."""

    CONFIRMED = "confirmed"
    """Act, now and once."""
    AGAIN = "once more"
    """The first of two taps, or of several accounts: show the new `Pending.token`."""
    WRONG_PERSON = "not the person who asked"
    EXPIRED = "too late"
    WRONG_DIGITS = "not the digits"
    ALREADY_DONE = "already done"
    UNKNOWN = "nothing of that name waits"
    """Another nonce, another message, or words where a tap is due."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits for its confirmation; `answer` returns the next one, nothing is changed in place."""

    nonce: str
    """Drawn by the face, never used before."""
    kind: Kind
    who: str
    """Only this person may answer."""
    what: str
    """The request in words, as it is shown."""
    name: str = ""
    """The request as the machine knows it, with `args`."""
    args: tuple[tuple[str, str], ...] = ()
    where: str = ""
    """The message or page it is bound to; empty: to none."""
    asked_ts: int
    expires_ts: int
    """The first moment that is too late."""
    digits: tuple[tuple[str, str], ...] = ()
    """Account and what must be typed for it, one after the other; the second is never shown."""
    taps: int = 0
    """Taps, or accounts whose digits were typed, that counted."""
    wrong: int = 0
    """Wrong digits so far."""
    done: bool = False
    """Confirmed: further answers do nothing."""

    @property
    def token(self) -> str:
        """What the button shown now carries. It changes with each tap, so that one tap delivered twice is not two."""
        return f"{self.nonce}.{self.taps}"

    @property
    def whose(self) -> str:
        """The account whose digits are waited for; empty where none are."""
        return self.digits[self.taps][0] if self.taps < len(self.digits) else ""


def needed(*, env: str, disaster: bool = False, opens_live: bool = False, asks: bool = False) -> Kind:
    """The kind of confirmation: a disaster always takes two taps; in `simulated` nothing else asks.

    `opens_live`: real money could be traded afterwards and could not before (a promotion, a stage or a switch that lets a live account
    enter). `asks`: the request is one that needs a confirmation at all (resume, reset and their like).
    """
    if disaster:
        return Kind.TWICE
    if env == SIMULATED:
        return Kind.NONE
    if opens_live:
        return Kind.DIGITS
    return Kind.ONCE if asks else Kind.NONE


def last_digits(account_id: str) -> str:
    """What has to be typed for an account; Refusal when its id is not known, for then nothing that is typed can confirm it.

    Dashes do not count: the last characters of `101-004-1234567-001` would tell it from nobody's, 7001 does.
    """
    plain = account_id.replace("-", "")
    if len(plain) < DIGITS:
        raise Refusal("the account's id is not known, so nobody can confirm that it is the one that is meant")
    return plain[-DIGITS:]


def typed_digits(text: str | None) -> tuple[str, ...]:
    """The digits of several accounts as `--real-money` has them: `1234` or `1234,5678`."""
    return tuple((text or "").replace(",", " ").split())


def joined_digits(*texts: str | None) -> str | None:
    """Several such texts as one, each account's digits once; None for none."""
    return ",".join(dict.fromkeys(one for text in texts for one in typed_digits(text))) or None


def ask(
    kind: Kind,
    nonce: str,
    who: str,
    what: str,
    ts: int,
    *,
    name: str = "",
    args: tuple[tuple[str, str], ...] = (),
    where: str = "",
    accounts: Sequence[tuple[str, str]] = (),
    tapped: bool = False,
) -> Pending:
    """A request at `ts`, waiting. `tapped`: it was itself a tap on a button, which is the first of two; a typed command is none.

    `accounts`: name and venue's id of each that it opens. Refusal for `Kind.DIGITS` where one of the ids is not known; ValueError for
    `Kind.NONE`, which waits for nobody, an empty nonce or person, and digits of no account.
    """
    if kind is Kind.NONE or not nonce or not who or (kind is Kind.DIGITS and not accounts):
        raise ValueError(f"nothing to wait for: kind {kind}, nonce {nonce!r}, who {who!r}, {len(accounts)} accounts")
    first = kind is Kind.TWICE and tapped
    limit = {Kind.ONCE: ONCE_MS, Kind.DIGITS: DIGITS_MS, Kind.TWICE: TWICE_MS}[kind]
    return Pending(
        nonce=nonce,
        kind=kind,
        who=who,
        what=what,
        name=name,
        args=args,
        where=where,
        asked_ts=ts,
        expires_ts=ts + limit,
        digits=tuple((name, last_digits(account_id)) for name, account_id in accounts) if kind is Kind.DIGITS else (),
        taps=int(first),
    )


def answer(
    pending: Pending | None, who: str, ts: int, *, token: str = "", typed: str = "", where: str = ""
) -> tuple[Pending | None, Outcome]:
    """(what waits now, what it came to) after `who` tapped the button with `token` or typed the digits `typed` at `ts`.

    A refused answer changes nothing but the count of wrong digits, so a stranger's tap takes nobody's chance away. The order of judgement:
    is it this request, is it this person, is it done, is it in time, is it right. None, for a nonce nobody knows, is UNKNOWN.
    A clock that went back since the request was made is no reason to trust an old button: EXPIRED.
    """
    if pending is None or pending.where != where or not _meant(pending, token, typed):
        return pending, Outcome.UNKNOWN
    if who != pending.who:
        return pending, Outcome.WRONG_PERSON
    if pending.done:
        return pending, Outcome.ALREADY_DONE
    if not pending.asked_ts <= ts < pending.expires_ts or pending.wrong >= TRIES:
        return pending, Outcome.EXPIRED
    if token != pending.token and (token or pending.kind is not Kind.DIGITS):  # a step that counted is delivered again
        return pending, Outcome.ALREADY_DONE
    if pending.kind is Kind.DIGITS:
        if typed.strip() != pending.digits[pending.taps][1]:
            return msgspec.structs.replace(pending, wrong=pending.wrong + 1), Outcome.WRONG_DIGITS
        taps = pending.taps + 1
        if taps < len(pending.digits):
            return msgspec.structs.replace(pending, taps=taps, asked_ts=ts, expires_ts=ts + DIGITS_MS), Outcome.AGAIN
        return msgspec.structs.replace(pending, taps=taps, done=True), Outcome.CONFIRMED
    if pending.kind is Kind.TWICE and pending.taps == 0:
        return msgspec.structs.replace(pending, taps=1, asked_ts=ts, expires_ts=ts + TWICE_MS), Outcome.AGAIN
    return msgspec.structs.replace(pending, taps=pending.taps + 1, done=True), Outcome.CONFIRMED


def _meant(pending: Pending, token: str, typed: str) -> bool:
    """Whether an answer is one to this request at all: typed where digits are asked for, else a tap on a button it has shown."""
    if pending.kind is Kind.DIGITS:
        return bool(typed)
    nonce, _, tap = token.rpartition(".")
    return nonce == pending.nonce and tap.isdecimal() and int(tap) <= pending.taps
