"""Bybit v5 public REST: a table from path to a pure function of the query, in the venue's envelope, string typing and error codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modules.simulator import intervals, margin, market_stats, path, rows, rows_private, tickers
from modules.simulator.book import book_at
from modules.simulator.candles import window
from modules.simulator.envelope import PARAMETER, ApiError, envelope
from modules.simulator.filters import Listing
from modules.simulator.frames import amount, trade_id
from modules.simulator.market import Series
from modules.simulator.paging import page
from modules.simulator.request_fields import Fields
from modules.simulator.venue import Venue

RISK_PAGE = 15
FINE = frozenset({"1", "3", "5", "15", "30", "60"})
"""Intervals in which a recorded mark is shown as recorded: an hour and finer, which is what records of it have."""
"""Symbols to a page of risk-limit."""


class PublicRest:
    """Answers market queries from the venue as it stands; `wall_ms` is the API clock, the wall clock at every speed."""

    def __init__(self, venue: Venue, wall_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._wall_ms = wall_ms
        self._routes: dict[str, Callable[[Fields], Any]] = {
            "/v5/market/time": self._time,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/kline": self._kline,
            "/v5/market/mark-price-kline": self._mark_kline,
            "/v5/market/index-price-kline": self._price_kline,
            "/v5/market/premium-index-price-kline": self._premium_kline,
            "/v5/market/orderbook": self._orderbook,
            "/v5/market/tickers": self._tickers,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/funding/history": self._funding,
            "/v5/market/price-limit": self._price_limit,
            "/v5/market/open-interest": self._open_interest,
            "/v5/market/account-ratio": self._account_ratio,
            "/v5/market/risk-limit": self._risk_limit,
        }

    def serves(self, method: str, path_text: str) -> bool:
        """Whether this is one of its routes."""
        return method == "GET" and path_text in self._routes

    def answer(self, path_text: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The whole envelope for a route that it serves."""
        try:
            return envelope(self._routes[path_text](Fields(query)), self._wall_ms())
        except ApiError as error:
            return envelope({}, self._wall_ms(), code=error.code, message=error.message)

    def _time(self, _: Fields) -> dict[str, str]:
        wall = self._wall_ms()
        return {"timeSecond": str(wall // 1000), "timeNano": str(wall * 1_000_000)}

    def _instruments(self, query: Fields) -> dict[str, Any]:
        category = query.category()
        limit = query.limit(500, 1000)
        found = [one.listing for one in self._venue.market.series.values() if one.listing.category == category]
        symbol, base, status = (query.text(name) for name in ("symbol", "baseCoin", "status"))
        found = [one for one in found if symbol in {"", one.symbol} and base in {"", one.instrument.base}]
        if status or not symbol:  # what is not launched yet is shown to whoever asks for it
            found = [one for one in found if one.status == status or (not status and one.status != "PreLaunch")]
        answer: dict[str, Any] = {"category": category, "list": [], "nextPageCursor": ""}
        if category == "spot":
            return answer | {"list": [rows.spot(one) for one in found]}
        shown, cursor = page(sorted(found, key=_symbol), _symbol, limit, query.text("cursor"), newest_first=False)
        return answer | {"list": [rows.linear(one) for one in shown], "nextPageCursor": cursor}

    def _window(self, query: Fields) -> tuple[Series, str, list[list[str]]]:
        series = self._listed(query, default="linear")
        interval = query.text("interval")
        if interval not in intervals.INTERVALS:
            raise ApiError(PARAMETER, "Invalid period!")
        limit = query.limit(200, 1000)
        start, end = query.time("start"), query.time("end")
        if start is not None and end is not None and start > end:
            raise ApiError(PARAMETER, "params error: start is after end")
        found = window(series, interval, start, end, limit, self._venue.now_ms)
        text, volume_digits = series.price, max(8, series.size_digits)
        answer = [
            [str(ts), text(o), text(h), text(low), text(c), amount(volume, volume_digits), amount(turnover, 8)]
            for ts, o, h, low, c, volume, turnover in zip(
                found.ts.tolist(), found.open.tolist(), found.high.tolist(), found.low.tolist(), found.close.tolist(),
                found.volume.tolist(), found.turnover.tolist(), strict=True
            )
        ]  # fmt: skip
        return series, series.listing.category, answer[::-1]

    def _kline(self, query: Fields) -> dict[str, Any]:
        series, category, found = self._window(query)
        return {"symbol": series.listing.symbol, "category": category, "list": found}

    def _mark_kline(self, query: Fields) -> dict[str, Any]:
        """The mark price: as recorded in intervals that its record has or is coarser than, else the last price's."""
        answer, series = self._price_kline(query), self._listed(query, default="linear")
        if series.marks is None or query.text("interval") not in FINE:
            return answer
        tick = series.tick
        for row in answer["list"]:
            ts = int(row[0])
            row[1:] = [series.price(series.mark(ts, round(float(text) / tick))) for text in row[1:]]
        return answer

    def _price_kline(self, query: Fields) -> dict[str, Any]:
        """The index price follows the last price of the simulated perpetual, and its mark where none is recorded."""
        series, category, found = self._window(query)
        if category != "linear":
            raise ApiError(PARAMETER, "params error: Category is invalid")
        return {"symbol": series.listing.symbol, "category": category, "list": [row[:5] for row in found]}

    def _premium_kline(self, query: Fields) -> dict[str, Any]:
        """Index and mark price of the simulated perpetual are one, so there is no premium."""
        answer = self._price_kline(query)
        return answer | {"list": [[row[0], "0", "0", "0", "0"] for row in answer["list"]]}

    def _orderbook(self, query: Fields) -> dict[str, Any]:
        series = self._listed(query)
        depth = query.limit(1 if series.listing.category == "spot" else 25, 1000)
        point = self._venue.last(series)
        book = book_at(series, point, depth)
        sides = ([[series.price(p), series.size(s)] for p, s in side.items()] for side in (book.bids, book.asks))
        b, a = sides
        return {"s": series.listing.symbol, "b": b, "a": a, "ts": self._venue.now_ms, "u": book.ts // 1000, "seq": book.ts, "cts": book.ts}

    def _tickers(self, query: Fields) -> dict[str, Any]:
        category = query.category()
        chosen = [self._listed(query)] if query.has("symbol") else list(self._venue.market.series.values())
        found = []
        for series in chosen:
            if series.listing.category == category:
                point = self._venue.last(series)
                figures = (int(point[name]) for name in ("ts", "price", "bid", "ask", "bid_size", "ask_size"))
                found.append(tickers.row(self._venue, series, *figures))
        return {"category": category, "list": found}

    def _trades(self, query: Fields) -> dict[str, Any]:
        series = self._listed(query)
        spot = series.listing.category == "spot"
        limit = query.limit(60 if spot else 500, 60 if spot else 1000)
        last = path.index_at(series, self._venue.now_ms)
        points = path.points(series, max(0, last - limit // path.POINTS - 1), last + 1)
        points = points[(points["ts"] < self._venue.now_ms) & (points["size"] > 0)][-limit:][::-1]
        salt = path.salt_of(series.listing.key)
        found = [
            {
                "execId": trade_id(series.listing.category, salt, int(one["ts"])),
                "symbol": series.listing.symbol,
                "price": series.price(int(one["price"])),
                "size": series.size(int(one["size"])),
                "side": "Buy" if one["buy"] else "Sell",
                "time": str(int(one["ts"])),
                "isBlockTrade": False,
                "isRPITrade": False,
                "seq": str(int(one["ts"])),
            }
            for one in points
        ]
        return {"category": series.listing.category, "list": found}

    def _funding(self, query: Fields) -> dict[str, Any]:
        series = self._perpetual(query)
        limit = query.limit(200, 200)
        start, end = query.time("startTime"), query.time("endTime")
        if start is not None and end is None:
            raise ApiError(PARAMETER, "params error: startTime needs endTime")
        upto = min(self._venue.now_ms, end if end is not None else self._venue.now_ms)
        found = self._venue.market.funding(series.listing.key, start if start is not None else 0, upto)[-limit:]
        return {
            "category": "linear",
            "list": [
                {"symbol": series.listing.symbol, "fundingRate": amount(rate, 8), "fundingRateTimestamp": str(ts)}
                for ts, rate in reversed(found)
            ],
        }

    def _price_limit(self, query: Fields) -> dict[str, Any]:
        """Orders may stray 5 % (linear) or 10 % (spot) from the last price."""
        series = self._listed(query, default="linear")
        price = int(self._venue.last(series)["price"])
        band = 10 if series.listing.category == "spot" else 5
        high, low = series.price(price * (100 + band) // 100), series.price(-(-price * (100 - band) // 100))
        return {"symbol": series.listing.symbol, "buyLmt": high, "sellLmt": low, "ts": str(self._wall_ms())}

    def _open_interest(self, query: Fields) -> dict[str, Any]:
        series = self._perpetual(query)
        found = market_stats.open_interest(self._venue, series, query)
        return {"symbol": series.listing.symbol, "category": "linear", **found}

    def _account_ratio(self, query: Fields) -> dict[str, Any]:
        return market_stats.account_ratio(self._venue, self._perpetual(query), query)

    def _risk_limit(self, query: Fields) -> dict[str, Any]:
        category = query.category()
        chosen = [self._listed(query)] if query.has("symbol") else self._venue.market.series.values()
        listings = [one.listing for one in chosen if category == "linear" and one.listing.category == "linear"]
        shown, cursor = page(sorted(listings, key=_symbol), _symbol, RISK_PAGE, query.text("cursor"), newest_first=False)
        found = [rows_private.risk_limit(one.symbol, tier) for one in shown for tier in margin.tiers(one)]
        return {"category": category, "list": found, "nextPageCursor": cursor}

    def _perpetual(self, query: Fields) -> Series:
        series = self._listed(query)
        if series.listing.category != "linear":
            raise ApiError(PARAMETER, "params error: Category is invalid")
        return series

    def _listed(self, query: Fields, default: str = "") -> Series:
        category = query.category(default)
        series = self._venue.series(category, query.text("symbol"))
        if series is None:
            raise ApiError(PARAMETER, "Not supported symbols")
        return series


def _symbol(listing: Listing) -> str:
    return listing.symbol
