"""The simulated OANDA without sockets: a side whose venue time the test moves, asked as over REST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from modules.simulator.faults import FaultTable, parse
from modules.simulator.intervals import DAY, MINUTE
from modules.simulator.oanda_generated import open_at
from modules.simulator.oanda_market import FX_BAR, FxSeries
from modules.simulator.oanda_pairs import PAIRS
from modules.simulator.oanda_side import OandaAccess, OandaSide
from modules.simulator.oanda_streams import Line
from modules.simulator.order_types import Now
from self_test.modules.simulator.oanda_toy import NOW

START = NOW
LEVELS = {"EUR_USD": 110_000, "GBP_USD": 130_000, "USD_JPY": 150_000, "USD_CAD": 140_000}


class Flat:
    """Four pairs that stand still (spread 10 ticks) unless `moves` says otherwise: (pair, minute, low or high in ticks)."""

    def __init__(self, *moves: tuple[str, int, int], days: int = 7) -> None:
        self.notices: tuple[str, ...] = ()
        self.series: dict[str, FxSeries] = {}
        for name, level in LEVELS.items():
            rows = np.zeros(days * 1440, dtype=FX_BAR)
            rows["ts"] = START - DAY + np.arange(days * 1440) * MINUTE
            for field in ("open", "high", "low", "close"):
                rows[field] = level
            rows["volume"], rows["spread"] = 40, 10
            for pair, minute, price in moves:
                if pair == name:
                    row = rows[1440 + minute : 1441 + minute]
                    row["high"], row["low"] = max(level, price), min(level, price)
            self.series[name] = FxSeries(PAIRS[name], MINUTE, rows[open_at(rows["ts"].astype(np.int64))])

    def extend(self, until_ms: int) -> None:
        """It is all there."""


class Stage:
    """A side at START."""

    def __init__(self, market: Flat | None = None, folder: Path | None = None, *, at: int = START, **access: str) -> None:
        self.ts, self.wall = at, 1_000_000
        self.faults = FaultTable(1)
        self.said: list[str] = []
        self.side = OandaSide(
            lambda: market or Flat(), 1, START, OandaAccess(**access), folder, lambda: Now(self.ts, self.wall), self.faults,
            self.said.append,
        )  # fmt: skip
        self.account = self.side.account_id

    def go(self, minutes: float) -> None:
        """Let venue time pass."""
        self.ts += int(minutes * MINUTE)
        self.side.advance(self.ts)

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: str) -> tuple[int, Any]:
        """A request under the account (a path that begins with / as it is)."""
        self.side.wake()
        self.wall += 20
        whole = path if path.startswith("/") else f"/v3/accounts/{self.account}/{path}".rstrip("/")
        headers = {"Authorization": f"Bearer {token or self.side.token}"}
        sent = b"" if body is None else msgspec.json.encode(body)
        status, _, found = self.side.rest.handle(method, whole, query, headers, sent, "http://here")
        return status, msgspec.json.decode(found)

    def buy(self, units: str = "1000", name: str = "EUR_USD", **more: Any) -> Any:
        """A market order's answer."""
        status, body = self.ask("POST", "orders", {"order": {"type": "MARKET", "instrument": name, "units": units, **more}})
        assert status == 201, body
        return body

    def listen(self, kind: str, *names: str) -> Line:
        """A stream of this side."""
        self.side.wake()
        line = Line(kind, f"/v3/accounts/{self.account}/{kind}/stream", self.account, names, lambda *_: None)
        self.side.streams.join(line, self.ts, snapshot=True)
        return line

    def heard(self, line: Line) -> list[Any]:
        """What has come since the last look."""
        found = [msgspec.json.decode(one) for one in line._out]
        line._out.clear()
        return found

    def fault(self, **given: Any) -> None:
        """A fault in force; a scripted one happens at once."""
        fault = parse(given)
        self.faults.add(fault)
        if fault.kind in {"price_gap", "filters", "liquidate"}:
            assert self.side.script(fault, self.ts)
