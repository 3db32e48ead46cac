from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.book import BookFault, OrderBook
from marketdata.bybit_parse import StreamParser, topic_of
from marketdata.items import BookUpdate
from self_test.marketdata.samples import perp
from state.market import Quote

Levels = list[tuple[int, int]]


def snapshot(u: int, bids: Levels, asks: Levels, ts: int = 1) -> BookUpdate:
    return BookUpdate("K", ts, snapshot=True, u=u, seq=u, bids=bids, asks=asks)


def delta(u: int, bids: Levels, asks: Levels, ts: int = 2, seq: int | None = None) -> BookUpdate:
    return BookUpdate("K", ts, snapshot=False, u=u, seq=u if seq is None else seq, bids=bids, asks=asks)


def book(depth: int = 50) -> OrderBook:
    fresh = OrderBook("K", depth)
    assert fresh.apply(snapshot(10, [(100, 5), (99, 7)], [(101, 3), (103, 9)])) is None
    return fresh


def test_a_snapshot_gives_a_quote_and_deltas_change_it():
    it = book()
    assert it.quote() == Quote("K", 1, 100, 101, 5, 3)
    assert it.apply(delta(11, [(100, 0)], [(102, 4), (101, 2)])) is None
    assert it.quote() == Quote("K", 2, 99, 101, 7, 2)
    assert it.asks(10) == [(101, 2), (102, 4), (103, 9)]
    assert it.bids(1) == [(99, 7)]


def test_deleting_an_unknown_level_is_harmless():
    it = book()
    assert it.apply(delta(11, [(50, 0)], [])) is None
    assert it.bids(10) == [(100, 5), (99, 7)]


@pytest.mark.parametrize(
    "update, fault",
    [
        (delta(12, [], []), BookFault.GAP),
        (delta(10, [], []), BookFault.BACKWARDS),
        (delta(3, [], []), BookFault.BACKWARDS),
        (delta(11, [], [], seq=4), BookFault.BACKWARDS),
        (delta(11, [(101, 1)], []), BookFault.CROSSED),
        (delta(11, [], [(101, 0), (103, 0)]), BookFault.EMPTY),
        (snapshot(1, [], [(101, 1)]), BookFault.EMPTY),
        (snapshot(1, [(102, 1)], [(101, 1)]), BookFault.CROSSED),
    ],
)
def test_a_broken_rule_takes_the_quote_away_until_the_next_snapshot(update: BookUpdate, fault: BookFault):
    it = book()
    assert it.apply(update) is fault
    assert it.quote() is None
    assert it.bids(5) == []
    assert it.asks(5) == []
    assert it.apply(delta(update.u + 1, [(98, 1)], [])) is fault
    assert it.apply(snapshot(1, [(100, 1)], [(101, 1)])) is None  # u restarts: the venue was restarted
    assert it.quote() == Quote("K", 1, 100, 101, 1, 1)


def test_a_delta_before_any_snapshot_is_not_a_book():
    it = OrderBook("K", 1)
    assert it.apply(delta(1, [(100, 1)], [(101, 1)])) is BookFault.NO_SNAPSHOT
    assert it.quote() is None


def test_the_same_snapshot_may_be_repeated():
    it = book()
    assert it.apply(snapshot(10, [(100, 5)], [(101, 3)], ts=9)) is None
    assert it.quote() == Quote("K", 9, 100, 101, 5, 3)


def test_after_a_reset_nothing_is_known():
    it = book()
    it.reset()
    assert it.quote() is None
    assert it.apply(delta(11, [], [])) is BookFault.NO_SNAPSHOT


def test_levels_beyond_the_depth_are_forgotten():
    it = book(depth=2)
    it.apply(delta(11, [(98, 1), (97, 1)], [(102, 1)]))
    assert it.bids(9) == [(100, 5), (99, 7)]
    assert it.asks(9) == [(101, 3), (102, 1)]


sides = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=12)


@given(st.lists(sides, max_size=8))
def test_one_side_equals_a_dictionary(changes: list[Levels]):
    it = OrderBook("K", 1000)
    it.apply(snapshot(1, [(1, 1)], [(1000, 1)]))
    model = {1: 1}
    for u, levels in enumerate(changes, start=2):
        kept = [*levels, (1, 1)]
        it.apply(delta(u, kept, []))
        model |= dict(kept)
    assert it.bids(1000) == sorted(((p, s) for p, s in model.items() if s > 0), reverse=True)


@pytest.mark.data
def test_a_captured_book_of_500_levels_stays_whole(market_data: Path):
    parser = StreamParser([perp("XRPUSDT", "0.0001", "1")])
    it = OrderBook("PERPS:XRPUSDT", 500)
    model: dict[str, dict[float, float]] = {"b": {}, "a": {}}
    last_u = 0
    for raw in (market_data / "wire" / "bybit_v5" / "XRPUSDT_orderbook500_2024-12-01.jsonl").read_bytes().splitlines():
        (update,) = parser.parse(topic_of(raw), raw)
        assert isinstance(update, BookUpdate)
        assert last_u in {0, update.u - 1}
        last_u = update.u
        assert it.apply(update) is None
        told = msgspec.json.decode(raw)["data"]
        for side in ("b", "a"):
            model[side] |= {float(price): float(size) for price, size in told[side]}
            model[side] = {price: size for price, size in model[side].items() if size}
        quote = it.quote()
        assert quote is not None
        assert (quote.bid, quote.ask) == (round(max(model["b"]) * 10_000), round(min(model["a"]) * 10_000))
        assert [steps for _, steps in it.bids(50)] == [model["b"][price] for price in sorted(model["b"], reverse=True)[:50]]
    assert last_u == 20254898
