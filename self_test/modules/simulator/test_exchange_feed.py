"""What the exchange is told of the market: points in money, the depth behind them, funding at its hour, the same again in a replay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from modules.simulator import path
from modules.simulator.book import book_at
from modules.simulator.exchange import Exchange
from modules.simulator.exchange_feed import DEPTH, ExchangeFeed, Ladders, to_point
from modules.simulator.matching import Point
from modules.simulator.order_types import Now
from self_test.modules.simulator import toy

HOUR = 3_600_000


class Ear:
    """Stands for the exchange: remembers what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def on_point(self, key: str, point: Point, now: Now) -> None:
        self.heard.append((now.ts, key, point))

    def on_funding(self, symbol: str, rate: Decimal, now: Now) -> None:
        self.heard.append((now.ts, symbol, rate))


def test_points_in_money() -> None:
    series = toy.series(category="linear")
    row = path.points(series, 5, 6)[1].tolist()
    point = to_point(series, row)
    assert point.price == row[1] * Decimal("0.10") and point.size == row[2] * Decimal("0.001")
    assert point.bid < point.ask and point.bid <= point.mark <= point.ask and point.price in (point.bid, point.ask)
    assert point.taker == ("Buy" if row[7] else "Sell")
    spot = toy.series()
    assert to_point(spot, row).mark == to_point(spot, row).price


def test_the_depth_is_the_book_that_streams_show() -> None:
    market = toy.ToyMarket()
    series = market.series["spot:BTCUSDT"]
    row = path.points(series, 7, 8)[2]
    point = to_point(series, row.tolist())
    bids, asks = Ladders(market)("spot:BTCUSDT", point)
    assert bids[0] == (point.bid, point.bid_size) and asks[0] == (point.ask, point.ask_size)
    assert len(bids) == len(asks) == DEPTH
    assert [price / series.tick_exact for price, _ in asks] == list(book_at(series, row, DEPTH).asks)


def test_a_replay_tells_everything_in_order_with_funding_between() -> None:
    market, ear = toy.ToyMarket(), Ear()
    feed = ExchangeFeed(market, cast(Exchange, ear), lambda: 9)
    start = toy.START + 7 * HOUR
    feed.replay(start, toy.START + 9 * HOUR)
    times = [one[0] for one in ear.heard]
    assert times == sorted(times) and len(times) == 3 * 24 * 4 + 1
    funded = next(number for number, one in enumerate(ear.heard) if one[1] == "BTCUSDT")
    assert ear.heard[funded] == (toy.START + 8 * HOUR, "BTCUSDT", Decimal("0.0002"))
    assert ear.heard[funded - 1][0] < toy.START + 8 * HOUR <= ear.heard[funded + 1][0]
    assert feed.next_funding(start) == toy.START + 8 * HOUR and feed.next_funding(toy.START + 8 * HOUR) == toy.START + 16 * HOUR


def test_before_the_first_point_the_last_known_market_stands() -> None:
    ear = Ear()
    ExchangeFeed(toy.ToyMarket(), cast(Exchange, ear), lambda: 9).begin(toy.START)
    assert len(ear.heard) == 3 and {one[1] for one in ear.heard} == {"spot:BTCUSDT", "spot:ETHUSDT", "linear:BTCUSDT"}
