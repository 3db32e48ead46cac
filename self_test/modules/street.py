"""A street of venues that tests open doors in, and the floor of live accounts above it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules import doors
from modules.accounts import Key, Lineup
from modules.engine.desk import make_state
from modules.environment import Environment, Hosts
from modules.live_floor import LiveFloor
from modules.options import RunOptions
from modules.settings import BotConfig
from self_test.fakes.account_venue import AccountVenue
from self_test.fakes.books import coin
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument
from state.runtime import RuntimeState
from utils.clock import FakeClock
from utils.throttle import Throttle

LIVE, PAPER = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.CRYPTO, Mode.PAPER)
PERPS_LIVE, PERPS_PAPER = Account(Domain.PERPS, Mode.LIVE), Account(Domain.PERPS, Mode.PAPER)
LINEUP = Lineup(domains=(Domain.CRYPTO,), paper=(PAPER,), live=(LIVE,))
BOTH = Lineup(domains=(Domain.CRYPTO, Domain.PERPS), paper=(PAPER, PERPS_PAPER), live=(LIVE, PERPS_LIVE))
COINS = (coin("AAAUSDT"), coin("BBBUSDT"))
UNIT = 10**10
NOW = 1_741_046_400_000


class Door(AccountVenue):
    """A venue that also remembers whether it was closed, and what it was opened with."""

    def __init__(self, cash: str = "1000") -> None:
        super().__init__(cash)
        self.key = msgspec.structs.replace(self.key, account_id="98761234")
        self.closed = 0
        self.opened_with: tuple[str, str, str] | None = None
        self.leverage = 0
        self.by_mark = False

    async def close(self) -> None:
        self.closed += 1

    def venue_ms(self) -> int:
        return NOW


class Street:
    """The doors by domain; stands where `BybitVenue` stands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.doors = {Domain.CRYPTO: Door(), Domain.PERPS: Door("500")}
        monkeypatch.setattr(doors, "BybitVenue", self.open)

    def open(self, host: str, key: str, word: str, domain: Domain, *_rest: Any, leverage: int, by_mark: bool, **_more: Any) -> Door:
        door = self.doors[domain]
        door.opened_with, door.leverage, door.by_mark = (host, key, word), leverage, by_mark
        return door

    @property
    def spot(self) -> Door:
        return self.doors[Domain.CRYPTO]


def floor(keys: dict[Domain, Key] | None = None, config: BotConfig = CONFIG, **changes: Any) -> LiveFloor:
    plain: dict[str, Any] = {"stage": 2, "env": Environment.SIMULATED, "state_dir": Path("var"), "override_gates": True}
    clock = FakeClock(NOW)
    pair = {Domain.CRYPTO: Key("k", "s"), Domain.PERPS: Key("p", "t")} if keys is None else keys
    return LiveFloor(RunOptions(**(plain | changes)), config, Hosts("http://h", "ws://h"), pair, Throttle({}, clock), clock)


def stored(accounts: tuple[Account, ...] = (LIVE, PAPER), coins: tuple[Instrument, ...] = COINS) -> RuntimeState:
    state = make_state(CONFIG, coins, accounts)
    state.tag = "abc"
    return state


def holding(state: RuntimeState, account: Account = LIVE, key: str = "CRYPTO:AAAUSDT") -> RuntimeState:
    row = state.pos[state.row_of(account, key)]
    row["status"], row["side"], row["steps"], row["stop"], row["target"] = 2, 1, 1_998, 9_700, 11_200
    return state


async def no_filters(_domain: Domain) -> dict[str, Instrument]:
    return {}
