"""What can be read of the simulated OANDA: account, instruments, prices, candles, orders, trades, positions, transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from modules.simulator import oanda_candles as candles
from modules.simulator import oanda_entry as entry
from modules.simulator import oanda_rows as rows
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_market import FxSeries
from modules.simulator.oanda_pairs import PAIRS
from modules.simulator.oanda_types import Malformed, Row, parse_time, stamp

Query = Mapping[str, str]
DEFAULT_CANDLES = 500
MOST_LISTED = 500
DEFAULT_LISTED = 50
DEFAULT_PAGE = 100
MOST_PAGE = 1000


class Reads:
    """`series`: the listed pairs; `now`: venue time."""

    def __init__(self, desk: Desk, series: Callable[[], Mapping[str, FxSeries]], now: Callable[[], int]) -> None:
        self._desk, self._series, self._now = desk, series, now

    def answer(self, parts: list[str], query: Query, base: str) -> Row | None:
        """The body for `GET A/parts…`, None when there is no such thing. Malformed: HTTP error; `base`: address of the account's API."""
        desk = self._desk
        match parts:
            case []:
                return {"account": rows.account(desk)}
            case ["summary"]:
                return {"account": rows.summary(desk)}
            case ["instruments"]:
                return {"instruments": [PAIRS[name].row() for name in self.named(query, required=False)]}
            case ["instruments", name, "candles"]:
                return self.candles(name, query)
            case ["candles", "latest"]:
                return self._latest(query)
            case ["pricing"]:
                return self._pricing(query)
            case ["changes"]:
                return self._changes(query)
            case ["orders"] | ["pendingOrders"]:
                found = desk.pending() if parts == ["pendingOrders"] else self._orders(query)
                return {"orders": [rows.order(desk, one) for one in found]}
            case ["orders", spec]:
                if (order := entry.find_order(desk, spec)) is None:
                    raise Malformed("The order ID specified does not exist", 404, "NO_SUCH_ORDER")
                return {"order": rows.order(desk, order)}
            case ["trades"] | ["openTrades"]:
                trades = desk.open_trades()[::-1] if parts == ["openTrades"] else self._trades(query)
                return {"trades": [rows.trade(desk, one) for one in trades]}
            case ["trades", spec]:
                if (trade := entry.find_trade(desk, spec)) is None:
                    raise Malformed("The trade ID specified does not exist", 404, "NO_SUCH_TRADE")
                return {"trade": rows.trade(desk, trade)}
            case ["positions"] | ["openPositions"]:
                return {"positions": rows.positions(desk, open_only=parts == ["openPositions"])}
            case ["positions", name]:
                return {"position": rows.position(desk, self._pair(name))}
            case ["transactions", *rest]:
                return self._transactions(rest, query, base)
        return None

    # instruments and prices -----------------------------------------------------------------------------------------------------------
    def _pair(self, name: str) -> str:
        if name not in self._series():
            raise Malformed("Invalid value specified for 'instrument'")
        return name

    def named(self, query: Query, *, required: bool) -> list[str]:
        """The pairs that a query names, else (unless one is required) all."""
        text = query.get("instruments", "")
        if not text:
            if required:
                raise Malformed("Required parameter 'instruments' is missing")
            return list(self._series())
        names = [one.strip() for one in text.split(",") if one.strip()]
        if wrong := [one for one in names if one not in self._series()]:
            raise Malformed(f"Invalid Instrument {wrong[0]}")
        return list(dict.fromkeys(names))

    def _pricing(self, query: Query) -> Row:
        desk, names = self._desk, self.named(query, required=True)
        since = parse_time(query["since"]) if query.get("since") else -1
        shown = [one for one in names if one in desk.quotes and desk.quotes[one].ts > since]
        found: Row = {"prices": [rows.price(desk, one, factors=True) for one in shown], "time": stamp(self._now())}
        if query.get("includeHomeConversions", "").lower() == "true":
            found["homeConversions"] = rows.conversions(desk, names)
        return found

    def candles(self, name: str, query: Query) -> Row:
        """Of one instrument."""
        series = self._series()[self._pair(name)]
        granularity, sides = query.get("granularity", "S5"), query.get("price", "M")
        if granularity not in candles.LENGTHS:
            raise Malformed("Invalid value specified for 'granularity'")
        if not sides or set(sides) - set("MBA"):
            raise Malformed("Invalid value specified for 'price'")
        start = parse_time(query["from"]) if query.get("from") else None
        end = parse_time(query["to"]) if query.get("to") else None
        if "count" in query and start is not None and end is not None:
            raise Malformed("'count' cannot be specified when both 'to' and 'from' are set")
        now = self._now()
        if start is not None and start > now:
            raise Malformed("Invalid value specified for 'from'. Time is in the future")
        if start is not None and end is not None and end < start:
            raise Malformed("Invalid value specified for 'to': it is before 'from'")
        both = start is not None and end is not None
        count = whole(query, "count", candles.MOST + 1 if both else DEFAULT_CANDLES, candles.MOST + 1 if both else candles.MOST)
        try:
            align = candles.Alignment(
                whole(query, "dailyAlignment", 17, 23, least=0),
                query.get("alignmentTimezone", "America/New_York"),
                candles.WEEKDAYS.index(query.get("weeklyAlignment", "Friday")),
            )
            ZoneInfo(align.zone)
        except (ValueError, KeyError) as error:
            raise Malformed("Invalid value specified for the alignment") from error
        first = query.get("includeFirst", "true").lower() != "false"
        found = candles.window(series, granularity, now, align, start=start, end=end, count=count, first=first)
        if len(found.ts) > candles.MOST:
            raise Malformed("Maximum value for 'count' exceeded")
        return {"instrument": name, "granularity": granularity, "candles": candles.rows(series.pair, found, sides)}

    def _latest(self, query: Query) -> Row:
        specs = query.get("candleSpecifications", "")
        if not specs:
            raise Malformed("Required parameter 'candleSpecifications' is missing")
        found = []
        for spec in specs.split(","):
            name, granularity, sides = [*spec.split(":"), "", ""][:3]
            found.append(self.candles(name, {"granularity": granularity or "S5", "price": sides or "M", "count": "2"}))
        return {"latestCandles": found}

    # orders and trades ----------------------------------------------------------------------------------------------------------------
    def _orders(self, query: Query) -> list[Any]:
        state = query.get("state", "PENDING")
        return _listed(self._desk.state.orders.values(), query, lambda one: state in {"ALL", one.state})

    def _trades(self, query: Query) -> list[Any]:
        state = query.get("state", "OPEN")
        return _listed(self._desk.state.trades.values(), query, lambda one: state == "ALL" or (state == "OPEN") == (one.close_ts is None))

    def _changes(self, query: Query) -> Row:
        desk, since = self._desk, number(query, "sinceTransactionID")
        if since > desk.state.last_id:
            raise Malformed("Invalid value specified for 'sinceTransactionID'")
        found = desk.since(since)
        orders, trades = desk.state.orders, desk.state.trades
        made = [orders[row["id"]] for row in found if row["id"] in orders]
        ended = [one for one in orders.values() if int(one.cancelling or 0) > since]
        filled = [one for one in orders.values() if int(one.filling or 0) > since]
        opened = [trades[row["id"]] for row in found if row["id"] in trades]
        reduced = [trades[row["tradeReduced"]["tradeID"]] for row in found if "tradeReduced" in row]
        closed = [trades[one["tradeID"]] for row in found for one in row.get("tradesClosed", ())]
        touched = dict.fromkeys(row["instrument"] for row in found if row["type"] == "ORDER_FILL")
        return {
            "changes": {
                "ordersCreated": [rows.order(desk, one) for one in made],
                "ordersCancelled": [rows.order(desk, one) for one in ended],
                "ordersFilled": [rows.order(desk, one) for one in filled],
                "ordersTriggered": [],
                "tradesOpened": [rows.trade(desk, one, full=False) for one in opened],
                "tradesReduced": [rows.trade(desk, one, full=False) for one in {one.id: one for one in reduced}.values()],
                "tradesClosed": [rows.trade(desk, one, full=False) for one in closed],
                "positions": [rows.position(desk, name) for name in touched],
                "transactions": found,
            },
            "state": rows.changing(desk),
        }

    # transactions ---------------------------------------------------------------------------------------------------------------------
    def _transactions(self, parts: list[str], query: Query, base: str) -> Row | None:
        desk = self._desk
        kinds = {one for one in query.get("type", "").split(",") if one}

        def chosen(found: list[Row]) -> list[Row]:
            return [one for one in found if not kinds or one["type"] in kinds]

        match parts:
            case []:
                return self._pages(query, base, chosen(desk.rows))
            case ["idrange"]:
                first, last = number(query, "from"), number(query, "to")
                return {"transactions": chosen([one for one in desk.since(first - 1) if int(one["id"]) <= last])}
            case ["sinceid"]:
                since = number(query, "id")
                if since > desk.state.last_id:
                    raise Malformed("Invalid value specified for 'id'")
                return {"transactions": chosen(desk.since(since))}
            case [one] if one.isdecimal():
                found = [row for row in desk.since(int(one) - 1)[:1] if row["id"] == one]
                if not found:
                    raise Malformed("The transaction ID specified does not exist", 404)
                return {"transaction": found[0]}
        return None

    def _pages(self, query: Query, base: str, found: list[Row]) -> Row:
        begin = parse_time(query["from"]) if query.get("from") else self._desk.state.created
        end = parse_time(query["to"]) if query.get("to") else self._now()
        size = whole(query, "pageSize", DEFAULT_PAGE, MOST_PAGE)
        inside = [one for one in found if stamp(begin) <= one["time"] <= stamp(end)]
        kinds = f"&type={query['type']}" if query.get("type") else ""
        pages = []
        for at in range(0, len(inside), size):
            part = inside[at : at + size]
            pages.append(f"{base}/transactions/idrange?from={part[0]['id']}&to={part[-1]['id']}{kinds}")
        return {"from": stamp(begin), "to": stamp(end), "pageSize": size, "type": sorted(query.get("type", "").split(",")) if kinds else [],
                "count": len(inside), "pages": pages}  # fmt: skip


def _listed(every: Iterable[Any], query: Query, fits: Callable[[Any], bool]) -> list[Any]:
    """Newest first, as far as the query asks."""
    count = whole(query, "count", DEFAULT_LISTED, MOST_LISTED)
    before = number(query, "beforeID") if query.get("beforeID") else None
    ids = {one for one in query.get("ids", "").split(",") if one}
    name = query.get("instrument")
    found = [
        one
        for one in every
        if fits(one)
        and (name is None or one.instrument == name)
        and (not ids or one.id in ids)
        and (before is None or int(one.id) <= before)
    ]
    return found[::-1][:count]


def number(query: Query, name: str) -> int:
    """A transaction id."""
    text = query.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Malformed(f"Invalid value specified for '{name}'")
    return int(text)


def whole(query: Query, name: str, default: int, most: int, *, least: int = 1) -> int:
    """A count within its limits."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 8 and int(text) >= least):
        raise Malformed(f"Invalid value specified for '{name}'")
    if int(text) > most:
        raise Malformed(f"Maximum value for '{name}' exceeded")
    return int(text)
