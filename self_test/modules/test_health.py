from __future__ import annotations

import msgspec
import pytest

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import make_mandate, make_state
from modules.health import HOUR_MS, Health
from self_test.fakes.books import SPOT, coin
from self_test.scenarios.desk import LiveDesk, only
from state.accounts import Domain
from state.market import Candle
from state.messages import BarsClosed, Control, Event, FeedDown, OrderAccepted, Place
from state.stages import paper_account
from utils.clock import SECOND, FakeClock


@pytest.mark.asyncio
async def test_an_hour_of_counts_goes_to_the_engine_and_into_the_day() -> None:
    desk, clock, told = LiveDesk(), FakeClock(), list[Event]()
    taken: list[int] = []
    health = Health(desk.engine, clock, told.append, lambda: taken.append(1))
    health.taken()
    assert taken == [1]
    commands = desk.signal()
    health(1, desk.bars(10_000), [])
    told.clear()
    health(2, Control(desk.now, "x"), commands)
    order = only(Place, commands).order
    await clock.advance(1.5)
    accepted = OrderAccepted(desk.now, desk.live, order.order_id)
    health(3, accepted, [])
    health(4, accepted, [])  # told twice, counted once
    desk.tell(FeedDown(desk.now, "bybit-spot", "lost"))
    desk.now += HOUR_MS
    health(5, desk.bars(10_000), [])
    (event,) = told
    assert isinstance(event, Control) and event.name == "health"
    live = msgspec.json.decode(event.args[str(desk.live)])
    assert live == {"acks": 1, "slow_acks": 1, "feeds": 1, "slow_feeds": 1, "decisions": 1, "slow_decisions": 1}
    assert "acks" not in msgspec.json.decode(event.args[str(desk.paper)])
    desk.tell(event)
    assert desk.engine.state.health[str(desk.live)]["slow_acks"] == 1
    assert clock.monotonic_ns() >= 1.5 * SECOND


SATURDAY, TUESDAY = 1_741_435_200_000, 1_741_075_200_000


@pytest.mark.asyncio
@pytest.mark.parametrize(("ts", "owed"), [(SATURDAY, False), (TUESDAY, True)])
async def test_a_feed_of_a_market_that_is_shut_is_no_fault_and_crypto_decides_nothing_for_forex(ts: int, owed: bool) -> None:
    pair, fx = msgspec.structs.replace(coin("EURUSD"), domain=Domain.FOREX, base="EUR", quote="USD"), paper_account(Domain.FOREX)
    state = make_state(CONFIG, (coin("AAAUSDT"), pair), (SPOT, fx))
    engine = Engine(state, make_mandate(CONFIG, state.instruments, state.accounts, frozenset(), quotes=True))
    state.feeds_down["oanda"] = "no answer"
    told = list[Event]()
    health = Health(engine, FakeClock(), told.append, lambda: None)
    health(1, BarsClosed(ts, (Candle("CRYPTO:AAAUSDT", ts - 300_000, 100, 100, 100, 100, 1.0),)), [])
    (event,) = told
    assert isinstance(event, Control)
    assert msgspec.json.decode(event.args[str(SPOT)]) == {"feeds": 1, "decisions": 1}
    assert msgspec.json.decode(event.args.get(str(fx), "{}")) == ({"feeds": 1, "slow_feeds": 1} if owed else {})
