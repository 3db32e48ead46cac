"""Charts and reports as pictures: what a chart needs is gathered here from memory; drawing and reading happen off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from modules.ui.answers_market import one_key, regime_text
from modules.ui.beside import Beside
from modules.ui.charts import Curve, EquityChart, Held, Past, PriceChart
from modules.ui.commands import Wanted
from modules.ui.operator import Answer
from modules.ui.periods import Kind, Period, chosen
from modules.ui.recent import BARS, Marks, gains_up
from modules.ui.scene import DAY_MS, HOUR_MS, Scene, cents, drawdown, percent, quote_of, steps_of
from modules.ui.wording import price, short_time
from state.accounts import Domain
from state.books import OPEN
from state.intents import Side
from state.options import Right
from state.runtime import RuntimeState, holding
from utils.errors import Refusal
from utils.fixed import money, plain

MakeReport = Callable[[Period, int], Awaitable[None]]
"""Make the report about a period at a venue time (ms); Refusal or Transient when it cannot be."""
WINDOW_MS = 12 * HOUR_MS
"""What a price chart shows at least; more, when what is held or was traded lately began earlier."""
FULL = 3 * DAY_MS
MOST_TRADES = 12
MOST_POINTS = 1_500
TITLES = {Domain.CRYPTO: "", Domain.OPTIONS: " (pair of the options)"}
"""What stands between symbol and price, where it is not the domain's name."""
PREMIUMS = "entries and exits at the pair's price; stop and target are premiums and stand in positions"
FIRST = ("-equity.png", ".png")
"""Which picture of a report stands for it."""


async def chart(scene: Scene, args: Mapping[str, str], beside: Beside) -> Answer:
    """A symbol's candles, or equity and drawdown. Refusal for an unknown symbol, or when it cannot be drawn."""
    what = args.get("what", "equity")
    if what == "equity":
        return await _equity(scene, beside)
    key = one_key(scene, what)
    ask = price_chart(scene, key)
    picture = await beside.run("chart", msgspec.msgpack.encode(ask))
    lines = [f"{ask.subtitle}"]
    if key.startswith(f"{Domain.OPTIONS}:"):
        lines.append(PREMIUMS)
        lines += [f"{one.account}: {'call' if one.long else 'put'} since {short_time(one.opened_ts)}" for one in ask.held]
    else:
        lines += [f"{one.account}: {'long' if one.long else 'short'} from {price(str(one.entry))}" for one in ask.held]
    data = {"symbol": key.partition(":")[2], "held": msgspec.to_builtins(ask.held), "trades": msgspec.to_builtins(ask.trades)}
    more = ((f"why {what}", Wanted("why", {"symbol": what})),)
    return Answer(title=ask.title, lines=lines, data=data, picture=picture, more=more)


def price_chart(scene: Scene, key: str) -> PriceChart:
    """What is drawn of an instrument: the last hours, and as much more as the position and its last trades need."""
    state = scene.state
    m = state.index[key]
    instrument, now = state.instruments[m], scene.now
    tick = float(instrument.tick)
    bars = scene.recent.bars(key, BARS)
    held = [_held(state, i) for i in state.seats_of[m] if state.pos[i]["status"] == OPEN]
    domain = str(instrument.domain)
    past = [past_of(row) for row in scene.recent.newest_trades(MOST_TRADES, key=key) if int(row["entry_ts"]) >= now - FULL]
    if instrument.domain is Domain.OPTIONS:
        held = [msgspec.structs.replace(one, entry=near(bars, one.opened_ts, tick), stop=None, target=None) for one in held]
        past = [
            msgspec.structs.replace(one, entry=near(bars, one.entry_ts, tick), exit=near(bars, one.exit_ts, tick))
            for one in past
            if len(bars) and one.entry_ts >= int(bars[0, 0])
        ]
    begins = [now - WINDOW_MS, *(one.opened_ts - HOUR_MS for one in held), *(one.entry_ts - HOUR_MS for one in past)]
    last = plain(instrument.price(int(state.market[m]["last_close"])))
    return PriceChart(
        title=f"{instrument.symbol}{TITLES.get(instrument.domain, f' {domain.lower()}')}  {last}",
        subtitle=f"{scene.env}, {short_time(now)} UTC, {regime_text(state, m, now)}",
        unit=instrument.quote,
        tick=tick,
        width_ms=state.bar_ms(m),
        bars=bars.tobytes(),
        from_ts=min(begins),
        sides=("call bought", "put bought") if instrument.domain is Domain.OPTIONS else ("long entry", "short entry"),
        trades=tuple(past),
        held=tuple(held),
    )


def _held(state: RuntimeState, i: int) -> Held:
    """What seat `i` holds as a chart marks it."""
    one = holding(state, i)
    return Held(
        account=str(state.account_of(i)),
        opened_ts=one.opened_ts,
        entry=float(one.entry),
        stop=float(one.stop),
        target=float(one.target),
        long=int(state.pos[i]["side"]) == Side.LONG and int(state.pos[i]["right"]) != Right.PUT,
    )


