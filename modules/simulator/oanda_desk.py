"""The simulated OANDA account at work: its quotes, its transactions and the figures that follow from them; Decimal, time as an argument.

Sources: oanda_v20, "Objects", "Market clock and money". NAV = balance + unrealised; margin of a pair = |net units| x base to home x rate;
the closeout comes when half the margin in use is more than the NAV. Gains are turned into home currency at the price that is worse for the
account, losses too, so the two factors differ by the spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from modules.simulator.oanda_pairs import PAIRS, Pair, route
from modules.simulator.oanda_types import ZERO, Order, Quote, Row, State, Trade, money, stamp

FACTOR = Decimal("1e-12")
LEG_TYPES = ("TAKE_PROFIT", "STOP_LOSS", "TRAILING_STOP_LOSS")
KEEP_CLOSED = 2_000
"""So many orders and trades that are over are remembered."""
USER = 1_000_001


class Figures(msgspec.Struct, frozen=True):
    """What the account is worth now, in home currency."""

    unrealized: Decimal
    nav: Decimal
    margin_used: Decimal
    position_value: Decimal
    closeout_unrealized: Decimal
    closeout_nav: Decimal
    closeout_percent: Decimal

    @property
    def margin_available(self) -> Decimal:
        """What is free to be bound."""
        return max(ZERO, self.nav - self.margin_used)


class Desk:
    """One account. `state` and `rows` (its transactions, oldest first) are all there is; `news`: rows that nobody has been told yet."""

    def __init__(self, state: State, rows: list[Row] | None = None) -> None:
        self.state = state
        self.rows: list[Row] = rows if rows is not None else []
        self.news: list[Row] = []
        self.quotes: dict[str, Quote] = {}
        self.shut: set[str] = set()
        """Pairs that do not trade now."""
        self.missed: set[str] = set()
        """Pairs whose price moved meanwhile: their next one is a jump."""
        self.batch = ""
        self.request = ""
        self._orders = {one.id: one for one in state.orders.values() if one.state == "PENDING"}
        self._trades = {one.id: one for one in state.trades.values() if one.close_ts is None}

    # transactions ---------------------------------------------------------------------------------------------------------------------
    @property
    def last_id(self) -> str:
        """Of the newest transaction."""
        return str(self.state.last_id)

    def begin(self, request: str = "") -> None:
        """What is booked from here on belongs together."""
        self.batch, self.request = "", request

    def book(self, type_: str, now: int, **fields: object) -> Row:
        """Write a transaction; None among the fields is left out."""
        self.state.last_id += 1
        number = str(self.state.last_id)
        self.batch = self.batch or number
        row: Row = {
            "id": number,
            "time": stamp(now),
            "userID": USER,
            "accountID": self.state.account_id,
            "batchID": self.batch,
            "requestID": self.request or None,
            "type": type_,
            **fields,
        }
        row = {name: value for name, value in row.items() if value is not None}
        self.rows.append(row)
        self.news.append(row)
        return row

    def since(self, number: int) -> list[Row]:
        """Transactions with a greater id, oldest first."""
        if not self.rows:
            return []
        first = int(self.rows[0]["id"])
        return self.rows[max(0, number + 1 - first) :]

    # what is there --------------------------------------------------------------------------------------------------------------------
    def pair(self, name: str) -> Pair:
        """The instrument."""
        return PAIRS[name]

    def put(self, one: Order | Trade) -> None:
        """Take a new order or trade in."""
        if isinstance(one, Order):
            self.state.orders[one.id] = self._orders[one.id] = one
        else:
            self.state.trades[one.id] = self._trades[one.id] = one

    def open_trades(self, instrument: str | None = None) -> list[Trade]:
        """Oldest first."""
        for gone in [one.id for one in self._trades.values() if one.close_ts is not None]:
            del self._trades[gone]
        return [one for one in self._trades.values() if instrument in (None, one.instrument)]

    def pending(self, instrument: str | None = None) -> list[Order]:
        """Oldest first."""
        for gone in [one.id for one in self._orders.values() if one.state != "PENDING"]:
            del self._orders[gone]
        return [one for one in self._orders.values() if instrument in (None, one.instrument)]

    def net(self, instrument: str) -> Decimal:
        """Signed units over all trades."""
        return sum((one.units for one in self.open_trades(instrument)), ZERO)

    def tradeable(self, instrument: str) -> bool:
        """Whether it trades now."""
        return instrument in self.quotes and instrument not in self.shut

    def trim(self) -> None:
        """Forget the oldest of what is over."""
        orders = [one.id for one in self.state.orders.values() if one.state != "PENDING"]
        for old in orders[: max(0, len(orders) - KEEP_CLOSED)]:
            del self.state.orders[old]
        trades = [one.id for one in self.state.trades.values() if one.close_ts is not None]
        for old in trades[: max(0, len(trades) - KEEP_CLOSED)]:
            del self.state.trades[old]

    # money ----------------------------------------------------------------------------------------------------------------------------
    def factors(self, currency: str) -> tuple[Decimal, Decimal]:
        """(of gains, of losses): home units per unit of a currency; 0 while the price is not known."""
        way = route(currency)
        if way is None:
            return Decimal(1), Decimal(1)
        quote = self.quotes.get(way[0])
        if quote is None:
            return ZERO, ZERO
        low, high = (1 / quote.ask, 1 / quote.bid) if way[1] else (quote.bid, quote.ask)
        return low.quantize(FACTOR), high.quantize(FACTOR)

    def mid_factor(self, currency: str) -> Decimal:
        """Home units per unit of a currency, in the middle."""
        low, high = self.factors(currency)
        return (low + high) / 2

    def to_home(self, amount: Decimal, currency: str) -> Decimal:
        """Gains at the low factor, losses at the high one; not rounded."""
        gain, loss = self.factors(currency)
        return amount * (gain if amount > 0 else loss)

    def margin_of(self, instrument: str, units: Decimal) -> Decimal:
        """That so many units bind now."""
        pair = self.pair(instrument)
        return money(abs(units) * self.mid_factor(pair.base) * pair.margin_rate)

    def unrealized(self, trade: Trade) -> Decimal:
        """At the price at which it could be closed."""
        quote = self.quotes.get(trade.instrument)
        if quote is None:
            return ZERO
        return money(self.to_home((quote.side(-trade.units) - trade.price) * trade.units, self.pair(trade.instrument).quote))

    def figures(self, more: Mapping[str, Decimal] | None = None) -> Figures:
        """Everything the summary shows; `more`: net units as they would be, by instrument."""
        trades = self.open_trades()
        nets = {one.instrument: ZERO for one in trades}
        unrealized = closeout = ZERO
        for one in trades:
            nets[one.instrument] += one.units
            unrealized += self.unrealized(one)
            quote = self.quotes.get(one.instrument)
            if quote is not None:
                currency = self.pair(one.instrument).quote
                closeout += money((quote.mid - one.price) * one.units * self.mid_factor(currency))
        nets |= dict(more or {})
        used = sum((self.margin_of(name, units) for name, units in nets.items()), ZERO)
        value = sum((money(abs(units) * self.mid_factor(self.pair(name).base)) for name, units in nets.items()), ZERO)
        balance = self.state.balance
        nav = balance + closeout
        percent = ZERO if not used else (used / 2 / nav if nav > 0 else Decimal(999))
        return Figures(
            unrealized=unrealized, nav=balance + unrealized, margin_used=used, position_value=value, closeout_unrealized=closeout,
            closeout_nav=nav, closeout_percent=percent,
        )  # fmt: skip

    def text(self, amount: Decimal) -> str:
        """Money as the wire writes it."""
        return f"{amount:.4f}"
