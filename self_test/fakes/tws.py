"""A gateway of Interactive Brokers on loopback: the wire protocol at server version 176, one account, a small exchange, its own ledger.

It speaks length-prefixed fields separated by NUL, as the real one does, and knows the messages that trading options needs. Brackets are
held back until their last order has come, children work once their parent has filled, an OCA group is reduced by what one of it fills.
Faults are told by name. `ledger` is the truth that tests compare with: every fill, and what it did to the cash.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from self_test.fakes.tws_messages import TICKS, VERSION, Fill, Option, Order, completed, executed, frame, opened, seconds, stamp, state_of


@dataclass
class FakeTws:
    """Start with `start()`, end with `stop()`. `cash`: US dollars."""

    account: str = "DU1234567"
    cash: float = 200_000.0
    currency: str = "USD"
    options: list[Option] = field(
        default_factory=lambda: [
            Option(700_001, "EUR", "20261204", 1.10, "C", bid=0.0079, ask=0.0080),
            Option(700_002, "EUR", "20261211", 1.10, "C", bid=0.0099, ask=0.0100),
            Option(700_003, "JPY", "20261204", 0.0065, "P", bid=0.000049, ask=0.000050),
        ]
    )
    orders: list[Order] = field(default_factory=list)
    ledger: list[Fill] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    """Every message that came, in its fields."""
    refuse: list[tuple[str, int, str]] = field(default_factory=list)
    """(end of the reference, or `*`, number, words) of orders to refuse, each once."""
    inactive: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Kinds of messages to leave unanswered: "orders", "time", "contract", "summary"."""
    lose_after_order: bool = False
    """Take the next whole order in, then close the line before a word of it."""
    mute_commissions: bool = False
    refuse_client: bool = False
    _server: asyncio.Server | None = None
    _lines: dict[asyncio.StreamWriter, int] = field(default_factory=dict)
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody is served."""
    _served: int = 0
    port: int = 0
    _perm: int = 90_000
    _next: int = 100

    # --- its life -----------------------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._quiet.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """The process ends: nobody listens, every line breaks; orders stand at the exchange."""
        if self._server is not None:
            self._server.close()
            self.hang_up()
            await self._server.wait_closed()
            self._server = None
        async with asyncio.timeout(5):
            await self._quiet.wait()

    def hang_up(self) -> None:
        for line in list(self._lines):
            line.close()
        self._lines.clear()

    def upstream(self, *, lost: bool) -> None:
        self._all(4, 2, -1, 1100 if lost else 1102, "Connectivity between IB and Trader Workstation", "")

    def move(self, option: Option, bid: float, ask: float) -> None:
        """The market moves: resting orders meet it, stops first."""
        option.bid, option.ask = bid, ask
        for order in sorted(self._working(option), key=lambda one: one.kind != "STP"):
            if not order.ended:
                self._meet(order)

    def cash_moved(self) -> float:
        """What the fills did to the cash, counted from the ledger."""
        signs = {"BUY": -1, "SELL": 1}
        return sum(signs[one.order.action] * one.contracts * one.price * one.order.option.units - one.fee for one in self.ledger)

    def of(self, ref: str) -> Order:
        return next(one for one in self.orders if one.ref == ref)

    def open(self) -> list[Order]:
        return [one for one in self.orders if not one.ended]

    # --- the wire -----------------------------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served += 1
        self._quiet.clear()
        try:
            await self._converse(reader, writer)
        finally:
            self._lines.pop(writer, None)
            with suppress(ConnectionError):
                writer.close()
            self._served -= 1
            if not self._served:
                self._quiet.set()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            assert await reader.readexactly(4) == b"API\0"
            await self._read(reader)
            writer.write(frame(VERSION, stamp(seconds())))
            client = -1
            while True:
                fields = await self._read(reader)
                self.asked.append(fields)
                if fields[0] == "71":
                    client = int(fields[2])
                    if self.refuse_client:
                        writer.write(frame(4, 2, -1, 326, "Unable to connect as the client id is already in use.", ""))
                        break
                    self._lines[writer] = client
                    writer.write(frame(15, 1, self.account) + frame(9, 1, self._next))
                else:
                    for message in self._answer(fields, client):
                        writer.write(message)

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> list[str]:
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        return (await reader.readexactly(length)).decode("latin1").split("\0")

    def _all(self, *fields: object) -> None:
        for line in self._lines:
            line.write(frame(*fields))

    def _tell(self, client: int, message: bytes) -> None:
        for line, who in self._lines.items():
            if who == client:
                line.write(message)

    def _answer(self, fields: list[str], client: int) -> Iterator[bytes]:
        match fields[0]:
            case "61":
                for one in self.options:
                    if one.position:
                        yield frame(61, 3, self.account, *one.head(), one.position, one.paid / one.position)
                yield frame(62, 1)
            case "62" if "summary" not in self.silent:
                value = self.cash + sum(one.position * one.bid * one.units for one in self.options)
                for tag, figure in (("NetLiquidation", value), ("TotalCashValue", self.cash), ("AvailableFunds", self.cash)):
                    yield frame(63, 1, fields[2], self.account, tag, f"{figure:.2f}", self.currency)
                yield frame(64, 1, fields[2])
            case "49" if "time" not in self.silent:
                yield frame(49, 1, seconds())
            case "9" if "contract" not in self.silent:
                yield from self._details(fields)
            case "5":
                yield from self._standing([one for one in self.open() if one.client == client])
            case "16":
                yield from self._standing(self.open())
            case "99":
                for order in self.orders:
                    if order.ended:
                        yield frame(101, *completed(order))
                yield frame(102)
            case "7":
                for done in self.ledger:
                    yield executed(done, self.account, fields[2])
                yield frame(55, 1, fields[2])
                for done in self.ledger:
                    yield from self._costed(done)
            case "3":
                yield from self._placed(fields, client)
            case "4":
                yield from self._cancelled(int(fields[2]), client)
            case "1":
                yield from self._quoted(fields)

    def _details(self, fields: list[str]) -> Iterator[bytes]:
        number, symbol, expiry, strike, right, trading_class = fields[2], fields[4], fields[6], fields[7], fields[8], fields[14]
        found = [
            one
            for one in self.options
            if (one.symbol, one.expiry, one.right) == (symbol, expiry, right)
            and one.strike == float(strike)
            and trading_class in {"", one.trading_class}
        ]
        if not found:
            yield frame(4, 2, number, 200, "No security definition has been found for the request", "")
        for one in found:
            head = [number, one.symbol, "FOP", one.expiry, one.strike, one.right, "CME", "USD", f"{one.trading_class} {one.right}"]
            middle = [one.symbol, one.trading_class, one.number, TICKS[one.symbol], one.units, "LMT,STP,MKT", "CME", 1, 600_000, "FX"]
            tail = ["", "202612", "", "", "", "US/Central", "", "", "", "", 0, 1, one.symbol, "FUT", "239", one.expiry, "", 1, 1, 1]
            yield frame(10, *head, *middle, *tail)
        if found:
            yield frame(52, 1, number)

    def _quoted(self, fields: list[str]) -> Iterator[bytes]:
        number = fields[2]
        option = next(one for one in self.options if str(one.number) == fields[3])
        for tick, price in ((1, option.bid), (2, option.ask)):
            yield frame(1, 6, number, tick, price, 10, 0)
        yield frame(21, number, 13, 0, 0.072, 0.45, (option.bid + option.ask) / 2, 0.0, 12.0, 0.0009, -0.0001, 1.1004)
        yield frame(57, 1, number)

    def _standing(self, orders: Iterable[Order]) -> Iterator[bytes]:
        for one in orders:
            yield frame(5, *opened(one)) + state_of(one)
        yield frame(53, 1)

    def _costed(self, one: Fill) -> Iterator[bytes]:
        if not self.mute_commissions:
            yield frame(59, 1, one.execution, one.fee, "USD", 0, 0, "")

    # --- the exchange -------------------------------------------------------------------------------------------------------------------

    def _placed(self, f: list[str], client: int) -> Iterator[bytes]:
        number = int(f[1])
        known = next((one for one in self.orders if (one.client, one.number) == (client, number)), None)
        if known is not None:
            yield from self._changed(known, f)
            return
        option = next((one for one in self.options if str(one.number) == f[2]), None)
        if option is None:
            yield frame(4, 2, number, 200, "No security definition has been found for the request", "")
            return
        self._perm += 1
        self._next = max(self._next, number + 1)
        order = Order(
            client, number, self._perm, option, f[16], int(float(f[17])), f[18], f[19], f[20], f[21], f[22], f[23], f[26], f[27] == "1",
            int(f[28]), int(f[47]),
        )  # fmt: skip
        self.orders.append(order)
        if not order.transmit:
            return
        whole = [one for one in self.orders if one.client == client and order.parent and order.parent in {one.number, one.parent}] or [
            order
        ]
        if self.lose_after_order:
            self.lose_after_order = False
            self._all_down_then(whole)
            return
        if "orders" in self.silent:
            return
        for one in whole:
            self._begin(one)

    def _all_down_then(self, whole: list[Order]) -> None:
        self.hang_up()
        for one in whole:
            self._begin(one)

    def _changed(self, order: Order, f: list[str]) -> Iterator[bytes]:
        for fault in self.refuse:
            if order.ref.endswith(fault[0]) or fault[0] == "*":
                self.refuse.remove(fault)
                yield frame(4, 2, order.number, fault[1], fault[2], "")
                return
        order.total, order.limit, order.aux = int(float(f[17])), f[19], f[20]
        yield frame(5, *opened(order)) + state_of(order)

    def _begin(self, order: Order) -> None:
        if order.ended:
            return
        for fault in self.refuse:
            if order.ref.endswith(fault[0]) or fault[0] == "*":
                self.refuse.remove(fault)
                order.status = "Cancelled"
                self._tell(order.client, frame(4, 2, order.number, fault[1], fault[2], ""))
                self._end_children(order)
                return
        if order.ref in self.inactive:
            order.status = "Inactive"
            self._news(order)
            return
        parent = self._parent(order)
        order.status = "PreSubmitted" if order.kind == "STP" or (parent is not None and parent.status != "Filled") else "Submitted"
        self._news(order)
        self._meet(order)

    def _parent(self, order: Order) -> Order | None:
        return next((one for one in self.orders if one.client == order.client and order.parent == one.number), None)

    def _children(self, order: Order) -> list[Order]:
        return [one for one in self.orders if one.client == order.client and one.parent == order.number]

    def _end_children(self, order: Order) -> None:
        for one in self._children(order):
            if not one.ended:
                one.status = "Cancelled"
                self._news(one)

    def _working(self, option: Option) -> list[Order]:
        return [one for one in self.orders if one.option is option and one.status in {"Submitted", "PreSubmitted"}]

    def _meet(self, order: Order) -> None:
        """What an order does at the present market."""
        parent = self._parent(order)
        if parent is not None and parent.status != "Filled":
            return
        option = order.option
        price = option.ask if order.action == "BUY" else option.bid
        limit, trigger = float(order.limit or 0), float(order.aux or 0)
        good = price <= limit if order.action == "BUY" else price >= limit
        meets = {"MKT": True, "STP": option.bid <= trigger, "LMT": good}[order.kind]
        if meets:
            self.fill(order, order.left, price)
        elif order.tif == "IOC":
            order.status = "Cancelled"
            self._news(order)
            self._end_children(order)

    def fill(self, order: Order, contracts: int, price: float) -> None:
        """So many contracts of an order meet somebody."""
        option, sign = order.option, 1 if order.action == "BUY" else -1
        order.average = (order.average * order.filled + price * contracts) / (order.filled + contracts)
        order.filled += contracts
        order.status = "Filled" if not order.left else order.status
        option.paid = option.paid + contracts * price * option.units if sign > 0 else option.paid * (1 - contracts / option.position)
        option.position += sign * contracts
        one = Fill(f"0000e0d5.6{len(self.ledger):07d}.01.01", order, contracts, price, seconds())
        self.ledger.append(one)
        self.cash -= sign * contracts * price * option.units + one.fee
        self._tell(order.client, executed(one, self.account))
        self._news(order)
        for message in self._costed(one):
            self._tell(order.client, message)
        for other in self.orders:
            if order.oca and other.oca == order.oca and other is not order and not other.ended:
                other.total -= contracts
                other.status = "Cancelled" if other.left <= 0 else other.status
                self._news(other)
        if order.status == "Filled":
            for child in self._children(order):
                if child.status == "PreSubmitted" and child.kind != "STP":
                    child.status = "Submitted"
                    self._news(child)

    def _cancelled(self, number: int, client: int) -> Iterator[bytes]:
        order = next((one for one in self.orders if (one.client, one.number) == (client, number)), None)
        if order is None or (order.ended and order.status != "Inactive"):
            yield frame(4, 2, number, 10148 if order else 10147, "OrderId that needs to be cancelled can not be cancelled", "")
            return
        order.status = "Cancelled"
        yield state_of(order) + frame(4, 2, number, 202, "Order Canceled - reason:", "")
        self._end_children(order)

    def _news(self, order: Order) -> None:
        self._tell(order.client, frame(5, *opened(order)) + state_of(order))
