"""What a person is told without having asked: an event and what it led to, as notices that any face may show.

Deterministic: no clock, no I/O. It remembers only what was told already, so that an outage is told once on loss and once on return,
and a disaster until it is seen to be over. Texts are plain, never markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from modules.exchange.reconcile import MISMATCH
from modules.timeframes import TimeframeMap
from modules.ui.option_view import FRAMES, contract_words, figures, greek_words
from modules.ui.wording import amount, price, span
from state.accounts import Account, Mode
from state.books import FLAT, OPEN
from state.conversion import home_currency, home_of
from state.intents import ExitReason, Side
from state.messages import Command, Control, Event, OrderFilled, Record, Report, VenueRead
from state.runtime import RuntimeState, account_view, holding
from state.stages import STAGES
from strategy.regime import NAMES
from strategy.registry import STRATEGIES, Style
from telemetry.gates import Verdict
from telemetry.verdict_words import headline, line
from utils.fixed import money


class Urgency(StrEnum):
    """What may happen to a notice that cannot be delivered now."""

    NEVER_DROP = "never drop"
    """Fills and disasters: kept on disk until the API has answered for them, however long that takes; delivered at least once."""
    NORMAL = "normal"
    """Kept in order; the oldest become a count when there are too many."""
    STATUS = "status"
    """Only the newest of each `key` is worth sending."""


class Topic(StrEnum):
    """What a notice is about."""

    BOOT = "boot"
    STAGE = "stage"
    VERDICT = "verdict"
    OFFER = "offer"
    DEMOTION = "demotion"
    DISASTER = "disaster"
    ENTRY = "entry"
    EXIT = "exit"
    BREAKER = "breaker"
    OUTAGE = "outage"
    REPORT = "report"
    DRIFT = "drift"
    """A domain is no longer what it was, or is again."""
    ASKED = "asked"
    """Somebody asked something of the engine, over whatever face."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing worth telling. `ts`: venue time, ms UTC."""

    kind: Topic
    urgency: Urgency = Urgency.NORMAL
    ts: int
    title: str
    lines: tuple[str, ...] = ()
    key: str = ""
    """What a newer notice replaces, or what it is counted under in a flood."""
    silent: bool = False
    """Shown, but nobody is woken up."""
    account: str = ""
    who: str = ""
    """Who asked for it, where somebody did: his own face has answered him already."""
    buttons: tuple[tuple[str, str], ...] = ()
    """(words on the button, what is asked in the operator's vocabulary)."""
    over: bool = False
    """It ends what an earlier notice of the same key began: an outage, a disaster."""

    @property
    def text(self) -> str:
        """Title and lines."""
        return "\n".join((self.title, *self.lines))


BOOT_BUTTONS = (("Forex on", "forex on"), ("Options on", "options on"), ("Panel", "panel"))
UNTOLD = frozenset({"boot", "open_wallet", "health", "costs", "sentiment", "flatten"})
"""Requests that are the daemon's own, or told in another way."""
LATCH = "the HALTED file"
"""Who flattens at a start what was halted before."""
CHECKS = 4
"""So many unmet checks of a verdict are told; `kpi` has them all."""


def report_ready(ts: int, name: str) -> Notice:
    """A daily or weekly report has been made; `name` as its folder: `daily-2025-03-04`."""
    kind, _, _ = name.partition("-")
    button = (("Show it", f"report {kind}"),) if kind in {"daily", "weekly"} else ()
    return Notice(kind=Topic.REPORT, ts=ts, title=f"Report {name} is ready", key=f"report:{kind}", buttons=button, silent=True)


