"""What was decided, what each answer was worth, and what the chosen one really brought: joined, and cut to what may be learned from.

A candidate is one (time, instrument, strategy), however many accounts decided it. Where an entry of it was traded to a natural end, its R
by the fills stands beside the R of the label; the difference is `sim_to_fill_gap`. To learn from, the two are blended 3 : 1 for that
profile; weighing the whole decision more would teach what happened to be traded, not what there was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from modules.learning.labels import ASKED, Labels, usable, utilities
from state.accounts import Domain, Mode
from state.books import ARMS, Rows
from state.decisions import DecisionRow
from state.intents import ExitReason
from strategy.actions import ACTIONS, Values
from strategy.features import SCHEMA, SIZE
from strategy.registry import BY_ID

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FILL_WEIGHT = 3.0
"""A fill counts so many times what the simulator says of the same entry."""
NATURAL = frozenset({ExitReason.STOP, ExitReason.TRAIL, ExitReason.TARGET, ExitReason.MAX_HOLD, ExitReason.WEEKEND})
"""Ends that a label knows too. Where a person, a halt or the venue ended it, the fill says nothing of the profile."""


class Lessons(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a learner is given: n decisions, oldest first, with what every allowed action was worth."""

    ts: Ints
    strategy: Ints
    side: Ints
    regime: Ints
    obs: Values
    """(n, 34) float32; a row of NaN where there was no observation."""
    u: npt.NDArray[np.float32]
    """(n, 7): SKIP 0; NaN for what was not allowed."""

    def __len__(self) -> int:
        return len(self.ts)

    def take(self, rows: npt.NDArray[Any] | slice) -> Lessons:
        """A part of them."""
        return Lessons(**{name: getattr(self, name)[rows] for name in self.__struct_fields__})

    @property
    def hash(self) -> str:
        """sha256 over everything in them."""
        digest = hashlib.sha256()
        for name in self.__struct_fields__:
            values = np.ascontiguousarray(getattr(self, name))
            digest.update(f"{name} {values.dtype} {values.shape}\n".encode() + values.tobytes())
        return digest.hexdigest()


