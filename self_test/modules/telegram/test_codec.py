from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.telegram.codec import Bonds, Bound, Press, decode, encode
from modules.telegram.wire import DATA_LIMIT

word = st.text(min_size=1, max_size=12).filter(lambda text: ":" not in text)


def bonds(most: int = 256) -> Bonds:
    numbers = itertools.count(1)
    return Bonds(lambda: f"n{next(numbers)}", most)


@given(word, st.text(max_size=20), word)
def test_what_is_written_is_read_or_refused(action: str, value: str, nonce: str) -> None:
    try:
        data = encode(action, value, nonce)
    except ValueError:
        assert len(f"{action}:{value}:{nonce}".encode(errors="surrogatepass")) > DATA_LIMIT
    else:
        assert decode(data) == Press(action, value, nonce) and len(data.encode()) <= DATA_LIMIT


def test_a_button_is_64_bytes_at_most_and_bytes_are_counted() -> None:
    assert len(encode("a", "x" * 60, "n").encode()) == 64
    with pytest.raises(ValueError, match="65 bytes"):
        encode("a", "x" * 61, "n")
    with pytest.raises(ValueError, match="bytes"):
        encode("a", "ü" * 31, "n")


@pytest.mark.parametrize("parts", [("a:b", "c", "n"), ("a", "b", "n:m"), ("", "b", "n"), ("a", "b", "")])
def test_what_could_not_be_read_back_is_not_written(parts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be read back"):
        encode(*parts)


@pytest.mark.parametrize("data", ["", "st", "st:3", ":3:n", "st:3:", "😀" * 16, "x" * 5000])
def test_foreign_data_are_not_understood(data: str) -> None:
    assert bonds().judge(data, 1, 1, 1) == (None, Bound.UNKNOWN)


def test_a_button_counts_for_its_person_under_its_message() -> None:
    found = bonds()
    nonce = found.issue(-100, 7)
    found.bind(nonce, 55)
    data = encode("st", "3", nonce)
    press = Press("st", "3", nonce)
    assert found.judge(data, -100, 7, 55) == (press, Bound.GOOD)
    assert found.judge(data, -100, 7, 55) == (press, Bound.GOOD)  # that a repeat changes nothing is the business of what is asked
    assert found.judge(data, -100, 8, 55) == (press, Bound.FOREIGN)
    assert found.judge(data, -200, 7, 55) == (press, Bound.FOREIGN)
    assert found.judge(data, -100, 7, 56) == (press, Bound.OLD)


def test_a_revoked_or_unknown_nonce_is_old() -> None:
    found = bonds()
    nonce = found.issue(1, 1)
    found.revoke(nonce)
    assert found.judge(encode("st", "3", nonce), 1, 1, 5)[1] is Bound.OLD
    assert bonds().judge("st:3:n1", 1, 1, 5)[1] is Bound.OLD  # another life of the program


def test_a_tap_may_overtake_the_id_of_its_message() -> None:
    found = bonds()
    nonce = found.issue(1)
    data = encode("fx", "on", nonce)
    assert found.judge(data, 1, 1, 9)[1] is Bound.GOOD
    assert found.judge(data, 1, 1, 10)[1] is Bound.OLD


def test_the_button_used_least_recently_is_forgotten_first() -> None:
    found = bonds(most=2)
    first, second = found.issue(1), found.issue(1)
    assert found.judge(encode("a", "", first), 1, 1, 1)[1] is Bound.GOOD
    third = found.issue(1)
    found.bind(second, 4)
    verdicts = [found.judge(encode("a", "", nonce), 1, 1, 1)[1] for nonce in (first, second, third)]
    assert verdicts == [Bound.GOOD, Bound.OLD, Bound.GOOD]
