"""What a person sees at the terminal: a banner, warm-up, a line per decision that mattered, a live line, a summary.

An observer of the runner: it reads the state and changes nothing. A console that is gone (a closed pipe, a full disk) falls silent and the
bot goes on. Colours, the progress bar and the live line exist on a terminal only; elsewhere every line is plain text.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from modules.ui.banner import Banner, banner_lines
from modules.ui.flood import Again, Budget, Repeats
from modules.ui.summary import summary_lines
from modules.ui.tally import Tally
from modules.ui.wording import ASKED, QUIET, Line, asked, closed, entered, live_text, skipped_again, stop_moved, told
from risk.rules import Rule
from state.messages import Command, Control, Event, Place, Protect, Record, Report
from state.runtime import RuntimeState
from utils.clock import SECOND, Clock
from utils.errors import Invariant
from utils.fixed import money

LIVE_EVERY_S = 0.25
STATUS_EVERY_S = 10.0
"""How often the live line is drawn on a terminal, and the status line written elsewhere."""
REPEAT_WINDOW_S = 10.0
LINES_PER_S = 20.0
LINES_AT_ONCE = 60
SPEED_OVER_S = 5.0
"""Wall seconds over which the achieved speed is measured."""
STEPS = (0, 25, 50, 75, 100)
"""Per cent of the warm-up at which a plain line is written."""
UNASKED = frozenset({"boot", "open_wallet", "health", "sentiment"})
"""Requests that nobody made: the daemon's own."""
UNTHINNED = frozenset({"BREAKER", "FEED", "ACCOUNT", "CONTROL", "PAUSE", "REJECT"})
"""Words that are told however much else goes on."""


class PatientConsole(Console):
    """A console whose reader may leave: it goes quiet instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Write nothing from now on (rich would exit), and let what Python still has to flush at its own end go nowhere."""
        self.quiet = True
        with suppress(OSError):  # a stream without a file below it
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.file.fileno())
            os.close(nowhere)


def console_on(stream: TextIO | None = None) -> Console:
    """A console on `stream` (standard output). A character that the stream cannot show becomes `?`."""
    out = sys.stdout if stream is None else stream
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="replace")
    return PatientConsole(file=out, highlight=False, markup=False, emoji=False)


