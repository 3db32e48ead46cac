"""The path from a closed bar through the market kernel to a decision; what follows a decision is told in the scenarios."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.engine import candidates, execs
from modules.engine.core import Engine
from modules.engine.recovery import restore, snapshot_of
from self_test.modules.engine.recorded import fresh, recording, same_engine
from self_test.scenarios.desk import DAY_MS, LEVEL, STOP, Desk, kinds, only, refused, reports, rows
from state.accounts import Domain
from state.books import FLAT, OPEN
from state.intents import Side
from state.market import FundingRate
from state.messages import (
    BarsClosed,
    Close,
    Command,
    Control,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    Place,
    Report,
    Tick,
    decode_event,
)
from state.orders import OrderState
from strategy.base import C1, C4, LONG, SHORT

M5 = 300_000
QUIET = 130
MINUTE_MS = 60_000


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


def upto_first_entry(domain: Domain) -> tuple[Engine, BarsClosed, list[object]]:
    """An engine that is about to enter, the event it enters on, and what came of it."""
    recorded = recording(domain)
    engine = fresh(recorded.grid)
    for event, commands in recorded.events:
        if isinstance(event, BarsClosed) and kinds(commands, Place):
            return engine, event, list(commands)
        engine.process(event)
    raise AssertionError("nothing was entered")


def test_a_strategy_that_may_not_trade_here_is_not_even_asked() -> None:
    engine, event, _ = upto_first_entry(Domain.PERPS)
    none = Engine(engine.state, msgspec.structs.replace(engine.mandate, allowed=dict.fromkeys(engine.mandate.allowed, frozenset())))
    assert none.process(event) == []


def test_spot_is_never_short_and_perpetuals_are() -> None:
    sides: dict[Domain, set[Side]] = {}
    for domain in (Domain.CRYPTO, Domain.PERPS):
        places = [place for _, commands in recording(domain).events for place in kinds(commands, Place)]
        sides[domain] = {place.order.intent.side for place in places}
        refusals = [report for _, commands in recording(domain).events for report in kinds(commands, Report)]
        assert "side_not_allowed" not in {report.rule for report in refusals}, "a short signal on spot is no news"
    assert sides == {Domain.CRYPTO: {Side.LONG}, Domain.PERPS: {Side.LONG, Side.SHORT}}
    assert {LONG: Side.LONG, SHORT: Side.SHORT} == candidates.SIDES


def test_the_same_event_twice_changes_nothing_the_second_time() -> None:
    desk = Desk()
    desk.open()
    bar = desk.bars(10_800)
    desk.tell(bar)
    before = restore(snapshot_of(desk.engine, 1))
    assert desk.tell(bar) == []
    before.state.market["rejected"] += 1
    before.state.spreads, before.state.spread_n = desk.engine.state.spreads, desk.engine.state.spread_n
    assert same_engine(desk.engine, before)


@pytest.mark.parametrize("held", [False, True])
def test_the_day_is_rolled_once_whoever_tells_of_it_first(held: bool) -> None:
    desk = Desk()
    if held:
        desk.open()
    desk.later(DAY_MS)
    assert len(rows(desk.tell(Tick(desk.now)), "equity")) == 1
    assert rows(desk.tell(Tick(desk.now + 1)), "equity") == [] and rows(desk.bar(), "equity") == []


def test_a_restored_engine_rolls_no_day_twice_and_manages_what_it_holds() -> None:
    desk = Desk()
    desk.open()
    desk.engine = restore(snapshot_of(desk.engine, 1))
    assert desk.tell(Tick(desk.now)) == []
    assert [type(one).__name__ for one in desk.bar(10_800)] == ["Protect"]
    assert rows(desk.stopped(STOP), "trade")


def test_executions_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execs, "EXECS", 6)  # each settlement is remembered by its id and by its hour
    desk = Desk(perps=True)
    order = desk.open()
    paid = [FundingPaid(desk.now + n * 3_600_000, desk.account, order.intent.key, 1, f"f{n}") for n in range(4)]
    for one in paid:
        assert desk.tell(one)
    assert [name.rpartition("/")[2] for name in desk.engine.state.execs if " " not in name] == ["f1", "f2", "f3"]
    assert desk.tell(paid[3]) == [] and desk.tell(paid[0]) != []


def test_an_execution_id_is_its_accounts_own() -> None:
    recorded = recording(Domain.PERPS)
    names = list(recorded.engine.state.execs)
    assert names and all(name.startswith("PERPS/PAPER/") for name in names)


def test_an_answer_about_an_order_that_is_gone_changes_nothing() -> None:
    desk = Desk()
    assert desk.tell(OrderAccepted(desk.now, desk.account, "nobody")) == []
    assert desk.tell(OrderCancelled(desk.now, desk.account, "nobody", "")) == []
    order = desk.enter()
    desk.filled(order, steps=1_000, left=4_000)
    desk.tell(OrderAccepted(desk.now, desk.account, order.order_id))
    assert desk.engine.state.orders[order.order_id].state is OrderState.PARTIAL, "told late, it is no step back"


def test_an_entry_that_fills_for_less_than_planned_has_nothing_working() -> None:
    desk = Desk()
    order = desk.enter()
    desk.filled(order, steps=4_000, left=0)
    assert (desk.pos()["steps"], desk.pos()["working"], desk.engine.state.orders) == (4_000, 0, {})


def test_a_close_that_is_cancelled_after_a_part_leaves_the_rest_to_the_next() -> None:
    desk = Desk()
    desk.open()
    close = only(Close, desk.later(20 * DAY_MS).tick())
    desk.closed(close, 10_000, steps=2_000, left=3_000)
    desk.tell(OrderCancelled(desk.now, desk.account, close.reduce.order_id, "the rest was not there"))
    again = only(Close, desk.later(1).tick())
    assert desk.engine.state.orders[again.reduce.order_id].steps == 3_000
    assert rows(desk.closed(again, 10_000), "trade")[0]["qty"] == "0.5"


@pytest.mark.parametrize("crossed", [False, True])
def test_the_demo_keeps_its_cadence_even_when_it_is_refused(crossed: bool) -> None:
    desk = Desk(demo=True)
    desk.control("pause")
    told = [reports(desk.later(MINUTE_MS // 2).tick()) for _ in range(6)]
    assert [one for one in told if one] == [[("refused", "paused")]] * 3
    if crossed:
        quote = desk.later(MINUTE_MS).quote(spread=0)
        assert desk.tell(Tick(desk.now, (quote,))) == [] and desk.engine.state.demo_ts[0] < desk.now, "no quote, no turn"


def test_the_demo_is_for_accounts_that_allow_it() -> None:
    desk = Desk()
    assert desk.later(MINUTE_MS).tick() == []
    assert desk.pos()["status"] == FLAT


def test_every_kind_of_event_goes_through_its_journalled_form() -> None:
    recorded = recording(Domain.PERPS)
    seen = {type(event) for event, _ in recorded.events}
    for event, _ in recorded.entries[:: max(1, len(recorded.entries) // 200)]:
        assert type(decode_event(event)) in seen
    with pytest.raises(KeyError):
        recorded.engine.process(object())  # type: ignore[arg-type]


def test_control_requests_are_events_like_any_other() -> None:
    desk = Desk()
    desk.open()
    assert kinds(desk.tell(Control(desk.now, "flatten", {}, "me")), Close)
    assert desk.pos()["status"] == OPEN and desk.pos()["closing"] > 0
    assert desk.now % M5 == 0
