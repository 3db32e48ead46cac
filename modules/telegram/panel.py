"""The panel: one message with the state of every switch, and a button for each value that could be wanted. Pure: state in, screen out.

A button says what it wants in the operator's vocabulary ("explore 13"), never "one more" or "the other way", so a tap that comes twice does
the same once.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from modules.telegram.wire import Button, Keyboard
from modules.ui.commands import EXPLORE_CAP, EXPLORE_FLOOR
from state.stages import STAGES

HERE = "● "
"""Before the value that is in force."""
PROFILES = {"spot": "Spot", "perp": "Perp", "spot+perp": "Spot+Perp"}
STEPS = (-5, -1, 1, 5)
"""Of the exploration slider, in percent of decisions."""
BOOT_DEFAULT = "off (boot default)"
LEAST, MOST = f"minimum {EXPLORE_FLOOR} %", f"maximum {EXPLORE_CAP} %"
SYMBOLS = 8
"""So many adjusted values are written out."""


class Stand(msgspec.Struct, frozen=True, kw_only=True):
    """What the panel shows."""

    env: str
    stage: int
    profile: str
    forex: bool = False
    options: bool = False
    unavailable: tuple[tuple[str, str], ...] = ()
    """(switch, why it has nothing to switch on) of forex and options, where that is so."""
    learning: bool = False
    paused: bool = False
    explore_live: bool | None = None
    """Whether exploration with real money is on; None where there is no live account."""
    percent: int = EXPLORE_FLOOR
    """The operator's base rate of exploration, percent of decisions."""
    adjusted: tuple[tuple[str, float], ...] = ()
    """(symbol, rate its regime makes of it, 0 to 1)."""
    halted: tuple[str, ...] = ()
    """Accounts that may not enter until a person resumes them."""


class Tile(msgspec.Struct, frozen=True):
    """A button before it is bound to anybody: its words, and what it wants as it would be typed."""

    text: str
    wants: str
    style: str = ""
    hint: str = ""
    """Why it goes no further; it is the answer to the tap where the value in force is wanted."""


class Screen(msgspec.Struct, frozen=True):
    """Text and rows of buttons."""

    text: str
    rows: tuple[tuple[Tile, ...], ...] = ()

    def keyboard(self, data: Callable[[Tile], str]) -> Keyboard:
        """Its buttons; `data` binds each."""
        return tuple(tuple(Button(tile.text, data(tile), tile.style) for tile in row) for row in self.rows)


def draw(stand: Stand) -> Screen:
    """The panel as of `stand`."""
    stages = tuple(_choice(str(stage), f"stage {stage}", here=stage == stand.stage) for stage in STAGES)
    profiles = tuple(_choice(word, f"profile {name}", here=name == stand.profile) for name, word in PROFILES.items())
    return Screen(
        "\n".join(_lines(stand)),
        (
            stages,
            profiles,
            (_switch("Forex", "forex", stand.forex, BOOT_DEFAULT), _switch("Options", "options", stand.options, BOOT_DEFAULT)),
            slider(stand.percent),
            (_switch("Online learning", "learn", stand.learning, "off"), *_explore_live(stand)),
            (
                Tile("Entries on again", "unpause") if stand.paused else Tile("Pause entries", "pause"),
                Tile("Status", "status"),
                Tile("Positions", "positions"),
            ),
            (Tile("DISASTER: close everything", "flatten", "danger"),),
        ),
    )


def in_force(stand: Stand, wants: str) -> bool:
    """Whether what a button wants is so already."""
    return wants in {f"stage {stand.stage}", f"profile {stand.profile}", f"explore {stand.percent}"}


def slider(percent: int) -> tuple[Tile, ...]:
    """`[-5][-1] 12 % [+1][+5]`: each button carries the value it leads to, which floor and cap hold."""
    down, up = (tuple(_step(percent, step) for step in STEPS if (step < 0) == below) for below in (True, False))
    return (*down, Tile(f"{percent} %", "explore"), *up)


def _step(percent: int, step: int) -> Tile:
    wanted = min(EXPLORE_CAP, max(EXPLORE_FLOOR, percent + step))
    hint = "" if wanted == percent + step else LEAST if step < 0 else MOST
    return Tile(f"{step:+d}".replace("-", "−"), f"explore {wanted}", hint=hint)


def _choice(text: str, wants: str, *, here: bool) -> Tile:
    return Tile(f"{HERE}{text}" if here else text, wants, hint="that is in force already" if here else "")


def _switch(text: str, name: str, on: bool, off_words: str) -> Tile:
    return Tile(f"{HERE}{text}: on", f"{name} off") if on else Tile(f"{text}: {off_words}", f"{name} on")


def _explore_live(stand: Stand) -> tuple[Tile, ...]:
    return () if stand.explore_live is None else (_switch("Explore live", "explore_live", stand.explore_live, "off"),)


def _lines(stand: Stand) -> list[str]:
    switches = (("Forex", stand.forex), ("Options", stand.options))
    shown = ", ".join(f"{symbol} {rate:.0%}" for symbol, rate in stand.adjusted[:SYMBOLS])
    more = ", ..." if len(stand.adjusted) > SYMBOLS else ""
    return [
        f"Panel: {stand.env}",
        f"Stage {stand.stage}: {STAGES[stand.stage].name}",
        f"Assets: {PROFILES.get(stand.profile, stand.profile)}",
        ", ".join(f"{name} {'on' if on else BOOT_DEFAULT}" for name, on in switches),
        *(f"{name.capitalize()} cannot be switched on: {why}" for name, why in stand.unavailable),
        f"Exploration: {stand.percent} % ({EXPLORE_FLOOR} to {EXPLORE_CAP})",
        *([f"by regime now: {shown}{more}"] if shown else []),
        f"Online learning: {'on' if stand.learning else 'off'}",
        *([f"Exploration with real money: {'ON' if stand.explore_live else 'off'}"] if stand.explore_live is not None else []),
        *(["Entries are PAUSED"] if stand.paused else []),
        *(f"HALTED: {account}" for account in stand.halted),
    ]