class Notices:
    """Turns what the engine has just decided into notices; call it for every event, in order, after the event was applied."""

    def __init__(self, frames: TimeframeMap = FRAMES) -> None:
        """`frames`: which timeframes govern an option."""
        self._frames = frames
        self._lost: dict[str, int] = {}
        """Outages that were told, and since when."""
        self._halted: dict[str, tuple[int, int] | None] = {}
        """Halted account -> (positions, orders) last told of; None once it is seen to be flat."""
        self._verdicts: dict[str, str] = {}

    def __call__(self, event: Event, commands: Sequence[Command], state: RuntimeState) -> list[Notice]:
        """What people are told of `event`; most events are worth no word."""
        told: list[Notice] = []
        if isinstance(event, Control):
            told += self._control(event, commands, state)
        for command in commands:
            match command:
                case Record(kind="trade", row=row):
                    told.append(exited(row, _quote(state, row["account"]), _settlement(commands, row)))
                case Record(kind="verdict", row=row) if row.get("what") == "verdict":
                    told.append(self._verdict(row))
                case Report():
                    told += self._report(command, event)
        if isinstance(event, OrderFilled) and commands:
            told += entered(event, commands, state, self._frames)
        if state.halted or self._halted:
            told += self._disasters(event, state)
        return told

    # --- requests -----------------------------------------------------------------------------------------------------------------

    def _control(self, event: Control, commands: Sequence[Command], state: RuntimeState) -> Iterator[Notice]:
        if event.name == "boot":
            self._lost.clear()
            self._halted = {name: None for name in state.halted if not any(_left(state, name))}
        elif event.name == "flatten" and event.who != LATCH:
            for name in [name for name in self._halted if event.args.get("account", "all") in {"all", name}]:
                del self._halted[name]  # whoever asks again is told again
        elif event.name not in UNTOLD and not any(isinstance(one, Report) for one in commands):
            words = " ".join((event.name, *event.args.values()))
            yield Notice(kind=Topic.ASKED, ts=event.ts, title=f"Asked: {words}", lines=(f"by {event.who or 'nobody'}",), who=event.who)

    # --- reports ------------------------------------------------------------------------------------------------------------------

    def _report(self, report: Report, event: Event) -> Iterator[Notice]:
        ts, account = report.ts, report.account
        match report.what:
            case "feed":
                yield from self._outage(report, f"feed {report.text.split(' ')[1]}", report.rule == "up")
            case "account" if report.rule == "outside":
                yield Notice(kind=Topic.ASKED, ts=ts, title=report.text, account=account)
            case "account":
                over = f": {report.rule} is settled" in report.text
                yield from self._outage(report, f"{account} {report.rule}", over)
            case "breaker" | "halted" | "unprotected":
                title = f"{account}: {report.text}".removeprefix(f"{account}: {account}: ")
                title = title if title.startswith(account) else f"{account}: {title}"
                yield Notice(kind=Topic.BREAKER, urgency=Urgency.NEVER_DROP, ts=ts, title=title, account=account, key="breaker")
            case "cooldown":
                yield Notice(kind=Topic.BREAKER, ts=ts, title=f"{account}: {report.text}", account=account, key="cooldown", silent=True)
            case "drift":
                urgent = Urgency.NORMAL if report.rule in {"0", "1"} else Urgency.NEVER_DROP
                quiet, more = report.rule in {"0", "1"}, (("Show it", "drift"),)
                yield Notice(kind=Topic.DRIFT, urgency=urgent, ts=ts, title=report.text, key="drift", silent=quiet, buttons=more)
            case "rollout":
                yield _rollout(report)
            case "control" if report.rule == "stage":
                yield _stage(ts, report.text)
            case "control" if report.rule not in UNTOLD and isinstance(event, Control):
                title = f"{account}: {report.text}" if account else report.text
                yield Notice(kind=Topic.ASKED, ts=ts, title=title, account=account, who=event.who)

    def _outage(self, report: Report, name: str, over: bool) -> Iterator[Notice]:
        """Once when it begins, whatever other reasons come up meanwhile, and once when it is over."""
        since = self._lost.pop(name, None) if over else self._lost.get(name)
        if over == (since is None):
            return
        lines: tuple[str, ...] = ()
        if over and since is not None:
            lines = (f"after {span((report.ts - since) / 1000)}",)
        else:
            self._lost[name] = report.ts
        text = report.text[:1].upper() + report.text[1:]
        yield Notice(kind=Topic.OUTAGE, ts=report.ts, title=text, lines=lines, account=report.account, key=f"outage:{name}", over=over)

    def _verdict(self, row: dict[str, Any]) -> Notice:
        """The gate's word on a style; loud only when it is another than the day before."""
        name = f"{row['account']} {row['style']}"
        news = self._verdicts.get(name) != row["state"]
        first = name not in self._verdicts
        self._verdicts[name] = row["state"]
        verdict = msgspec.convert(row, Verdict)
        unmet = [line(one) for one in verdict.checks if one.gates and not one.ok]
        more = (f"and {len(unmet) - CHECKS} more: kpi shows all",) if len(unmet) > CHECKS else ()
        return Notice(
            kind=Topic.VERDICT,
            ts=row["ts"],
            title=f"Gate {headline(verdict)}",
            lines=(*unmet[:CHECKS], *more),
            account=row["account"],
            key=f"verdict:{name}",
            silent=first or not news,
        )

    # --- disasters ----------------------------------------------------------------------------------------------------------------

    def _disasters(self, event: Event, state: RuntimeState) -> Iterator[Notice]:
        for account in [name for name in self._halted if name not in state.halted]:
            del self._halted[account]  # resumed
        for account, why in state.halted.items():
            known = account in self._halted
            before = self._halted.get(account)
            if known and (before is None or str(getattr(event, "account", account)) != account):
                continue
            left = _left(state, account)
            if not any(left) and _verified(event, state, account):
                self._halted[account] = None
                yield _disaster(event.ts, account, ("verified flat", f"halted: {why}"), Urgency.NEVER_DROP, over=True)
            elif left != before:
                self._halted[account] = left
                urgency = Urgency.STATUS if known else Urgency.NEVER_DROP
                yield _disaster(event.ts, account, (_left_words(left), f"halted: {why}"), urgency)


