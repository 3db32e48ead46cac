"""What every answer to an operator rests on: the engine's state and terms, what happened lately, the world it runs in; and common words."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from modules.engine.core import Engine
from modules.engine.mandate import Mandate
from modules.settings import Learning
from modules.ui.recent import Recent
from modules.ui.wording import short_time
from state.accounts import OF_PAIRS, Domain
from state.booking import gain_of
from state.books import OPEN
from state.conversion import home_currency, home_of
from state.instruments import Instrument
from state.runtime import RuntimeState
from utils.errors import Refusal
from utils.fixed import money

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SHORT = {Domain.CRYPTO: "", Domain.PERPS: " perp", Domain.FOREX: " fx", Domain.OPTIONS: " opt"}
"""What tells two instruments of one coin apart in a narrow table."""
OPTION_PARTS = 4
"""Pair, day, right and strike in the symbol of an option."""


class Scene:
    """Only read by answers. `kpis`: the document of `kpi --json` as last made, None before; `venue_now`: venue time, ms."""

    def __init__(
        self,
        engine: Engine,
        recent: Recent,
        env: str,
        *,
        live: bool = True,
        folder: Path = Path(),
        venue_now: Callable[[], int] | None = None,
        panel_url: Callable[[], str] = str,
        learning: Learning | None = None,
    ) -> None:
        """`live`: this is the running daemon; `folder`: of the environment's state; `panel_url`: empty while there is no panel.

        `learning`: the settings in force, else what is configured by default.
        """
        self.learning = learning or Learning()
        self.engine, self.recent, self.env, self.live, self.folder = engine, recent, env, live, folder
        self.panel_url = panel_url
        self.kpis: dict[str, Any] | None = None
        self._venue_now = venue_now

    @property
    def state(self) -> RuntimeState:
        """The engine's."""
        return self.engine.state

    @property
    def mandate(self) -> Mandate:
        """The engine's."""
        return self.engine.mandate

    @property
    def now(self) -> int:
        """Venue time, ms UTC: never before the newest event."""
        return max(self.state.ts, self._venue_now() if self._venue_now is not None else 0)


def keys_of(state: RuntimeState, symbol: str) -> list[str]:
    """Instruments called `symbol`, or whose coin it is (`BTC`); of an option its slot; Refusal that names the nearest ones there are."""
    wanted = symbol.upper()
    slot = f"{Domain.OPTIONS}:{wanted.partition('-')[0]}"
    if "-" in wanted and slot in state.index:
        return [slot]
    found = [one.key for one in state.instruments if wanted == one.symbol] or [one.key for one in state.instruments if wanted == one.base]
    if found:
        return found
    names = sorted({one.symbol for one in state.instruments})
    near = difflib.get_close_matches(wanted[:40], names, n=3, cutoff=0.5)
    there = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names[:6])}{' and more' if len(names) > 6 else ''}"
    raise Refusal(f"no symbol {wanted[:20]} is traded here; {there}")


def short_name(instrument: Instrument) -> str:
    """`BTC`, `BTC perp`, `EURUSD opt`: for tables on a phone. Of a pair both currencies: several have one base."""
    if instrument.domain in OF_PAIRS:
        return instrument.symbol + SHORT[instrument.domain]
    return instrument.symbol.removesuffix(instrument.quote) + SHORT[instrument.domain] if instrument.quote else instrument.symbol


def short_symbol(state: RuntimeState, account: str, symbol: str) -> str:
    """The short name of what a row of the ledger traded, or a seat holds: of an option `EURUSD C`."""
    parts = symbol.split("-")
    if len(parts) == OPTION_PARTS:
        return f"{parts[0]} {parts[2]}"
    m = state.index.get(f"{account.partition('/')[0]}:{symbol}")
    return symbol if m is None else short_name(state.instruments[m])


def cents(value: Decimal | float, *, sign: bool = False) -> str:
    """Money to the cent, `1,004.21`; no minus before a zero."""
    text = f"{value:{'+' if sign else ''},.2f}"
    return text.replace("-", "+" if sign else "") if text == "-0.00" else text


def percent(share: float, places: int = 1, *, sign: bool = False) -> str:
    """A share as per cent: `4.2%`."""
    return f"{round(100.0 * share, places) + 0.0:{'+' if sign else ''}.{places}f}%"


def age(ms: int) -> str:
    """A stretch of time in a few characters: `14m`, `3h12`, `2d04`."""
    minutes = max(0, ms) // MINUTE_MS
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02}"
    return f"{minutes // 1440}d{minutes // 60 % 24:02}"


def moment(ts: int, now: int) -> str:
    """A time in five characters: `14:25` of the day of `now`, else the day, `03-05`."""
    day, time = short_time(ts).split()
    return time if ts // DAY_MS == now // DAY_MS else day


def quote_of(state: RuntimeState, a: int) -> str:
    """The currency that account `a` counts in."""
    return next((home_currency(state.instruments[m]) for b, m in state.seats if b == a), "")


def held(state: RuntimeState, a: int | None = None) -> list[int]:
    """Seats with an open position, of account `a` or of all."""
    return [i for i in range(len(state.pos)) if state.pos[i]["status"] == OPEN and a in {None, state.seats[i][0]}]


def marked(state: RuntimeState, i: int) -> tuple[int, float | None]:
    """What position `i` would bring at its mark, costs so far included (money units), and the same in R; None without a known risk."""
    pos, unit = state.pos[i], int(state.inst[i]["unit"])
    moved = gain_of(state.pos, state.inst, i, int(pos["mark"]), int(pos["steps"]))
    net = moved + int(pos["realised"]) - int(pos["fees"]) - int(pos["funding"])
    at_risk = home_of(state.inst, i, int(pos["risk"]) * int(pos["filled"]) * unit)
    return net, net / at_risk if at_risk else None


def r_text(r: float | None, unit: str = " R") -> str:
    """A result in multiples of the risk; a dash where the risk is not known."""
    return "–" if r is None else f"{round(r, 2) + 0.0:+.2f}{unit}"


def unrealised(state: RuntimeState, a: int) -> Decimal:
    """What the open positions of account `a` would bring at their marks."""
    return money(sum(marked(state, i)[0] for i in held(state, a)))


def drawdown(state: RuntimeState, a: int) -> float:
    """How far account `a` is below its peak, 0 to 1."""
    peak = int(state.acct[a]["peak"])
    return max(0.0, 1.0 - int(state.acct[a]["equity"]) / peak) if peak > 0 else 0.0


def steps_of(mandate: Mandate) -> tuple[tuple[float, str], ...]:
    """The drawdown limits, and what happens there."""
    limits = mandate.limits[0]
    return (
        (float(limits["half_at"]), "half size at"),
        (float(limits["stop_at"]), "no entries at"),
        (float(limits["halt_at"]), "halt at"),
    )


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide a table is with one space between its columns."""
    return sum(max(len(row[k]) for row in (head, *rows)) for k in range(len(head))) + len(head) - 1
