"""Logging in one place: structlog events, as lines for a person or as JSON, with secrets masked on the way out.

Our code logs key=value events (`log.info("order filled", symbol=..., qty=...)`); libraries log through the standard module; both
leave through one handler on stderr. Masking happens twice: a value under a secret-looking key is replaced whatever it is, and known
secret values are cut from the finished line wherever they stand, tracebacks included.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
from collections import deque
from collections.abc import Iterable
from typing import Literal, TextIO
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"

_SECRET_KEY = re.compile(
    r"(secret|token|password|passwd|api[-_]?key|authorization|credential|signature|cookie)s?$|(^|[-_])sign$", re.IGNORECASE
)
_BOT_TOKEN = re.compile(r"(?<!\d)\d{6,}(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE)
"""The shape of a chat-bot token; libraries put it into URLs."""

_SHORTEST_SECRET = 6
"""Shorter values are not cut from lines: they would hit innocent text."""

LONGEST_KEPT = 600
"""Characters of one line that stays in memory."""

_CHATTY = ("aiohttp.access", "asyncio", "ccxt", "httpcore", "httpx", "numba", "telegram", "urllib3", "websockets")


def setup(
    *,
    form: Literal["console", "json"] = "console",
    level: str = "INFO",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    colors: bool = False,
    keep: int = 0,
    apart: Iterable[str] = (),
) -> None:
    """Route all logging of the process to `stream` (stderr by default); calling it again replaces the earlier setup.

    `level` is a standard level name, else ValueError; libraries known to be chatty speak from WARNING on. The last `keep` lines, from INFO
    on and masked like the others, stay in memory for `last_lines`; of the loggers `apart` only from WARNING on.
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
    lowest = min(number, logging.INFO) if keep else number
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handlers: list[logging.Handler] = [_OurHandler(stream or sys.stderr)]
    handlers[0].setLevel(number)
    if keep:
        handlers.append(_Kept(keep, frozenset(apart)))
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _OurHandler | _Kept)]:
        root.removeHandler(old)
    for handler in handlers:  # what is kept is for people
        last = _lines_as("console" if isinstance(handler, _Kept) else form, colors=colors and not isinstance(handler, _Kept))
        handler.setFormatter(_MaskingFormatter(secrets, processors=last, foreign_pre_chain=shared))
        root.addHandler(handler)
    root.setLevel(lowest)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    logging.captureWarnings(capture=True)


def _lines_as(form: Literal["console", "json"], *, colors: bool) -> list[Processor]:
    """The last steps from an event to its line."""
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask_keys]
    if form == "json":
        return [*last, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    return [*last, structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time", exception_formatter=structlog.dev.plain_traceback)]


def mask_keys(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace every value whose key looks secret, in nested mappings and lists too; a number that is none becomes text."""
    return {key: _masked(key, value) for key, value in event.items()}


def mask_values(text: str, secrets: Iterable[str]) -> str:
    """Cut known secrets, and anything shaped like a chat-bot token, out of a finished line."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            # As it is, as a renderer writes it, as an address holds it.
            for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")):
                text = text.replace(form, MASK)
    return _BOT_TOKEN.sub(MASK, text)


def _masked(key: object, value: object) -> object:
    if isinstance(key, str) and _SECRET_KEY.search(key) and value is not None:
        return MASK
    if isinstance(value, dict):
        return {inner: _masked(inner, item) for inner, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked("", item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    return value


class _OurHandler(logging.StreamHandler[TextIO]):
    """Marks the handler that `setup` made, so that only that one is replaced."""


class _Kept(logging.Handler):
    """The last lines, in memory."""

    def __init__(self, most: int, apart: frozenset[str]) -> None:
        super().__init__()
        self._apart = apart
        self.lines: deque[str] = deque(maxlen=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; a traceback in it is cut short."""
        if record.levelno > logging.INFO or record.name not in self._apart:
            self.lines.append(self.format(record)[:LONGEST_KEPT])


def last_lines(n: int) -> list[str]:
    """The newest `n` lines that were kept (see `setup`), oldest first."""
    kept = [line for handler in logging.getLogger().handlers if isinstance(handler, _Kept) for line in handler.lines]
    return kept[-n:]


class _MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    def __init__(self, secrets: Iterable[str], *, processors: list[Processor], foreign_pre_chain: list[Processor]) -> None:
        super().__init__(processors=processors, foreign_pre_chain=foreign_pre_chain)
        # Longest first: one secret may begin with another.
        self._secrets = tuple(sorted(set(secrets), key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        try:
            record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's mistake: `logging` would write all of it to stderr as it stands
            record.msg, record.args = f"{record.msg} {record.args}", None
        return mask_values(super().format(record), self._secrets)
