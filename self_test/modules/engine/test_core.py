"""The path from a closed bar through the market kernel to a decision; what follows a decision is told in the scenarios."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from self_test.scenarios.desk import LEVEL, Desk, kinds, refused
from state.intents import Side
from state.market import FundingRate
from state.messages import BarsClosed, Command, Place, Tick
from strategy.base import C1, C4

M5 = 300_000
QUIET = 130


def quiet(*symbols: str, perps: bool = False) -> Desk:
    """Coins with enough of a quiet past for signals to be confirmed, just before a bar that closes no primary bar."""
    desk = Desk(*symbols, perps=perps)
    while desk.engine.state.market[0]["confirm_bars"] < QUIET or (desk.now + M5) % (3 * M5) == 0:
        desk.bar()
    return desk


def arm(desk: Desk, i: int = 0, strategy: int = C1, side: int = 1) -> None:
    """The next close at the usual price confirms this strategy on coin `i`."""
    row = desk.engine.state.market[i]
    row["armed"] = int(row["armed"]) | 1 << strategy
    row["arm_side"][strategy], row["arm_left"][strategy], row["arm_level"][strategy] = (1 if side > 0 else 2), 3, LEVEL - side
    row["atr"], row["regime"] = 50.0, 0


def placed(commands: list[Command]) -> list[Place]:
    return kinds(commands, Place)


def test_a_confirmed_signal_is_decided_at_its_bar_with_the_quote_of_its_coin() -> None:
    desk = quiet("AAAUSDT", "BBBUSDT")
    arm(desk, 1)
    desk.now += M5
    bars = desk.bars(LEVEL)
    quotes = (desk.quote(0, 20_000), desk.quote(1, LEVEL + 4))
    (place,) = placed(desk.tell(msgspec.structs.replace(bars, quotes=quotes)))
    intent = place.order.intent
    assert (intent.key, intent.ts, intent.reference, intent.side) == ("CRYPTO:BBBUSDT", desk.now, LEVEL, Side.LONG)
    assert intent.limit == (LEVEL + 5) + 21  # the ask of its own coin and 20 bp, in whole ticks


def test_without_a_quote_in_the_bar_there_is_no_entry() -> None:
    desk = quiet()
    arm(desk)
    desk.now += M5
    assert refused(desk.tell(msgspec.structs.replace(desk.bars(LEVEL), quotes=()))) == "stale_quote"


def test_a_late_bar_uses_the_signal_up_and_enters_nothing() -> None:
    desk = quiet()
    arm(desk)
    assert desk.bar(late=True) == []
    assert int(desk.engine.state.market[0]["armed"]) == 0


def test_signals_of_one_close_are_decided_in_config_order() -> None:
    desk = quiet("AAAUSDT", "BBBUSDT", "CCCUSDT")
    for i in (2, 0, 1):
        arm(desk, i)
    assert [place.order.intent.key for place in placed(desk.bar())] == ["CRYPTO:AAAUSDT", "CRYPTO:BBBUSDT", "CRYPTO:CCCUSDT"]


def test_two_strategies_at_one_close_make_one_position() -> None:
    desk = quiet(perps=True)
    arm(desk, 0, C1)
    arm(desk, 0, 1)
    commands = desk.bar(high=LEVEL + 5, low=LEVEL - 4)  # C2 wants a higher low
    assert [place.order.intent.strategy for place in placed(commands)] == ["C1"]
    assert [getattr(command, "rule", "") for command in commands][-1] == "position_open"


@pytest.mark.parametrize("perps, found", [(False, []), (True, [Side.SHORT])])
def test_shorts_are_for_perpetuals(perps: bool, found: list[Side]) -> None:
    desk = quiet(perps=perps)
    arm(desk, side=-1)
    assert [place.order.intent.side for place in placed(desk.bar())] == found


def test_a_resting_entry_waits_at_the_confirming_close_until_its_bar_ends() -> None:
    desk = quiet(perps=True)
    arm(desk, strategy=C4)
    desk.now += M5
    candle = msgspec.structs.replace(desk.bars(LEVEL).candles[0], open=LEVEL - 3)
    event = BarsClosed(desk.now, (candle,), (desk.quote(),))
    desk.engine.state.market[0]["atr"] = 100.0
    (place,) = placed(desk.tell(event))
    assert (place.order.intent.limit, place.order.intent.expires_ts) == (LEVEL, desk.now + M5)


def test_the_newest_funding_rate_is_known_to_the_decision_of_its_bar() -> None:
    desk = quiet(perps=True)
    arm(desk)
    desk.now += M5
    rate = FundingRate(desk.coin().key, desk.now - M5, 5_000_000)  # 5 % each 8 hours against a long
    assert refused(desk.tell(msgspec.structs.replace(desk.bars(LEVEL), funding=(rate,)))) == "cost_too_high"
    assert int(desk.engine.state.inst[0]["funding_e8"]) == 5_000_000


def test_spreads_are_remembered_once_a_bar_and_crossed_books_are_not() -> None:
    desk = Desk()
    before = int(desk.engine.state.spread_n[0])
    desk.now += M5
    desk.tell(msgspec.structs.replace(desk.bars(LEVEL), quotes=(desk.quote(spread=7),)))
    assert int(desk.engine.state.spreads[0, before]) == 7
    desk.now += M5
    desk.tell(msgspec.structs.replace(desk.bars(LEVEL), quotes=(desk.quote(spread=0),)))
    assert int(desk.engine.state.spread_n[0]) == before + 1


def test_time_never_runs_backwards_in_the_state() -> None:
    desk = Desk()
    desk.tell(Tick(desk.now + 50))
    desk.tell(Tick(desk.now))
    assert desk.engine.state.ts == desk.now + 50


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, msgspec.Struct):
        return [leaf for name in value.__struct_fields__ for leaf in _leaves(getattr(value, name))]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [value]


def test_no_number_of_numpy_reaches_journal_or_ledger() -> None:
    desk = quiet()
    arm(desk)
    commands = desk.bar()
    (place,) = placed(commands)
    commands += desk.filled(place.order)
    commands += desk.bar(LEVEL + 1_000, high=LEVEL + 1_100)
    commands += desk.stopped(int(desk.pos()["stop"]))
    desk.now += 86_400_000
    commands += desk.bar()
    assert {type(command).__name__ for command in commands} >= {"Place", "Protect", "Record", "Report"}
    for command in commands:
        for value in _leaves(command):
            assert type(value).__module__ != "numpy", command
