"""The next step of one instrument: close before protect before cancel before place, and when to look again."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from modules.exchange.holdings import Held
from modules.exchange.lane import AUDIT_NS, SWEEP_WAIT_NS, Lane
from modules.exchange.pending import Phase
from modules.exchange.protect import RECIPES, CreateStop, Sweep
from modules.exchange.reports import ExecutionKind, OrderKind, OrderStatus
from modules.exchange.steps import Ask, CancelEntry, CancelExit, EndClose, Guarding, Limits, ReadVenue, SendClose, SendEntry, Step
from modules.exchange.tracker import Tracker
from self_test.fakes.live_floor import START, LiveFloor, instrument
from self_test.modules.exchange.test_protect import bracket, position, single
from self_test.modules.exchange.test_tracker import ENTRY, execution, order
from state.accounts import Domain
from state.intents import OrderType
from utils.clock import MS, SECOND

KEY = "CRYPTO:BTCUSDT"


class Bench:
    """A lane with its tracker; `at` moves the time and asks for the next step as the executor would."""

    def __init__(self, domain: Domain = Domain.CRYPTO, held: int = 0) -> None:
        self.floor = LiveFloor(domain)
        self.key = self.floor.key
        self.tracker: Tracker = self.floor.tracker
        prefix = f"{domain[0]}Labc-"
        self.lane = Lane(self.key, instrument(domain), RECIPES[domain], self.tracker, prefix, Limits())
        if held:
            self.tracker.restore([], {self.key: Held(side=1, steps=held)})
            self.lane.want(1, 950, 1_100)

    def at(self, ms: int) -> tuple[Step | None, int | None]:
        self.lane.look(ms * MS)
        return self.lane.next_step(ms * MS, START + ms)

    def step(self, ms: int) -> Step | None:
        return self.at(ms)[0]

    def place(self, **terms: object) -> None:
        approved = self.floor.approved(**terms)  # type: ignore[arg-type]
        self.tracker.expect(ENTRY, self.key, 1_000, entry=True)
        self.lane.place(msgspec.structs.replace(approved, order_id=ENTRY))


def test_an_idle_lane_waits_for_news() -> None:
    assert Bench().at(0) == (None, None)


def test_an_entry_is_sent_then_looked_after_then_forgotten() -> None:
    bench = Bench()
    bench.place()
    lane = bench.lane
    assert isinstance(bench.step(0), SendEntry) and lane.unsettled
    assert lane.entry is not None
    lane.entry.write.phase, lane.entry.write.after_ns = Phase.WORKING, 500 * MS
    assert bench.at(0) == (None, 500 * MS)
    assert isinstance(bench.step(500), Ask)
    bench.tracker.take([order(OrderStatus.CANCELLED)])
    assert bench.at(600) == (None, None) and lane.entry is None and not lane.unsettled


def test_pain_04_after_the_entry_its_exit_order_is_awaited_then_looked_for_then_made() -> None:
    bench = Bench()
    bench.place()
    bench.tracker.take([execution("a", "1", fee="0.001")])
    assert bench.at(1_000)[1] == 1_600 * MS
    assert bench.step(1_600) == ReadVenue(SECOND)
    bench.lane.view(1_600 * MS, [], None, 1_600 * MS)
    assert bench.step(1_610) == Guarding(CreateStop(999, 950))


def test_pain_09_an_exit_order_that_the_reading_shows_is_adopted_by_its_levels() -> None:
    bench = Bench(held=999)
    foreign = bracket(name="other", stop="80", target="120")
    bench.lane.view(0, [bracket(), foreign], None, 0)
    assert set(bench.lane.orders) == {"b"}
    assert bench.at(0) == (None, AUDIT_NS)
    assert bench.step(10_000) == ReadVenue(10 * SECOND)


def test_a_reading_does_not_take_away_what_was_heard_of_while_it_was_read() -> None:
    bench = Bench(held=999)
    bench.lane.hear(bracket(), 50)
    bench.lane.view(40, [], None, 60)
    assert "b" in bench.lane.orders
    bench.lane.view(70, [], None, 80)
    assert not bench.lane.orders
    bench.lane.hear(bracket(), 90)
    assert not bench.lane.orders, "what is gone does not come back"


def test_statuses_and_positions_do_not_go_backwards() -> None:
    bench = Bench(Domain.PERPS, held=999)
    bench.lane.hear_position(msgspec.structs.replace(position("96"), ts=10))
    bench.lane.hear_position(msgspec.structs.replace(position("95"), ts=5))
    assert bench.lane.position is not None and bench.lane.position.stop == Decimal(96)
    spot = Bench(held=999)
    spot.lane.hear(bracket(ts=10), 0)
    spot.lane.hear(bracket(stop="90", ts=5), 1)
    assert spot.lane.orders["b"].stop == Decimal(95)
    spot.lane.hear(bracket(status=OrderStatus.FILLED, ts=11), 2)
    assert not spot.lane.orders


def test_a_close_on_spot_frees_the_coin_first_and_goes_before_everything() -> None:
    bench = Bench(held=999)
    bench.lane.hear(bracket(stop="90"), 0)
    bench.tracker.expect("x", KEY, 999, entry=False)
    bench.lane.close("x")
    bench.lane.close("x")
    assert len(bench.lane.closes) == 1 and bench.step(0) == CancelExit("b")
    bench.lane.drop("b")
    step = bench.step(0)
    assert isinstance(step, SendClose) and step.steps == 999
    bench.tracker.take([execution("x1", "0.999", link="x", side=-1, venue_id="v5", coin="USDT")])
    assert bench.step(10) is None and not bench.lane.closes


def test_a_close_waits_for_a_stop_that_is_selling() -> None:
    bench = Bench(held=999)
    bench.lane.view(0, [bracket(status=OrderStatus.TRIGGERED)], None, 0)
    bench.lane.close("x")
    assert bench.at(100) == (None, 500 * MS)
    assert bench.step(500) == ReadVenue(500 * MS)


def test_a_close_of_nothing_ends() -> None:
    bench = Bench()
    bench.tracker.expect("x", KEY, 1, entry=False)
    bench.lane.close("x")
    assert isinstance(bench.step(0), EndClose)


def test_pain_02_a_sweep_waits_for_the_venue_s_own_and_for_entries() -> None:
    bench = Bench(held=999)
    bench.lane.hear(bracket(), 0)
    bench.step(0)
    bench.tracker.holdings.want(KEY, 950, 1_100)
    bench.tracker.take([bracket()])
    bench.tracker.take([execution("s", "0.999", link="9", side=-1, venue_id="b", coin="USDT", order_kind=OrderKind.SPOT_BRACKET)])
    assert bench.at(1_000) == (None, SECOND + SWEEP_WAIT_NS)
    assert bench.step(1_300) == Guarding(Sweep("b"))
    bench.place()
    assert isinstance(bench.step(1_300), SendEntry)


def test_pain_03_moves_keep_a_distance_but_a_missing_size_does_not_wait() -> None:
    bench = Bench(held=999)
    bench.lane.view(0, [bracket()], None, 0)
    assert bench.step(0) is None
    bench.lane.wrote_ns = 0
    bench.lane.want(1, 960, 1_100)
    assert bench.at(100) == (None, SECOND)
    assert isinstance(bench.step(1_000), Guarding)
    bench.lane.hear(bracket("0.5"), 0)
    assert isinstance(bench.step(100), Guarding)


def test_pain_17_a_resting_spot_entry_is_taken_back_when_it_filled_in_part_or_is_late() -> None:
    bench = Bench()
    bench.place(order_type=OrderType.MAKER, expires_ms=5_000)
    entry = bench.lane.entry
    assert entry is not None
    entry.write.phase, entry.write.after_ns = Phase.WORKING, 10 * SECOND
    assert bench.at(0) == (None, SECOND) and not bench.lane.unsettled
    assert isinstance(bench.step(5_001), CancelEntry)
    bench.tracker.take([execution("a", "0.4")])
    assert not isinstance(bench.step(100), CancelEntry)
    assert isinstance(bench.step(400), CancelEntry)


def test_a_refused_move_is_put_off_for_long_and_a_missing_stop_is_not() -> None:
    bench = Bench(held=999)
    bench.lane.view(0, [bracket()], None, 0)
    bench.step(0)
    for _ in range(10):
        bench.lane.refused(0)
    assert bench.lane.again_ns == 60 * SECOND
    bench.lane.want(1, 970, 1_100)
    assert bench.lane.again_ns == 0
    bench.lane.drop("b")
    bench.step(10)
    bench.lane.refused(0)
    assert bench.lane.again_ns <= SECOND


@pytest.mark.parametrize(
    ("link", "kind", "ours"), [("CLabc-BTCUSDT-1-s1", OrderKind.PLAIN, True), ("CLabc-BTCUSDT-1-e", OrderKind.PLAIN, False)]
)
def test_own_stops_are_known_by_their_id(link: str, kind: OrderKind, ours: bool) -> None:
    assert Bench().lane.ours(single(link_id=link, kind=kind)) == ours


def test_found_at_start_nothing_is_judged_before_the_first_reading() -> None:
    bench = Bench(held=999)
    bench.lane.blind = True
    assert bench.step(0) == ReadVenue(0) and bench.lane.guard.naked_ns is None
    bench.lane.view(0, [], None, 0)
    assert bench.step(0) == Guarding(CreateStop(999, 950)) and bench.lane.guard.naked_ns == 0


def test_adl_in_part_leaves_a_perpetual_protected_by_its_position() -> None:
    bench = Bench(Domain.PERPS, held=1_000)
    bench.lane.view(0, [], position(), 0)
    bench.tracker.take([execution("l", "0.4", link="", side=-1, kind=ExecutionKind.ADL, domain=Domain.PERPS, coin="USDT")])
    assert bench.step(0) is None and bench.lane.held.steps == 600


def test_pain_20_dust_of_an_earlier_position_does_not_lend_its_levels_to_the_next() -> None:
    """Dust is held until the next position takes it in; the old, higher stop would stand above the market and close the new one at once."""
    bench = Bench()
    bench.tracker.restore([], {bench.key: Held(side=1, steps=3)})
    bench.lane.want(1, 990, 1_300)
    bench.place()
    assert (bench.lane.guard.stop, bench.lane.guard.target) == (950, 1_100)
    assert bench.lane.levels == {Decimal("95.0"), Decimal("110.0")}


def test_no_entry_leaves_while_the_end_of_a_close_is_not_known() -> None:
    """Sent again after all, the close would close what the entry brings."""
    bench = Bench(Domain.PERPS)
    bench.tracker.expect("PLabc-BTCUSDT-0-x", bench.key, 1_000, entry=False)
    bench.lane.close("PLabc-BTCUSDT-0-x")
    [close] = bench.lane.closes
    close.phase, close.after_ns = Phase.UNKNOWN, SECOND
    approved = bench.floor.approved()
    bench.tracker.expect(approved.order_id, bench.key, 1_000, entry=True)
    bench.lane.place(approved)
    assert bench.at(0) == (None, SECOND)
    bench.tracker.withdrawn("PLabc-BTCUSDT-0-x", START, "nothing is held")
    bench.lane.view(10 * MS, [], None, 10 * MS)
    assert isinstance(bench.step(20), SendEntry)