def near(bars: Marks, ts: int, tick: float) -> float:
    """The price at a time (ms): the close of the bar it lies in, of the nearest there is outside them; 0 without bars."""
    if not len(bars):
        return 0.0
    at = int(np.searchsorted(bars[:, 0], ts, side="right")) - 1
    return float(bars[max(at, 0), 4]) * tick


def past_of(row: Mapping[str, Any]) -> Past:
    """A closed trade of the ledger as a chart marks it."""
    return Past(
        entry_ts=int(row["entry_ts"]),
        entry=float(row["entry"]),
        exit_ts=int(row["exit_ts"]),
        exit=float(row["exit"]),
        long=gains_up(row),
        r=float(row["r"]),
    )


# --- equity ---------------------------------------------------------------------------------------------------------------------------


async def _equity(scene: Scene, beside: Beside) -> Answer:
    ask = equity_chart(scene)
    picture = await beside.run("equity", msgspec.msgpack.encode(ask))
    state = scene.state
    lines = [
        f"{account}: {cents(money(int(state.acct[a]['equity'])))} {quote_of(state, a)}, drawdown {percent(drawdown(state, a))}"
        for a, account in enumerate(state.accounts)
    ]
    more = (("pnl", Wanted("pnl", {"period": "day"})),)
    return Answer(title="Equity and drawdown", lines=lines, data=msgspec.to_builtins(ask), picture=picture, more=more)


def equity_chart(scene: Scene) -> EquityChart:
    """Every account: its days as the ledger has them, then its marks at each close of this life."""
    state = scene.state
    curves = []
    for a, account in enumerate(state.accounts):
        points = equity_points(scene, str(account))
        if points:
            peak = float(money(int(state.acct[a]["peak"])))
            curves.append(Curve(account=str(account), unit=quote_of(state, a), points=points, peak=peak))
    return EquityChart(
        title="Equity and drawdown",
        subtitle=f"{scene.env}, stage {state.stage}, {short_time(scene.now)} UTC",
        curves=tuple(curves),
        steps=steps_of(scene.mandate),
    )


def equity_points(scene: Scene, account: str) -> tuple[tuple[int, float], ...]:
    """(ts, amount) of one account, oldest first, thinned to what a picture can show."""
    marks = list(scene.recent.equity.get(account, ()))
    begin = marks[0][0] if marks else scene.now + 1
    days = scene.recent.days.get(account, ())
    found = [((one.day + 1) * DAY_MS, one.equity) for one in days if (one.day + 1) * DAY_MS < begin]
    if days and days[0].start is not None and found:
        found.insert(0, (days[0].day * DAY_MS, days[0].start))
    found += [(ts, units / 1e10) for ts, units in marks]
    if len(found) <= MOST_POINTS:
        return tuple(found)
    return tuple(found[k] for k in np.unique(np.linspace(0, len(found) - 1, MOST_POINTS).astype(int)).tolist())


# --- reports --------------------------------------------------------------------------------------------------------------------------


async def report(scene: Scene, args: Mapping[str, str], make: MakeReport) -> Answer:
    """The newest daily or weekly report that is over, made now when it is not there yet; Refusal when it cannot be."""
    kind = Kind(args.get("period", "daily"))
    now = scene.now
    if not now:
        raise Refusal("there is nothing to report yet")
    period = chosen(kind, now, first_ts(scene))
    folder = scene.folder / "reports" / period.name
    if not period.complete or not (folder / "report.md").is_file():
        await make(period, now)
    words, found = await asyncio.to_thread(read_report, folder)
    first = next((data for end in FIRST for name, data in found if name.endswith(end)), None)
    files = [name for name, _ in found]
    lines = [*words, f"{len(files)} pictures"] if files else [*words, "no pictures: nothing happened in this time"]
    return Answer(
        title=f"Report {period.name}",
        lines=lines,
        data={"name": period.name, "folder": str(folder), "files": files, "complete": period.complete},
        picture=first,
        pictures=tuple((title_of(name), data) for name, data in found if data is not first),
    )


def first_ts(scene: Scene) -> int:
    """The time of the first thing there is to report, as far as it is remembered."""
    days = [one.day * DAY_MS for days in scene.recent.days.values() for one in list(days)[:1]]
    sums = [day * DAY_MS for _, day in scene.recent.sums]
    return min([*days, *sums], default=scene.now)


def read_report(folder: Path) -> tuple[list[str], list[tuple[str, bytes]]]:
    """The first words of a report and its pictures by name; Refusal when it is not there."""
    try:
        text = (folder / "report.md").read_text()
        pictures = [(path.name, path.read_bytes()) for path in sorted(folder.glob("*.png"))]
    except OSError as error:
        raise Refusal(f"the report is not there: {error.strerror}") from error
    words = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("#", "|", "!", "-"))]
    return [plain_words(line) for line in words[:4]], pictures


def plain_words(line: str) -> str:
    """A line of Markdown without its signs."""
    return line.replace("**", "").replace("`", "").replace("\\", "")


def title_of(name: str) -> str:
    """`crypto-paper-equity.png` as people read it."""
    return name.removesuffix(".png").replace("-", " ")
