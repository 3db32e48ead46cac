"""One question or order to OANDA and what its outcome proves: three shapes of no, and everything that is none.

A write is sent once. An HTTP error with or without a reject transaction, and an order that was taken and killed in the same answer, are an
explicit no (`Rejected`); a limit, or no connection, is `Transient`; anything else leaves it `Unknown`. A read may be asked again, so it
ends in an answer, `Rejected` or `Transient`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
import structlog

from forex import oanda_parse as parse
from forex.oanda_rest import NoAnswer, NotSent, OandaRest, Reply
from modules.exchange import oanda_rows as rows
from modules.exchange.oanda_codes import code_of
from modules.exchange.oanda_rows import Transaction
from modules.ports import BAD_KEY, BARRED, Barred, free
from utils.errors import Rejected, Transient, Unknown
from utils.frames import FrameError
from utils.throttle import Urgency

NO_KEY = frozenset({401, 403})
MADE, CANCELLED, FILLED = "CreateTransaction", "CancelTransaction", "FillTransaction"
T = TypeVar("T")
_log = structlog.get_logger(__name__)

Did = Mapping[str, Transaction]
"""What a write did: the transactions of its answer by their names there."""


class OandaCalls:
    """Questions and orders of one account."""

    def __init__(self, rest: OandaRest) -> None:
        self._rest = rest
        self.account = rest.account

    async def read(self, path: str, params: Mapping[str, str], urgency: Urgency, parsed: Callable[[bytes], T]) -> T:
        """The answer to a question below the account, understood. Transient or Rejected, never Unknown."""
        try:
            reply = await self._rest.get(self.account + path, params, urgency)
        except Rejected as no:
            raise Rejected(
                str(no), code=BAD_KEY if no.code in NO_KEY else code_of(no.code) if isinstance(no.code, str) else no.code
            ) from no
        try:
            return parsed(reply.body)
        except FrameError as error:
            _log.warning("what the venue says of the account cannot be understood", where=error.topic, field=error.field, reason=str(error))
            raise Transient(f"{path}: {error}") from error

    async def date(self) -> str:
        """The venue's wall clock as it stands in an answer's header."""
        try:
            return (await self._rest.get(f"{self.account}/summary", None, Urgency.CANCEL)).date
        except Rejected as no:
            raise _named(no) from no

    async def write(self, method: str, path: str, body: Any, urgency: Urgency, barred: Barred = free) -> Did:
        """Send a request that changes something, once. Rejected, Transient (no effect) or Unknown. `barred`: see `Venue.create`."""
        await self._rest.wire.room(urgency)
        if why := barred():
            raise Rejected(why, code=BARRED)
        try:
            reply = await self._rest.wire.send(method, self.account + path, None, body)
        except NotSent as error:
            raise Transient(f"{path}: {error}") from error
        except NoAnswer as error:
            raise Unknown(f"{path}: {error}") from error
        if reply.status in {200, 201}:
            return _did(path, reply)
        raise _refusal(path, reply)


def _named(no: Rejected) -> Rejected:
    """The same no with the port's code."""
    if no.code in NO_KEY:
        return Rejected(str(no), code=BAD_KEY)
    return Rejected(str(no), code=code_of(no.code) if isinstance(no.code, str) else no.code)


def killed(did: Did) -> Transaction | None:
    """The cancel of an order that was taken and killed in the same answer (201 is not a fill), None without one."""
    return next((one for name, one in did.items() if name.endswith(CANCELLED) and one.type == rows.CANCEL), None)


def _did(path: str, reply: Reply) -> Did:
    try:
        found = parse.decode(reply.body, dict[str, msgspec.Raw], path)
        return {name: rows.transaction(bytes(raw)) for name, raw in found.items() if name.endswith("Transaction")}
    except FrameError as error:
        raise Unknown(f"{path}: unreadable answer {reply.request_id} ({error})") from error


def _refusal(path: str, reply: Reply) -> Rejected | Transient | Unknown:
    said = parse.fault(reply.body)
    text = f"{path}: HTTP {reply.status} {said.code} {said.message}".rstrip()
    if reply.status in NO_KEY:
        return Rejected(text, code=BAD_KEY)
    if reply.status == 429:
        return Transient(text)
    if 400 <= reply.status < 500:
        return Rejected(text, code=code_of(said.code) or reply.status)
    return Unknown(text)
