from __future__ import annotations

from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules.engine import choose, explore
from modules.engine.decide import Plan
from modules.engine.desk import chosen_strategies, fresh_engine, make_state
from modules.engine.explore import SHARE, drawn
from modules.engine.recovery import restore, snapshot_of
from modules.engine.replay import drive, events_of, warm
from modules.engine.weigh import weigh
from modules.exchange.paper_bars import BarVenue
from self_test.fakes.markets import market
from self_test.risk.test_option_caps import slot
from self_test.scenarios.desk import ATR, LEVEL, LiveDesk, kinds, refused, rows
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.intents import Approved, Side, Signal
from state.messages import Command, Event, Place, decode_event, encode_commands, encode_event
from state.store import Snapshot
from strategy.base import BASE, C1
from strategy.exploration import draws
from strategy.regime import CHOP, TREND, UNKNOWN
from utils.fixed import MONEY_SCALE

TURNOVER = 10_000_000.0


def willing(monkeypatch: pytest.MonkeyPatch, draw: float = 0.0) -> None:
    """Every decision draws `draw`."""
    monkeypatch.setattr(explore, "draws", lambda *_: (draw, 0))


def signal(desk: LiveDesk, i: int = 0, **changes: Any) -> Signal:
    told: dict[str, Any] = {"regime": CHOP, "atr": ATR, "reference": LEVEL, **changes}
    return Signal(ts=desk.now, key=desk.coin(i).key, strategy=C1, side=Side.LONG, **told)


def plan(desk: LiveDesk, i: int = 0, spread: int = 2, **changes: Any) -> Plan | None:
    state, mandate = desk.engine.state, desk.engine.mandate
    with desk.on(desk.paper):
        seat, told = desk.seat(i), signal(desk, i, **changes)
        weighed = weigh(state, mandate, seat, C1, told, desk.quote(i, spread=spread))
        return drawn(state, mandate, seat, C1, told, TURNOVER, weighed)[1]


def tried(desk: LiveDesk, i: int = 0, **changes: Any) -> list[Command]:
    """The signal as the paper seat hears it beside the live one."""
    out: list[Command] = []
    state, mandate = desk.engine.state, desk.engine.mandate
    with desk.on(desk.paper):
        choose.explore(state, mandate, desk.seat(i), C1, signal(desk, i, **changes), desk.quote(i), TURNOVER, out)
    return desk.heard(out)


def order_of(commands: list[Command]) -> Approved:
    (placed,) = kinds(commands, Place)
    return placed.order


@pytest.mark.parametrize("regime, atr, arm", [(CHOP, ATR, BASE), (TREND, ATR, BASE), (CHOP, 2 * ATR, BASE), (UNKNOWN, ATR, None)])
def test_another_arm_than_the_policys_is_tried_where_the_regime_has_one(
    monkeypatch: pytest.MonkeyPatch, regime: int, atr: float, arm: int | None
) -> None:
    willing(monkeypatch)
    found = plan(LiveDesk(), regime=regime, atr=atr)
    assert (None if found is None else found.arm) == arm
    assert found is None or (found.explored and found.stop < LEVEL < found.target)


def test_an_arm_whose_stop_is_too_wide_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    willing(monkeypatch)
    # 8 % is the cap: base stands 6 ATR away, tight 4.
    assert plan(LiveDesk(), atr=150.0) is None


@pytest.mark.parametrize("regime, limit", [(CHOP, 0.25), (TREND, 0.10)])
def test_chop_is_explored_more_often(monkeypatch: pytest.MonkeyPatch, regime: int, limit: float) -> None:
    willing(monkeypatch, limit - 0.001)
    assert plan(LiveDesk(), regime=regime) is not None
    willing(monkeypatch, limit)
    assert plan(LiveDesk(), regime=regime) is None


def test_the_same_decision_draws_the_same_and_another_seed_another(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, drawn = LiveDesk(), list[tuple[str, ...]]()

    def draw(*words: str) -> tuple[float, int]:
        drawn.append(words)
        return draws(*words)

    monkeypatch.setattr(explore, "draws", draw)
    first = plan(desk)
    assert plan(desk) == first
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, explore_seed="2")
    plan(desk)
    desk.later(300_000)
    plan(desk)
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


