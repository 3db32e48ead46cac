"""What the drift watch has been told, on disk: a snapshot of numbers and a log of everything since, fed again at the next start.

`drift/DOMAIN.json` is written at a start alone, `drift/DOMAIN.jsonl` grows by a line an input: 40 kB a day. Nothing is ever unpickled. A
snapshot that cannot be read is set aside and the watch begins anew, which costs weeks of warm-up and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from modules.learning.drift_domain import DomainDrift, DomainState
from state.ledger import Ref
from strategy.drift_levels import Alarm, Source
from telemetry.demotion import DemotionConfig
from utils.files import atomic_write, quarantine

log = structlog.get_logger("drift")
FOLDER = "drift"


class Input(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="t"):
    """Something a domain's watch was told. `row`: which row of the ledger it comes from (`row_number`), 0: none."""

    ts: int
    row: int = 0


class Bar(Input, tag="bar", frozen=True):
    """A primary close: `values` of the bar streams, `cells` of each symbol."""

    values: list[float] = []
    cells: list[list[int]] = []


class Predicted(Input, tag="predicted", frozen=True):
    """An entry was made for which the policy had said what it is worth; `name`: whose (account, key, strategy)."""

    name: str = ""
    value: float = 0.0
    size: float = 1.0
    """Of the action: what it was said to be worth is for that size."""


class Closed(Input, tag="closed", frozen=True):
    """A trade was closed: its R, of the policy or explored, and what its executions lost (R), None: not known."""

    name: str = ""
    r: float = 0.0
    explored: bool = False
    slippage: float | None = None


class Gap(Input, tag="gap", frozen=True):
    """What a trade came to, less what the simulator makes of it, in R."""

    value: float = 0.0


class _Snapshot(msgspec.Struct, frozen=True):
    row: int
    open: dict[str, tuple[float, float]]
    domain: DomainState
    gap_ts: int = 0
    closed_ts: int = 0


_lines = msgspec.json.Decoder(Bar | Predicted | Closed | Gap).decode


def row_number(ref: Ref) -> int:
    """A row's place in the ledger as one number."""
    return (ref.seq << 12) + ref.index + 1


def rounded(value: float) -> float:
    """To six digits, as it is stored: what is fed and what is fed again must be the same."""
    return float(f"{value:.6g}")


class DriftMemory:
    """One domain's watch with its file."""

    def __init__(self, folder: Path, domain: str, demotion: DemotionConfig) -> None:
        """Feeds what is stored; `alarms` are those that came up on the way, for a bot that was killed before it could tell."""
        self._snapshot = folder / FOLDER / f"{domain}.json"
        self._log = folder / FOLDER / f"{domain}.jsonl"
        self.row, self._open, self._gap_ts, self._failed = 0, dict[str, tuple[float, float]](), 0, False
        self.closed_ts = 0
        """The newest exit of a trade, ms UTC; 0 for none."""
        self.watched = DomainDrift(demotion)
        self.alarms: list[Alarm] = []
        self._load(demotion)

    def _load(self, demotion: DemotionConfig) -> None:
        try:
            if self._snapshot.exists():
                stored = msgspec.json.decode(self._snapshot.read_bytes(), type=_Snapshot)
                self.watched = DomainDrift(demotion, stored.domain)
                self.row, self._open, self._gap_ts = stored.row, dict(stored.open), stored.gap_ts
                self.closed_ts = stored.closed_ts
        except (msgspec.DecodeError, ValueError) as error:
            aside = quarantine(self._snapshot, f"not a snapshot of the drift watch: {error}")
            log.warning("the drift watch begins anew", error=str(error), moved_to=str(aside))
            self.watched = DomainDrift(demotion)
        for line in self._log.read_bytes().splitlines() if self._log.exists() else []:
            try:
                told = _lines(line)
            except msgspec.DecodeError:
                continue  # torn by a kill
            self.alarms += self.apply(told)

    @property
    def gap_ts(self) -> int:
        """The newest moment of which a gap was told, ms UTC; 0 for none."""
        return self._gap_ts

    def compact(self) -> None:
        """The log into the snapshot. OSError when the disk refuses; then both stay as they were."""
        stored = _Snapshot(self.row, self._open, self.watched.state(), self._gap_ts, self.closed_ts)
        self._snapshot.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(self._snapshot, msgspec.json.encode(stored))
        self._log.unlink(missing_ok=True)

    def take(self, told: Bar | Predicted | Closed | Gap) -> list[Alarm]:
        """Apply and remember; a disk that refuses costs the remembering alone, and is told once."""
        alarms = self.apply(told)
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as file:
                file.write(b"\n" + msgspec.json.encode(told))  # a line that was torn by a kill stays alone
        except OSError as error:
            if not self._failed:
                log.warning("the drift watch cannot write", error=str(error))
            self._failed = True
        return alarms

    def apply(self, told: Bar | Predicted | Closed | Gap) -> list[Alarm]:
        """What follows from one input; one that was applied before changes nothing."""
        match told:
            case Bar(ts=ts, values=values, cells=cells):
                return self.watched.bar(ts, values, cells)
            case Gap(ts=ts, value=value):
                if ts <= self._gap_ts:
                    return []
                self._gap_ts = ts
                return self.watched.value(Source.GAP, ts, value)
            case Predicted(row=row) if row > self.row:
                self.row = row
                self._open[told.name] = (told.value, told.size)
            case Closed(row=row) if row > self.row:
                self.row = row
                return self._closed(told)
        return []

    def _closed(self, told: Closed) -> list[Alarm]:
        self.closed_ts = max(self.closed_ts, told.ts)
        found = [] if told.explored else self.watched.trade(told.ts, told.r)
        predicted = self._open.pop(told.name, None)
        if predicted is not None:
            found += self.watched.value(Source.CALIBRATION, told.ts, rounded(predicted[1] * told.r - predicted[0]))
        if told.slippage is not None:
            found += self.watched.value(Source.SLIPPAGE, told.ts, told.slippage)
        return found
