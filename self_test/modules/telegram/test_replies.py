from __future__ import annotations

import pytest

from modules.confirm import Kind
from modules.telegram.codec import decode
from modules.telegram.panel import Screen, Tile
from modules.telegram.replies import Course, answers, bound, hint, meant, question, suggested, words
from modules.ui.commands import Wanted
from modules.ui.operator import Answer, MustConfirm, Table


def must(kind: Kind, expires_s: float = 60.0) -> MustConfirm:
    return MustConfirm(nonce="n1.0", kind=kind, text="close BTCUSDT?", expires_s=expires_s)


@pytest.mark.parametrize(
    "typed, line",
    [
        ("/start", "help"),
        ("/START@bot now", "help"),
        ("menu", "panel"),
        ("/status", "/status"),
        ("", ""),
        ("  ", "  "),
        ("restart", "restart"),
    ],
)
def test_the_apps_own_words(typed: str, line: str) -> None:
    assert meant(typed) == line


def test_an_answer_is_title_table_and_lines() -> None:
    table = Table(("pair", "regime"), (("BTCUSDT", "trend"), ("<b>", "")))
    assert words(Answer(title="Pairs", lines=("two",), table=table)) == "Pairs\npair · regime\nBTCUSDT · trend\n<b> · \ntwo"
    assert words(Answer(title="Pairs", table=Table(("pair",), ()))) == "Pairs"
    assert words(Answer(title="", lines=("one", "two"))) == "one\ntwo"


def test_suggested_buttons_stand_two_in_a_row() -> None:
    rows = suggested([(str(n), Wanted("trades", {"n": str(n)})) for n in range(1, 4)], "abc")
    assert [[one.text for one in row] for row in rows] == [["1", "2"], ["3"]]
    press = decode(rows[1][0].data)
    assert press is not None and (press.action, press.value, press.nonce) == ("do", "trades 3", "abc")
    assert suggested([], "") == ()


@pytest.mark.parametrize(
    "kind, expires_s, text",
    [
        (Kind.ONCE, 60.0, "close BTCUSDT?\nConfirm, within 60 s."),
        (Kind.TWICE, 29.6, "close BTCUSDT?\nTap to confirm, within 30 s."),
        (Kind.DIGITS, 300.0, "close BTCUSDT?\nType the 4 characters here, within 5 min."),
    ],
)
def test_a_question_says_how_and_for_how_long(kind: Kind, expires_s: float, text: str) -> None:
    assert question(must(kind, expires_s)) == text
    buttons = [one.text for row in answers(must(kind), "abc") for one in row]
    assert buttons[-1] == "Cancel" and len(buttons) == (1 if kind is Kind.DIGITS else 2)


def test_the_second_of_two_taps_is_said_to_be_it() -> None:
    assert question(must(Kind.TWICE, 30.0), again=True).endswith("Once more: tap to confirm, within 30 s.")
    assert answers(must(Kind.TWICE), "abc")[0][0].style == "danger"


def test_a_screens_buttons_and_their_hints() -> None:
    screen = Screen("text", ((Tile("−5", "explore 10", hint="minimum 10 %"), Tile("−1", "explore 11")),))
    (row,) = bound(screen, "abc")
    assert [one.data for one in row] == ["do:explore 10:abc", "do:explore 11:abc"]
    assert (hint(screen, "explore 10"), hint(screen, "explore 11"), hint(screen, "pause")) == ("minimum 10 %", "", "")


def test_a_disaster_is_over_when_every_account_is() -> None:
    course = Course(chat=1, message=2, accounts={"A": ("closing", False), "B": ("verified flat", True)})
    assert not course.over and course.text.splitlines()[0].startswith("DISASTER under way")
    course.accounts["A"] = ("verified flat", True)
    assert course.over and course.text == "DISASTER: every account is verified flat\nA: verified flat\nB: verified flat"
