from __future__ import annotations

import pytest
from pydantic import ValidationError

from modules.telegram.settings import TelegramConfig


def test_the_defaults_make_sense() -> None:
    assert TelegramConfig().deaf_s >= TelegramConfig().poll_s


def test_a_quiet_minute_must_not_look_like_an_outage() -> None:
    assert TelegramConfig(poll_s=50, deaf_s=60).deaf_s == 60
    with pytest.raises(ValidationError, match=r"deaf_s 59 is less than poll_s 50 \+ 10"):
        TelegramConfig(poll_s=50, deaf_s=59)


@pytest.mark.parametrize("field, value", [("poll_s", 0), ("poll_s", 51), ("answer_s", 0), ("kept", 1), ("flood", 0), ("per_minute", 0)])
def test_bounds(field: str, value: int) -> None:
    with pytest.raises(ValidationError, match=field):
        TelegramConfig(**{field: value})
