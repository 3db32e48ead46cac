from __future__ import annotations

import io
import os
import re

import pytest
from rich.console import Console

from modules.ui.console import LINES_AT_ONCE, ConsoleObserver, console_on
from self_test.modules.ui.test_banner import FACTS
from self_test.telemetry.samples import BTC, ETH, SPOT, T0, bars, hold, place, refused, small_state, trade
from state.messages import Control, Protect, Report, Tick
from utils.clock import FakeClock
from utils.errors import Invariant
from utils.fixed import MONEY_SCALE

HEAD = "03-05 14:25  CRYPTO/PAPER "


class Seen:
    """An attached observer on a captured stream."""

    def __init__(self, *, terminal: bool = False, verbose: bool = False) -> None:
        self.stream, self.clock, self.state = io.StringIO(), FakeClock(), small_state()
        if terminal:
            console = Console(file=self.stream, force_terminal=True, width=100, color_system="standard", legacy_windows=False, _environ={})
        else:
            console = Console(file=self.stream, force_terminal=False, width=80, markup=False, highlight=False, _environ={})
        self.observer = ConsoleObserver(console, self.clock, verbose=verbose)
        self.observer.attach(self.state)

    def lines(self) -> list[str]:
        """What was written since the last call."""
        text = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return text.splitlines()


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_a_trade_from_entry_to_close(seen: Seen) -> None:
    seen.state.pos[0]["regime"] = 1
    sent = Report(ts=T0, what="order", account=str(SPOT), key=BTC, text="C1 long BTCUSDT 0.002 near ...")
    opened = Report(ts=T0, what="opened", account=str(SPOT), key=BTC, text="long BTCUSDT opened at 50000.0 x 0.002, stop 1, target 2")
    ended = Report(ts=T0, what="closed", account=str(SPOT), key=BTC, rule="target", text="long BTCUSDT closed by target")
    seen.observer(1, bars(), [place(), sent])
    seen.observer(2, Tick(T0), [opened])
    seen.observer(3, Tick(T0), [trade(), ended])
    assert seen.lines() == [
        HEAD + "ENTER   C1 long BTCUSDT 0.002 near 50000 in trend, stop 48000 (-4.0%), target 56000 (+12.0%)",
        HEAD + "OPENED  long BTCUSDT at 50000.0 x 0.002, stop 1, target 2",
        HEAD + "CLOSED  C1 long BTCUSDT by target at 56000 after 3 h 12 min: +1.23 USDT, +1.52 R, fees 0.2120",
    ]


MOVED = Protect(SPOT, BTC, 1, 2, 495_000, 560_000, trailed=True)
PLACED = Protect(SPOT, BTC, 1, 2, 480_000, 560_000)


@pytest.mark.parametrize("verbose, lines", [(False, []), (True, [HEAD + "STOP    BTCUSDT stop now 49500"])])
def test_stops_that_trail_are_for_the_curious(verbose: bool, lines: list[str]) -> None:
    seen = Seen(verbose=verbose)
    seen.observer(1, bars(), [MOVED, PLACED])
    assert seen.lines() == lines


@pytest.mark.parametrize("verbose, count", [(False, 0), (True, 1)])
def test_skips_because_of_an_open_position_are_for_the_curious(verbose: bool, count: int) -> None:
    seen = Seen(verbose=verbose)
    seen.observer(1, bars(), [refused("position_open")])
    assert len(seen.lines()) == count


@pytest.mark.asyncio
async def test_equal_refusals_become_one_line_with_a_count(seen: Seen) -> None:
    for n in range(40):
        seen.observer(n, bars(T0 + n * 300_000), [refused(ts=T0 + n * 300_000)])
        await seen.clock.advance(0.2)
    seen.observer(40, bars(T0), [refused("cost_too_high", ETH), refused("cooldown")])
    told = seen.lines()
    assert [line for line in told if "BTCUSDT: cost_too_high" in line] == [
        HEAD + "SKIP    C1 long BTCUSDT: cost_too_high (cost 0.24 R, limit 0.15 R)"
    ]
    assert len(told) == 3, "another symbol and another rule are not equal"
    await seen.clock.advance(3)
    seen.observer.live(T0)
    assert seen.lines() == ["03-05 17:40  CRYPTO/PAPER SKIP    BTCUSDT: cost_too_high, 39 more since 03-05 14:25"]


