"""The limit that the sweep is held against: the same rules as one hand-written loop, for one spot account under the static policy.

Signals come from `bench/limit_signals.py`; here is the portfolio: caps, costs, breakers, entries, stops, targets, trailing, time, one
wallet. Everything a position is stands in plain arrays, and only what spot coins need is written: no shorts held, no funding, no margin,
no options, no sessions, no finer bars, no learned policy, no row of a ledger. What the sweep takes longer than this is the price of one set
of rules for all markets, engine and sweep alike. The trades are equal to the sweep's, in every integer (`Limit.trades`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bench.limit_signals import signals_of
from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid
from modules.settings import BotConfig
from risk.holding import BY_HALT, BY_TIME
from state.accounts import Domain
from state.books import Rows
from strategy.registry import STRATEGIES
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAY_MS = 86_400_000
STOP, TRAIL, TARGET = 1, 2, 3
COLUMNS = ("i", "strategy", "arm", "side", "steps", "entry_ts", "entry_value", "exit_ts", "exit_value", "reason", "fees", "net", "risk")
"""What is written of a trade: the fields of `modules.learning.sweep.TRADE` that a spot trade has."""


@kernel
def _fee(value: int, ppm: int) -> int:
    return (value // 1_000_000) * ppm + ((value % 1_000_000) * ppm + 999_999) // 1_000_000


@kernel
def _run_limit(trades: int, wins: int, least: int, most: int, enough: int, chance: float) -> int:
    """Losses in a row that pause a style: the shortest run that 100 trades at this win rate hardly hold."""
    if trades < enough:
        return most
    rate = 1.0 - wins / trades
    for length in range(least, most):
        held, reached = np.zeros(length), 0.0
        held[0] = 1.0
        for _ in range(100):
            reached += held[length - 1] * rate
            alive = 0.0
            for k in range(length):
                alive += held[k]
            for k in range(length - 1, 0, -1):
                held[k] = held[k - 1] * rate
            held[0] = alive * (1.0 - rate)
        if (reached if rate > 0.0 else 0.0) <= chance:
            return length
    return most


@kernel
def limit_portfolio(  # noqa: C901, PLR0912, PLR0915  one loop is the point
    signals: Ints, figures: Floats, ts: Ints, o: Ints, h: Ints, low: Ints, c: Ints, inst: Rows, rules: Rows, limits: Rows, allowed: Ints,
    cash: int, step_ms: int, first: int, trades: Ints,
) -> int:  # fmt: skip
    """Time once through all symbols; returns how many closed trades were written to `trades` (n, 13), columns as in COLUMNS."""
    n = len(inst)
    unit, taker, maker, slip = inst["unit"].copy(), inst["taker_ppm"].copy(), inst["maker_ppm"].copy(), inst["slip_ppm"].copy()
    tick, lot = inst["tick"].copy(), inst["lot_steps"].copy()
    limit = limits[0]
    base_share, loss, pair, whole, volume_share = limit["base"], limit["loss"], limit["pair"], limit["portfolio"], limit["volume"]
    wilder, halved, min_r, min_ticks = limit["volatile_factor"], limit["half_factor"], limit["min_amend_r"], limit["min_amend_ticks"]
    half_at, stop_at, halt_at, day_loss, wild = limit["half_at"], limit["stop_at"], limit["halt_at"], limit["daily_loss"], limit["max_move"]
    room = np.zeros((20, n), np.int64)
    status, strategy, arm, order, entered = room[0], room[1], room[2], room[3], room[4]
    steps, working, value, paid_fee, reference = room[5], room[6], room[7], room[8], room[9]
    worst, expires, opened, stop, target = room[10], room[11], room[12], room[13], room[14]
    begun, extreme, marked, risk, closing = room[15], room[16], room[17], room[18], room[19]
    atr, trail_k = np.zeros(n), np.zeros(n)
    styles = np.zeros((6, 2), np.int64)
    counted, wins, streak, until, pause_day, pauses = styles[0], styles[1], styles[2], styles[3], styles[4], styles[5]
    ids = np.zeros(n, np.int64)
    peak, equity, day, day_start, day_stopped, level, halted = cash, cash, ts[first] // DAY_MS, cash, False, 0, False
    done = following = active = 0
    k = first
    while k < len(ts):
        if active == 0:
            if following >= len(signals):
                break
            k = signals[following, 0]
        present = False
        for i in range(n):
            if o[i, k] != 0:
                present = True
                break
        if not present:
            k += 1
            continue
        now, closed = ts[k], ts[k] + step_ms
        for phase in range(2):
            for x in range(active):
                i = ids[x]
                if status[i] == 0 or o[i, k] == 0:
                    continue
                leave, price, at = 0, 0, now
                if phase == 0:
                    if status[i] == 2:
                        if closing[i]:
                            leave = closing[i]
                        elif o[i, k] <= stop[i]:
                            leave = STOP if stop[i] == begun[i] else TRAIL
                        elif o[i, k] >= target[i]:
                            leave = TARGET
                        price = o[i, k]
                    elif now >= expires[i]:
                        status[i] = 0
                    elif order[i] != 2:
                        price = o[i, k] + (o[i, k] * slip[i] + 999_999) // 1_000_000
                        if price > worst[i] or price <= stop[i] or price >= target[i]:
                            status[i] = 0
                        else:
                            entered[i] = 1
                else:
                    rested = False
                    if status[i] == 1:
                        if low[i, k] >= worst[i]:
                            if closed >= expires[i]:
                                status[i] = 0
                            continue
                        price, at, rested = worst[i], closed, True
                        entered[i] = 1
                    if low[i, k] <= stop[i]:
                        leave = STOP if rested or stop[i] == begun[i] else TRAIL
                    elif h[i, k] >= target[i] and not rested:
                        leave = TARGET
                if entered[i]:
                    entered[i] = 0
                    status[i], opened[i], steps[i], working[i] = 2, at, working[i], 0
                    extreme[i], marked[i], begun[i] = price, price, stop[i]
                    value[i] = price * steps[i] * unit[i]
                    paid_fee[i] = _fee(value[i], maker[i] if order[i] == 2 else taker[i])
                    risk[i] = abs(price - stop[i])
                    cash -= value[i] + paid_fee[i]
                if leave:
                    if phase == 1:
                        price, at = target[i] if leave == TARGET else stop[i], closed
                    price -= (price * slip[i] + 999_999) // 1_000_000
                    worth = price * steps[i] * unit[i]
                    fee = _fee(worth, taker[i])
                    cash += worth - fee
                    net = worth - value[i] - paid_fee[i] - fee
                    row = trades[done]
                    row[0], row[1], row[2], row[3], row[4], row[5], row[6] = i, strategy[i], arm[i], 1, steps[i], opened[i], value[i]
                    row[7], row[8], row[9], row[10], row[11], row[12] = at, worth, leave, paid_fee[i] + fee, net, risk[i]
                    done += 1
                    status[i] = closing[i] = 0
                    y = rules[strategy[i]]["style"]
                    counted[y] += 1
                    if net > 0:
                        wins[y] += 1
                        streak[y] = 0
                    else:
                        streak[y] += 1
                        length = _run_limit(
                            counted[y],
                            wins[y],
                            limit["streak_low"],
                            limit["streak_high"],
                            limit["streak_min_trades"],
                            limit["streak_chance"],
                        )
                        if streak[y] >= length:
                            streak[y] = 0
                            if pause_day[y] != at // DAY_MS:
                                pause_day[y], pauses[y] = at // DAY_MS, 0
                            pause = limit["pause_bars"] * length * rules[strategy[i]]["primary_ms"] * (1 << pauses[y])
                            until[y] = max(until[y], at + pause)
                            pauses[y] += 1
        equity = cash
        for x in range(active):
            i = ids[x]
            if status[i] != 2:
                continue
            if o[i, k] != 0:
                marked[i] = c[i, k]
                extreme[i] = max(extreme[i], h[i, k])
                if trail_k[i] > 0.0:
                    wanted = extreme[i] - math.ceil(trail_k[i] * atr[i])
                    wanted = min(wanted, c[i, k] - 1)
                    gain = wanted - stop[i]
                    if gain >= min_ticks and gain >= min_r * risk[i]:
                        stop[i] = wanted
            if closing[i] == 0:
                if halted:
                    closing[i] = BY_HALT
                elif closed - opened[i] >= rules[strategy[i]]["max_hold_ms"]:
                    closing[i] = BY_TIME
            equity += marked[i] * steps[i] * unit[i]
        if closed // DAY_MS != day:
            day, day_start, day_stopped = closed // DAY_MS, equity, False
        peak = max(peak, equity)
        fall = peak - equity
        found = 3 if fall >= halt_at * peak else (2 if fall >= stop_at * peak else (1 if fall >= half_at * peak else 0))
        if level >= 2 and found < level:
            found = level
        if found != level:
            level = found
            if level == 3:
                halted = True
                for x in range(active):
                    i = ids[x]
                    if status[i] == 1:
                        status[i] = 0
                    elif status[i] == 2 and closing[i] == 0:
                        closing[i] = BY_HALT
        if not day_stopped and equity - day_start <= -day_loss * day_start:
            day_stopped = True
        while following < len(signals) and signals[following, 0] == k:
            i, code, regime = signals[following, 1], signals[following, 2], signals[following, 3]
            distance_unit, turnover, move = figures[following, 0], figures[following, 1] * tick[i], figures[following, 2]
            following += 1
            if 0.0 < wild < move or halted or level >= 2 or day_stopped:
                continue
            for s in range(4):
                if (code >> (2 * s)) & 3 != 1 or allowed[s] == 0 or status[i] != 0 or closed < until[rules[s]["style"]]:
                    continue
                rule, now_at = rules[s], c[i, k]
                resting = rule["order_type"] == 2
                fees = (maker[i] if resting else taker[i]) + taker[i]
                cost = (fees + (1.0 if resting else 2.0) * slip[i]) / 1e6
                chosen = -1
                for one in range(0 if regime == 2 else (2 if regime == 1 else 1), 3):
                    if (regime == 2 and one == 2) or (regime == 0 and one != 1):
                        continue
                    far = math.floor(rule["stop_k"][one] * distance_unit) / now_at
                    if far <= rule["stop_cap"] and far > 0.0 and cost / far <= rule["cost_limit"]:
                        chosen = one
                        break
                if chosen < 0:
                    continue
                at_stop = now_at - math.floor(rule["stop_k"][chosen] * distance_unit)
                at_target = now_at + math.floor(rule["target_k"][chosen] * distance_unit)
                if at_stop <= 0 or at_target == now_at:
                    continue
                factor = (wilder if regime == 3 else 1.0) * (halved if level == 1 else 1.0)
                base = float(min(equity, day_start))
                most = min(base_share * base, loss * base / (abs(now_at - at_stop) / now_at + cost))
                most = min(most, pair * base)
                gross, free = 0, float(cash)
                for j in range(n):
                    if status[j] != 0:
                        waiting = reference[j] * working[j] * unit[j]
                        gross += marked[j] * steps[j] * unit[j] + waiting
                        free -= waiting
                most = min(most, whole * base - float(gross))
                most = min(most, volume_share * turnover * 1e10)
                most = min(most, free / (1.0 + cost))
                wanted = int(max(0.0, most) * factor // float(now_at * unit[i]))
                wanted = min(wanted, inst[i]["max_steps"])
                if lot[i] > 1:
                    wanted -= wanted % lot[i]
                if wanted < max(inst[i]["min_steps"], 1) or wanted * min(now_at, at_stop) * unit[i] < inst[i]["min_notional"]:
                    continue
                status[i], strategy[i], arm[i], order[i], closing[i] = 1, s, chosen, rule["order_type"], 0
                steps[i], working[i], value[i], reference[i], marked[i] = 0, wanted, 0, now_at, now_at
                stop[i], target[i], atr[i], trail_k[i], expires[i] = (
                    at_stop,
                    at_target,
                    distance_unit,
                    rule["trail_k"][chosen],
                    closed + step_ms,
                )
                worst[i] = at_target - 1
                if resting:
                    worst[i] = now_at
                elif order[i] == 1:
                    cap = limit["ioc_cap_ppm"]
                    worst[i] = now_at + (now_at // 1_000_000) * cap + ((now_at % 1_000_000) * cap) // 1_000_000
        active = 0
        for i in range(n):
            if status[i] != 0:
                ids[active] = i
                active += 1
        k += 1
    return done


class Limit:
    """The rows that a grid's loop is given, made once; `trades` may be asked for any number of times."""

    def __init__(self, grid: Grid, config: BotConfig, chosen: frozenset[int]) -> None:
        """ValueError where the grid has what the loop does not know of."""
        if grid.fine or grid.funding or grid.before or {one.domain for one in grid.instruments} != {Domain.CRYPTO}:
            raise ValueError("the limit loop knows spot coins in confirm bars, and nothing else")
        start = int(grid.ts[min(grid.start, len(grid.ts) - 1)])
        engine, _ = fresh_engine(config, grid.instruments, chosen, start, quotes=False)
        self.grid, self.state, self.mandate = grid, engine.state, engine.mandate
        self.allowed = np.zeros(len(STRATEGIES), np.int64)
        self.allowed[list(self.mandate.allowed[self.state.accounts[0]])] = 1
        self.cash = int(self.state.acct[0]["cash"])

    def signals(self) -> tuple[Ints, Floats]:
        """The first half."""
        return signals_of(self.grid)

    def trades(self, signals: tuple[Ints, Floats]) -> Ints:
        """The second half: closed trades (n, 13), columns as in COLUMNS."""
        grid, room = self.grid, np.zeros((len(signals[0]) * 4 + 16, len(COLUMNS)), np.int64)
        books = (self.state.inst, self.mandate.rules, self.mandate.limits, self.allowed)
        bars = (grid.ts, grid.open, grid.high, grid.low, grid.close)
        n = limit_portfolio(*signals, *bars, *books, self.cash, grid.confirm_ms, grid.start, room)
        return room[:n].copy()