class ConsoleObserver:
    """Prints to `console`. Call `attach` once the engine's state exists, before the first event."""

    def __init__(self, console: Console, clock: Clock, *, verbose: bool = False) -> None:
        """`verbose`: also tell of trailing stops and of signals on what is held already."""
        self._console, self._clock, self._verbose = console, clock, verbose
        self._terminal = console.is_terminal and not console.is_dumb_terminal
        self._tally: Tally | None = None
        self._repeats: Repeats[tuple[str, str, str]] = Repeats(REPEAT_WINDOW_S)
        self._budget = Budget(LINES_PER_S, LINES_AT_ONCE)
        self._started_ns = self._event_ns = clock.monotonic_ns()
        self._flushed_ns = self._started_ns
        self._live: Live | None = None
        self._drawn_ns: int | None = None
        self._course: deque[tuple[int, int]] = deque()
        """(wall ns, venue ms) of the last seconds."""
        self._bar: tuple[Progress, TaskID] | None = None
        self._bar_ns = 0
        self._warmed = -1

    def attach(self, state: RuntimeState) -> None:
        """The state of the engine that will be watched; the summary counts from here."""
        self._tally = Tally(state)

    def banner(self, facts: Banner) -> None:
        """Say what has been started."""
        title, *lines = banner_lines(facts, width=min(max(self._console.width, 60), 100))
        self._write([Text(title, "bold"), *(Text(line) for line in lines), Text()])

    def say(self, text: str) -> None:
        """One plain line: what recovery did, what a stage leaves off."""
        self._write([Text(text)])

    def progress(self, done: int, total: int) -> None:
        """The warm-up has taken in `done` of `total` bars."""
        percent = 100 if total <= 0 else min(100, 100 * done // total)
        if self._terminal:
            with self._patiently():
                self._draw_bar(done, total, finished=percent == 100)
            return
        reached = max(step for step in STEPS if step <= percent)
        if reached > self._warmed:
            self._warmed = reached
            self._write([Text(f"warm-up {reached:3d} %  {done:,} of {total:,} bars")])

    def _draw_bar(self, done: int, total: int, *, finished: bool) -> None:
        now = self._clock.monotonic_ns()
        if self._bar is None:
            if finished:
                return
            columns = (TextColumn("warm-up"), BarColumn(), MofNCompleteColumn(), TextColumn("bars"))
            progress = Progress(*columns, console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
            self._bar = (progress, progress.add_task("warm-up", total=total))
            progress.start()
        elif not finished and now - self._bar_ns < LIVE_EVERY_S * SECOND:
            return
        self._bar_ns = now
        progress, task = self._bar
        progress.update(task, completed=done, total=total, refresh=True)
        if finished:
            progress.stop()
            self._bar = None

    def __call__(self, seq: int, event: Event, commands: list[Command]) -> None:
        """Tell what event `seq` led to, if anybody would want to know."""
        tally = self._attached()
        now = self._event_ns = self._clock.monotonic_ns()
        tally(event, commands)
        for command in commands:
            line = self._line(tally.state, event, command)
            if line is not None and self._passes(command, line, now):
                self._write([_shown(line)])
        if isinstance(event, Control) and event.name not in UNASKED and not any(isinstance(c, Report) for c in commands):
            self._write([_shown(asked(event))])
        if now - self._flushed_ns >= SECOND:
            self._flush(now)

    def _line(self, state: RuntimeState, event: Event, command: Command) -> Line | None:
        match command:
            case Place(order):
                i = state.row_of(order.intent.account, order.intent.key)
                return entered(order.intent, state.instrument(i), int(state.pos[i]["regime"]))
            case Record(kind="trade", row=row):
                return closed(row, self._attached().wallets[row["account"]].quote)
            case Protect(trailed=True) if self._verbose:
                return stop_moved(event.ts, command, state.instruments[state.market_row(command.key)])
            case Report(what="refused", rule=Rule.POSITION_OPEN.label) if not self._verbose:
                return None
            case Report():
                return told(command)
        return None

    def _passes(self, command: Command, line: Line, now: int) -> bool:
        if isinstance(command, Report) and command.what == "refused":
            key = (command.account, command.key.partition(":")[2], command.rule)
            if not self._repeats.admit(key, command.ts, now):
                return False
        return line.word in UNTHINNED or self._budget.take(now)

    def _flush(self, now: int, *, everything: bool = False) -> None:
        """Tell what was held back: equal refusals as counts, and that lines were left out."""
        self._flushed_ns = now
        ts = self._attached().last_ts
        again: dict[tuple[str, str], dict[str, Again]] = {}
        for (account, symbol, rule), more in self._repeats.due(now, everything=everything):
            again.setdefault((account, rule), {})[symbol] = more
        lines = [skipped_again(ts, account, rule, found) for (account, rule), found in again.items()]
        missed = self._budget.missed()
        if missed:
            lines.append(Line(ts, "", "...", f"{missed:,} more decisions, too fast to read here; the journal holds them all", QUIET))
        self._write(_shown(line) for line in lines)

    def live(self, venue_ts: int) -> None:
        """Say where it stands; call it as often as you like. `venue_ts`: venue time by now (ms), 0 when not known."""
        tally = self._attached()
        now = self._clock.monotonic_ns()
        if now - self._flushed_ns >= SECOND:
            self._flush(now)
        every_ns = (LIVE_EVERY_S if self._terminal else STATUS_EVERY_S) * SECOND
        if self._drawn_ns is None and not self._terminal:
            self._drawn_ns = now  # the first status line comes after ten seconds, not at once
        venue_ts = venue_ts or tally.last_ts
        if venue_ts:
            self._course.append((now, venue_ts))
        if self._drawn_ns is not None and now - self._drawn_ns < every_ns:
            return
        self._drawn_ns = now
        equities = [(account, money(wallet.equity)) for account, wallet in tally.wallets.items()]
        open_now = sum(tally.open_now(account) for account in tally.wallets)
        age_s = (now - self._event_ns) / SECOND
        text = live_text(venue_ts, self._speed(now), equities, open_now, tally.closed, age_s)
        if self._terminal:
            with self._patiently():
                self._draw(Text(text, "reverse", no_wrap=True, overflow="ellipsis"))
        else:
            self._write([Text(text)])

    def _speed(self, now: int) -> float | None:
        course = self._course
        while len(course) > 2 and now - course[0][0] > SPEED_OVER_S * SECOND:
            course.popleft()
        if len(course) < 2 or course[-1][0] == course[0][0]:
            return None
        return (course[-1][1] - course[0][1]) * 1_000_000 / (course[-1][0] - course[0][0])

    def _draw(self, text: Text) -> None:
        if self._live is None:
            self._live = Live(text, console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
            self._live.start()
        self._live.update(text, refresh=True)

    def summary(self, *, env: str, state_dir: str) -> None:
        """Say how it went; nothing when the engine never came up."""
        self.close()
        if self._tally is None:
            return
        now = self._clock.monotonic_ns()
        self._flush(now, everything=True)
        lines = summary_lines(self._tally, env=env, wall_s=(now - self._started_ns) / SECOND, state_dir=state_dir)
        self._write([Text(), *(Text(line) for line in lines)])

    def close(self) -> None:
        """Take the live line and the bar off the terminal, so that it is left as it was."""
        drawn = [thing for thing in (self._live, self._bar and self._bar[0]) if thing is not None]
        self._live = self._bar = None
        with self._patiently():
            for thing in drawn:
                thing.stop()

    def _attached(self) -> Tally:
        if self._tally is None:
            raise Invariant("the console watches no engine yet: attach(state) comes first")
        return self._tally

    def _write(self, texts: Iterable[Text]) -> None:
        with self._patiently():
            for text in texts:
                self._console.print(text, soft_wrap=True)

    @contextmanager
    def _patiently(self) -> Iterator[None]:
        """A terminal that hung up or a full disk: say nothing from now on. Trading does not depend on being watched."""
        try:
            yield
        except OSError:
            self._console.quiet = True


def _shown(line: Line) -> Text:
    """A line with its word in colour (a refusal wholly dimmed)."""
    if line.style in {QUIET, ASKED}:
        return Text(str(line), line.style)
    text = Text(str(line))
    text.stylize(line.style, len(line.head), len(line.head) + len(line.word))
    return text
