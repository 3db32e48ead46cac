"""How positions end and how the wallet learns of it: fills, funding, trailing stops, time exits, the drawdown halt.

Nothing in this file can open anything, and nothing in it asks for permission.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np

from modules import rollout
from modules.engine import coins, explore_live, option_exits, policies, scene
from modules.engine.mandate import Mandate
from risk.breakers import DAY_STOPPED, ROLLED, STEPPED, mark, trade_closed
from risk.drawdown import HALF, HALT, NO_ENTRIES, NORMAL
from risk.holding import TOLD, bars_closed, due
from state.accounts import Mode
from state.booking import book_exit, book_funding, fill_entry, fill_exit, gain_of, release
from state.books import FLAT, OPEN, PENDING
from state.conversion import home_currency, home_of
from state.intents import ExitReason, Reduce, Side, order_id
from state.messages import Cancel, Close, Command, FundingPaid, Protect, Record, Report
from state.orders import Fill, Order, OrderState
from state.runtime import REASONS, RuntimeState
from state.standing import standing_key
from utils.errors import Invariant
from utils.fixed import money, plain

LEVEL_TEXT = {
    NORMAL: "drawdown step cleared: normal size",
    HALF: "drawdown step 1: half size",
    NO_ENTRIES: "drawdown step 2: no entries until a reset",
    HALT: "drawdown step 3: closing everything, account halted",
}


LIVE_TEXT = {
    NORMAL: "drawdown step cleared: the canary goes on",
    HALF: "drawdown step 1: back to canary size",
    NO_ENTRIES: "drawdown step 2: back to paper, what is held runs to its exits",
}


def cash_row(state: RuntimeState, a: int, ts: int, kind: str, units: int, ref: str, out: list[Command]) -> None:
    """One movement of a wallet, for the ledger; the rows of an account sum to its cash."""
    row = {"ts": ts, "account": str(state.accounts[a]), "kind": kind, "amount": plain(money(units)), "ref": ref}
    out.append(Record("cash", row))


def fill_row(state: RuntimeState, i: int, fill: Fill, out: list[Command], more: Mapping[str, Any] = MappingProxyType({})) -> None:
    """One execution, for the ledger; `more` is told after what every row has."""
    instrument = state.instrument(i)
    row = {
        "ts": fill.ts,
        "account": str(fill.account),
        "symbol": state.symbol_of(i),
        "order_id": fill.order_id,
        "exec_id": fill.exec_id,
        "side": "buy" if fill.side > 0 else "sell",
        "price": plain(instrument.price(fill.price)),
        "qty": plain(instrument.qty(fill.steps)),
        "fee": plain(money(fill.fee)),
        "maker": fill.maker,
        **({"base_fee": plain(fill.base_fee)} if fill.base_fee else {}),
        **({"fixing": plain(instrument.price(fill.fixing))} if fill.fixing else {}),
        **more,
    }
    out.append(Record("fill", row))


def entry_filled(state: RuntimeState, i: int, fill: Fill, out: list[Command]) -> None:
    """Book an execution of an entry order."""
    a, before = int(state.inst[i]["account"]), int(state.acct[int(state.inst[i]["account"])]["cash"])
    first, working = int(state.pos[i]["status"]) != OPEN, int(state.pos[i]["working"])
    fill_row(state, i, fill, out, scene.entered(state, i, fill))
    steps, fee, dust = coins.received(state, i, fill, out)
    if steps > 0:
        fill_entry(state.pos, state.inst, state.acct, i, fill.price, steps, fee, fill.ts)
    else:
        state.acct[a]["cash"] -= fee
    if dust:
        coins.paid_for_dust(state, i, dust)
    state.pos[i]["working"] = max(0, working - fill.steps)  # what it brought may be more or less than what was executed
    moved = int(state.acct[a]["cash"]) - before
    if moved + fill.fee:
        cash_row(state, a, fill.ts, "trade", moved + fill.fee, fill.exec_id, out)
    if fill.fee:
        cash_row(state, a, fill.ts, "fee", -fill.fee, fill.exec_id, out)
    if first and steps > 0:
        instrument, pos = state.instrument(i), state.pos[i]
        text = (
            f"{Side(int(pos['side'])).word} {state.symbol_of(i)} opened at {instrument.price(fill.price)} x {instrument.qty(fill.steps)}, "
            f"stop {instrument.price(int(pos['stop']))}, target {instrument.price(int(pos['target']))}"
        )
        out.append(Report(ts=fill.ts, what="opened", account=str(fill.account), key=fill.key, text=text))


def exit_filled(state: RuntimeState, mandate: Mandate, i: int, fill: Fill, reason: ExitReason, out: list[Command]) -> None:
    """Book an execution that shrinks a position; the last step closes the trade."""
    pos = state.pos[i]
    if int(pos["status"]) != OPEN or fill.steps > int(pos["steps"]):
        raise Invariant(f"exit fill {fill.exec_id} of {fill.steps} steps, held {int(pos['steps'])} of {fill.key}")
    a = int(state.inst[i]["account"])
    before = int(state.acct[a]["cash"])
    coins.given(state, i, fill, out)
    scene.left(state, i, fill, reason)
    pos["exit_reason"] = REASONS.index(reason) + 1
    if fill.gained is None:
        fill_exit(state.pos, state.inst, state.acct, i, fill.price, fill.steps, fill.fee)
    else:
        book_exit(state.pos, state.inst, state.acct, i, fill.price, fill.steps, fill.fee, fill.gained)
    fill_row(state, i, fill, out)
    moved = int(state.acct[a]["cash"]) - before
    cash_row(state, a, fill.ts, "trade" if state.inst[i]["spot"] else "pnl", moved + fill.fee, fill.exec_id, out)
    if fill.fee:
        cash_row(state, a, fill.ts, "fee", -fill.fee, fill.exec_id, out)
    if int(pos["steps"]) == 0:
        trade_done(state, mandate, i, fill, reason, out)


def trade_done(state: RuntimeState, mandate: Mandate, i: int, fill: Fill, reason: ExitReason, out: list[Command]) -> None:
    """The position is gone: the trade's row, its report, the account's streaks; the row is free again."""
    pos, instrument = state.pos[i], state.instrument(i)
    a, s = int(state.inst[i]["account"]), int(pos["strategy"])
    net = int(pos["realised"] - pos["fees"] - pos["funding"])
    row = trade_row(state, mandate, i, fill, reason, net)
    out.append(Record("trade", row))
    option_exits.settled(state, i, fill, reason, out)
    state.closed_trades[a] += 1
    state.realised[a] += net
    paused = trade_closed(state.acct, mandate.rules, mandate.limits, a, s, net, int(pos["opened_ts"]), fill.ts)
    hours = (fill.ts - int(pos["opened_ts"])) / 3_600_000
    text = (
        f"{row['side']} {row['symbol']} closed by {reason} at {row['exit']} after {hours:.1f} h: "
        f"{plain(money(net).quantize(Decimal('0.0001')))} {home_currency(instrument)}, {row['r']:+.2f} R, fees {row['fees']}"
    )
    out.append(Report(ts=fill.ts, what="closed", account=str(fill.account), key=fill.key, rule=str(reason), text=text))
    if paused:
        style = mandate.strategies[s].style
        text = f"a run of losses: {style} entries pause for {(paused - fill.ts) / 3_600_000:.1f} h"
        out.append(Report(ts=fill.ts, what="cooldown", account=str(fill.account), text=text))
    working = int(pos["working"])
    if mandate.strategies[s].confirmed and not pos["explored"]:
        kind = int(mandate.rules[s]["style"])
        state.acct[a]["won"][kind] += net
        policies.trade_closed(state, str(fill.account.domain))
        if state.acct[a]["canary"][kind]:
            state.acct[a]["canary_trades"][kind] += 1
            state.acct[a]["canary_realised"][kind] += net
            rollout.after_trade(state, mandate, a, fill.ts, out)
    elif pos["explored"]:
        explore_live.closed(state, i, net, fill.ts, out)
    release(state.pos, i)
    if working:
        # Unknown is not flat: until the rest is known to be gone its row stays taken, with the stop that its order carries.
        pos["status"], pos["working"], pos["stop"] = PENDING, working, pos["initial_stop"]
        cancel_entries(state, i, out)


def trade_row(state: RuntimeState, mandate: Mandate, i: int, fill: Fill, reason: ExitReason, net: int) -> dict[str, Any]:
    """A closed trade for the ledger; money, prices and quantities as decimal strings."""
    pos, instrument = state.pos[i], state.instrument(i)
    card = mandate.strategies[int(pos["strategy"])]
    side = int(pos["side"])
    unit = int(state.inst[i]["unit"])
    entry = money(int(pos["bought"])) / instrument.qty(int(pos["filled"]))
    left = money(int(pos["exit_value"])) / instrument.qty(int(pos["exit_steps"]))
    at_risk = home_of(state.inst, i, int(pos["risk"]) * int(pos["filled"]) * unit)
    live = {"unprotected_s": int(pos["unprotected_ms"]) / 1000} if fill.account.mode is Mode.LIVE else {}
    tags = live | ({"explored": True} if pos["explored"] else {}) | ({"slippage": plain(money(int(pos["slip"])))} if pos["bid"] else {})
    domain, style = fill.account.domain, card.style
    tags |= {
        "risk": plain(money(at_risk)),
        "standing": str(rollout.standing(state, domain, style).level) if live else "paper",
        "procedure": mandate.procedures.get(standing_key(domain, style), ""),
        "decided_ts": int(pos["decided_ts"]),
    }
    tags |= option_exits.details(state, i)
    return tags | {
        "account": str(fill.account),
        "symbol": state.symbol_of(i),
        "strategy": card.name,
        "style": card.style,
        "arm": int(pos["arm"]),
        "regime": int(pos["regime"]),
        "side": Side(side).word,
        "qty": plain(instrument.qty(int(pos["filled"]))),
        "entry_ts": int(pos["opened_ts"]),
        "entry": plain(entry.normalize()),
        "exit_ts": fill.ts,
        "exit": plain(left.normalize()),
        "reason": str(reason),
        "fees": plain(money(int(pos["fees"]))),
        "funding": plain(money(int(pos["funding"]))),
        "pnl": plain(money(net)),
        "r": round(net / at_risk, 4) if at_risk else 0.0,
        "stop": plain(instrument.price(int(pos["initial_stop"]))),
        "target": plain(instrument.price(int(pos["target"]))),
    }


def funding_paid(state: RuntimeState, event: FundingPaid, out: list[Command]) -> None:
    """Book a settlement of the venue; one that came before the position was opened is the wallet's alone."""
    i = state.row_of(event.account, event.key)
    a = int(state.inst[i]["account"])
    if event.ts < int(state.pos[i]["opened_ts"]):
        state.acct[a]["cash"] -= event.amount
    else:
        book_funding(state.pos, state.inst, state.acct, i, event.amount)
    cash_row(state, a, event.ts, "funding", -event.amount, event.ref, out)


