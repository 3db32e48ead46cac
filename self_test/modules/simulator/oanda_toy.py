"""A small OANDA account with prices that the test sets: pure, no market behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from modules.simulator.oanda_broker import Broker
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_types import Quote, Row, State

NOW = 1_741_075_200_000
"""Tuesday 2025-03-04 08:00 UTC."""
D = Decimal


def desk(balance: str = "10000") -> Desk:
    """EURUSD 1.10000/1.10010, GBPUSD 1.3, USDJPY 150, USDCAD 1.4, AUDUSD 0.65, EURGBP, EURJPY."""
    made = Desk(State(account_id="101-004-1-001", created=NOW, balance=D(balance), opening=D(balance)))
    for name, bid, ask in (
        ("EUR_USD", "1.10000", "1.10010"),
        ("GBP_USD", "1.30000", "1.30020"),
        ("USD_JPY", "150.000", "150.010"),
        ("USD_CAD", "1.40000", "1.40020"),
        ("AUD_USD", "0.65000", "0.65010"),
        ("EUR_GBP", "0.84600", "0.84612"),
        ("EUR_JPY", "165.000", "165.020"),
    ):
        made.quotes[name] = Quote(NOW, D(bid), D(ask))
    return made


def broker(balance: str = "10000") -> Broker:
    """The machine on such a desk."""
    return Broker(desk(balance))


def quote(machine: Broker, name: str, bid: str, *, ask: str | None = None, ts: int = NOW + 1000, jumped: bool = False) -> None:
    """The price moves (spread as it was unless said)."""
    old = machine.desk.quotes[name]
    machine.on_quote(name, Quote(ts, D(bid), D(ask) if ask else D(bid) + old.ask - old.bid, jumped))


def buy(machine: Broker, units: str = "1000", name: str = "EUR_USD", **more: Any) -> Row:
    """A market order (below 0 = sell)."""
    machine.desk.begin()
    return machine.create({"order": {"type": "MARKET", "instrument": name, "units": units, **more}}, NOW)


def types(machine: Broker, since: int = 0) -> list[str]:
    """What was booked."""
    return [row["type"] for row in machine.desk.since(since)]
