"""The sweep: years of bars through the engine's own kernels in two compiled loops.

The market pass knows no account: per symbol it runs the market kernel over every bar and keeps the confirmed signals; its result is
cached across trials. The portfolio pass goes through time once, all symbols in config order, and books in the same rows with the same
functions as the engine and its bar venue. Only the sequence of calls is written twice; a test holds both to the same trades.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modules.engine.decide import entry_limit, plan_entry, reserve
from modules.engine.option_prices import settlement
from modules.learning.option_pass import Options, asked, buy, held_bar, looked_at, offered
from risk.breakers import STEPPED, mark, trade_closed
from risk.costs import entry_fee_ppm, slipped
from risk.drawdown import HALT
from risk.fills import BOTH, NONE, RESTING, STOP, TARGET, entry_at_open, gap_exit, resolve_fine, resting_fills, touched, traded_at
from risk.holding import BY_HALT, bar_closed, due
from risk.price_jump import jumped
from state.booking import fee_of, fill_entry, fill_exit, pay_funding, release
from state.books import FLAT, OPEN, PENDING, Rows
from state.conversion import home_of, turn_to
from state.intents import ExitReason
from state.runtime import REASONS
from strategy.actions import Values
from strategy.market import on_bar
from strategy.moves import largest_move
from utils.kernel import borrowed, kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BY_STOP, BY_TRAIL, BY_TARGET = 1, 2, 3
BY_EXERCISE, BY_EXPIRY = REASONS.index(ExitReason.EXERCISED) + 1, REASONS.index(ExitReason.EXPIRED) + 1
"""Exit reasons: index in `state.runtime.REASONS` + 1."""

SIGNAL = np.dtype(
    [("k", "i8"), ("i", "i8"), ("code", "i8"), ("regime", "i8"), ("atr", "f8"), ("turnover", "f8"), ("move", "f8")],
)
"""A bar with a confirmed signal: column `k`, symbol `i`, what the row said at that moment (turnover in base units x ticks, the largest
move of the last bars in standard deviations)."""

TRADE = np.dtype(
    [
        ("i", "i8"),
        ("strategy", "i8"),
        ("arm", "i8"),
        ("side", "i8"),
        ("steps", "i8"),
        ("entry_ts", "i8"),
        ("entry_value", "i8"),
        ("exit_ts", "i8"),
        ("exit_value", "i8"),
        ("reason", "i8"),
        ("fees", "i8"),
        ("funding", "i8"),
        ("net", "i8"),
        ("risk", "i8"),
        ("at_risk", "i8"),
        ("right", "i8"),
        ("strike", "i8"),
        ("expiry_ts", "i8"),
    ]
)
"""A closed trade in integers: values in money units of the quote currency, fees, results and `at_risk` (what a loss at the first stop would
have been) of the account's, risk in ticks; `right`, `strike` and `expiry_ts` of an option, else 0."""


@kernel
def market_pass(
    market: Rows, params: Rows, i: int, ts: Ints, o: Ints, h: Ints, low: Ints, c: Ints, v: Floats, first: int, out: Rows
) -> int:
    """Run every bar of symbol `i` through the market kernel; signals from column `first` on go to `out`; returns how many."""
    n = 0
    for k in range(len(ts)):
        if o[k] == 0:
            continue
        code = on_bar(market, params, i, ts[k], o[k], h[k], low[k], c[k], v[k])
        if code != 0 and k >= first:
            out[n]["k"] = k
            out[n]["i"] = i
            out[n]["code"] = code
            out[n]["regime"] = market[i]["regime"]
            out[n]["atr"] = market[i]["atr"]
            out[n]["turnover"] = market[i]["median_turnover_ticks"]
            out[n]["move"] = largest_move(market, i)
            n += 1
    return n