def booted(ts: int, state: RuntimeState) -> Notice:
    """The daemon is up: at which stage, with what money, and what is off at every boot."""
    accounts = [str(account) for account in state.accounts]
    views = [account_view(state, a) for a in range(len(accounts))]
    held = sum(len(view.open_positions) for view in views)
    halted = [f"{name} is halted: {why}" for name, why in state.halted.items()]
    lines = (
        f"accounts {', '.join(accounts)}",
        f"{held} open position{'' if held == 1 else 's'}",
        *(("entries are paused",) if state.toggles.paused else ()),
        *halted,
        "Forex/Options are OFF",
    )
    title = f"Started: stage {state.stage}, {STAGES[state.stage].name}"
    return Notice(kind=Topic.BOOT, ts=ts, title=title, lines=lines, key="boot", buttons=BOOT_BUTTONS)


def entered(event: OrderFilled, commands: Sequence[Command], state: RuntimeState, frames: TimeframeMap = FRAMES) -> Iterator[Notice]:
    """An entry that executed: told at its first fill, and again when the whole of it is there."""
    opened = next((one for one in commands if isinstance(one, Report) and one.what == "opened"), None)
    booked = any(isinstance(one, Record) and one.kind == "fill" for one in commands)
    if not booked or (opened is None and event.left):
        return
    i = state.find(event.fill.account, event.fill.key)
    there = i is not None and int(state.pos[i]["status"]) == OPEN and int(state.pos[i]["side"]) == event.fill.side
    if i is None or not there:  # an exit, or the state has moved on since
        if opened is not None:
            title, kept = f"ENTER {opened.text} ({opened.account})", Urgency.NEVER_DROP
            yield Notice(kind=Topic.ENTRY, urgency=kept, ts=opened.ts, title=title, account=opened.account, key="entry")
        return
    pos, instrument, view = state.pos[i], state.instrument(i), holding(state, i)
    card, near = STRATEGIES[int(pos["strategy"])], Decimal(view.entry)
    stake = _in_home(state, i, int(pos["risk"]) * int(pos["steps"]) * instrument.unit)
    regime = f" in {NAMES[int(pos['regime'])]}" if pos["regime"] else ""
    waits = f", {instrument.qty(event.left)} still working" if event.left else ""
    option = figures(state, i, event.ts, frames)
    about = () if option is None else (contract_words(option), greek_words(option, home_currency(instrument)))
    paid = "" if option is None else f" premium = {amount(_in_home(state, i, int(pos['value'])))} {home_currency(instrument)}"
    yield Notice(
        kind=Topic.ENTRY,
        urgency=Urgency.NEVER_DROP,
        ts=event.fill.ts,
        title=f"{'FILLED' if opened is None else 'ENTER'} {Side(int(pos['side'])).word} {view.symbol} ({event.fill.account})",
        lines=(
            f"{card.id} {card.style}{regime}{', a trial' if pos['explored'] else ''}",
            *about,
            f"{view.qty} at {price(view.entry)}{paid}{waits}",
            f"stop {view.stop} ({Decimal(view.stop) / near - 1:+.2%})",
            f"target {view.target} ({Decimal(view.target) / near - 1:+.2%})",
            f"1 R = {amount(stake)} {home_currency(instrument)}, fees {amount(money(int(pos['fees'])))}",
        ),
        account=str(event.fill.account),
        key="entry",
        silent=card.style is Style.SCALP,
    )


def _in_home(state: RuntimeState, i: int, units: int) -> Decimal:
    """Money units of the quote currency of seat `i` in its account's."""
    return money(home_of(state.inst, i, units))


