"""One line when something goes out and one when it is back: read from the bot's journal while it runs, held against what it printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from state.journal import read_journal
from state.messages import Report, decode_commands

OUTSIDE = frozenset({"outside", "cash"})
"""Reports on an account that are news and no outage."""
SIGNS = (b'"what":"feed"', b'"what":"account"')


class Told(msgspec.Struct, frozen=True):
    """A feed or a cause that holds an account: gone (`over` false) or back."""

    seq: int
    name: str
    over: bool
    text: str


def reported(folder: Path, after_seq: int) -> Iterator[Told]:
    """The outages and returns of a journal that may be being written, after `after_seq`."""
    for seq, _, commands in read_journal(folder, after_seq):
        if any(sign in commands for sign in SIGNS):
            for command in decode_commands(commands):
                if isinstance(command, Report) and (found := outage_of(seq, command)) is not None:
                    yield found


def outage_of(seq: int, report: Report) -> Told | None:
    """What a report tells of an outage; None when it tells of something else."""
    if report.what == "feed":
        return Told(seq, f"feed {report.text.split(' ')[1]}", report.rule == "up", report.text)
    if report.what == "account" and report.rule not in OUTSIDE:
        return Told(seq, f"{report.account} {report.rule}", f": {report.rule} is settled" in report.text, report.text)
    return None


class Course:
    """Takes outages and returns in order; `wrong` collects what was told twice, `open` what is out now."""

    def __init__(self) -> None:
        self.seen = 0
        """Newest journal entry that was read."""
        self.counts: Counter[str] = Counter()
        """Name -> times it went out."""
        self.wrong: list[str] = []
        self.told: list[Told] = []
        self._out: dict[str, str] = {}

    @property
    def open(self) -> tuple[str, ...]:
        """What is out now."""
        return tuple(self._out)

    def take(self, rows: Iterable[Told]) -> None:
        """Go on with these."""
        for one in rows:
            self.seen = one.seq
            self.told.append(one)
            if one.over:
                if self._out.pop(one.name, None) is None and self.counts[one.name]:
                    self.wrong.append(f"{one.name} is back twice: {one.text}")
            else:
                if self._out.get(one.name) == one.text:
                    self.wrong.append(f"{one.name} is told twice: {one.text}")
                self.counts[one.name] += one.name not in self._out
                self._out[one.name] = one.text


def unprinted(told: Iterable[Told], output: str) -> list[str]:
    """What the journal has and the console does not, or not as often."""
    wrong = []
    for text, times in Counter(one.text for one in told).items():
        shown = output.count(text)
        if shown < times:
            wrong.append(f"decided {times} times, printed {shown} times: {text}")
    return wrong
