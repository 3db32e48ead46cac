"""What the Bot API refuses, in its own words: lengths in UTF-16 units, button data in bytes, entities that do not parse."""

from __future__ import annotations

import re
from typing import Any

from modules.telegram.texts import units

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^<>]*)>")
_TAGS = frozenset({"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler", "a", "code", "pre", "blockquote"})
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_LARGEST_PHOTO = 10 << 20


class Refusal(Exception):
    """An answer with ok=false."""

    def __init__(self, code: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.code, self.text, self.more = code, text, more


def check_text(text: Any, parse_mode: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise Refusal(400, "Bad Request: message text is empty")
    if units(text) > 4096:
        raise Refusal(400, "Bad Request: message is too long")
    entities_ok(text, parse_mode)
    return text


def check_caption(text: Any, parse_mode: Any) -> str:
    if units(text) > 1024:
        raise Refusal(400, "Bad Request: message caption is too long")
    entities_ok(text, parse_mode)
    return str(text)


def entities_ok(text: str, parse_mode: Any) -> None:
    """HTML as the API takes it: known tags, closed in order, every other "<" and "&" escaped. No mode: anything goes."""
    if parse_mode is None:
        return
    if parse_mode != "HTML":
        raise Refusal(400, "Bad Request: unsupported parse_mode")
    stack: list[str] = []
    at = 0
    while (at := text.find("<", at)) >= 0:
        tag = _TAG.match(text, at)
        if tag is None or tag.group(2).lower() not in _TAGS:
            raise Refusal(400, f"Bad Request: can't parse entities: Unsupported start tag at byte offset {len(text[:at].encode())}")
        name = tag.group(2).lower()
        if not tag.group(1):
            stack.append(name)
        elif not stack or stack.pop() != name:
            raise Refusal(400, f"Bad Request: can't parse entities: Unmatched end tag at byte offset {len(text[:at].encode())}")
        at = tag.end()
    if stack:
        raise Refusal(400, f"Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"{stack[-1]}\"")


def check_markup(markup: Any) -> dict[str, Any] | None:
    if not markup:
        return None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Refusal(400, "Bad Request: object expected as reply markup")
    for button in (button for row in rows for button in row):
        data = button.get("callback_data")
        if not str(button.get("text", "")).strip():
            raise Refusal(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        if "url" not in button and (not isinstance(data, str) or not 1 <= len(data.encode()) <= 64):
            raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        if button.get("style") not in {None, "danger", "success", "primary"}:
            raise Refusal(400, "Bad Request: unknown button style")
    return {"inline_keyboard": rows} if any(rows) else None


def check_commands(commands: Any) -> list[dict[str, str]]:
    if not isinstance(commands, list) or len(commands) > 100:
        raise Refusal(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", one.get("command", "")):
            raise Refusal(400, "Bad Request: BOT_COMMAND_INVALID")
        if not 1 <= units(one.get("description", "")) <= 256:
            raise Refusal(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
    return list(commands)


def check_picture(data: Any) -> int:
    """Bytes of the picture."""
    if not isinstance(data, bytes):
        raise Refusal(400, "Bad Request: there is no photo in the request")
    if not data.startswith(_PICTURES):
        raise Refusal(400, "Bad Request: IMAGE_PROCESS_FAILED")
    if len(data) > _LARGEST_PHOTO:
        raise Refusal(413, "Request Entity Too Large")
    return len(data)
