"""Who is asked what at the command line."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from modules.cli_confirm import promotion, real_money, sure
from modules.confirm import DIGITS_MS
from modules.stage_request import StageRequest
from utils.errors import ExitCode, Refusal


class Terminal(io.StringIO):
    """A person at the keyboard."""

    def isatty(self) -> bool:
        return True


def person(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))


def always() -> int:
    return 1_000


@pytest.mark.parametrize(("typed", "meant"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_yes_or_no(typed: str, meant: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    person(monkeypatch, typed)
    assert sure("reset", "live", yes=False) is meant
    assert capsys.readouterr().out.endswith("nothing done\n") is not meant
    assert sure("reset", "live", yes=True)


def test_nobody_there_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n5432\n"))
    with pytest.raises(Refusal, match="say --yes"):
        sure("reset", "live", yes=False)
    with pytest.raises(Refusal, match="say --real-money with the last 4 digits"):
        real_money("promote", "live", "CRYPTO/LIVE", "98765432", None, always)


def test_the_digits_are_asked_for_until_they_are_right(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    person(monkeypatch, "1234\n5432\n")
    real_money("promote CRYPTO/swing", "live", "CRYPTO/LIVE", "98765432", None, always)
    said = capsys.readouterr().out
    assert "promote CRYPTO/swing opens REAL MONEY in live" in said and said.count("these are not") == 1
    assert "5432" not in said, "what has to be typed is never shown"
    assert real_money("promote", "live", "CRYPTO/LIVE", "98765432", " 5432", always) == "5432"


def open_accounts(place: Path) -> Path:
    accounts = {"CRYPTO/LIVE": "5432", "PERPS/LIVE": "1234"}
    found = StageRequest(stage=2, opened=2, real_money="5432,1234", accounts=accounts)
    (place / "stage.json").write_bytes(msgspec.json.encode(found))
    return place


def test_of_several_open_accounts_the_one_of_the_style_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = open_accounts(tmp_path)
    person(monkeypatch, "5432\n1234\n")
    assert promotion("PERPS/swing", "live", place, None, always, yes=True) == "1234"
    said = capsys.readouterr().out
    assert "of the id of PERPS/LIVE" in said and said.count("these are not") == 1
    assert promotion("CRYPTO/swing", "live", place, "5432", always, yes=False) == "5432"
    for style, given in (("PERPS/swing", "5432"), ("CRYPTO/swing", "1234"), ("CRYPTO/swing", "5432,1234")):
        with pytest.raises(Refusal, match="--real-money: these are not"):
            promotion(style, "live", place, given, always, yes=True)


def test_what_opens_no_real_money_is_confirmed_with_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = open_accounts(tmp_path)
    person(monkeypatch, "n\n")
    assert promotion("FOREX/swing", "live", place, None, always, yes=False) is None, "no such account is open"
    assert promotion("CRYPTO/policy", "live", place, None, always, yes=True) == ""
    assert promotion("CRYPTO/swing", "simulated", place, None, always, yes=False) == ""


@pytest.mark.parametrize(
    ("typed", "words"), [("1\n2\n3\n5432\n", "too late"), ("\n", "not the digits|nothing was typed|too late"), ("", "nothing was typed")]
)
def test_three_wrong_ones_or_none_end_it(typed: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch, typed)
    with pytest.raises(Refusal, match=words) as refused:
        real_money("promote", "live", "CRYPTO/LIVE", "98765432", None, always)
    assert refused.value.code is ExitCode.GATE_REFUSED


def test_wrong_digits_on_the_line_are_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch, "5432\n")
    with pytest.raises(Refusal, match="--real-money: these are not"):
        real_money("promote", "live", "CRYPTO/LIVE", "98765432", "1234", always)


def test_after_five_minutes_it_is_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch, "5432\n")
    times: Iterator[int] = iter([0, DIGITS_MS])
    with pytest.raises(Refusal, match="too late"):
        real_money("promote", "live", "CRYPTO/LIVE", "98765432", None, lambda: next(times))


def test_an_unknown_account_cannot_be_confirmed() -> None:
    with pytest.raises(Refusal, match="id is not known"):
        real_money("promote", "live", "CRYPTO/LIVE", "", "5432", always)
