"""What happened lately, in memory: the last decisions of each instrument, closed trades, sums by day, candles with their regime.

An observer of the runner that reads the state and changes nothing. Everything is bounded, so that a question of the operator is answered
at once and from memory; what is older stands in journal and ledger (`modules/ui/trail.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modules.ui import wording
from modules.ui.wording import Line
from state.accounts import Domain
from state.conversion import home_currency
from state.instruments import Instrument
from state.ledger import fees_of
from state.market import Candle
from state.messages import BarsClosed, Command, Control, Event, Place, Protect, Record, Report, encode_row
from state.runtime import RuntimeState
from strategy.regime import NAMES, UNKNOWN

PER_KEY = 60
"""Decisions remembered of one instrument."""
LATEST = 600
"""Decisions remembered of all together: the first pages of the journal browser."""
TRADES = 500
BARS = 1_440
"""Confirm bars remembered of one instrument: five days at five minutes."""
MARKS = 2_016
"""Equity marks of one account, one a close: a week at five minutes."""
DAYS = 4_000
"""Sums by day and account: ten years of one account."""
DAY_MS = 86_400_000
UNASKED = frozenset({"health", "costs", "sentiment"})
"""Requests of the daemon itself that no person looks for."""

Marks = npt.NDArray[np.int64]
Regime = Callable[[str], int]
"""Instrument -> number of its regime."""


def unknown(_key: str) -> int:
    """No regime is known."""
    return UNKNOWN


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was decided or done. `seq`: number of its journal entry, the first of them when it was repeated."""

    seq: int
    ts: int
    key: str
    """The instrument, empty for what concerns an account or everything."""
    account: str
    what: str
    """`entered`, `refused`, `fill`, `closed`, `stop`, `control`, or the `what` of a report."""
    rule: str
    word: str
    text: str
    regime: str = ""
    order_id: str = ""
    times: int = 1
    """How often it was told in a row: a refusal that stands is one line."""
    since_ts: int = 0


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """Closed trades of one account together; money in its quote currency."""

    trades: int = 0
    won: int = 0
    pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    r: float = 0.0

    def __add__(self, other: Sum) -> Sum:
        return Sum(
            trades=self.trades + other.trades,
            won=self.won + other.won,
            pnl=self.pnl + other.pnl,
            fees=self.fees + other.fees,
            funding=self.funding + other.funding,
            r=self.r + other.r,
        )


class DayEquity(msgspec.Struct, frozen=True):
    """An account at the two ends of a UTC day, counted from 1970-01-01."""

    day: int
    start: float | None
    equity: float


class _Verdict(msgspec.Struct, frozen=True):
    what: str = ""
    account: str = ""
    style: str = ""


_verdict_head = msgspec.json.Decoder(_Verdict).decode