@kernel
def _leave(
    pos: Rows, inst: Rows, acct: Rows, rules: Rows, limits: Rows, i: int, level: int, ts: int, reason: int, trades: Rows, n: int
) -> int:
    """Close all of position `i` at `level` less slippage and write the trade; returns the new count. A settlement costs nothing."""
    side, steps = pos[i]["side"], pos[i]["steps"]
    price, fee = level, 0
    entry_value = pos[i]["value"]
    if reason not in (BY_EXERCISE, BY_EXPIRY):
        price = slipped(level, inst[i]["slip_ppm"], -side)
        fee = fee_of(home_of(inst, i, price * steps * inst[i]["unit"]), inst[i]["taker_ppm"])
    fill_exit(pos, inst, acct, i, price, steps, fee)
    net = pos[i]["realised"] - pos[i]["fees"] - pos[i]["funding"]
    trades[n]["i"] = i
    trades[n]["strategy"] = pos[i]["strategy"]
    trades[n]["arm"] = pos[i]["arm"]
    trades[n]["side"] = side
    trades[n]["steps"] = steps
    trades[n]["entry_ts"] = pos[i]["opened_ts"]
    trades[n]["entry_value"] = entry_value
    trades[n]["exit_ts"] = ts
    trades[n]["exit_value"] = pos[i]["exit_value"]
    trades[n]["reason"] = reason
    trades[n]["fees"] = pos[i]["fees"]
    trades[n]["funding"] = pos[i]["funding"]
    trades[n]["net"] = net
    trades[n]["risk"] = pos[i]["risk"]
    trades[n]["right"] = pos[i]["right"]
    trades[n]["strike"] = pos[i]["strike"]
    trades[n]["expiry_ts"] = pos[i]["expiry_ts"]
    trades[n]["at_risk"] = home_of(inst, i, pos[i]["risk"] * steps * inst[i]["unit"])
    trade_closed(acct, rules, limits, inst[i]["account"], pos[i]["strategy"], net, pos[i]["opened_ts"], ts)
    release(pos, i)
    return n + 1


@kernel
def _enter(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, ts: int) -> None:
    steps = pos[i]["working"]
    fee = fee_of(home_of(inst, i, price * steps * inst[i]["unit"]), entry_fee_ppm(inst, i, pos[i]["order_type"]))
    fill_entry(pos, inst, acct, i, price, steps, fee, ts)


@kernel
def _stop_reason(pos: Rows, i: int) -> int:
    return BY_STOP if pos[i]["stop"] == pos[i]["initial_stop"] else BY_TRAIL


