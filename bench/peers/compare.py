"""What the figures say beside each other: medians, ratios, and whether two tools made the same trades or why not. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import msgspec

Trade = tuple[int, int, float, float]
"""Bar of the entry, bar of the exit, price of each."""


class Run(msgspec.Struct, frozen=True):
    """What one process of a tool told."""

    package: str
    version: str
    bars: int
    trades: list[Trade]
    seconds: dict[str, float]
    peak_mib: float
    conventions: dict[str, list[Trade]] = {}
    """Ours alone: the trades by each setting of the three switches, "110" for the first two on."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant's figure in one contest: units a second, a value for every round."""

    who: str
    rates: list[float]
    version: str = ""
    note: str = ""
    skipped: str = ""
    """Why it is not there."""

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.rates)


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """Who does the same thing how fast; ours first."""

    name: str
    unit: str
    entries: list[Entry]
    words: str = ""
    alone: bool = False
    """Different things, beside each other only to be read: no ratios."""

    def ratio(self, entry: Entry) -> float | None:
        """How many times as fast as this one ours is; below 1 where ours is slower. None for ours and what is not there."""
        ours = self.entries[0]
        return None if self.alone or entry is ours or not entry.rates or not ours.rates else ours.median / entry.median


def explained(trades: Sequence[Trade], flags: str, why: str, ours: Mapping[str, Sequence[Trade]], default: str) -> str:
    """Whether `trades` are ours; where not, whether ours under the tool's convention (`flags`) are, which proves the explanation."""
    same = _same(trades, ours[default])
    if same == len(trades) == len(ours[default]):
        return f"the same {same} trades{_apart(trades, ours[default])}"
    alike = _same(trades, ours[flags])
    if alike == len(trades) == len(ours[flags]):
        return f"{why}: with that switch ours makes the same {alike} trades{_apart(trades, ours[flags])}"
    return f"{why}; with that switch ours makes {len(ours[flags])} trades, {alike} of them at the same bars: NOT fully explained"


def _bars(trades: Sequence[Trade]) -> dict[tuple[int, int], tuple[float, float]]:
    return {(one[0], one[1]): (one[2], one[3]) for one in trades}


def _same(one: Sequence[Trade], other: Sequence[Trade]) -> int:
    return len(_bars(one).keys() & _bars(other).keys())


def _apart(one: Sequence[Trade], other: Sequence[Trade]) -> str:
    """The largest difference of price among trades at the same bars, in ppm; silent below one."""
    there = _bars(other)
    most = max((abs(p - q) / q for key, prices in _bars(one).items() for p, q in zip(prices, there[key], strict=True)), default=0.0)
    return f" (prices within {most * 1e6:,.0f} ppm)" if most >= 1e-6 else ""


def number(value: float) -> str:
    """Three digits or more that say something, with separators, without exponent."""
    if abs(value) < 1:
        return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.6f}"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 3
    return f"{value:,.{digits}f}"


def rows(contest: Contest) -> list[list[str]]:
    """The cells of a contest's table."""
    found = []
    for entry in contest.entries:
        who = f"{entry.who} {entry.version}".strip()
        if not entry.rates:
            found.append([who, "-", "-", "-", f"not measured: {entry.skipped}"])
            continue
        ratio = contest.ratio(entry)
        spread = f"{number(min(entry.rates))} to {number(max(entry.rates))}"
        found.append([who, number(entry.median), spread, number(ratio) if ratio is not None else "-" if contest.alone else "1", entry.note])
    return found


def head(contest: Contest) -> list[str]:
    """The names of its columns."""
    return ["", f"{contest.unit}, median", "lowest to highest", "ours is x times as fast", ""]


def merged(before: Sequence[Contest], now: Sequence[Contest]) -> list[Contest]:
    """What was measured before, each contest replaced by its newer run, new ones at the end."""
    newer = {contest.name: contest for contest in now}
    kept = [newer.pop(contest.name, contest) for contest in before]
    return [*kept, *newer.values()]


def slower(contests: Sequence[Contest]) -> list[str]:
    """Where ours lost: one sentence each."""
    return [
        f"{contest.name}: {entry.who} is {number(1 / ratio)} times as fast as {contest.entries[0].who}"
        for contest in contests
        for entry in contest.entries
        if (ratio := contest.ratio(entry)) is not None and ratio < 1.0
    ]


def text(contests: Sequence[Contest]) -> str:
    """For the terminal."""
    lines: list[str] = []
    for contest in contests:
        table = [head(contest), *rows(contest)]
        widths = [max(len(row[k]) for row in table) for k in range(4)]
        lines += [f"\n{contest.name}"]
        for row in table:
            cells = [row[0].ljust(widths[0]), *(row[k].rjust(widths[k]) for k in range(1, 4)), row[4]]
            lines.append("  " + "  ".join(cells).rstrip())
    lost = slower(contests)
    return "\n".join([*lines, "", "Slower here:" if lost else "Nowhere slower.", *(f"  {one}" for one in lost)]) + "\n"


def markdown(contests: Sequence[Contest]) -> str:
    """For the documentation."""
    parts: list[str] = []
    for contest in contests:
        lines = [f"| {' | '.join(head(contest))} |", "|---|--:|--:|--:|---|", *(f"| {' | '.join(row)} |" for row in rows(contest))]
        parts += [f"## {contest.name}", *([contest.words] if contest.words else []), "\n".join(lines)]
    lost = slower(contests)
    parts += ["## Where we are slower", "\n".join(f"- {one}." for one in lost) if lost else "Nowhere in this run."]
    return "\n\n".join(parts) + "\n"
