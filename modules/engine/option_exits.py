"""How a held option is looked at and told of: its premium at its own timeframe's closes, its terms in the ledger, its settlement."""

from __future__ import annotations

from typing import Any

from forex.options_calendar import DAY_MS, spot_date
from modules.engine.mandate import Mandate
from modules.engine.option_prices import bid_candle, figures, rungs_of, settlement, surface_of, terms_of, told
from risk.holding import bar_closed
from state.intents import ExitReason
from state.market import Candle
from state.messages import Command, Report
from state.options import OptionContract
from state.orders import Fill
from state.runtime import RuntimeState
from utils.fixed import plain

HOUR_MS = 3_600_000
SETTLED = frozenset({ExitReason.EXERCISED, ExitReason.EXPIRED})
"""Ends at the cut, by the contract's own terms: at no price of a market."""
ON_TIME_MS = 60_000
"""A price so soon after the cut is that of the cut."""


def bar_told(state: RuntimeState, mandate: Mandate, i: int, ts: int, candle: Candle, since: int, out: list[Command]) -> None:
    """Take a bar of the pair that closed at `ts` into the option on seat `i`, if its timeframe ends there: its premium is marked.

    `since`: when the bar before had closed. Where no surface prices it, it keeps its last mark.
    """
    contract = state.contract_of(i)
    if contract is None:
        return
    _frames_told(state, mandate, i, contract, max(since, int(state.pos[i]["opened_ts"])), ts, out)
    surface, bar_ms = surface_of(state.surfaces, state.inst, state.pos, i, contract.pair), state.bar_ms(state.seats[i][1])
    if surface is None or not told(rungs_of(mandate.option_frames), contract.expiry_ts, ts, bar_ms):
        return
    bar = bid_candle(surface, contract, candle, bar_ms)
    bar_closed(state.pos, state.inst, mandate.rules, mandate.limits, i, ts, bar.high, bar.low, bar.close)


def _frames_told(state: RuntimeState, mandate: Mandate, i: int, contract: OptionContract, since: int, ts: int, out: list[Command]) -> None:
    """Say so where another pair of timeframes governs the contract than before."""
    before, now = (mandate.option_frames.at((contract.expiry_ts - at) / DAY_MS) for at in (since, ts))
    if before != now:
        left = (contract.expiry_ts - ts) / DAY_MS
        text = f"{contract.symbol}: {left:.1f} days to its expiry, from now on by {now} (was {before})"
        account, key = str(state.account_of(i)), state.instrument(i).key
        out.append(Report(ts=ts, what="timeframe", account=account, key=key, rule="timeframe", text=text))


def remember(state: RuntimeState, i: int, contract: OptionContract | None, ts: int) -> None:
    """Put delta and vol of the contract that seat `i` has ordered into its row; 0 where it is no option or nothing prices it."""
    pos = state.pos[i]
    pos["delta"] = pos["vol"] = 0.0
    surface = None if contract is None else state.surfaces.get(contract.pair)
    if contract is not None and surface is not None:
        spot = int(state.market[state.seats[i][1]]["last_close"])
        pos["delta"], pos["vol"] = figures(terms_of(surface), int(contract.right), contract.strike, contract.expiry_ts, ts, spot)


def details(state: RuntimeState, i: int) -> dict[str, Any]:
    """The `option` of a ledger row: what seat `i` holds, with delta and vol as they were at its entry; empty where it is no option."""
    contract, pos = state.contract_of(i), state.pos[i]
    if contract is None:
        return {}
    found: dict[str, Any] = {
        "right": contract.right.name.lower(),
        "strike": plain(state.instrument(i).price(contract.strike)),
        "expiry": contract.expiry_day.isoformat(),
    }
    if pos["vol"] > 0.0:
        found |= {"delta": round(float(pos["delta"]), 4), "vol": round(float(pos["vol"]), 5)}
    return {"option": found}


def settled(state: RuntimeState, i: int, fill: Fill, reason: ExitReason, out: list[Command]) -> None:
    """Tell of a settlement: the fixing, what the contract was worth there, and when that is delivered; loudly of a fixing that is late."""
    contract, instrument = state.contract_of(i), state.instrument(i)
    if reason not in SETTLED or contract is None:
        return
    delivery = spot_date(contract.pair, contract.expiry_day)
    worth = plain(instrument.price(settlement(int(contract.right), contract.strike, fill.fixing)))
    late_ms = fill.fixing_ts - contract.expiry_ts
    when = "at the cut" if late_ms <= ON_TIME_MS else f"LATE, {late_ms / HOUR_MS:.2f} hours after the cut"
    text = (
        f"{contract.symbol} {reason} {when}: fixing {instrument.price(fill.fixing)}, intrinsic value {worth}, "
        f"delivery {delivery.isoformat()}"
    )
    what = "settled" if late_ms <= ON_TIME_MS else "settled_late"
    out.append(Report(ts=fill.ts, what=what, account=str(fill.account), key=fill.key, rule=str(reason), text=text))
