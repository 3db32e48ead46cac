"""The book: never crossed, best first, rebuilt exactly by its own differences."""

from __future__ import annotations

import pytest

from modules.simulator import path
from modules.simulator.book import book_at, changes
from self_test.modules.simulator import toy


@pytest.mark.parametrize("depth", [1, 5, 50, 200])
def test_levels_run_away_from_the_touch(depth: int) -> None:
    one = toy.series()
    for point in path.points(one, 100, 120):
        book = book_at(one, point, depth)
        bids, asks = list(book.bids), list(book.asks)
        assert bids == sorted(bids, reverse=True) and asks == sorted(asks)
        assert len(bids) == len(asks) == depth
        assert bids[0] == point["bid"] < asks[0] == point["ask"]
        assert min(book.bids.values()) > 0 and min(book.asks.values()) > 0


def test_a_shallow_book_is_the_top_of_a_deep_one() -> None:
    one = toy.series()
    point = path.points(one, 50, 51)[2]
    shallow, deep = book_at(one, point, 5), book_at(one, point, 50)
    assert list(shallow.bids.items()) == list(deep.bids.items())[:5]
    assert list(shallow.asks.items()) == list(deep.asks.items())[:5]


def test_differences_rebuild_the_next_book_and_are_fewer_than_a_snapshot() -> None:
    one = toy.series()
    points = path.points(one, 10, 12)
    first, second = book_at(one, points[0], 50), book_at(one, points[1], 50)
    for before, after in ((first.bids, second.bids), (first.asks, second.asks)):
        built = dict(before)
        for price, size in changes(before, after).items():
            if size:
                built[price] = size
            else:
                del built[price]
        assert built == after
    assert changes(first.bids, first.bids) == {}


def test_bids_stop_above_zero() -> None:
    one = toy.series(toy.saw(10, level=3000)[:0])
    one.append(toy.saw(3, level=20_000))
    point = path.points(one, 0, 1)[0]
    point["bid"], point["ask"], point["price"] = 3, 4, 3
    book = book_at(one, point, 50)
    assert list(book.bids) == [3, 2, 1]
    assert len(book.asks) == 50
