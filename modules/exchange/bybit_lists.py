"""Lists of Bybit's answers read to their last page and understood, or not: what cannot be understood is `Transient`, never empty."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog

from modules.exchange import bybit_account as rows
from modules.exchange.bybit_calls import BybitCalls, Params
from utils.errors import Transient
from utils.frames import FrameError
from utils.throttle import Urgency

PAGE = {
    "/v5/order/realtime": 50,
    "/v5/order/history": 50,
    "/v5/execution/list": 100,
    "/v5/position/list": 200,
    "/v5/account/transaction-log": 50,
}
"""The largest page that the venue gives."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class _Page(msgspec.Struct):
    rows: list[Any] = msgspec.field(name="list")
    cursor: str = msgspec.field(name="nextPageCursor", default="")


class BybitLists:
    """Whole lists over `calls`."""

    def __init__(self, calls: BybitCalls) -> None:
        self._calls = calls

    async def every(self, path: str, params: Params, parse: Callable[[Any], T], urgency: Urgency) -> list[T]:
        """All rows, page by page to the end, in the venue's order. A cursor that was given before is the end, too."""
        found: list[T] = []
        asked = {**params, "limit": PAGE[path]}
        seen = {""}
        while True:
            said = await self._calls.read(path, asked, urgency)
            cursor, more = understood(partial(_page, said.result, path, parse))
            found += more
            if cursor in seen:
                return found
            seen.add(cursor)
            asked["cursor"] = cursor


def only_row(result: Any, where: str) -> Any:
    """The first row of a list that has one; FrameError when it has none."""
    page = rows.shaped(result, _Page, where)
    if not page.rows:
        raise FrameError(where, "list", "is empty")
    return page.rows[0]


def understood(parse: Callable[[], T]) -> T:
    """What the venue says, or Transient when it cannot be understood, which is logged with the field's name."""
    try:
        return parse()
    except FrameError as error:
        _log.warning("what the venue says of the account cannot be understood", where=error.topic, field=error.field, reason=str(error))
        raise Transient(str(error)) from error


def _page(result: Any, path: str, parse: Callable[[Any], T]) -> tuple[str, list[T]]:
    """The cursor to the next page and the rows of this one."""
    page = rows.shaped(result, _Page, path)
    return page.cursor, [parse(row) for row in page.rows]
