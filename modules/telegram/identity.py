"""Who the bot is and to whom it listens, read from the environment. The token is in here and shows itself to nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from modules.environment import secret
from modules.telegram.allow import CHATS, USERS, Allowed, read_allowed
from utils.errors import Refusal

TOKEN, BASE = "TELEGRAM_BOT_TOKEN", "TELEGRAM_API_BASE"
_TOKEN = re.compile(r"\d{5,20}:[A-Za-z0-9_-]{20,100}")


class Identity(msgspec.Struct, frozen=True):
    """The bot's token, the API it speaks to, the people it listens to."""

    token: str
    api_base: str
    """Without a slash at its end."""
    allowed: Allowed

    def __repr__(self) -> str:
        return f"Identity(bot {self.token.partition(':')[0]})"

    @property
    def local(self) -> bool:
        """Whether the API is on this machine: no proxy of the environment is asked then."""
        return _loopback(urlsplit(self.api_base).hostname or "")


def read_identity(environ: Mapping[str, str], api_base: str) -> Identity | None:
    """What the environment (or its credentials folder) says; None without a token: the bot then runs without a chat.

    `TELEGRAM_API_BASE` wins over `api_base`, the configured address. Refusal names a variable that makes no sense, never its value.
    """
    token = secret(TOKEN, environ)
    if token is None:
        return None
    if not _TOKEN.fullmatch(token):
        raise Refusal(f"{TOKEN} does not look like a bot's token (digits, a colon, 20 characters or more)")
    return Identity(token, _base(secret(BASE, environ) or api_base), read_allowed(secret(CHATS, environ), secret(USERS, environ)))


def _base(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
    if not host or port == 0 or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or parts.username:
        raise Refusal(f"{BASE} is not an address like https://api.telegram.org")
    if parts.scheme == "http" and not _loopback(host):
        raise Refusal(f"{BASE} sends the token unencrypted to another machine: use https, or http on this one")
    return text.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