@kernel
def portfolio_pass(  # noqa: C901, PLR0912, PLR0915  one compiled loop: every call out of it with state costs more than it explains
    pos: Rows,
    inst: Rows,
    acct: Rows,
    rules: Rows,
    limits: Rows,
    allowed: Ints,
    signals: Rows,
    values: Values,
    learned: int,
    ts: Ints,
    o: Ints,
    h: Ints,
    low: Ints,
    c: Ints,
    mark_o: Ints,
    seen: tuple[Ints, Ints, Ints, Ints],
    step_ms: int,
    first: int,
    funding_ts: Ints,
    funding_rate: Ints,
    funding_at: Ints,
    fine_ts: Ints,
    fine_high: Ints,
    fine_low: Ints,
    fine_at: Ints,
    hours: Ints,
    options: Options,
    trades: Rows,
) -> int:
    """Go through time once; returns the number of closed trades written to `trades`.

    `signals` sorted by (k, i); `values` (signals, strategies, 7) are what a policy makes of each, not looked at unless `learned`.
    `allowed[s]` 1 where strategy s may trade. `funding_at`, `fine_at` (n + 1,) delimit each symbol's part of the flat funding and
    finer-bar arrays. `mark_o`: mark price at each open (n, t); `seen`: open, high, low, close of the bars that
    trigger stops and targets and value positions, the mark's or the last price's. `hours`: what `forex.sessions.table` says of the bars'
    closes, empty where nothing has a session. `options`: surfaces, offers and timeframes of the slots among the symbols
    (`modules/learning/option_pass.py`).
    """
    pos, inst, acct, rules, limits = borrowed(pos), borrowed(inst), borrowed(acct), borrowed(rules), borrowed(limits)
    trades, signals = borrowed(trades), borrowed(signals)
    n_symbols, n_accounts, done, next_signal, active = len(pos), len(acct), 0, 0, 0
    pointer = funding_at[:-1].copy()
    since = np.zeros(n_symbols, np.int64)  # settlements of a position up to then are done, or came before it was there
    ids = np.zeros(n_symbols, np.int64)  # rows that are not flat, in config order: the only ones a bar can do anything to
    bars = np.zeros((n_symbols, 4), np.int64)  # of what is held in slots of options: the bid's open, high, low, close
    slots = len(options[0]) > 0  # else nothing is asked about options
    converts = False
    for i in range(n_symbols):
        converts = converts or inst[i]["via"] >= 0
    k = first
    while k < len(ts):
        if active == 0:
            # Flat: nothing can happen before the next signal; a day that rolls meanwhile is rolled when it is next looked at.
            if next_signal >= len(signals):
                break
            k = signals[next_signal]["k"]
        present = False
        for i in range(n_symbols):
            if o[i, k] != 0:
                present = True
                break
        if not present:
            # No bar, no event: what falls due meanwhile is seen with the next one, as in the engine.
            k += 1
            continue
        opened, closed = ts[k], ts[k] + step_ms
        if len(hours):
            for i in range(n_symbols):
                if inst[i]["session"]:
                    inst[i]["open_ts"], inst[i]["close_ts"] = hours[k, 0], hours[k, 1]
                    inst[i]["rest_ts"], inst[i]["rest_until"] = hours[k, 2], hours[k, 3]
        if active:
            for x in range(active):
                i = ids[x]
                if pos[i]["status"] == FLAT or o[i, k] == 0:
                    continue
                if pos[i]["status"] == OPEN:
                    at, end = pointer[i], funding_at[i + 1]
                    while at < end and funding_ts[at] <= since[i]:
                        at += 1
                    while at < end and funding_ts[at] <= opened:
                        pay_funding(pos, inst, acct, i, mark_o[i, k], funding_rate[at])
                        at += 1
                    pointer[i], since[i] = at, opened
                    first_last, first_seen = o[i, k], seen[0][i, k]
                    if slots and inst[i]["option"]:
                        if opened >= pos[i]["expiry_ts"]:
                            worth = settlement(pos[i]["right"], pos[i]["strike"], o[i, k])
                            reason = BY_EXERCISE if worth > 0 else BY_EXPIRY
                            done = _leave(pos, inst, acct, rules, limits, i, worth, opened, reason, trades, done)
                            continue
                        held_bar(options, pos, i, opened, closed, o[i, k], h[i, k], low[i, k], c[i, k], bars)
                        first_last = first_seen = bars[i, 0]
                    if pos[i]["closing"]:
                        done = _leave(pos, inst, acct, rules, limits, i, first_last, opened, pos[i]["closing"], trades, done)
                        continue
                    gap = gap_exit(pos[i]["side"], pos[i]["stop"], pos[i]["target"], first_seen)
                    if gap != NONE:
                        reason = BY_TARGET if gap == TARGET else _stop_reason(pos, i)
                        done = _leave(pos, inst, acct, rules, limits, i, first_last, opened, reason, trades, done)
                elif opened >= pos[i]["expires_ts"]:
                    release(pos, i)  # the bar it was meant for never came
                elif pos[i]["order_type"] != RESTING:
                    first_last = asked(options, pos, i, opened, o[i, k]) if slots and inst[i]["option"] else o[i, k]
                    price = entry_at_open(
                        pos[i]["order_type"],
                        pos[i]["side"],
                        pos[i]["limit"],
                        pos[i]["stop"],
                        pos[i]["target"],
                        first_last,
                        inst[i]["slip_ppm"],
                    )
                    if price == 0:
                        release(pos, i)
                    else:
                        _enter(pos, inst, acct, i, price, opened)
                        since[i] = opened
                        if slots and inst[i]["option"]:
                            held_bar(options, pos, i, opened, closed, o[i, k], h[i, k], low[i, k], c[i, k], bars)
            for x in range(active):
                i = ids[x]
                if pos[i]["status"] == FLAT or o[i, k] == 0:
                    continue
                rested = False
                if pos[i]["status"] == PENDING:
                    if not resting_fills(pos[i]["side"], pos[i]["limit"], h[i, k], low[i, k]):
                        if closed >= pos[i]["expires_ts"]:
                            release(pos, i)
                        continue
                    _enter(pos, inst, acct, i, pos[i]["limit"], closed)
                    since[i] = closed - 1
                    rested = True
                is_option = slots and inst[i]["option"] != 0
                top, bottom = (bars[i, 1], bars[i, 2]) if is_option else (seen[1][i, k], seen[2][i, k])
                hit = touched(pos[i]["side"], pos[i]["stop"], pos[i]["target"], top, bottom)
                if rested:
                    hit &= STOP
                elif hit == BOTH and (limits[0]["by_mark"] or is_option):
                    hit = STOP
                elif hit == BOTH:
                    begin = fine_at[i] + np.searchsorted(fine_ts[fine_at[i] : fine_at[i + 1]], opened)
                    end = fine_at[i] + np.searchsorted(fine_ts[fine_at[i] : fine_at[i + 1]], closed)
                    hit = resolve_fine(pos[i]["side"], pos[i]["stop"], pos[i]["target"], fine_high, fine_low, begin, end)
                if hit != NONE:
                    level = pos[i]["stop"] if hit == STOP else pos[i]["target"]
                    if not is_option:
                        level = traded_at(level, seen[0][i, k], o[i, k], h[i, k], low[i, k])
                    reason = BY_TARGET if hit == TARGET else _stop_reason(pos, i)
                    done = _leave(pos, inst, acct, rules, limits, i, level, closed, reason, trades, done)
        if converts:
            turn_to(inst, c, k)
        if active:
            for x in range(active):
                i = ids[x]
                if pos[i]["status"] == OPEN and o[i, k] != 0 and slots and inst[i]["option"]:
                    if looked_at(options, pos, i, closed, step_ms):
                        bar_closed(pos, inst, rules, limits, i, closed, bars[i, 1], bars[i, 2], bars[i, 3])
                elif pos[i]["status"] == OPEN and o[i, k] != 0:
                    bar_closed(pos, inst, rules, limits, i, closed, h[i, k], low[i, k], c[i, k])
                    pos[i]["mark"] = seen[3][i, k]
            i, why = due(pos, inst, acct, limits, closed, 0)
            while i >= 0:
                pos[i]["closing"] = why
                i, why = due(pos, inst, acct, limits, closed, i + 1)
        for a in range(n_accounts):
            found = mark(pos, inst, acct, limits, a, closed)
            if found & STEPPED and acct[a]["level"] == HALT:
                acct[a]["halted"] = 1
                for i in range(n_symbols):
                    if inst[i]["account"] != a:
                        continue
                    if pos[i]["status"] == PENDING:
                        release(pos, i)
                    elif pos[i]["status"] == OPEN and pos[i]["closing"] == 0:
                        pos[i]["closing"] = BY_HALT
        while next_signal < len(signals) and signals[next_signal]["k"] == k:
            i, code = signals[next_signal]["i"], signals[next_signal]["code"]
            known = np.searchsorted(funding_ts[funding_at[i] : funding_at[i + 1]], opened, side="right")
            if known > 0 and not inst[i]["on_margin"]:
                inst[i]["funding_e8"] = funding_rate[funding_at[i] + known - 1]
            regime, atr = signals[next_signal]["regime"], signals[next_signal]["atr"]
            turnover = signals[next_signal]["turnover"] * inst[i]["tick"]
            worth = values[next_signal if learned else 0]
            wild = jumped(signals[next_signal]["move"], limits[0]["max_move"])
            next_signal += 1
            for s in range(len(allowed)):
                bits = (code >> (2 * s)) & 3
                if bits == 0 or allowed[s] == 0 or wild:
                    continue
                if slots and inst[i]["option"]:
                    offers = offered(options, next_signal - 1)
                    buy(offers, pos, inst, acct, rules, limits, i, s, regime, closed, closed + step_ms, worth[s], learned)
                    continue
                side = 3 - 2 * bits
                rule, arm, steps, stop, target, _ = plan_entry(
                    pos, inst, acct, rules, limits, i, s, side, regime, closed, c[i, k], atr, turnover, 0.0, worth[s], learned, 1.0
                )
                if rule != 0:
                    continue
                limit = entry_limit(rules[s]["order_type"], side, c[i, k], target, 0, limits[0]["ioc_cap_ppm"], limits[0]["slip_cap_ppm"])
                reserve(pos, rules, i, s, arm, regime, side, steps, c[i, k], limit, closed, closed + step_ms, stop, target, atr)
        active = 0
        for i in range(n_symbols):
            if pos[i]["status"] != FLAT:
                ids[active] = i
                active += 1
        k += 1
    return done
