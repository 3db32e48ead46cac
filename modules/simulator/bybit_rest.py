"""Bybit v5 public REST: a table from path to a pure function of the query, in the venue's envelope, string typing and error codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modules.simulator import intervals, path, rows, tickers
from modules.simulator.book import book_at
from modules.simulator.candles import window
from modules.simulator.frames import amount, trade_id
from modules.simulator.market import Series
from modules.simulator.venue import Venue

Query = Mapping[str, str]
CATEGORIES = ("spot", "linear", "inverse", "option")
PARAMETER = 10001
NO_ROUTE = 10017


class ApiError(Exception):
    """The venue's explicit no: a code and a text, sent with HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def envelope(result: Any, wall_ms: int, *, code: int = 0, message: str = "OK") -> dict[str, Any]:
    """What every answer looks like."""
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": wall_ms}


class PublicRest:
    """Answers market queries from the venue as it stands; `wall_ms` is the API clock, the wall clock at every speed."""

    def __init__(self, venue: Venue, wall_ms: Callable[[], int]) -> None:
        self._venue = venue
        self._wall_ms = wall_ms
        self._routes: dict[str, Callable[[Query], Any]] = {
            "/v5/market/time": self._time,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/kline": self._kline,
            "/v5/market/mark-price-kline": self._price_kline,
            "/v5/market/index-price-kline": self._price_kline,
            "/v5/market/orderbook": self._orderbook,
            "/v5/market/tickers": self._tickers,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/funding/history": self._funding,
            "/v5/market/price-limit": self._price_limit,
        }

    def serves(self, method: str, path_text: str) -> bool:
        """Whether this is one of its routes."""
        return method == "GET" and path_text in self._routes

    def answer(self, path_text: str, query: Query) -> dict[str, Any]:
        """The whole envelope for a route that it serves."""
        try:
            return envelope(self._routes[path_text](query), self._wall_ms())
        except ApiError as error:
            return envelope({}, self._wall_ms(), code=error.code, message=error.message)

    def _time(self, _: Query) -> dict[str, str]:
        wall = self._wall_ms()
        return {"timeSecond": str(wall // 1000), "timeNano": str(wall * 1_000_000)}

    def _instruments(self, query: Query) -> dict[str, Any]:
        category = _category(query)
        limit = _whole(query, "limit", 500, 1, 1000)
        found = [one.listing for one in self._venue.market.series.values() if one.listing.category == category]
        if query.get("symbol"):
            found = [one for one in found if one.symbol == query["symbol"]]
        if query.get("baseCoin"):
            found = [one for one in found if one.instrument.base == query["baseCoin"]]
        if query.get("status") not in (None, "", "Trading"):
            found = []
        answer: dict[str, Any] = {"category": category, "list": [], "nextPageCursor": ""}
        if category == "spot":
            return answer | {"list": [rows.spot(one) for one in found]}
        begin = _whole(query, "cursor", 0, 0, len(found))
        answer["list"] = [rows.linear(one) for one in found[begin : begin + limit]]
        answer["nextPageCursor"] = str(begin + limit) if begin + limit < len(found) else ""
        return answer

    def _window(self, query: Query) -> tuple[Series, str, list[list[str]]]:
        series = self._listed(query, default="linear")
        interval = query.get("interval", "")
        if interval not in intervals.INTERVALS:
            raise ApiError(PARAMETER, "Invalid period!")
        limit = _whole(query, "limit", 200, 1, 1000)
        start, end = _time_of(query, "start"), _time_of(query, "end")
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

    def _kline(self, query: Query) -> dict[str, Any]:
        series, category, found = self._window(query)
        return {"symbol": series.listing.symbol, "category": category, "list": found}

    def _price_kline(self, query: Query) -> dict[str, Any]:
        """Mark and index price follow the last price of the simulated perpetual."""
        series, category, found = self._window(query)
        if category != "linear":
            raise ApiError(PARAMETER, "params error: Category is invalid")
        return {"symbol": series.listing.symbol, "category": category, "list": [row[:5] for row in found]}

    def _orderbook(self, query: Query) -> dict[str, Any]:
        series = self._listed(query)
        depth = _whole(query, "limit", 1 if series.listing.category == "spot" else 25, 1, 1000)
        point = self._venue.last(series)
        book = book_at(series, point, depth)
        sides = ([[series.price(p), series.size(s)] for p, s in side.items()] for side in (book.bids, book.asks))
        b, a = sides
        return {"s": series.listing.symbol, "b": b, "a": a, "ts": self._venue.now_ms, "u": book.ts // 1000, "seq": book.ts, "cts": book.ts}

    def _tickers(self, query: Query) -> dict[str, Any]:
        category = _category(query)
        chosen = [self._listed(query)] if query.get("symbol") else list(self._venue.market.series.values())
        found = []
        for series in chosen:
            if series.listing.category == category:
                point = self._venue.last(series)
                figures = (int(point[name]) for name in ("price", "bid", "ask", "bid_size", "ask_size"))
                found.append(tickers.row(self._venue, series, *figures))
        return {"category": category, "list": found}

    def _trades(self, query: Query) -> dict[str, Any]:
        series = self._listed(query)
        spot = series.listing.category == "spot"
        limit = _whole(query, "limit", 60 if spot else 500, 1, 60 if spot else 1000)
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

    def _funding(self, query: Query) -> dict[str, Any]:
        series = self._listed(query)
        if series.listing.category != "linear":
            raise ApiError(PARAMETER, "params error: Category is invalid")
        limit = _whole(query, "limit", 200, 1, 200)
        start, end = _time_of(query, "startTime"), _time_of(query, "endTime")
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

    def _price_limit(self, query: Query) -> dict[str, Any]:
        """Orders may stray 5 % (linear) or 10 % (spot) from the last price."""
        series = self._listed(query, default="linear")
        price = int(self._venue.last(series)["price"])
        band = 10 if series.listing.category == "spot" else 5
        high, low = series.price(price * (100 + band) // 100), series.price(-(-price * (100 - band) // 100))
        return {"symbol": series.listing.symbol, "buyLmt": high, "sellLmt": low, "ts": str(self._wall_ms())}

    def _listed(self, query: Query, default: str | None = None) -> Series:
        category = _category(query, default)
        series = self._venue.series(category, query.get("symbol", ""))
        if series is None:
            raise ApiError(PARAMETER, "Not supported symbols")
        return series


def _category(query: Query, default: str | None = None) -> str:
    category = query.get("category") or default
    if category not in CATEGORIES:
        raise ApiError(PARAMETER, "params error: Category is invalid")
    return category


def _whole(query: Query, name: str, default: int, least: int, most: int) -> int:
    """A whole number, at most `most` (the venue clips); below `least` or no number: an error."""
    text = query.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ApiError(PARAMETER, f"params error: {name} is invalid")
    return min(int(text), most)


def _time_of(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None or text == "":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 13:
        raise ApiError(PARAMETER, f"params error: {name} is invalid")
    return int(text)