def _settlement(commands: Sequence[Command], row: dict[str, Any]) -> tuple[str, ...]:
    """What the engine says of the cut at which an option ended."""
    mine = (one for one in commands if isinstance(one, Report) and one.account == row["account"])
    return tuple(one.text for one in mine if one.what in {"settled", "settled_late"})


def exited(row: dict[str, Any], quote: str, more: tuple[str, ...] = ()) -> Notice:
    """A closed trade (its ledger row): why it ended and what it brought, all costs included; `more` lines about it."""
    pnl = Decimal(row["pnl"])
    funding = f", funding {amount(Decimal(row['funding']))}" if Decimal(row["funding"]) else ""
    return Notice(
        kind=Topic.EXIT,
        urgency=Urgency.NEVER_DROP,
        ts=row["exit_ts"],
        title=f"{_ended(row)} ({row['account']})",
        lines=(
            f"{amount(pnl, sign=True)} {quote}, {row['r']:+.2f} R after {span((row['exit_ts'] - row['entry_ts']) / 1000)}",
            f"{row['strategy']} {row['style']}: {row['qty']} from {price(row['entry'])} to {price(row['exit'])}",
            f"stop {row['stop']}, target {row['target']}",
            f"fees {amount(Decimal(row['fees']))}{funding}",
            *more,
        ),
        account=row["account"],
        key="exit",
        silent=row["style"] == Style.SCALP,
    )


def _ended(row: dict[str, Any]) -> str:
    """How a trade ended: an option that lived to its cut was not closed by anybody."""
    match row["reason"]:
        case ExitReason.EXERCISED:
            return f"EXERCISED {row['symbol']}, worth {price(row['exit'])}"
        case ExitReason.EXPIRED:
            return f"EXPIRED worthless {row['symbol']}"
    return f"CLOSED {row['side']} {row['symbol']} by {row['reason']}"


def _rollout(report: Report) -> Notice:
    """Where a style rose, fell, or may rise."""
    account, text = report.account, report.text
    match report.rule:
        case "offer":
            style = text.partition(" ")[0].removesuffix(":")
            promote = (("Promote", f"promote {style}"),) if "is offered" in text else ()
            kept = Urgency.NEVER_DROP
            return Notice(kind=Topic.OFFER, urgency=kept, ts=report.ts, title=text, account=account, key=f"offer:{style}", buttons=promote)
        case "demoted" | "probation":
            return Notice(kind=Topic.DEMOTION, urgency=Urgency.NEVER_DROP, ts=report.ts, title=text, account=account, key="demotion")
        case "sample":
            return Notice(kind=Topic.VERDICT, ts=report.ts, title=text, account=account, key=f"sample:{account}", silent=True)
    return _stage(report.ts, text, account)


def _stage(ts: int, title: str, account: str = "") -> Notice:
    return Notice(kind=Topic.STAGE, urgency=Urgency.NEVER_DROP, ts=ts, title=title[:1].upper() + title[1:], account=account, key="stage")


def _disaster(ts: int, account: str, lines: tuple[str, ...], urgency: Urgency, *, over: bool = False) -> Notice:
    return Notice(
        kind=Topic.DISASTER,
        urgency=urgency,
        ts=ts,
        title=f"DISASTER {account}",
        lines=lines,
        account=account,
        key=f"disaster:{account}",
        over=over,
    )


def _left(state: RuntimeState, account: str) -> tuple[int, int]:
    """(positions, orders) that account still has."""
    seats = state.seats_on(Account.parse(account)).values()
    held = sum(int(state.pos[i]["status"]) != FLAT for i in seats)
    return held, sum(str(order.account) == account and not order.done for order in state.orders.values())


def _left_words(left: tuple[int, int]) -> str:
    held, orders = left
    if not held and not orders:
        return "nothing left, the venue is being read again"
    return f"left: {held} position{'' if held == 1 else 's'}, {orders} order{'' if orders == 1 else 's'}"


def _verified(event: Event, state: RuntimeState, account: str) -> bool:
    """Whether nothing is left by the venue's own word: a live account was read at rest since and agrees; a paper venue is in process."""
    if Account.parse(account).mode is Mode.PAPER:
        return True
    return isinstance(event, VenueRead) and MISMATCH not in state.holds.get(account, {})


def _quote(state: RuntimeState, account: str) -> str:
    """The coin an account counts in."""
    found = Account.parse(account)
    return next((home_currency(one) for one in state.instruments if one.domain is found.domain), "")
