from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import msgspec

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import make_mandate, make_state
from modules.environment import Environment
from modules.live_floor import LiveFloor
from modules.opening import first_events
from modules.options import RunOptions
from self_test.fakes.books import coin
from state.accounts import Account, Domain, Mode
from state.messages import Control, VenueReset

LIVE, PAPER = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.CRYPTO, Mode.PAPER)
COINS = (coin("AAAUSDT"),)
OPTIONS = RunOptions(stage=2, env=Environment.SIMULATED, state_dir=Path("var"))


class Floor:
    """A live floor with one account at work and one that nobody can manage."""

    def __init__(self) -> None:
        self.desks = {LIVE: None}

    def unmanaged(self, _state: object) -> list[Account]:
        return [Account(Domain.PERPS, Mode.LIVE)]

    def openings(self, _state: object, ts: int) -> list[Control]:
        return [Control(ts, "open_wallet", {"account": str(LIVE)}, "venue")]


def told(
    halted: Callable[[Account], bool] = lambda _account: False,
    options: RunOptions = OPTIONS,
    done: Mapping[str, str] = MappingProxyType({}),
) -> list[Any]:
    state = make_state(CONFIG, COINS, (LIVE, PAPER))
    state.ts = 5
    state.halted.update(done)
    engine = Engine(state, make_mandate(CONFIG, COINS, state.accounts, frozenset(), quotes=True))
    return first_events(engine, CONFIG, options, (Domain.CRYPTO,), cast(LiveFloor, Floor()), halted)


def test_the_boot_comes_first_and_names_who_is_live_and_who_cannot_be_managed() -> None:
    first, *rest = told()
    assert first == Control(5, "boot", {"stage": "2", "feeds": "bybit-spot", "live": "CRYPTO/LIVE", "unmanaged": "PERPS/LIVE"}, "start")
    assert [event.args["account"] for event in rest if isinstance(event, Control)] == ["CRYPTO/PAPER", "CRYPTO/LIVE"], "wallets are opened"
    assert [event.account for event in rest if isinstance(event, VenueReset)] == [PAPER], "a live venue forgets nothing"


def test_the_latch_halts_who_is_not_halted_yet() -> None:
    events = told(lambda account: True, done={str(PAPER): "flatten"})
    assert [(event.name, event.args["account"]) for event in events if isinstance(event, Control) and event.name == "flatten"] == [
        ("flatten", "CRYPTO/LIVE")
    ]


def test_what_was_enabled_is_switched_on_after_the_boot_that_switched_it_off() -> None:
    boot, switch, *_ = told(options=msgspec.structs.replace(OPTIONS, enable=("forex",)))
    assert boot.name == "boot" and switch == Control(5, "forex", {"to": "on"}, "--enable")
