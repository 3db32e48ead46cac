"""What the pages show of the engine's state: accounts, positions, health, the line at the head. Pure; only read, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from modules.engine.desk import FEEDS
from modules.settings import Risk
from modules.timeframes import TimeframeMap
from modules.ui.option_view import FRAMES, contract_words, figures, greek_words, surface_words
from state.accounts import Domain, Mode
from state.barred import all_barred, barred, bars
from state.booking import gain_of
from state.books import FLAT, OPEN
from state.conversion import home_currency
from state.instruments import Instrument
from state.intents import Side
from state.option_figures import OptionFigures
from state.runtime import REASONS, RuntimeState, account_view
from state.stages import STAGES
from strategy.regime import NAMES
from strategy.registry import STRATEGIES
from utils.fixed import money, plain

LEVELS = ("full size", "half size", "no entries", "halted")
"""Drawdown steps in words."""
ARMS = ("tight", "base", "wide")


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The line at the head of every page."""

    env: str
    stage: int
    stage_name: str
    ts: int
    word: str
    """trading, waiting, barred, paused or halted."""
    said: str
    """That in words for the line itself."""
    why: str


class Limit(msgspec.Struct, frozen=True):
    """A mark on a gauge: where (share of the gauge's whole, 0..100) and what happens there."""

    at: float
    fraction: float
    what: str


class Gauge(msgspec.Struct, frozen=True):
    """A loss against its limits; `fill` is how far it is, 0..100."""

    value: float
    fill: float
    limits: tuple[Limit, ...]
    grade: str
    """ok, warn or bad."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One account; amounts in `quote`."""

    name: str
    live: bool
    quote: str
    standing: str
    equity: Decimal
    balance: str
    day_change: Decimal
    day_share: float
    realised: str
    closed: int
    open: int
    level: str
    drawdown: Gauge
    day_loss: Gauge
    halted: str
    held: Mapping[str, str]
    barred: Sequence[str]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """One open position; prices and quantity as exact decimal strings, `r` in multiples of what was at stake at entry.

    `pnl` in the account's currency `home`, prices in the instrument's; those of an option are premiums.
    """

    account: str
    key: str
    symbol: str
    side: str
    qty: str
    base: str
    home: str
    entry: str
    mark: str
    stop: str
    target: str
    stop_r: float
    r: float
    pnl: Decimal
    strategy: str
    arm: str
    explored: bool
    held_ms: int
    closing: str
    option: OptionFigures | None
    about: str
    """Of an option: its terms."""
    moves: str
    """Of an option: its greeks, in words."""
    path: float
    """Where the mark stands between stop (0) and target (100)."""
    entry_path: float


