"""Reads the fields of a query or a JSON body: strings or JSON numbers alike, strays ignored, anything else the venue's 10001."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from modules.simulator.envelope import PARAMETER, ApiError

CATEGORIES = ("spot", "linear", "inverse", "option")
LONGEST_TEXT = 500
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{0,20})?([eE][+-]?\d{1,2})?", re.ASCII)
_DIGITS = 18
"""Numbers beyond 1e18 or finer than 1e-18 are nobody's price."""
_FLAGS = {"true": True, "1": True, "false": False, "0": False}

Word = TypeVar("Word", bound=str)


def invalid(name: str) -> ApiError:
    """The error for a value that makes no sense."""
    return ApiError(PARAMETER, f"params error: {name} is invalid")


def decimal(value: Any) -> Decimal | None:
    """A number as clients write it (text, int or Decimal); None when it is none. Booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = str(value)
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_DIGITS or number.adjusted() > _DIGITS:
        return None
    return number


class Fields:
    """One request; null and "" are the same as not sent."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw

    def has(self, name: str) -> bool:
        """Whether it was sent."""
        return self._raw.get(name) not in (None, "")

    def raw(self, name: str) -> Any:
        """As it was sent."""
        return self._raw.get(name)

    def text(self, name: str) -> str:
        """Text, "" when not sent."""
        if not self.has(name):
            return ""
        value = self._raw[name]
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise invalid(name)
        return value

    def needed(self, name: str) -> str:
        """Text that must be there."""
        text = self.text(name)
        if not text:
            raise ApiError(PARAMETER, f"params error: {name} is missing")
        return text

    def choice(self, name: str, allowed: Sequence[Word], default: Word | None = None) -> Word:
        """One of the allowed words; without a default it must be there."""
        if default is not None and not self.has(name):
            return default
        text = self.needed(name)
        for word in allowed:
            if word == text:
                return word
        raise invalid(name)

    def category(self, default: str = "") -> str:
        """The product line; without a default it must be there."""
        text = self.text("category") or default
        if text not in CATEGORIES:
            raise ApiError(PARAMETER, "params error: Category is invalid")
        return text

    def number(self, name: str) -> Decimal | None:
        """A number of at least 0, None when not sent."""
        if not self.has(name):
            return None
        value = decimal(self._raw[name])
        if value is None or value < 0:
            raise invalid(name)
        return value

    def needed_number(self, name: str) -> Decimal:
        """A number that must be there."""
        value = self.number(name)
        if value is None:
            raise ApiError(PARAMETER, f"params error: {name} is missing")
        return value

    def integer(self, name: str, allowed: Sequence[int]) -> int | None:
        """One of a few whole numbers, as text or number; None when not sent."""
        if not self.has(name):
            return None
        value = decimal(self._raw[name])
        if value is None or value not in allowed:
            raise invalid(name)
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """Rows to a page: at most `most` (the venue clips), at least 1."""
        if not self.has("limit"):
            return default
        value = decimal(self._raw["limit"])
        if value is None or value < 1 or value != value.to_integral_value():
            raise invalid("limit")
        return int(min(value, Decimal(most)))

    def time(self, name: str) -> int | None:
        """A time in ms, None when not sent."""
        if not self.has(name):
            return None
        text = str(self._raw[name])
        if isinstance(self._raw[name], bool) or not text.isascii() or not text.isdigit() or len(text) > 13:
            raise invalid(name)
        return int(text)

    def flag(self, name: str) -> bool:
        """True or false in any of the spellings of the clients; false when not sent."""
        if not self.has(name):
            return False
        found = _FLAGS.get(str(self._raw[name]).lower())
        if found is None:
            raise invalid(name)
        return found

    def words(self, name: str) -> list[str]:
        """A comma-separated list."""
        return [word for word in self.text(name).split(",") if word]