@pytest.mark.asyncio
async def test_a_stream_too_fast_to_read_is_thinned_but_alarms_are_not(seen: Seen) -> None:
    alarm = Report(ts=T0, what="breaker", account=str(SPOT), rule="drawdown", text="drawdown step 3")
    seen.observer(1, bars(), [trade() for _ in range(LINES_AT_ONCE + 500)])
    seen.observer(2, bars(), [alarm])
    told = seen.lines()
    assert len(told) == LINES_AT_ONCE + 1
    assert told[-1] == HEAD + "BREAKER drawdown step 3"
    await seen.clock.advance(1)
    seen.observer(3, Tick(T0), [])
    assert seen.lines() == ["03-05 14:25               ...     500 more decisions, too fast to read here; the journal holds them all"]


@pytest.mark.parametrize(
    "event, commands, lines",
    [
        (Control(T0, "boot", {"stage": "1"}), [], []),
        (Control(T0, "open_wallet", {}), [], []),
        (Control(T0, "kpi", {}, "ann"), [], ["03-05 14:25               CONTROL kpi by ann"]),
        (
            Control(T0, "pause", {}, "ann"),
            [Report(ts=T0, what="control", rule="pause", text="entries paused by ann")],
            ["03-05 14:25               CONTROL entries paused by ann"],
        ),
    ],
)
def test_a_request_is_told_once(seen: Seen, event: Control, commands: list[Report], lines: list[str]) -> None:
    seen.observer(1, event, list(commands))
    assert seen.lines() == lines


def test_the_warm_up_in_plain_lines(seen: Seen) -> None:
    for done in range(0, 1_001, 10):
        seen.observer.progress(done, 1_000)
    assert seen.lines() == [
        "warm-up   0 %  0 of 1,000 bars",
        "warm-up  25 %  250 of 1,000 bars",
        "warm-up  50 %  500 of 1,000 bars",
        "warm-up  75 %  750 of 1,000 bars",
        "warm-up 100 %  1,000 of 1,000 bars",
    ]


def test_no_warm_up_at_all_is_a_finished_one(seen: Seen) -> None:
    seen.observer.progress(0, 0)
    assert seen.lines() == ["warm-up 100 %  0 of 0 bars"]


@pytest.mark.asyncio
async def test_without_a_terminal_a_status_line_comes_every_ten_seconds(seen: Seen) -> None:
    hold(seen.state, 0)
    seen.observer(1, Tick(T0), [])
    for n in range(81):
        seen.observer.live(T0 + n * 150_000)
        await seen.clock.advance(0.25)
    told = seen.lines()
    assert len(told) == 2
    assert re.fullmatch(r"03-05 16:05  x600  open 1  closed 0  event 10\.0 s ago  CRYPTO/PAPER 1,000\.00  PERPS/PAPER 10,000\.00", told[0])


@pytest.mark.asyncio
async def test_before_the_venue_has_spoken_the_engines_time_is_shown(seen: Seen) -> None:
    seen.observer.live(0)
    await seen.clock.advance(10)
    seen.observer.live(0)
    assert seen.lines()[0].startswith("03-05 14:25  x0 ")


@pytest.mark.asyncio
async def test_refusals_of_many_symbols_are_counted_in_one_line(seen: Seen) -> None:
    for n in range(3):
        seen.observer(n, bars(), [refused("cooldown", key) for key in (BTC, ETH)])
    assert len(seen.lines()) == 2
    await seen.clock.advance(10)
    seen.observer.live(T0)
    assert HEAD + "SKIP    BTCUSDT, ETHUSDT: cooldown, 4 more since 03-05 14:25" in seen.lines()


@pytest.mark.asyncio
async def test_on_a_terminal_the_live_line_is_drawn_at_most_four_times_a_second() -> None:
    seen = Seen(terminal=True)
    seen.observer(1, Tick(T0), [])
    for _ in range(100):
        seen.observer.live(T0)
        await seen.clock.advance(0.01)
    seen.observer.close()
    drawn = seen.stream.getvalue().count("event 0.")
    assert 4 <= drawn <= 6, "four, and what starting and stopping draws"
    assert seen.stream.getvalue().rstrip("\n").endswith("\x1b[2K"), "the line is gone in the end"


