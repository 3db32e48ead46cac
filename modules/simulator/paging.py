"""Pages of a list and the opaque cursor between them: percent-encoded text that comes back verbatim, "" after the last page.

A cursor names the last row that was given, not a position, so rows that appear or vanish meanwhile are neither repeated nor skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar
from urllib.parse import quote, unquote

from modules.simulator.request_fields import invalid

T = TypeVar("T")


def stamp(ts: int, name: str) -> str:
    """A key that sorts by time, then by name."""
    return f"{ts:013d}:{name}"


def page(rows: Iterable[T], key: Callable[[T], str], limit: int, cursor: str, *, newest_first: bool = True) -> tuple[list[T], str]:
    """The next `limit` rows after `cursor` ("" = from the beginning) and the cursor after them.

    `key` is unique and the rows are sorted by it, descending or (`newest_first` False) ascending. ApiError 10001 for a cursor that is none.
    """
    last = _decode(cursor)
    if last:
        rows = (row for row in rows if (key(row) < last if newest_first else key(row) > last))
    found = list(islice(rows, limit + 1))
    if len(found) <= limit:
        return found, ""
    shown = found[:limit]
    return shown, quote(f"{key(shown[0])},{key(shown[-1])}", safe="")


def _decode(cursor: str) -> str:
    """The last key; clients send the cursor as they got it, or encoded once more."""
    if not cursor:
        return ""
    text = unquote(unquote(cursor))
    first, _, last = text.partition(",")
    if not first or not last:
        raise invalid("cursor")
    return last