def protect(state: RuntimeState, i: int) -> Protect:
    """The protection that position `i` shall have on its venue."""
    pos = state.pos[i]
    return Protect(
        account=state.account_of(i),
        key=state.instrument(i).key,
        side=int(pos["side"]),
        steps=int(pos["steps"]),
        stop=int(pos["stop"]),
        target=int(pos["target"]),
        trailed=bool(pos["stop"] != pos["initial_stop"]),
    )


def close_position(state: RuntimeState, i: int, ts: int, reason: ExitReason, out: list[Command]) -> None:
    """Ask for a market close of position `i`, once."""
    pos = state.pos[i]
    if int(pos["status"]) != OPEN or int(pos["closing"]):
        return
    pos["closing"] = REASONS.index(reason) + 1
    pos["closes"] += 1
    account, key = state.account_of(i), state.instrument(i).key
    # Asked for again at the same moment it is another order, also when it closes another position.
    leg = int(pos["closes"]) if ts > pos["close_ts"] else max(int(pos["closes"]), int(pos["close_leg"]) + 1)
    pos["close_ts"], pos["close_leg"] = max(ts, int(pos["close_ts"])), leg
    name = order_id(account, key, ts, "x" if leg == 1 else f"x{leg}", state.tag_of(i))
    order = Order(order_id=name, account=account, key=key, entry=False, steps=int(pos["steps"]), ts=ts)
    state.orders[order.order_id] = order.to(OrderState.IN_FLIGHT)
    out.append(Close(Reduce(ts=ts, account=account, key=key, order_id=order.order_id, reason=reason)))


