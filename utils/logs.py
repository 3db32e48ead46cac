"""Logging in one place: structlog events, as lines for a person or as JSON, with secrets masked on the way out.

Our code logs key=value events (`log.info("order filled", symbol=..., qty=...)`); libraries log through the standard module; both
leave through one handler on stderr. Masking happens twice: a value under a secret-looking key is replaced whatever it is, and known
secret values are cut from the finished line wherever they stand, tracebacks included.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"

_SECRET_KEY = re.compile(
    r"(secret|token|password|passwd|api[-_]?key|authorization|credential|signature|cookie)s?$|(^|[-_])sign$", re.IGNORECASE
)
_BOT_TOKEN = re.compile(r"(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}")
"""The shape of a chat-bot token; libraries put it into URLs."""

_SHORTEST_SECRET = 6
"""Shorter values are not cut from lines: they would hit innocent text."""

_CHATTY = ("aiohttp.access", "asyncio", "ccxt", "httpcore", "httpx", "numba", "telegram", "urllib3", "websockets")


def setup(
    *,
    form: Literal["console", "json"] = "console",
    level: str = "INFO",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    colors: bool = False,
) -> None:
    """Route all logging of the process to `stream` (stderr by default); calling it again replaces the earlier setup.

    `level` is a standard level name, else ValueError; libraries known to be chatty speak from WARNING on.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"log level {level!r} is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask_keys]
    if form == "json":
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    else:
        last.append(structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback))
    handler = _OurHandler(stream or sys.stderr)
    handler.setFormatter(_MaskingFormatter(secrets, processors=last, foreign_pre_chain=shared))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _OurHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)


def mask_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace every value whose key looks secret, in nested mappings and lists too."""
    return {key: _masked(key, value) for key, value in event.items()}


def mask_values(text: str, secrets: Iterable[str]) -> str:
    """Cut known secrets, and anything shaped like a chat-bot token, out of a finished line."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]):  # as it is, and as a renderer writes it
                text = text.replace(form, MASK)
    return _BOT_TOKEN.sub(MASK, text)


def _masked(key: object, value: object) -> object:
    if isinstance(key, str) and _SECRET_KEY.search(key) and value is not None:
        return MASK
    if isinstance(value, dict):
        return {inner: _masked(inner, item) for inner, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked("", item) for item in value]
    return value


class _OurHandler(logging.StreamHandler[TextIO]):
    """Marks the handler that `setup` made, so that only that one is replaced."""


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    def __init__(self, secrets: Iterable[str], *, processors: list[Processor], foreign_pre_chain: list[Processor]) -> None:
        super().__init__(processors=processors, foreign_pre_chain=foreign_pre_chain)
        # Longest first: one secret may begin with another.
        self._secrets = tuple(sorted(set(secrets), key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        return mask_values(super().format(record), self._secrets)
