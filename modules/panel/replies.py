"""The two kinds of answer and the name of the cookie."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

COOKIE = "bot_panel"


def html(text: str, status: int = 200) -> web.Response:
    """A page, or a piece of one."""
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def document(value: Any) -> web.Response:
    """JSON."""
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