def test_a_replay_of_the_journal_reproduces_every_draw() -> None:
    """A market with its real draws, as a journal keeps it; a second engine goes on from a snapshot in the middle."""
    grid = market(Domain.PERPS, 45, seed=2)
    engine, _ = fresh_engine(CONFIG, grid.instruments, chosen_strategies(None), int(grid.ts[grid.start]), quotes=False)
    engine.mandate = msgspec.structs.replace(engine.mandate, explore_own=True)
    warm(engine, grid)
    entries: list[tuple[bytes, bytes]] = []
    snapshots: list[tuple[int, Snapshot]] = []

    def sink(event: Event, commands: list[Command]) -> None:
        entries.append((encode_event(event), encode_commands(commands)))
        if len(entries) == 100:
            snapshots.append((len(entries), snapshot_of(engine, len(entries))))

    drive(
        engine,
        BarVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), grid.confirm_ms, grid.funding, grid.fine),
        events_of(grid),
        sink,
    )
    ((done, snapshot),) = snapshots
    again, draws_made = restore(snapshot), []
    for event, recorded in entries[done:]:
        found = again.process(decode_event(event))
        assert encode_commands(found) == recorded
        draws_made += [row.get("explored", False) for row in rows(found, "decision") if row.get("propensity", 1.0) < 1.0]
    tried = sum(bool(one) for one in draws_made)
    assert tried >= 3 and len(draws_made) - tried >= 3, "both ways of a draw"


def test_an_explored_trade_is_papers_and_tagged_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    willing(monkeypatch)
    desk = LiveDesk()
    live = desk.open(regime=CHOP)
    order = order_of(tried(desk))
    assert (live.intent.arm, order.intent.arm) == ("tight", "base")
    assert order.intent.account == desk.paper and order.intent.explored and not live.intent.explored
    with desk.on(desk.paper):
        desk.filled(order)
        desk.stopped(order.intent.exits.stop)
    (trade,) = rows(desk.all, "trade")
    assert trade["account"] == "CRYPTO/PAPER" and trade["explored"] is True


def test_all_explored_positions_together_hold_a_small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    willing(monkeypatch)
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    first = order_of(tried(desk))
    coin = desk.coin()
    worth = float(coin.price(LEVEL) * coin.qty(first.intent.steps))
    assert 0.95 * SHARE * 1_000 < worth <= SHARE * 1_000
    assert tried(desk, 1) == []  # no room is left for a venue's least order
    with desk.on(desk.paper):
        desk.filled(first)
        desk.stopped(first.intent.exits.stop)
    assert order_of(tried(desk, 1)).intent.key == desk.coin(1).key


def test_the_room_of_options_in_another_currency_is_counted_in_the_accounts() -> None:
    state = make_state(CONFIG, (slot("USDJPY"), slot("EURUSD")), (Account(Domain.OPTIONS, Mode.PAPER),))
    state.acct["equity"] = state.acct["day_start"] = 1_000 * MONEY_SCALE
    state.inst[0]["rate_e9"] = round(1e9 / 150)
    # 5 % of 1,000 are 50 dollars: at 1.200 yen on 100 dollars a step costs 0.80, at 0.00960 dollars on 100 euros 0.96
    assert explore._room(state, 0, 1_200) == 62
    assert explore._room(state, 1, 960) == 52


def test_what_paper_may_not_enter_is_not_explored_either(monkeypatch: pytest.MonkeyPatch) -> None:
    willing(monkeypatch)
    desk = LiveDesk()
    order_of(tried(desk))
    assert plan(desk) is None  # a position or an order is there
    desk = LiveDesk()
    desk.control("pause")
    assert refused(tried(desk)) == "paused"
    desk.control("unpause")
    desk.control("flatten", account="CRYPTO/PAPER")
    assert plan(desk) is None


def test_live_positions_take_no_room_from_what_is_explored(monkeypatch: pytest.MonkeyPatch) -> None:
    willing(monkeypatch)
    desk = LiveDesk()
    alone = plan(desk)
    desk.open()
    assert desk.pos()["status"] == OPEN
    assert plan(desk) == alone


def test_costs_mask_what_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    willing(monkeypatch)
    assert plan(LiveDesk(), spread=500) is None