class Check(msgspec.Struct, frozen=True):
    """One line of health."""

    name: str
    ok: bool
    text: str


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument on the list of symbols."""

    key: str
    symbol: str
    domain: str
    price: str
    quote: str
    regime: str
    held: bool
    surface: str = ""
    """Of a slot of options: where its volatilities come from."""


def head(state: RuntimeState, env: str, missing: Sequence[str]) -> Head:
    """Where it runs, what it may do, and why it does not when it does not."""
    word, why, said = "trading", "", ""
    if missing:
        word, why = "waiting", "; ".join(missing)
    if all_barred(state):
        word, why, said = "barred", barred_words(state), _barred_until(state)
    if state.toggles.paused:
        word, why, said = "paused", "no new entries; exits go on", ""
    if state.halted:
        word, why, said = "halted", "; ".join(f"{name}: {reason}" for name, reason in state.halted.items()), ""
    return Head(env=env, stage=state.stage, stage_name=STAGES[state.stage].name, ts=state.ts, word=word, said=said or word, why=why)


def _barred_until(state: RuntimeState) -> str:
    """`entries barred until 00:00 UTC`; without the end where accounts have different ones."""
    until = {barred(state, a).partition(": ")[0] for a in range(len(state.accounts))}
    return until.pop() if len(until) == 1 else "entries barred"


def barred_words(state: RuntimeState) -> str:
    """What bars the accounts, in one line."""
    return "; ".join(f"{name}: {text}" for a, name in enumerate(state.accounts) for text in bars(state, a))


def gauge(value: float, limits: Sequence[tuple[float, str]]) -> Gauge:
    """`value` against limits that grow; the whole is a little more than the last of them."""
    whole = limits[-1][0] * 1.1
    grade = "bad" if value >= limits[-1][0] else "warn" if value >= limits[0][0] / (2 if len(limits) == 1 else 1) else "ok"
    marks = tuple(Limit(round(100 * at / whole, 2), at, what) for at, what in limits)
    return Gauge(max(0.0, value), round(min(100.0, max(0.0, 100 * value / whole)), 2), marks, grade)


def cards(state: RuntimeState, risk: Risk) -> list[Card]:
    """Every account, live ones first."""
    steps = ((risk.half_drawdown, "half size"), (risk.stop_drawdown, "no entries"), (risk.max_drawdown, "everything closed"))
    found = []
    for a, account in enumerate(state.accounts):
        view, acct = account_view(state, a), state.acct[a]
        start, equity = int(acct["day_start"]), int(acct["equity"])
        share = (equity - start) / start if start > 0 else 0.0
        quotes = [home_currency(state.instruments[m]) for b, m in state.seats if b == a]
        found.append(
            Card(
                name=str(account),
                live=account.mode is Mode.LIVE,
                quote=quotes[0] if quotes else "",
                standing=view.standing,
                equity=money(equity),
                balance=view.balance,
                day_change=money(equity - start) if start > 0 else Decimal(0),
                day_share=share,
                realised=view.realised_pnl,
                closed=view.closed_trades,
                open=len(view.open_positions),
                level="day stopped" if acct["day_stopped"] else LEVELS[int(acct["level"])],
                drawdown=gauge(view.drawdown, steps),
                day_loss=gauge(max(0.0, -share), ((risk.daily_loss, "no entries today"),)),
                halted=view.halted or "",
                held=view.held_by,
                barred=view.barred,
            )
        )
    return sorted(found, key=lambda one: not one.live)


def positions(state: RuntimeState, key: str = "", frames: TimeframeMap = FRAMES) -> list[Position]:
    """Every open position (of one instrument); `frames`: which timeframes govern an option."""
    return [
        _position(state, i, frames)
        for i in range(len(state.pos))
        if state.pos[i]["status"] == OPEN and int(state.pos[i]["steps"]) > 0 and key in {"", state.instrument(i).key}
    ]


def _position(state: RuntimeState, i: int, frames: TimeframeMap) -> Position:
    pos, instrument, unit = state.pos[i], state.instrument(i), int(state.inst[i]["unit"])
    steps, side, risk = int(pos["steps"]), int(pos["side"]), int(pos["risk"])
    entry = int(pos["value"]) / (steps * unit)
    mark, stop, target = int(pos["mark"]), int(pos["stop"]), int(pos["target"])
    pnl = gain_of(state.pos, state.inst, i, mark, steps) - int(pos["fees"]) - int(pos["funding"])
    exact = money(int(pos["value"])) / instrument.qty(steps)
    closing, home, option = int(pos["closing"]), home_currency(instrument), figures(state, i, 0, frames)
    return Position(
        account=str(state.account_of(i)),
        key=instrument.key,
        symbol=state.symbol_of(i),
        side=Side(side).word,
        qty=plain(instrument.qty(steps)),
        base=instrument.base,
        home=home,
        entry=_price(instrument, exact),
        mark=_price(instrument, instrument.price(mark)),
        stop=_price(instrument, instrument.price(stop)),
        target=_price(instrument, instrument.price(target)) if target else "",
        stop_r=side * (stop - entry) / risk if risk > 0 else 0.0,
        r=side * (mark - entry) / risk if risk > 0 else 0.0,
        pnl=money(pnl),
        strategy=STRATEGIES[int(pos["strategy"])].id,
        arm=ARMS[int(pos["arm"])],
        explored=bool(pos["explored"]),
        held_ms=state.ts - int(pos["opened_ts"]),
        closing=str(REASONS[closing - 1]) if closing else "",
        option=option,
        about="" if option is None else contract_words(option),
        moves="" if option is None else greek_words(option, home),
        path=_between(mark, stop, target),
        entry_path=_between(entry, stop, target),
    )


def _price(instrument: Instrument, price: Decimal) -> str:
    """A price with as many decimals as its tick has, so that columns of them align."""
    return f"{price.quantize(instrument.tick):f}"


def _between(price: float, stop: int, target: int) -> float:
    """Where a price stands between stop (0) and target (100), kept inside; the middle without a target."""
    if not target or target == stop:
        return 50.0
    return round(min(100.0, max(0.0, 100 * (price - stop) / (target - stop))), 1)


def checks(state: RuntimeState, missing: Sequence[str]) -> list[Check]:
    """Feeds, venues and what else is missing for trading."""
    found = []
    for name in dict.fromkeys(FEEDS[account.domain] for account in state.accounts):
        reason = state.feeds_down.get(name)
        last = max((int(state.market[m]["last_ts"]) for m, one in enumerate(state.instruments) if FEEDS[one.domain] == name), default=0)
        found.append(Check(f"feed {name}", reason is None, reason or f"last candle {_minute(last)}"))
    for account in state.accounts:
        held = state.holds.get(str(account), {})
        where = "venue" if account.mode is Mode.LIVE else "paper venue"
        found.append(Check(f"{where} {account}", not held, "; ".join(held.values()) or "in order"))
    told = {f"feed {name}: {reason}" for name, reason in state.feeds_down.items()}
    found += [Check("daemon", False, text) for text in missing if text not in told and not text.startswith("account ")]
    return found


def _minute(ts: int) -> str:
    return f"{ts // 3_600_000 % 24:02}:{ts // 60_000 % 60:02}" if ts else "none yet"


def markets(state: RuntimeState) -> list[Market]:
    """Every instrument, in config order."""
    held = {state.instrument(i).key for i in range(len(state.pos)) if state.pos[i]["status"] != FLAT}
    return [
        Market(
            key=one.key,
            symbol=one.symbol,
            domain=str(one.domain),
            price=_price(one, one.price(int(state.market[m]["last_close"]))) if state.market[m]["last_close"] else "",
            quote=one.quote,
            regime=NAMES[int(state.market[m]["regime"])],
            held=one.key in held,
            surface=surface_words(state.surfaces.get(one.symbol), state.ts) if one.domain is Domain.OPTIONS else "",
        )
        for m, one in enumerate(state.instruments)
    ]
