"""What the operator sets: told with a name, kept by a snapshot, the same when the journal is replayed."""

from __future__ import annotations

import msgspec
import pytest

from modules.engine.explore import base_rate
from modules.engine.recovery import restore, snapshot_of
from modules.engine.switches import missing
from self_test.scenarios.desk import LEVEL, Desk, LiveDesk, only
from state.accounts import Domain
from state.messages import Cancel, Close, Command, Report, encode_commands
from state.runtime import freeze, thaw


def told(commands: list[Command]) -> str:
    report = only(Report, commands)
    assert report.what == "control"
    return report.text


@pytest.mark.parametrize(
    ("name", "args", "text"),
    [
        ("stage", {"to": "2"}, "stage 2 (Crypto Live + Exploration), asked for by me; now 1"),
        ("stage", {"to": "4", "override": "1"}, "over its gate, asked for by me"),
        ("profile", {"to": "spot+perp"}, "profile spot+perp, asked for by me"),
        ("forex", {"to": "on"}, "forex unavailable: stage 1 has forex off"),
        ("options", {"to": "off"}, "options off by me"),
        ("learn", {"to": "on"}, "online learning on by me"),
        ("explore", {"percent": "15"}, "exploration 15 % by me"),
        ("close", {"account": "CRYPTO/PAPER", "key": "CRYPTO:AAAUSDT"}, "AAAUSDT: nothing is held"),
    ],
)
def test_every_request_is_told_with_who_asked_and_moves_no_money(name: str, args: dict[str, str], text: str) -> None:
    desk = Desk()
    cash = int(desk.acct["cash"])
    assert text in told(desk.control(name, **args))
    assert int(desk.acct["cash"]) == cash
    assert desk.engine.state.stage == 1, "a stage comes into force by the boot of the next life"


def test_without_a_broker_nothing_is_switched_on() -> None:
    desk = Desk()
    for name in ("forex", "options"):
        desk.control(name, to="on")
    assert not desk.engine.state.toggles.forex and not desk.engine.state.toggles.options


def test_exploration_of_the_operator_goes_before_the_configured_one_and_the_last_word_counts() -> None:
    desk = Desk()
    state, mandate = desk.engine.state, desk.engine.mandate
    assert base_rate(state, mandate) == mandate.explore_slider
    desk.control("explore", percent="25")
    assert "was 25 %" in told(desk.control("explore", percent="15"))
    assert base_rate(state, mandate) == 0.15


def test_what_was_set_survives_a_snapshot_and_an_older_snapshot_loads() -> None:
    desk = Desk()
    desk.control("explore", percent="20")
    desk.control("learn", to="on")
    again = restore(snapshot_of(desk.engine, 1)).state
    assert (again.exploration, again.toggles.learning) == (20, True)
    readable, blobs = freeze(desk.engine.state)
    older = msgspec.json.decode(readable)
    del older["exploration"], older["toggles"]["learning"]
    before = thaw(msgspec.json.encode(older), blobs)
    assert (before.exploration, before.toggles.learning) == (0, False)


def test_a_position_is_closed_at_market_once_and_the_account_goes_on() -> None:
    desk = Desk("AAAUSDT", "BBBUSDT")
    for i in (0, 1):
        desk.open(i)
    found = desk.control("close", account=str(desk.account), key=desk.coin(0).key)
    close = only(Close, found)
    assert (close.reduce.key, close.reduce.reason) == (desk.coin(0).key, "operator")
    again = desk.control("close", account=str(desk.account), key=desk.coin(0).key)
    assert "is being closed already" in told(again)
    desk.closed(close, LEVEL)
    assert desk.pos(0)["status"] == 0 and desk.pos(1)["status"] != 0
    assert desk.engine.state.halted == {}


def test_an_entry_under_way_is_taken_back() -> None:
    desk = Desk()
    desk.enter()
    found = desk.control("close", account=str(desk.account), key=desk.coin().key)
    assert [one for one in found if isinstance(one, Cancel)]
    assert not [one for one in found if isinstance(one, Close)]
    assert "is taken back" in " ".join(one.text for one in found if isinstance(one, Report))


def test_the_other_account_of_the_same_coin_is_left_alone() -> None:
    desk = LiveDesk()
    desk.open()
    assert "nothing is held" in told(desk.control("close", account="CRYPTO/PAPER", key=desk.coin().key))
    assert only(Close, desk.control("close", account="CRYPTO/LIVE", key=desk.coin().key)).reduce.account == desk.live


def test_a_replay_gives_the_same_bytes() -> None:
    def story(desk: Desk) -> bytes:
        desk.open()
        found: list[Command] = []
        for name, args in (
            ("explore", {"percent": "12"}),
            ("stage", {"to": "3"}),
            ("close", {"account": str(desk.account), "key": desk.coin().key}),
        ):
            found += desk.control(name, **args)
        return encode_commands(found)

    assert story(Desk()) == story(Desk())


def fx_desk(stage: int = 3) -> Desk:
    """A desk that has a currency pair, too, at `stage`."""
    desk = Desk()
    pair = msgspec.structs.replace(desk.coin(), domain=Domain.FOREX, symbol="EURUSD", base="EUR", quote="USD")
    desk.engine.state.instruments = (*desk.engine.state.instruments, pair)
    desk.engine.state.stage = stage
    return desk


def bare_desk(stage: int) -> Desk:
    """A desk without currencies at `stage`."""
    desk = Desk()
    desk.engine.state.stage = stage
    return desk


def test_forex_is_switched_on_where_there_is_some_and_off_again() -> None:
    desk = fx_desk()
    assert told(desk.control("forex", to="on")) == "forex on by me" and desk.engine.state.toggles.forex
    assert told(desk.control("forex", to="off")) == "forex off by me" and not desk.engine.state.toggles.forex


@pytest.mark.parametrize(
    ("desk", "name", "why"),
    [
        (fx_desk(1), "forex", "stage 1 has forex off"),
        (fx_desk(3), "options", "stage 3 has options off"),
        (fx_desk(4), "options", "no pair of this run has any"),
        (bare_desk(4), "options", "there is no way to its broker here"),
        (Desk(), "forex", "stage 1 has forex off"),
    ],
)
def test_what_is_not_there_cannot_be_switched_on_and_says_why(desk: Desk, name: str, why: str) -> None:
    assert told(desk.control(name, to="on")) == f"{name} unavailable: {why}"
    assert not desk.engine.state.toggles.forex and not desk.engine.state.toggles.options
    desk.engine.state.stage = 3
    assert missing(Desk().engine.state, "forex") == "stage 1 has forex off"


def test_a_boot_switches_forex_off() -> None:
    desk = fx_desk()
    desk.control("forex", to="on")
    desk.control("boot", stage="3")
    assert not desk.engine.state.toggles.forex
