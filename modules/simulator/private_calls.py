"""What a private route is: a signed call with its fields, a budget, a permission, and the rules about time windows they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from modules.simulator.credentials import Key
from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.exchange import Exchange
from modules.simulator.filters import Category, Listing
from modules.simulator.order_types import Accepted, Now, Refused
from modules.simulator.request_fields import Fields

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
Listings = Mapping[str, Listing]
"""By series key, `category:SYMBOL`; changes of filters show in it."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request whose sender is known. `granted`: how many of its orders the rate limit lets through."""

    exchange: Exchange
    listings: Listings
    uid: str
    fields: Fields
    now: Now
    granted: int = 1
    key: Key | None = None

    def check_listed(self, category: str, symbol: str) -> None:
        """ApiError for a symbol that is not on the venue."""
        if f"{category}:{symbol}" not in self.listings:
            raise ApiError(PARAMETER, "Not supported symbols")


class Answer(msgspec.Struct, frozen=True):
    """What a handler says; a `code` other than 0 where a refusal has a result of its own."""

    result: dict[str, Any]
    ext: dict[str, Any] = {}
    code: int = 0
    message: str = "OK"


Handler = Callable[[Call], Answer]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A path's handler, its budget per second (spot may differ) and what a key must be allowed: an entry of `ContractTrade` or `Wallet`."""

    handle: Handler
    limit: int
    spot_limit: int | None = None
    need: str = ""
    batch: bool = False


Routes = Mapping[tuple[str, str], Route]
"""By method and path."""


def accepted(answer: Accepted | Refused) -> Accepted:
    """What was taken, or the venue's no as an ApiError."""
    if isinstance(answer, Refused):
        raise ApiError(answer.code, answer.message)
    return answer


def done(refused: Refused | None) -> Answer:
    """An empty result, or the venue's no as an ApiError."""
    if refused is not None:
        raise ApiError(refused.code, refused.message)
    return Answer({})


def listed_category(category: str) -> Category | None:
    """The categories in which anything is listed here."""
    return "spot" if category == "spot" else "linear" if category == "linear" else None


def empty(category: str) -> Answer:
    """A list with nothing in it, as for inverse and option."""
    return Answer({"category": category, "list": [], "nextPageCursor": ""})


def window(fields: Fields, now_ms: int, span_ms: int = WEEK_MS) -> tuple[int, int]:
    """`startTime` to `endTime`, both inclusive: one alone reaches `span_ms`, none the last `span_ms`; beyond a week: 10001."""
    start, end = fields.time("startTime"), fields.time("endTime")
    if start is None and end is None:
        return now_ms - span_ms, now_ms
    if start is None:
        assert_end = end if end is not None else now_ms
        return assert_end - span_ms, assert_end
    if end is None:
        return start, start + span_ms
    if end < start:
        raise ApiError(PARAMETER, "params error: startTime should be less than endTime")
    if end - start > WEEK_MS:
        raise ApiError(PARAMETER, "The time range between startTime and endTime cannot exceed 7 days")
    return start, end
