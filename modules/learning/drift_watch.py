"""Watches a run for drift: bars and ledger rows in, `drift` requests to the engine out, each with its reason. It may look, never touch.

An observer of the runner, so what it finds goes to the engine as a journalled event, and a replay needs no detectors. After a restart it is
fed what it was told before and the rows of the ledger that it had not seen, so it raises the same alarms as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import structlog

from modules.engine.core import Engine
from modules.learning.drift_domain import BAR_STREAMS
from modules.learning.drift_store import Bar, Closed, DriftMemory, Gap, Predicted, rounded, row_number
from state.accounts import Account
from state.ledger import LedgerRow, Ref, RowKind
from state.messages import BarsClosed, Command, Control, Event, Record
from strategy.actions import Values, size_of
from strategy.drift_levels import Alarm, Source, is_over
from strategy.drift_shape import cells_of
from strategy.features import INDEX, SEEN, SIZE, observe

log = structlog.get_logger("drift")
WHO = "the drift watch"
RECENT = 50
_AT = [INDEX[name] for name in BAR_STREAMS]


class DriftWatch:
    """`put` leaves an event in the inbox; `rows` are the ledger's, oldest first, of which those are taken that the files do not know."""

    def __init__(self, engine: Engine, folder: Path, put: Callable[[Event], None], rows: Iterable[LedgerRow] = ()) -> None:
        self._engine, self._put = engine, put
        state = engine.state
        self._memory = {str(one.domain): DriftMemory(folder, str(one.domain), engine.mandate.demotion) for one in state.instruments}
        self._seen = [int(row["n"]) for row in state.observed]
        self._counts = {card.name for card in engine.mandate.strategies if card.confirmed}
        self._ending: dict[str, int] = {}
        """Domain -> alarm whose level is being ended: asked for once."""
        oldest = min((memory.row for memory in self._memory.values()), default=0)
        for row in rows:
            if row.kind in {RowKind.DECISION, RowKind.TRADE} and row_number(row.ref) > oldest:
                for domain, alarm in self._row(row_number(row.ref), str(row.kind), msgspec.json.decode(row.row)):
                    self._memory[domain].alarms.append(alarm)
        for memory in self._memory.values():
            try:
                memory.compact()
            except OSError as error:
                log.warning("the drift watch cannot write", error=str(error))

    def events(self) -> list[Event]:
        """For the boot: alarms that came up while the files were fed and that the engine was never told of."""
        state = self._engine.state
        found: list[Event] = []
        for domain, memory in self._memory.items():
            told = state.drift[domain].alarm_ts if domain in state.drift else 0
            found += [alarm_event(domain, alarm, state.ts) for alarm in memory.alarms if alarm.ts > told]
            memory.alarms = []
        return found

    def observe(self, seq: int, event: Event, commands: list[Command]) -> None:
        """An observer of the runner."""
        for index, command in enumerate(commands):
            if isinstance(command, Record) and command.kind in {"decision", "trade"}:
                for domain, alarm in self._row(row_number(Ref(seq, index)), command.kind, command.row):
                    self._put(alarm_event(domain, alarm, event.ts))
        if isinstance(event, BarsClosed):
            self._bars(event)
            self._quiet(event.ts)

    def gap_ts(self, domain: str) -> int:
        """The newest exit of which a gap was told in `domain`, ms UTC; 0 for none."""
        return self._memory[domain].gap_ts if domain in self._memory else 0

    def closed_ts(self, domain: str) -> int:
        """The newest exit of a trade that counts in `domain`, ms UTC; 0 for none."""
        return self._memory[domain].closed_ts if domain in self._memory else 0

    def mean(self, source: Source) -> dict[str, float]:
        """Domain -> mean of the newest `RECENT` values of a stream of trades, R; left out where there is none yet."""
        found = {domain: [value for _, value in one.watched.streams[source].values[-RECENT:]] for domain, one in self._memory.items()}
        return {domain: float(np.mean(values)) for domain, values in found.items() if values}

    def gap(self, domain: str, ts: int, value: float) -> None:
        """R of a policy trade that closed at `ts` less the R that the simulator makes of it; each trade once, oldest first."""
        if domain in self._memory:
            for alarm in self._memory[domain].take(Gap(ts, value=rounded(value))):
                self._put(alarm_event(domain, alarm, self._engine.state.ts))

    # --- rows of the ledger -------------------------------------------------------------------------------------------------------

    def _row(self, number: int, kind: str, row: dict[str, Any]) -> list[tuple[str, Alarm]]:
        """Tell a domain of a row that it does not know yet."""
        domain = str(Account.parse(row["account"]).domain)
        if domain not in self._memory or row["strategy"] not in self._counts:
            return []
        told = predicted(number, row) if kind == "decision" else closed(number, domain, row)
        if told is None or number <= self._memory[domain].row:
            return []
        return [(domain, alarm) for alarm in self._memory[domain].take(told)]

    # --- bars ---------------------------------------------------------------------------------------------------------------------

    def _bars(self, event: BarsClosed) -> None:
        """What the primary bars that have just closed look like; most confirm bars close none."""
        state, mandate = self._engine.state, self._engine.mandate
        found: dict[tuple[str, int], list[Values]] = {}
        for m, n in enumerate(state.observed["n"].tolist()):
            if n == self._seen[m] or not state.seats_of[m]:
                continue
            self._seen[m] = n
            ts = int(state.observed[m]["primary_ts"] + state.market[m]["primary_ms"])
            out = np.empty(SIZE, np.float32)
            i = state.seats_of[m][0]
            if observe(state.market, state.observed, m, state.inst, i, mandate.rules, 0, 1, ts, 0.0, 0.0, 0.0, 0.0, out) == SEEN:
                found.setdefault((str(state.instruments[m].domain), ts), []).append(out)
        for (domain, ts), seen in found.items():
            values = [rounded(float(np.mean([one[k] for one in seen]))) for k in _AT]
            told = Bar(ts, values=values, cells=[cells_of(one) for one in seen])
            for alarm in self._memory[domain].take(told):
                self._put(alarm_event(domain, alarm, event.ts))

    def _quiet(self, ts: int) -> None:
        for domain, drift in self._engine.state.drift.items():
            if is_over(drift, ts) and self._ending.get(domain) != drift.alarm_ts:
                self._ending[domain] = drift.alarm_ts
                self._put(Control(ts, "drift", {"domain": domain, "level": "0"}, WHO))


