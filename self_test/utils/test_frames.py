"""The error of a frame names the field that does not fit."""

from __future__ import annotations

import msgspec
import pytest

from utils.frames import FrameError, field_of


class _Row(msgspec.Struct):
    price: str
    inner: list[dict[str, int]] = []


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"price": 1}', "price"),
        (b"{}", "price"),
        (b'{"price": "1", "inner": [{"a": "x"}]}', "inner[0][...]"),
        (b"[", "frame"),
        (b"[]", "frame"),
    ],
)
def test_the_field_is_named(raw: bytes, field: str):
    with pytest.raises(msgspec.MsgspecError) as caught:
        msgspec.json.decode(raw, type=_Row)
    assert field_of(caught.value) == field


def test_the_error_says_where_and_why():
    error = FrameError("kline", "close", "is empty")
    assert (error.topic, error.field, str(error)) == ("kline", "close", "kline: field close: is empty")
