"""The vocabulary: what is taken, and that everything else gets one short helpful sentence."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.confirm import Kind
from modules.ui.commands import VOCABULARY, Wanted, Way, changes, parse
from utils.errors import Refusal


@pytest.mark.parametrize(
    ("typed", "name", "args"),
    [
        ("/status", "status", {}),
        ("/STATUS@some_bot", "status", {}),
        ("trades", "trades", {"n": "10"}),
        ("trades 007", "trades", {"n": "7"}),
        ("close btc/usdt", "close", {"symbol": "BTCUSDT", "account": "all"}),
        ("close ETHUSDT perps/live", "close", {"symbol": "ETHUSDT", "account": "PERPS/LIVE"}),
        ("explore 15%", "explore", {"percent": "15"}),
        ("kpi crypto/SWING", "kpi", {"style": "CRYPTO/swing"}),
        ("chart", "chart", {"what": "equity"}),
        ("chart solusdt", "chart", {"what": "SOLUSDT"}),
        ("profile SPOT+PERP", "profile", {"to": "spot+perp"}),
        ("help /Close", "help", {"command": "close"}),
        (["stage", "2"], "stage", {"to": "2"}),
    ],
)
def test_what_is_taken(typed: str | list[str], name: str, args: dict[str, str]) -> None:
    assert parse(typed) == Wanted(name, args)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "try: help"),
        ("statsu", "did you mean status?"),
        ("explore 5", "from 10 to 25 %"),
        ("explore 26", "from 10 to 25 %"),
        ("explore 12.5", "whole number"),
        ("stage 9", "from 1 to 5"),
        ("stage -1", "from 1 to 5"),
        ("trades ²", "from 1 to 50"),
        ("close", "close SYMBOL [ACCOUNT]"),
        ("close <script>alert(1)</script>", "no symbol"),
        ("close BTCUSDT MOON/LIVE", "like CRYPTO/PAPER"),
        ("forex maybe", "on, off"),
        ("pnl year", "day, week, all"),
        ("flatten now", "takes nothing"),
        ("help clos", "did you mean close?"),
        ("🙂", "try: help"),
        ("x" * 4097, "4097 characters"),
        ("close " + "X" * 240, "…"),
    ],
)
def test_what_is_not_taken_says_why(typed: str, told: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(typed)
    text = str(refused.value)
    assert told in text
    assert len(text) < 160
    assert text.isprintable()


@given(st.text(max_size=300))
def test_whatever_is_typed_leads_to_a_row_or_a_short_printable_sentence(typed: str) -> None:
    try:
        told = parse(typed).name
    except Refusal as refused:
        told = str(refused)
    assert told in VOCABULARY or (len(told) < 200 and told.isprintable() and " " in told)


def test_every_example_is_taken_and_comes_back_the_same_when_typed_again() -> None:
    for entry in VOCABULARY.values():
        wanted = parse(entry.example)
        assert parse(wanted.line) == wanted


def test_a_change_is_told_from_a_look() -> None:
    assert not changes(parse("stage"))
    assert changes(parse("stage 2"))
    assert not changes(parse("status"))
    assert all(changes(parse(one.example)) is (one.kind is Way.ASK) for one in VOCABULARY.values())
    assert [one.name for one in VOCABULARY.values() if one.confirm is Kind.TWICE] == ["flatten"]


def test_help_lines_fit_a_chat_menu() -> None:
    assert all(len(one.help) <= 60 and one.name.isascii() and one.name.islower() for one in VOCABULARY.values())


def test_the_docs_write_every_command_as_its_help_line_does() -> None:
    """The table of docs/control.md: what looks on the left, what changes on the right; a look that changes with an argument in both."""
    page = (Path(__file__).parents[3] / "docs" / "control.md").read_text(encoding="utf-8")
    rows = [line for line in page.partition("| looks |")[2].partition("\n\n")[0].splitlines()[2:] if line.startswith("|")]
    cells = [[re.findall(r"`([^`]+)`", cell.replace("\\|", "¦")) for cell in row.strip("| ").split(" | ")] for row in rows]
    looks, changing = ({one.replace("¦", "|") for row in cells for one in row[side]} for side in (0, 1))
    bare = {one.name for one in VOCABULARY.values() if one.bare_looks}
    assert looks == {one.usage for one in VOCABULARY.values() if one.kind is Way.LOOK} | bare
    assert changing == {
        re.sub(r"\[(.*)\]", r"\1", one.usage) if one.bare_looks else one.usage for one in VOCABULARY.values() if one.kind is Way.ASK
    }


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("stage", "stage [N]"),
        ("chart", "chart [SYMBOL|equity]"),
        ("kpi", "kpi [DOMAIN/STYLE]"),
        ("promote", "promote DOMAIN/STYLE|DOMAIN/policy"),
        ("why", "why SYMBOL"),
        ("explore", "explore [PERCENT]"),
        ("pnl", "pnl [day|week|all]"),
    ],
)
def test_a_help_line_says_what_is_meant(name: str, usage: str) -> None:
    assert VOCABULARY[name].usage == usage
