from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.telegram.codec import decode, encode
from modules.telegram.panel import BOOT_DEFAULT, LEAST, MOST, Stand, Tile, draw, slider
from modules.ui.commands import EXPLORE_CAP, EXPLORE_FLOOR, parse

PLAIN = Stand(env="simulated", stage=1, profile="spot", percent=12, adjusted=(("BTCUSDT", 0.12), ("ETHUSDT", 0.25)))


def tiles(stand: Stand) -> list[Tile]:
    return [tile for row in draw(stand).rows for tile in row]


def tile(stand: Stand, wants: str) -> Tile:
    (found,) = [one for one in tiles(stand) if one.wants == wants]
    return found


def test_a_fresh_panel() -> None:
    screen = draw(PLAIN)
    assert screen.text.splitlines() == [
        "Panel: simulated",
        "Stage 1: Crypto Paper (Learn)",
        "Assets: Spot",
        "Forex off (boot default), Options off (boot default)",
        "Exploration: 12 % (10 to 25)",
        "by regime now: BTCUSDT 12%, ETHUSDT 25%",
        "Online learning: off",
    ]
    assert [[one.text for one in row] for row in screen.rows] == [
        ["● 1", "2", "3", "4", "5"],
        ["● Spot", "Perp", "Spot+Perp"],
        [f"Forex: {BOOT_DEFAULT}", f"Options: {BOOT_DEFAULT}"],
        ["−5", "−1", "12 %", "+1", "+5"],
        ["Online learning: off"],
        ["Pause entries", "Status", "Positions"],
        ["DISASTER: close everything"],
    ]
    assert screen.rows[-1][0].style == "danger" and [one.style for row in screen.rows[:-1] for one in row if one.style] == []


def test_exploring_with_real_money_has_a_button_where_there_is_any() -> None:
    for on, text, wants in ((False, "Explore live: off", "explore_live on"), (True, "● Explore live: on", "explore_live off")):
        stand = msgspec.structs.replace(PLAIN, explore_live=on)
        assert tile(stand, wants).text == text
        assert f"Exploration with real money: {'ON' if on else 'off'}" in draw(stand).text


def test_every_state_is_shown() -> None:
    stand = Stand(
        env="demo",
        stage=3,
        profile="spot+perp",
        forex=True,
        learning=True,
        paused=True,
        percent=25,
        halted=("CRYPTO/LIVE",),
        adjusted=tuple((f"S{n}USDT", 0.1) for n in range(20)),
    )
    text = draw(stand).text
    shown = ("Panel: demo", "Stage 3", "Spot+Perp", "Forex on", "Online learning: on", "PAUSED", "HALTED: CRYPTO/LIVE", "S7USDT 10%, ...")
    for words in shown:
        assert words in text
    assert "S8USDT" not in text
    assert tile(stand, "forex off").text == "● Forex: on" and tile(stand, "options on").text == f"Options: {BOOT_DEFAULT}"
    assert tile(stand, "learn off").text == "● Online learning: on"
    assert tile(stand, "unpause").text == "Entries on again" and tile(stand, "stage 3").text == "● 3"


@pytest.mark.parametrize(
    "percent, wants, hints",
    [
        (12, [10, 11, 13, 17], [LEAST, "", "", ""]),
        (10, [10, 10, 11, 15], [LEAST, LEAST, "", ""]),
        (25, [20, 24, 25, 25], ["", "", MOST, MOST]),
        (22, [17, 21, 23, 25], ["", "", "", MOST]),
    ],
)
def test_the_slider_carries_values_within_floor_and_cap(percent: int, wants: list[int], hints: list[str]) -> None:
    steps = [one for one in slider(percent) if one.text != f"{percent} %"]
    assert [one.wants for one in steps] == [f"explore {value}" for value in wants]
    assert [one.hint for one in steps] == hints


@given(
    st.integers(1, 5),
    st.sampled_from(["spot", "perp", "spot+perp"]),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(EXPLORE_FLOOR, EXPLORE_CAP),
)
def test_every_button_is_of_the_vocabulary_carries_its_value_and_fits(stage: int, profile: str, on: list[bool], percent: int) -> None:
    stand = msgspec.structs.replace(
        PLAIN, stage=stage, profile=profile, forex=on[0], options=on[1], learning=on[2], paused=on[3], percent=percent
    )
    for one in tiles(stand):
        assert parse(one.wants).line == one.wants
        press = decode(encode("do", one.wants, "abcdefghijkl"))
        assert press is not None and press.value == one.wants
    keyboard = draw(stand).keyboard(lambda one: encode("do", one.wants, "n"))
    assert [len(row) for row in keyboard] == [5, 3, 2, 5, 1, 3, 1]


def test_a_domain_that_cannot_be_switched_on_says_why_and_keeps_its_button() -> None:
    screen = draw(msgspec.structs.replace(PLAIN, unavailable=(("options", "stage 1 has options off"),)))
    assert "Options cannot be switched on: stage 1 has options off" in screen.text.splitlines()
    assert [one.text for one in screen.rows[2]] == [f"Forex: {BOOT_DEFAULT}", f"Options: {BOOT_DEFAULT}"]