def close_refused(state: RuntimeState, i: int, ts: int) -> None:
    """A close of position `i` ended without a fill: the next may be asked for at once, later ones ever less often, to once a confirm bar.

    Never never, and a position without a stop waits for nothing (`ProtectionFailed` asks by itself).
    """
    doubled = ((1 << min(int(state.pos[i]["closes"]) - 1, 30)) - 1) * 1_000
    state.pos[i]["close_after"] = ts + min(doubled, state.bar_ms(state.seats[i][1]))


def bars_told(state: RuntimeState, mandate: Mandate, told: list[int], out: list[Command]) -> None:
    """Take confirm bars into the positions they are of, and tell the venue where that moved a stop.

    `told`: of each its row, when it closed, high, low, close, the mark price (0: none), end to end. Of options: `option_exits.bar_told`.
    """
    bars = np.array(told, np.int64)
    n = bars_closed(state.pos, state.inst, mandate.rules, mandate.limits, bars, 0)
    while n >= 0:
        out.append(protect(state, told[TOLD * n]))
        n = bars_closed(state.pos, state.inst, mandate.rules, mandate.limits, bars, n + 1)


def time_exits(state: RuntimeState, mandate: Mandate, ts: int, out: list[Command]) -> None:
    """Close what must not be held any longer, also what a halted account still holds because a close did not go through."""
    pos, inst, acct, limits = state.pos, state.inst, state.acct, mandate.limits
    i, why = due(pos, inst, acct, limits, ts, 0)
    while i >= 0:
        close_position(state, i, ts, REASONS[why - 1], out)
        i, why = due(pos, inst, acct, limits, ts, i + 1)


