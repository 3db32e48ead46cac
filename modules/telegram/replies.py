"""What is said in the chat, as plain words: an answer of the counter, the question of a confirmation, a Disaster's course. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from modules.confirm import Kind
from modules.telegram.codec import encode
from modules.telegram.panel import Screen
from modules.telegram.wire import Button, Keyboard
from modules.ui.commands import Wanted
from modules.ui.operator import Answer, MustConfirm

DO, CONFIRM, CANCEL = "do", "ok", "no"
"""What a button does; the value of the first is a line of the vocabulary."""
NOTHING = "-"
"""The value of a button whose nonce says it all."""
BETWEEN = " · "
"""Between the cells of a row: a chat has no columns."""
IN_A_ROW = 2
"""Suggested buttons side by side."""
SHORTCUTS = {"start": "help", "menu": "panel"}
"""Words that the app itself offers."""


def meant(text: str) -> str:
    """What was typed, with the app's own words put into the vocabulary's."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return SHORTCUTS.get(first.removeprefix("/").partition("@")[0].lower(), text)


def words(answer: Answer) -> str:
    """An answer as a message: title, table, lines."""
    table = answer.table
    told = [BETWEEN.join(row) for row in (table.head, *table.rows)] if table and table.rows else []
    return "\n".join(part for part in (answer.title, *told, *answer.lines) if part)


def suggested(more: Sequence[tuple[str, Wanted]], nonce: str) -> Keyboard:
    """The buttons that suggest themselves under an answer."""
    return tiled([(label, wanted.line) for label, wanted in more], nonce)


def tiled(buttons: Sequence[tuple[str, str]], nonce: str) -> Keyboard:
    """Buttons of (words, line of the vocabulary), two in a row."""
    made = [Button(label, encode(DO, line, nonce)) for label, line in buttons]
    return tuple(tuple(made[at : at + IN_A_ROW]) for at in range(0, len(made), IN_A_ROW))


def bound(screen: Screen, nonce: str) -> Keyboard:
    """A screen's buttons."""
    return screen.keyboard(lambda tile: encode(DO, tile.wants, nonce))


def hint(screen: Screen, line: str) -> str:
    """Why the buttons of `screen` that want `line` go no further; empty where they do."""
    return next((tile.hint for row in screen.rows for tile in row if tile.wants == line and tile.hint), "")


def question(must: MustConfirm, *, again: bool = False) -> str:
    """What a confirmation asks, and for how long."""
    limit = f"{must.expires_s:.0f} s" if must.expires_s <= 90 else f"{must.expires_s / 60:.0f} min"
    how = {Kind.DIGITS: "Type the 4 characters here", Kind.TWICE: "Tap to confirm"}.get(must.kind, "Confirm")
    return f"{must.text}\n{f'Once more: {how.lower()}' if again else how}, within {limit}."


def answers(must: MustConfirm, nonce: str) -> Keyboard:
    """The buttons of a confirmation; digits are typed."""
    cancel = (Button("Cancel", encode(CANCEL, NOTHING, nonce)),)
    if must.kind is Kind.DIGITS:
        return (cancel,)
    text, style = ("DISASTER: yes, close everything", "danger") if must.kind is Kind.TWICE else ("Confirm", "success")
    return ((Button(text, encode(CONFIRM, NOTHING, nonce), style),), cancel)


class Course(msgspec.Struct, kw_only=True):
    """A Disaster under way, told in one message."""

    chat: int
    message: int
    accounts: dict[str, tuple[str, bool]]
    """Account -> (where it stands, whether it is seen to be flat)."""
    shown: str = ""
    edited_ms: int = 0

    @property
    def over(self) -> bool:
        """Every account is seen to be flat."""
        return all(done for _, done in self.accounts.values())

    @property
    def text(self) -> str:
        """The message as it should stand."""
        head = "DISASTER: every account is verified flat" if self.over else "DISASTER under way: entries are off"
        return "\n".join((head, *(f"{name}: {where}" for name, (where, _) in self.accounts.items())))
