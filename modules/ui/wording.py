"""Decisions as lines a person reads: venue time, account, one word for what happened, then why. Pure; plain ASCII."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from modules.ui.flood import Again
from state.instruments import Instrument
from state.intents import ExitReason, Intent
from state.messages import Control, Protect, Report
from strategy.regime import NAMES
from utils.fixed import plain

GOOD, BAD, WARN, ALARM, QUIET, ASKED, NEUTRAL = "green", "red", "yellow", "bold red", "dim", "magenta", "cyan"
"""Styles, shown on a terminal only."""

WORDS = {
    "opened": ("OPENED", NEUTRAL),
    "refused": ("SKIP", QUIET),
    "cooldown": ("PAUSE", WARN),
    "breaker": ("BREAKER", ALARM),
    "control": ("CONTROL", ASKED),
    "drift": ("DRIFT", WARN),
    "settled": ("SETTLED", NEUTRAL),
    "settled_late": ("SETTLED", ALARM),
    "timeframe": ("FRAMES", QUIET),
}
"""Report.what -> its word and style; feed and order reports depend on their rule as well."""
SETTLED = frozenset({ExitReason.EXERCISED, ExitReason.EXPIRED})
"""Exit reasons that are verbs: the option lived to its cut."""
WITH_FIGURES = re.compile(r"( skipped: \w+), .* (\([^()]+\))$")


class Line(msgspec.Struct, frozen=True):
    """One line of the console. `ts`: venue time, ms; 0 = not known."""

    ts: int
    account: str
    word: str
    text: str
    style: str = ""

    def __str__(self) -> str:
        return f"{self.head}{self.word:<7} {self.text}".rstrip()

    @property
    def head(self) -> str:
        """What stands before the word."""
        return f"{short_time(self.ts)}  {self.account:<12} "


def short_time(ts: int) -> str:
    """Venue time to the minute without the year: `03-05 14:25`."""
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%m-%d %H:%M}" if ts else "--.-- --:--"


def date_time(ts: int) -> str:
    """Venue time in full: `2025-03-05 14:25 UTC`."""
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M} UTC" if ts else "unknown"


def amount(value: Decimal, *, sign: bool = False) -> str:
    """Money to the cent with thousands separators: `1,004.21`; small amounts keep four decimals, so that a fee does not read as zero."""
    places = 2 if abs(value) >= 1 or value == 0 else 4
    return f"{value:{'+' if sign else ''},.{places}f}"


def span(seconds: float) -> str:
    """A duration in its two largest units: `8 d 2 h`, `2 min 3 s`."""
    whole = int(seconds)
    units = [(whole // 86_400, "d"), (whole // 3_600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((at for at, (count, _) in enumerate(units) if count), len(units) - 1)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count) or "0 s"


def price(value: str) -> str:
    """An average price without the noise of its division: at most eight significant digits."""
    return plain(Decimal(f"{Decimal(value):.8g}"))


def entered(intent: Intent, instrument: Instrument, regime: int) -> Line:
    """An entry that was sent: which rule in which regime, how much, and how it will end."""
    symbol = instrument.symbol if intent.contract is None else intent.contract.symbol
    near, stop, target = (instrument.price(ticks) for ticks in (intent.reference, intent.exits.stop, intent.exits.target))
    text = (
        f"{intent.strategy} {intent.side.word} {symbol} {plain(instrument.qty(intent.steps))} near {plain(near)}"
        f"{f' in {NAMES[regime]}' if regime else ''}, "
        f"stop {plain(stop)} ({stop / near - 1:+.1%}), target {plain(target)} ({target / near - 1:+.1%})"
    )
    return Line(intent.ts, str(intent.account), "ENTER", text, NEUTRAL)


def closed(row: dict[str, Any], quote: str) -> Line:
    """A closed trade (its ledger row): why it ended and what it brought, all costs included."""
    pnl = Decimal(row["pnl"])
    how = row["reason"] if row["reason"] in SETTLED else f"by {row['reason']}"
    text = (
        f"{row['strategy']} {row['side']} {row['symbol']} {how} at {price(row['exit'])} "
        f"after {span((row['exit_ts'] - row['entry_ts']) / 1000)}: "
        f"{amount(pnl, sign=True)} {quote}, {row['r']:+.2f} R, fees {amount(Decimal(row['fees']))}"
    )
    return Line(row["exit_ts"], row["account"], "CLOSED", text, GOOD if pnl > 0 else BAD)


def stop_moved(ts: int, command: Protect, instrument: Instrument) -> Line:
    """A stop that trailed."""
    text = f"{instrument.symbol} stop now {plain(instrument.price(command.stop))}"
    return Line(ts, str(command.account), "STOP", text, QUIET)


def told(report: Report) -> Line | None:
    """A report of the engine; None for one that another line tells better (`entered`, `closed`) or that no person needs."""
    match report:
        case Report(what="closed") | Report(what="order", rule=""):
            return None
        case Report(what="order", rule="rejected"):
            return Line(report.ts, report.account, "REJECT", report.text, BAD)
        case Report(what="order"):
            return Line(report.ts, report.account, "ORDER", report.text, QUIET)
        case Report(what="feed"):
            return Line(report.ts, "", "FEED", report.text, GOOD if report.rule == "up" else WARN)
    word, style = WORDS.get(report.what, (report.what.upper(), ""))
    text = _skipped(report.text) if report.what == "refused" else report.text.replace(" opened at ", " at ", 1)
    return Line(report.ts, report.account, word, text, style)


def _skipped(text: str) -> str:
    """A refusal without what its word says already; where it gives figures, they say more than the rule's clause."""
    return WITH_FIGURES.sub(r"\1 \2", text).replace(" skipped: ", ": ", 1)


def skipped_again(ts: int, account: str, rule: str, again: Mapping[str, Again]) -> Line:
    """Refusals for one reason that were held back, by symbol."""
    count, since = sum(more.count for more in again.values()), min(more.since_ts for more in again.values())
    symbols = list(again)
    others = f" and {len(symbols) - 3} others" if len(symbols) > 3 else ""
    return Line(ts, account, "SKIP", f"{', '.join(symbols[:3])}{others}: {rule}, {count:,} more since {short_time(since)}", QUIET)


def asked(event: Control) -> Line:
    """A request of the operator to which the engine had nothing to say."""
    args = "".join(f" {name}={value}" for name, value in event.args.items())
    return Line(event.ts, event.args.get("account", ""), "CONTROL", f"{event.name}{args} by {event.who or 'nobody'}", ASKED)


def live_text(
    venue_ts: int, speed: float | None, equities: Sequence[tuple[str, Decimal]], open_now: int, closed_now: int, age_s: float
) -> str:
    """The progress line: where venue time is, how fast it runs (None: not known yet), what is in the wallets."""
    wallets = "  ".join(f"{account} {amount(equity)}" for account, equity in equities)
    pace = f"x{speed:,.0f}" if speed is not None else "x..."
    return f"{short_time(venue_ts)}  {pace}  open {open_now}  closed {closed_now}  event {age_s:.1f} s ago  {wallets}"
