from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.telegram.texts import EMPTY, addressed, clip, plain, split, units

anything = st.text(alphabet=st.characters(codec=None), max_size=400)


def test_units_are_those_of_utf_16() -> None:
    assert units("abc") == 3 and units("😀") == 2 and units("") == 0


def test_nothing_is_said_as_something() -> None:
    assert plain("") == plain(" \n") == plain("\x00\ud800") == EMPTY


def test_control_characters_and_half_pairs_go_markup_stays() -> None:
    assert plain("a\x00b\x1b[31m\ud83d <b>&\n\tc\x85") == "ab[31m <b>&\n\tc"


@given(anything)
def test_what_is_plain_can_be_sent(text: str) -> None:
    assert plain(text).encode() and plain(plain(text)) == plain(text)


@given(anything, st.integers(4, 50))
def test_parts_fit_and_lose_no_word(text: str, limit: int) -> None:
    text = plain(text)
    parts = split(text, limit)
    assert parts and all(0 < units(part) <= limit for part in parts)
    assert [char for part in parts for char in part if not char.isspace() and char != EMPTY] == [
        char for char in text if not char.isspace() and char != EMPTY
    ]


@given(anything, st.integers(2, 50))
def test_a_clipped_text_fits(text: str, limit: int) -> None:
    assert units(clip(text, limit)) <= limit
    assert clip(text, limit) == text if units(text) <= limit else clip(text, limit).endswith("…")


@pytest.mark.parametrize(
    "text, limit, parts",
    [("aaaa\nbbbb", 6, ["aaaa", "bbbb"]), ("aaaa bbbb", 6, ["aaaa", " bbbb"]), ("aaaaaaaa", 3, ["aaa", "aaa", "aa"]), ("", 5, [EMPTY])],
)
def test_where_it_is_cut(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit) == parts


@pytest.mark.parametrize(
    "text, heard",
    [
        ("/status", "/status"),
        ("/status@our_bot BTC  x", "/status BTC  x"),
        ("/status@OUR_BOT", "/status"),
        ("/status@other_bot", None),
        ("mail@our_bot", "mail@our_bot"),
        ("", ""),
    ],
)
def test_a_command_may_bear_our_name(text: str, heard: str | None) -> None:
    assert addressed(text, "Our_Bot") == heard