class Experience(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All candidates of a domain with their labels, oldest first."""

    rows: tuple[DecisionRow, ...]
    """The row of each: of the live account where there is one."""
    labels: Labels
    fill: Floats
    """(n, 3): R by the fills of each profile that was traded to a natural end; else NaN."""
    exits: Ints
    """(n, 3): when each of them ended, ms UTC; 0 where there is none."""
    hold_ms: Ints
    """(n,): the longest that its strategy may hold."""

    @property
    def ts(self) -> Ints:
        """When each was decided, ms UTC."""
        return np.array([row.ts for row in self.rows], np.int64)

    @property
    def gaps(self) -> Floats:
        """R by the fills less R by the simulator, of every traded profile that has a label, oldest first."""
        found = self.fill - self.labels.r
        return found[np.isfinite(found)]

    def target(self) -> npt.NDArray[np.float32]:
        """(n, 7): u as it is learned: fills and labels of one entry blended `FILL_WEIGHT` : 1, NaN for actions that were masked."""
        u, real = self.labels.u.astype(np.float64), utilities(np.where(np.isfinite(self.fill), self.fill, 0.0)).astype(np.float64)
        traded = np.zeros(u.shape, np.bool_)
        traded[:, 1:] = np.repeat(np.isfinite(self.fill), 2, axis=1)
        u = np.where(traded, (FILL_WEIGHT * real + u) / (FILL_WEIGHT + 1.0), u)
        mask = np.array([row.mask for row in self.rows], np.int64)
        allowed = np.ones(u.shape, np.bool_)
        allowed[:, 1:] = np.repeat((mask[:, None] >> np.arange(ARMS)) & 1 > 0, 2, axis=1)
        return np.where(allowed, u, np.nan).astype(np.float32)

    def lessons(self, cut_off: int, window_ms: int, since: int = 0, embargo_ms: int = 0) -> Lessons:
        """What may be learned from at `cut_off` (ms UTC): of the last `window_ms`, and not before `since` (a change of the market).

        Another schema's observations are no observations.
        """
        ts = self.ts
        chosen = usable(ts, self.hold_ms, self.labels.good, cut_off, embargo_ms) & (ts >= max(cut_off - window_ms, since))
        rows = [row for row, wanted in zip(self.rows, chosen.tolist(), strict=True) if wanted]
        obs = np.full((len(rows), SIZE), np.nan, np.float32)
        for n, row in enumerate(rows):
            if row.obs is not None and row.schema == SCHEMA and len(row.obs) == SIZE:
                obs[n] = row.obs
        return Lessons(
            ts=ts[chosen],
            strategy=np.array([BY_ID[row.strategy].index for row in rows], np.int64),
            side=np.array([row.side for row in rows], np.int64),
            regime=np.array([row.regime for row in rows], np.int64),
            obs=obs,
            u=self.target()[chosen] if rows else np.zeros((0, ACTIONS), np.float32),
        )


class Result(msgspec.Struct, frozen=True):
    """A closed trade: R after costs, exit profile, when it ended (ms UTC), and whether a label could have ended so too."""

    r: float
    arm: int
    exit_ts: int
    natural: bool


Results = Mapping[str, Result]
"""Closed trades by the id of their entry order."""


def results_of(entries: Collection[str], fills: Iterable[Mapping[str, Any]], trades: Iterable[Mapping[str, Any]]) -> Results:
    """Closed trades by entry order: a fill says when which of the orders `entries` opened a position, a trade when it was opened.

    Rows as the ledger keeps them. One instrument of an account has one position at a time, so that moment names the trade.
    """
    order: dict[tuple[str, str, int], str] = {}
    for fill in fills:
        if fill["order_id"] not in entries:
            continue
        order.setdefault((fill["account"], fill["symbol"], int(fill["ts"])), str(fill["order_id"]))
    found: dict[str, Result] = {}
    for trade in trades:
        name = order.get((trade["account"], trade["symbol"], int(trade["entry_ts"])))
        if name is not None:
            found[name] = Result(float(trade["r"]), int(trade["arm"]), int(trade["exit_ts"]), trade["reason"] in NATURAL)
    return found


def candidates(rows: Iterable[DecisionRow], domain: Domain) -> list[list[DecisionRow]]:
    """The rows of a domain by candidate, oldest first; within one the live account's first. What no strategy of ours made is left out."""
    found: dict[tuple[int, str, str], list[DecisionRow]] = {}
    for row in rows:
        if row.account.partition("/")[0] == domain and row.strategy in BY_ID and BY_ID[row.strategy].counts:
            found.setdefault((row.ts, row.key, row.strategy), []).append(row)
    for group in found.values():
        group.sort(key=lambda row: not row.account.endswith(f"/{Mode.LIVE}"))
    return [found[key] for key in sorted(found)]


def asked_of(rows: Sequence[DecisionRow], index: Mapping[str, int]) -> Rows:
    """ASKED rows of decisions whose instruments are all in `index` (key -> row of the grid)."""
    return np.array(
        [(row.ts, index[row.key], BY_ID[row.strategy].index, row.side, row.regime, row.reference, row.atr) for row in rows], ASKED
    )


def join(groups: Sequence[Sequence[DecisionRow]], labels: Labels, results: Results, hold_ms: Ints) -> Experience:
    """Candidates (as `candidates` gives them) with their labels, row by row, and the results of whatever was traded of them."""
    fill, exits = np.full((len(groups), ARMS), np.nan), np.zeros((len(groups), ARMS), np.int64)
    for n, group in enumerate(groups):
        for row in reversed(group):  # the live account's result, written last, wins over paper's
            result = results.get(row.order)
            if result is not None and result.natural:
                fill[n, result.arm], exits[n, result.arm] = result.r, result.exit_ts
    rows = tuple(group[0] for group in groups)
    holds = np.array([hold_ms[BY_ID[row.strategy].index] for row in rows], np.int64)
    return Experience(rows=rows, labels=labels, fill=fill, exits=exits, hold_ms=holds)
