"""Who may speak to the bot: a pure gate over (chat, user). A private chat's id is its user's id; in a group the user must be named."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from utils.errors import Refusal

CHATS, USERS = "TELEGRAM_CHAT_ID", "TELEGRAM_USER_IDS"
LARGEST_ID = 2**53
"""Ids have at most 52 bits, says the API."""
MOST_LINES = 50
"""So many strangers get a log line each; the rest are counted only."""


class Verdict(StrEnum):
    """What the gate says of an update, and the label it is counted under."""

    ALLOWED = "allowed"
    CHAT = "another chat"
    USER = "another person"
    NOBODY = "nobody"
    """No sender, or a bot: a channel's post, an anonymous admin."""


class Allowed(msgspec.Struct, frozen=True):
    """The allow-list."""

    chats: tuple[int, ...]
    """As configured; notifications go to each of them. Groups are below zero."""
    users: frozenset[int] = frozenset()
    """Who may speak in a group."""

    def judge(self, chat: int | None, user: int | None, *, bot: bool = False) -> Verdict:
        """Whether `user` may speak in `chat`; None for an update without one."""
        if chat is None or user is None or bot:
            return Verdict.NOBODY
        if chat not in self.chats:
            return Verdict.CHAT
        return Verdict.ALLOWED if user == chat or (chat < 0 and user in self.users) else Verdict.USER


def read_allowed(chats: str | None, users: str | None) -> Allowed:
    """The allow-list from the values of `TELEGRAM_CHAT_ID` and `TELEGRAM_USER_IDS`, comma lists both.

    Refusal names the variable and what it must hold, never what it held: who may command the bot is nobody's business.
    """
    found = Allowed(_ids(CHATS, chats or "", groups=True), frozenset(_ids(USERS, users or "", groups=False)))
    if not found.chats:
        raise Refusal(f"{CHATS} is not set, so nobody could speak to the bot: set it to your own id, or unset TELEGRAM_BOT_TOKEN")
    if any(chat < 0 for chat in found.chats) and not found.users:
        raise Refusal(f"{CHATS} names a group, so {USERS} must say who may speak in it")
    return found


def _ids(name: str, text: str, *, groups: bool) -> tuple[int, ...]:
    found = []
    for word in (part.strip() for part in text.split(",") if part.strip()):
        digits = word.removeprefix("-") if groups else word
        if not (digits.isascii() and digits.isdecimal() and 0 < int(digits[:17]) <= LARGEST_ID and len(digits) <= 16):
            what = "ids of chats (whole numbers, a group's below zero)" if groups else "ids of users (whole numbers above zero)"
            raise Refusal(f"{name} is not a comma list of {what}")
        found.append(int(word))
    return tuple(dict.fromkeys(found))


class Strangers:
    """Counts who was not let in, and says of whom a line has not been written yet. Its memory is bounded."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = dict.fromkeys((Verdict.CHAT.value, Verdict.USER.value, Verdict.NOBODY.value), 0)
        """Verdict -> how many updates, for metrics."""
        self._seen: set[tuple[int | None, int | None]] = set()

    def note(self, chat: int | None, user: int | None, verdict: Verdict) -> bool:
        """Count one update; True when it deserves a log line: the first of this stranger, of the first `MOST_LINES` strangers."""
        self.counts[verdict.value] += 1
        if (chat, user) in self._seen or len(self._seen) >= MOST_LINES:
            return False
        self._seen.add((chat, user))
        return True
