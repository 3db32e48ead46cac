"""Words as the Bot API takes them: plain, counted in UTF-16 units, split or cut where a reader would."""

from __future__ import annotations

from modules.telegram.wire import TEXT_LIMIT

EMPTY = "…"
"""Instead of nothing, which the API refuses."""


def units(text: str) -> int:
    """Length in UTF-16 units, as the API counts."""
    return len(text) + sum(char > "\uffff" for char in text)


def plain(text: str) -> str:
    """Without what no message can hold: control characters (but line ends and tabs) and halves of surrogate pairs; `EMPTY` for nothing."""
    kept = "".join(char for char in text if char in "\n\t" or not (char < " " or "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"))
    return kept if kept.strip() else EMPTY


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` within `limit` units, cut with "…"."""
    return text if units(text) <= limit else text[: _fitting(text, limit - 1)] + "…"


def split(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """`text` in parts of at most `limit` units each: at a line's end if there is one in the last half, else at a space, else anywhere."""
    parts: list[str] = []
    while units(text) > limit:
        end = _fitting(text, limit)
        for mark in ("\n", " "):
            if (found := text.rfind(mark, end // 2, end)) > 0:
                end = found
                break
        parts.append(plain(text[:end]))
        text = text[end:].removeprefix("\n")
    if text.strip() or not parts:
        parts.append(plain(text))
    return parts


def addressed(text: str, username: str) -> str | None:
    """A command without the bot's name behind it ("/status@our_bot BTC"); None when it is meant for another bot."""
    word, space, rest = text.partition(" ")
    command, at, name = word.partition("@")
    if not word.startswith("/") or not at:
        return text
    return f"{command}{space}{rest}" if name.lower() == username.lower() else None


def _fitting(text: str, limit: int) -> int:
    """How many characters of `text`, which is longer, fit into `limit` units."""
    end = min(len(text), limit)
    over = units(text[:end]) - limit
    while over > 0:
        end -= (over + 1) // 2  # each character taken away is one unit or two
        over = units(text[:end]) - limit
    return end