def test_on_a_terminal_words_are_coloured_and_only_there() -> None:
    terminal, plain = Seen(terminal=True), Seen()
    for seen in (terminal, plain):
        seen.observer.banner(FACTS)
        seen.observer.progress(10, 100)
        seen.observer.progress(100, 100)
        seen.observer(1, bars(), [place(), refused(), trade()])
        seen.observer.live(T0)
        seen.observer.summary(env="simulated", state_dir="var/simulated")
    assert "\x1b[32mCLOSED\x1b[0m" in terminal.stream.getvalue()
    assert "\x1b" not in plain.stream.getvalue()
    assert "\r" not in plain.stream.getvalue()


def test_the_bar_on_a_terminal_goes_to_its_end() -> None:
    seen = Seen(terminal=True)
    for done in (0, 50, 100):
        seen.observer.progress(done, 100)
    assert "100/100" in seen.stream.getvalue()
    assert "warm-up 100 %" not in seen.stream.getvalue()


def test_the_banner_and_the_summary(seen: Seen) -> None:
    seen.observer.banner(FACTS)
    told = seen.lines()
    assert told[0] == "bot 0.1"
    assert told[1].startswith("environment  SIMULATED - no key found")
    seen.observer(1, bars(T0 + 86_400_000), [trade(), refused(), refused()])
    seen.lines()
    seen.observer.summary(env="simulated", state_dir="var/simulated")
    told = seen.lines()
    assert told[0] == "03-06 14:25  CRYPTO/PAPER SKIP    BTCUSDT: cost_too_high, 1 more since 03-05 14:25"
    assert told[2] == "Summary: simulated, 1 d of venue time in 0 s"
    assert "State: var/simulated" in told


def test_without_an_engine_there_is_nothing_to_sum_up() -> None:
    stream = io.StringIO()
    observer = ConsoleObserver(Console(file=stream), FakeClock())
    observer.summary(env="simulated", state_dir="var/simulated")
    assert not stream.getvalue()
    with pytest.raises(Invariant, match="attach"):
        observer(1, Tick(T0), [])


def test_long_lines_are_not_cut_and_brackets_are_not_markup(seen: Seen) -> None:
    text = f"[bold]feed[/bold] lost: {'x' * 150}"
    seen.observer(1, Tick(T0), [Report(ts=T0, what="feed", rule="down", text=text)])
    assert seen.lines() == [f"03-05 14:25               FEED    {text}"]


def test_looking_changes_nothing(seen: Seen) -> None:
    hold(seen.state, 0)
    before = (seen.state.pos.tobytes(), seen.state.acct.tobytes())
    seen.observer(1, bars(), [place(), trade()])
    seen.observer.live(T0)
    seen.observer.summary(env="simulated", state_dir="var/simulated")
    assert (seen.state.pos.tobytes(), seen.state.acct.tobytes()) == before


class FullDisk(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("terminal", [False, True])
def test_a_console_that_cannot_be_written_to_falls_silent(terminal: bool) -> None:
    observer = ConsoleObserver(Console(file=FullDisk(), force_terminal=terminal, _environ={}), FakeClock())
    state = small_state()
    observer.banner(FACTS)
    observer.progress(0, 10)
    observer.attach(state)
    observer(1, bars(), [trade()])
    observer.live(T0)
    observer.summary(env="simulated", state_dir="var/simulated")


def test_a_reader_who_left_does_not_end_the_bot() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        observer = ConsoleObserver(console_on(stream), FakeClock())
        observer.banner(FACTS)
        observer.attach(small_state())
        observer(1, bars(), [trade()])


def test_a_character_the_stream_cannot_show_does_no_harm() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    observer = ConsoleObserver(console_on(stream), FakeClock())
    observer.attach(small_state())
    observer(1, Tick(T0), [Report(ts=T0, what="feed", rule="down", text="feed lost: Zeitüberschreitung")])
    stream.flush()
    assert b"Zeit?berschreitung" in raw.getvalue()


def test_the_equity_shown_is_the_one_after_the_last_event(seen: Seen) -> None:
    seen.state.acct[0]["equity"] = 1_234 * MONEY_SCALE
    seen.observer(1, Tick(T0), [])
    seen.observer.summary(env="simulated", state_dir="x")
    assert any("1,000.00 -> 1,234.00 USDT (+23.40%)" in line for line in seen.lines())
