"""Pairs, regimes, exploration, and why the bot did or did not do something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from modules.engine import explore_live
from modules.engine.explore import base_rate
from modules.ui.commands import EXPLORE_CAP, EXPLORE_FLOOR, Wanted
from modules.ui.operator import Answer, Table
from modules.ui.option_view import contract_words, figures, greek_words, surface_words
from modules.ui.recent import Told
from modules.ui.scene import Scene, age, held, keys_of, marked, percent, r_text, short_name
from modules.ui.wording import short_time
from state.accounts import Domain, Mode
from state.books import OPEN, PENDING
from state.conversion import home_currency
from state.intents import Side
from state.runtime import SPREADS, RuntimeState
from strategy.exploration import epsilon
from strategy.regime import CHOP, NAMES, UNKNOWN
from utils.fixed import plain

MOST_DECISIONS = 8
SAID_ELSEWHERE = frozenset({"opened", "stop"})
"""What an entry and its fill, or the open position, say already."""
GRACE_MS = 30_000
"""A bar that is later than one confirm bar and this is told as late, as in the gate."""


def one_key(scene: Scene, symbol: str) -> str:
    """The instrument that is most likely meant: one that is held, else the first. Refusal for an unknown symbol."""
    keys = keys_of(scene.state, symbol)
    open_now = {scene.state.instrument(i).key for i in held(scene.state)}
    return next((key for key in keys if key in open_now), keys[0])


# --- why ------------------------------------------------------------------------------------------------------------------------------


def why(scene: Scene, args: Mapping[str, str]) -> Answer:
    """The last decisions on a symbol, newest first, and where it stands now."""
    state = scene.state
    keys = keys_of(state, args["symbol"])
    lines: list[str] = []
    told = sorted((one for key in keys for one in scene.recent.by_key.get(key, ())), key=lambda one: (one.seq, one.ts))
    for key in keys:
        lines += _now(scene, key)
    newest = [one for one in told if one.what not in SAID_ELSEWHERE][-MOST_DECISIONS:]
    for one in reversed(newest):
        lines += decision_lines(one, alone=len(state.accounts) == 1)
    if not newest:
        lines.append("no signal was confirmed on it since the bot remembers: there was nothing to decide")
    symbol = state.instruments[state.index[keys[0]]].symbol
    return Answer(
        title=f"Why: {symbol}",
        lines=lines,
        data={"symbol": symbol, "keys": keys, "decisions": msgspec.to_builtins(list(reversed(told)))},
        more=((f"chart {symbol}", Wanted("chart", {"what": symbol})),),
    )


def decision_lines(told: Told, *, alone: bool = False) -> list[str]:
    """One decision: when, what, why; then on which account (unless there is one `alone`), in which market, how often."""
    found = [f"{short_time(told.ts)} {told.word} {told.text}"]
    more = [told.account] if told.account and not alone else []
    more += [f"regime {told.regime}"] if told.regime else []
    more += [f"{told.times} times since {short_time(told.since_ts)}"] if told.times > 1 else []
    return [*found, f"  {', '.join(more)}"] if more else found


def _now(scene: Scene, key: str) -> list[str]:
    """Where an instrument stands: its market, what is held."""
    state = scene.state
    m = state.index[key]
    found = [f"{short_name(state.instruments[m])} now: regime {regime_text(state, m, scene.now)}, {data_text(scene, m)}"]
    if state.instruments[m].domain is Domain.OPTIONS:
        found.append(f"  surface {surface_words(state.surfaces.get(state.instruments[m].symbol), scene.now)}")
    for i in state.seats_of[m]:
        pos, instrument = state.pos[i], state.instrument(i)
        if pos["status"] == OPEN:
            option, r = figures(state, i, scene.now, scene.mandate.option_frames), r_text(marked(state, i)[1])
            what = f" {state.symbol_of(i)}" if option else ""
            found.append(f"  {state.account_of(i)}: {Side(int(pos['side'])).word}{what} {plain(instrument.qty(int(pos['steps'])))}, {r}")
            if option is not None:
                found += [f"    {words}" for words in (contract_words(option), greek_words(option, home_currency(instrument)))]
        elif pos["status"] == PENDING:
            found.append(f"  {state.account_of(i)}: an entry is on its way")
    return found


# --- regime ---------------------------------------------------------------------------------------------------------------------------


def regime(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """The regime of every instrument, and since when."""
    state, now = scene.state, scene.now
    rows, data = [], {}
    for m, instrument in enumerate(state.instruments):
        row = state.market[m]
        since = since_of(state, m)
        rows.append(
            (short_name(instrument), NAMES[int(row["regime"])], short_time(since) if since else "–", age(now - since) if since else "–")
        )
        data[instrument.key] = {
            "regime": NAMES[int(row["regime"])],
            "since_ts": since or None,
            "score": round(float(row["score"]), 4),
            "vol_ratio": round(float(row["vol_ratio"]), 4),
        }
    counts = [f"{sum(one['regime'] == name for one in data.values())} {name}" for name in NAMES]
    lines = [", ".join(counts)]
    if any(row[1] == NAMES[UNKNOWN] for row in rows):
        lines.append("unknown: fewer than 30 days of candles, or a gap a few candles ago")
    return Answer(title="Regimes", lines=lines, table=Table(("pair", "regime", "since", "for"), tuple(rows)), data=data)


def since_of(state: RuntimeState, m: int) -> int:
    """Venue time (ms) at which market `m` entered its regime; 0 when it is unknown."""
    row = state.market[m]
    if int(row["regime"]) == UNKNOWN or int(row["dwell"]) <= 0:
        return 0
    return int(row["primary_ts"]) - (int(row["dwell"]) - 2) * int(row["primary_ms"])  # known at the close of its first bar


def regime_text(state: RuntimeState, m: int, now: int) -> str:
    """`trend for 3h12`."""
    since = since_of(state, m)
    name = NAMES[int(state.market[m]["regime"])]
    return f"{name} for {age(now - since)}" if since else name


# --- pairs ----------------------------------------------------------------------------------------------------------------------------


def pairs(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """What is traded: data, regime, spread against its median, what is held, the last refusal."""
    state = scene.state
    rows, refusals, data = [], [], {}
    for m, instrument in enumerate(state.instruments):
        ratio, spread, median = spread_of(state, m)
        sides = [Side(int(state.pos[i]["side"])).word for i in state.seats_of[m] if state.pos[i]["status"] == OPEN]
        said = data_text(scene, m)
        rows.append(
            (
                short_name(instrument),
                said if len(said) <= 7 else said[:7],
                NAMES[int(state.market[m]["regime"])],
                "–" if ratio is None else f"{ratio:.1f}x",
                sides[0] if sides else "–",
            )
        )
        last = max(
            (one for (_, key), one in scene.recent.last_refusal.items() if key == instrument.key), key=lambda one: one.seq, default=None
        )
        if last is not None:
            refusals.append(last)
        data[instrument.key] = {
            "data": said,
            "regime": NAMES[int(state.market[m]["regime"])],
            "spread_ticks": spread,
            "spread_median_ticks": median,
            "position": sides,
            "closing_only": instrument.key in scene.mandate.closing_only,
            "last_close": plain(instrument.price(int(state.market[m]["last_close"]))),
            "last_refusal": None if last is None else msgspec.to_builtins(last),
        }
    lines = [f"spread: now against its median of a day; limit {scene.mandate.max_spread_ratio:g}x"]
    lines += [f"{short_time(one.ts)} refused {one.text}" for one in sorted(refusals, key=lambda one: -one.seq)[:5]]
    lines += [f"{key.partition(':')[2]}: only to be closed" for key in sorted(scene.mandate.closing_only)]
    slots = [one.symbol for one in state.instruments if one.domain is Domain.OPTIONS]
    lines += [f"{pair} surface {surface_words(state.surfaces.get(pair), scene.now)}" for pair in slots]
    return Answer(
        title=f"{len(rows)} pairs", lines=lines, table=Table(("pair", "data", "regime", "spread", "held"), tuple(rows)), data=data
    )


def spread_of(state: RuntimeState, m: int) -> tuple[float | None, int | None, float | None]:
    """(ratio to the median, last spread, median) in ticks; None where too few quotes were seen."""
    n = int(state.spread_n[m])
    if not n:
        return None, None, None
    last, median = int(state.spreads[m, (n - 1) % SPREADS]), state.spread_median(m)
    return (last / median if median else None), last, median or None


def data_text(scene: Scene, m: int) -> str:
    """Whether the candles of market `m` come: `live`, `late`, `down`, `none`; without a bot, `stored`."""
    state, mandate = scene.state, scene.mandate
    if not scene.live:
        return "stored"
    if mandate.feed_of[state.instruments[m].key] in state.feeds_down:
        return "down"
    last = int(state.market[m]["last_ts"])
    if not last:
        return "none"
    late = scene.now - last - state.bar_ms(m)
    return "live" if late <= state.bar_ms(m) + GRACE_MS else f"late {age(late)}"


# --- exploration ----------------------------------------------------------------------------------------------------------------------


def explore(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """The base rate, its bounds, and what the regime makes of it for each instrument."""
    state, mandate = scene.state, scene.mandate
    base = base_rate(state, mandate)
    rates = {one.key: epsilon(base, 1.0 if int(state.market[m]["regime"]) == CHOP else 0.0) for m, one in enumerate(state.instruments)}
    rows = tuple(
        (short_name(one), NAMES[int(state.market[m]["regime"])], percent(rates[one.key], 0)) for m, one in enumerate(state.instruments)
    )
    where = [str(account) for account, found in mandate.explores.items() if found]
    lines = [
        f"base {percent(base, 0)} of decisions, {'set by the operator' if state.exploration else 'as configured'}",
        f"floor {EXPLORE_FLOOR} %, cap {EXPLORE_CAP} %; in chop it is the cap",
        f"explored now: on {', '.join(where)}" if where else "explored now: nothing; it begins beside live money, on paper",
    ]
    lives = {str(one): a for a, one in enumerate(state.accounts) if one.mode is Mode.LIVE}
    real = {name: explore_live.is_on(state, state.accounts[a]) for name, a in lives.items()}
    lines += [
        f"with the money of {one}: {'ON' if real[one] else 'off'}, {explore_live.words(state, a, scene.now)}" for one, a in lives.items()
    ]
    switch = [(f"explore_live {to}", Wanted(explore_live.NAME, {"to": to})) for to in (("off",) if any(real.values()) else ("on",)) if real]
    now = round(100 * base)
    more = [(f"{step:+d}", now + step) for step in (-5, -1, 1, 5) if EXPLORE_FLOOR <= now + step <= EXPLORE_CAP]
    data: dict[str, Any] = {
        "base": base,
        "floor": EXPLORE_FLOOR / 100,
        "cap": EXPLORE_CAP / 100,
        "rates": rates,
        "accounts": where,
        "set": bool(state.exploration),
        "live": real,
    }
    return Answer(
        title="Exploration",
        lines=lines,
        table=Table(("pair", "regime", "now"), rows),
        data=data,
        more=(*((label, Wanted("explore", {"percent": str(to)})) for label, to in more), *switch),
    )