class Recent:
    """Call it with each journalled event; `state` is the engine's, only read. Past rows of the ledger come from `state.evidence`."""

    def __init__(self, state: RuntimeState) -> None:
        self.state = state
        self.latest: deque[Told] = deque(maxlen=LATEST)
        self.by_key: dict[str, deque[Told]] = {key: deque(maxlen=PER_KEY) for key in state.index}
        self.trades: deque[dict[str, Any]] = deque(maxlen=TRADES)
        """Rows of closed trades as the ledger has them, oldest first."""
        self.sums: dict[tuple[str, int], Sum] = {}
        """(account, UTC day) -> what its closed trades brought."""
        self.days: dict[str, deque[DayEquity]] = {str(account): deque(maxlen=DAYS) for account in state.accounts}
        self.equity: dict[str, deque[tuple[int, int]]] = {str(account): deque(maxlen=MARKS) for account in state.accounts}
        """Account -> (ts, money units) at each close of this life."""
        self.last_refusal: dict[tuple[str, str], Told] = {}
        """(account, instrument) -> the newest refusal."""
        self.verdicts: dict[tuple[str, str], bytes] = {}
        """(account, style) -> the newest verdict's row (JSON)."""
        self.last_seq = 0
        self._instruments = {one.key: one for one in state.instruments}
        self._bars = {key: np.zeros((BARS, 6), np.int64) for key in state.index}
        self._count = dict.fromkeys(state.index, 0)
        for kind, row in state.evidence:
            if kind in {"trade", "equity"}:
                self._record(kind, msgspec.json.decode(row))
            elif kind == "verdict":
                self._verdict(row)

    # --- what comes in --------------------------------------------------------------------------------------------------------

    def prime(self, candles: Iterable[Candle]) -> None:
        """Candles from before this life, oldest first, whose regime is not known."""
        for candle in candles:
            self._bar(candle, 0)

    def fill(self, told: Sequence[Told], bars: Mapping[str, bytes]) -> None:
        """What the journal knows of the time before this life, oldest first; what this life has seen already stays and comes after it."""
        mine, since = list(self.latest), self.latest[0].seq if self.latest else 0
        newer = {key: self.bars(key, BARS) for key in self._bars}
        self.latest.clear()
        self.by_key.clear()
        for one in (*(one for one in told if not since or one.seq < since), *mine):
            self._tell(one)
        for key, raw in bars.items():
            if key in self._bars:
                old = np.frombuffer(raw, np.int64).reshape(-1, 6)
                seen = newer[key]
                rows = np.concatenate([old[old[:, 0] < seen[0, 0]] if len(seen) else old, seen])[-BARS:]
                self._bars[key][: len(rows)], self._count[key] = rows, len(rows)

    def __call__(self, seq: int, event: Event, commands: list[Command]) -> None:
        """Remember what event `seq` was and led to."""
        self.last_seq = seq
        for command in commands:
            if isinstance(command, Record) and command.kind in {"trade", "equity"}:
                self._record(command.kind, command.row)
            elif isinstance(command, Record) and command.kind == "verdict":
                self._verdict(encode_row(command.row))
        for told in tell(seq, event, commands, self._instruments, self._regime):
            self._tell(told)
        if isinstance(event, BarsClosed):
            for candle in event.candles:
                self._bar(candle, self._regime(candle.key))
            for account, row in zip(self.equity.values(), self.state.acct, strict=True):
                account.append((event.ts, int(row["equity"])))

    def _regime(self, key: str) -> int:
        m = self.state.index.get(key)
        return 0 if m is None else int(self.state.market[m]["regime"])

    def _bar(self, candle: Candle, regime: int) -> None:
        ring, count = self._bars.get(candle.key), self._count.get(candle.key, 0)
        if ring is None or (count and candle.ts <= ring[(count - 1) % BARS, 0]):
            return  # a straggler: the picture goes on without it
        ring[count % BARS] = (candle.ts, candle.open, candle.high, candle.low, candle.close, regime)
        self._count[candle.key] = count + 1

    def _tell(self, told: Told) -> None:
        mine = self.by_key.setdefault(told.key, deque(maxlen=PER_KEY))
        if told.what == "refused":
            if mine and _same(mine[-1], told):
                before = mine.pop()
                told = msgspec.structs.replace(told, seq=before.seq, times=before.times + told.times, since_ts=before.since_ts or before.ts)
                if self.latest[-1] is before:
                    self.latest.pop()
            self.last_refusal[told.account, told.key] = told
        mine.append(told)
        self.latest.append(told)

    def _verdict(self, raw: bytes) -> None:
        head = _verdict_head(raw)
        if head.what == "verdict":
            self.verdicts[head.account, head.style] = raw

    def _record(self, kind: str, row: dict[str, Any]) -> None:
        if kind == "equity":
            days = self.days.setdefault(str(row["account"]), deque(maxlen=DAYS))
            days.append(DayEquity(int(row["day"]), None if row.get("start") is None else float(row["start"]), float(row["equity"])))
            return
        self.trades.append(row)
        at = (str(row["account"]), int(row["exit_ts"]) // DAY_MS)
        pnl = Decimal(row["pnl"])
        one = Sum(
            trades=1,
            won=int(pnl > 0),
            pnl=pnl,
            fees=Decimal(row["fees"]),
            funding=Decimal(row.get("funding", 0)),
            r=float(row.get("r", 0.0)),
        )
        self.sums[at] = self.sums.get(at, Sum()) + one

    # --- what is asked --------------------------------------------------------------------------------------------------------

    def summed(self, account: str, from_ts: int, until_ts: int) -> Sum:
        """What the trades of `account` brought that closed on the UTC days from `from_ts` to `until_ts`, both included."""
        first, last = from_ts // DAY_MS, until_ts // DAY_MS
        return sum((one for (name, day), one in self.sums.items() if name == account and first <= day <= last), Sum())

    def newest_trades(self, n: int, account: str = "", key: str = "") -> list[dict[str, Any]]:
        """The newest `n` closed trades (of an account, of an instrument), newest first."""
        wanted = (row for row in reversed(self.trades) if account in {"", row["account"]} and key in {"", key_of(row)})
        return [row for row, _ in zip(wanted, range(n), strict=False)]

    def bars(self, key: str, n: int) -> Marks:
        """The newest bars of an instrument, oldest first: rows of (ts, open, high, low, close in ticks, regime), a copy."""
        ring, count = self._bars[key], self._count[key]
        at = np.arange(max(0, count - min(n, BARS)), count) % BARS
        return ring[at]


def _same(before: Told, told: Told) -> bool:
    return before.what == told.what and (before.account, before.rule) == (told.account, told.rule)


def tell(
    seq: int, event: Event, commands: Sequence[Command], instruments: Mapping[str, Instrument], regime: Regime = unknown
) -> list[Told]:
    """What an event led to, as people read it; `regime` tells the market's of an instrument at that moment, by number."""
    found = [told for command in commands if (told := _told(seq, event, command, instruments, regime)) is not None]
    if isinstance(event, Control) and event.name not in UNASKED and not any(isinstance(one, Report) for one in commands):
        found.append(_of(seq, wording.asked(event), what="control", rule=event.name))
    return found


def _told(seq: int, event: Event, command: Command, instruments: Mapping[str, Instrument], regime: Regime) -> Told | None:
    match command:
        case Place(order) if order.intent.key in instruments:
            intent = order.intent
            line = wording.entered(intent, instruments[intent.key], regime(intent.key))
            rule = "explored" if intent.explored else ""
            return _of(seq, line, what="entered", rule=rule, key=intent.key, regime=regime(intent.key), order_id=order.order_id)
        case Record(kind="trade", row=row):
            key = key_of(row)
            line = wording.closed(row, home_currency(instruments[key]) if key in instruments else "")
            return _of(seq, line, what="closed", rule=str(row["reason"]), key=key, regime=int(row["regime"]))
        case Record(kind="fill", row=row):
            text = f"{row['side']} {row['qty']} {row['symbol']} at {row['price']}, fee {wording.amount(fees_of(row))}"
            line = Line(int(row["ts"]), str(row["account"]), "FILL", text)
            return _of(seq, line, what="fill", key=key_of(row), order_id=str(row["order_id"]))
        case Protect(trailed=True) if command.key in instruments:
            return _of(seq, wording.stop_moved(event.ts, command, instruments[command.key]), what="stop", key=command.key)
        case Report(what="closed") | Report(what="order", rule=""):
            return None  # `entered` and `closed` say it better
        case Report():
            line_ = wording.told(command)
            at = regime(command.key) if command.what == "refused" else 0
            return None if line_ is None else _of(seq, line_, what=command.what, rule=command.rule, key=command.key, regime=at)
    return None


def key_of(row: Mapping[str, Any]) -> str:
    """The instrument that a row of the ledger is about: of an option its pair's slot."""
    domain, symbol = str(row["account"]).partition("/")[0], str(row["symbol"])
    return f"{domain}:{symbol.partition('-')[0] if domain == Domain.OPTIONS else symbol}"


def gains_up(row: Mapping[str, Any]) -> bool:
    """Whether a trade of the ledger gains when its market rises: long, and no put."""
    return row["side"] in {"long", "buy"} and "-P-" not in str(row["symbol"])


def _of(seq: int, line: Line, *, what: str, rule: str = "", key: str = "", regime: int = 0, order_id: str = "") -> Told:
    name = NAMES[regime] if regime else ""
    return Told(
        seq=seq,
        ts=line.ts,
        key=key,
        account=line.account,
        what=what,
        rule=rule,
        word=line.word,
        text=line.text,
        regime=name,
        order_id=order_id,
    )