def alarm_event(domain: str, alarm: Alarm, ts: int) -> Control:
    """An alarm as the engine is told of it."""
    return Control(ts, "drift", {"domain": domain, "level": str(alarm.level), "stream": alarm.stream, "reason": alarm.reason}, WHO)


def predicted(number: int, row: dict[str, Any]) -> Predicted | None:
    """What a decision row says of the entry it led to; None when it led to none or its policy had no figure for it."""
    values, action = row.get("values"), int(row.get("action", 0))
    value = None if values is None or not row.get("order") else values[action]
    if value is None:
        return None
    # The size is kept with it: a trade's R is that of full size, a value that of the size chosen.
    return Predicted(int(row["ts"]), number, _name(row["account"], row["key"], row["strategy"]), rounded(value), size_of(action))


def closed(number: int, domain: str, row: dict[str, Any]) -> Closed:
    """A trade row: its R, and what its executions lost in R, where the scene of the decision is known."""
    risk = float(row.get("risk", 0.0))
    lost = float(row["slippage"]) / risk if row.get("slippage") is not None and risk > 0.0 else None
    return Closed(
        int(row["exit_ts"]),
        number,
        _name(row["account"], f"{domain}:{row['symbol']}", row["strategy"]),
        rounded(float(row["r"])),
        bool(row.get("explored", False)),
        None if lost is None else rounded(lost),
    )


def _name(account: str, key: str, strategy: str) -> str:
    return f"{account}|{key}|{strategy}"