def cancel_entries(state: RuntimeState, i: int, out: list[Command]) -> None:
    """Take back whatever entry of instrument `i` still works."""
    account, key = state.account_of(i), state.instrument(i).key
    out.extend(
        Cancel(account, key, order.order_id)
        for order in state.orders.values()
        if order.entry and order.key == key and order.account == account and not order.done
    )


def value_account(state: RuntimeState, mandate: Mandate, a: int, ts: int, out: list[Command]) -> None:
    """Mark account `a`, roll its day, and act on what the breakers found."""
    fields = ("day", "day_start", "day_stopped")
    yesterday, began, was_stopped = (int(state.acct[field][a]) for field in fields)  # a row first would cost five times as much
    found = mark(state.pos, state.inst, state.acct, mandate.limits, a, ts)
    if not found:
        return
    account, acct = str(state.accounts[a]), state.acct[a]
    if found & ROLLED and yesterday:
        row = {"ts": ts, "account": account, "day": yesterday, "equity": plain(money(int(acct["equity"])))}
        row |= {"start": plain(money(began)), "policy": _policy_day(state, mandate, a), "health": state.health.pop(account, {})}
        out.append(Record("equity", row))
        rollout.at_day(state, mandate, a, ts, out)
        if was_stopped:
            out.append(Report(ts=ts, what="breaker", account=account, rule="daily_loss", text="daily loss stop lifted: another UTC day"))
    if found & DAY_STOPPED:
        lost, limit = 1.0 - int(acct["equity"]) / int(acct["day_start"]), float(mandate.limits[0]["daily_loss"])
        text = f"daily loss stop: no entries until 00:00 UTC, today's loss of {lost:.1%} reached {limit:.0%}"
        out.append(Report(ts=ts, what="breaker", account=account, rule="daily_loss", text=text))
    if found & STEPPED:
        level = int(acct["level"])
        live = state.accounts[a].mode is Mode.LIVE
        text = LIVE_TEXT.get(level, LEVEL_TEXT[level]) if live else LEVEL_TEXT[level]
        out.append(Report(ts=ts, what="breaker", account=account, rule="drawdown", text=text))
        if live and level >= HALF:
            rollout.look(state, mandate, a, ts, out)
        if level == HALT:
            halt(state, a, ts, "drawdown", ExitReason.HALT, out)


def policy_totals(state: RuntimeState, mandate: Mandate, a: int) -> list[int]:
    """By style, what the counting policy trades of account `a` have made in all, open ones at their marks (money units)."""
    total = [int(won) for won in state.acct[a]["won"]]
    for i in np.flatnonzero((state.pos["status"] == OPEN) & (state.inst["account"] == a)):
        pos = state.pos[i]
        if pos["explored"] or not mandate.strategies[int(pos["strategy"])].confirmed:
            continue
        marked = gain_of(state.pos, state.inst, int(i), int(pos["mark"]), int(pos["steps"]))
        total[int(mandate.rules[int(pos["strategy"])]["style"])] += marked + int(pos["realised"] - pos["fees"] - pos["funding"])
    return total


def _policy_day(state: RuntimeState, mandate: Mandate, a: int) -> dict[str, str]:
    """What each style's counting policy trades made on the day that is over (decimal strings)."""
    acct = state.acct[a]
    total = policy_totals(state, mandate, a)
    made = [now - int(then) for now, then in zip(total, acct["marked"], strict=True)]
    acct["marked"][:] = total
    return {name: plain(money(units)) for name, units in zip(rollout.STYLE_NAMES, made, strict=True)}


def halt(state: RuntimeState, a: int, ts: int, why: str, reason: ExitReason, out: list[Command]) -> None:
    """Latch the account, then take entries back and close what is held."""
    state.acct[a]["halted"] = 1
    state.halted[str(state.accounts[a])] = why
    for i in range(len(state.pos)):
        if int(state.inst[i]["account"]) != a or int(state.pos[i]["status"]) == FLAT:
            continue
        if int(state.pos[i]["working"]):
            cancel_entries(state, i, out)
        if int(state.pos[i]["status"]) != PENDING:
            close_position(state, i, ts, reason, out)
