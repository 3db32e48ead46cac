"""Why a confirmed signal was not followed, with the figures that were judged: for the journal, the metrics and whoever asks."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from modules.engine.mandate import Mandate
from risk.exposure import account_gross
from risk.rules import REMEDY, Rule
from risk.sizing import available
from state.booking import gross_of
from state.intents import Side, Signal
from state.market import Quote
from state.messages import Command, Report
from state.runtime import RuntimeState
from utils.fixed import money

MINUTE_MS = 60_000


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule looked at; `figure` is what the compiled plan handed back, 0 where it handed nothing."""

    state: RuntimeState
    mandate: Mandate
    i: int
    s: int
    ts: int
    quote: Quote | None = None
    figure: float = 0.0

    @property
    def a(self) -> int:
        """The account's row."""
        return self.state.seats[self.i][0]

    def share(self, units: float) -> str:
        """Money units as a share of the account's equity."""
        equity = int(self.state.acct[self.a]["equity"])
        return f"{units / equity:.1%}" if equity > 0 else "all"


def _drawdown(one: Judged) -> str:
    acct, limits = one.state.acct[one.a], one.mandate.limits[0]
    fall = 1.0 - int(acct["equity"]) / int(acct["peak"]) if acct["peak"] > 0 else 0.0
    return f"drawdown {fall:.1%}, step at {float(limits['stop_at']):.0%}"


def _daily(one: Judged) -> str:
    acct, limits = one.state.acct[one.a], one.mandate.limits[0]
    return f"today {one.share(int(acct['equity']) - int(acct['day_start']))}, limit -{float(limits['daily_loss']):.0%}"


def _cooldown(one: Judged) -> str:
    until = int(one.state.acct[one.a]["pause_until"][int(one.mandate.rules[one.s]["style"])])
    return f"for {max(0, until - one.ts) / MINUTE_MS:.0f} more minutes"


def _pair(one: Judged) -> str:
    held = gross_of(one.state.pos, one.state.inst, one.i)
    return f"{one.share(held)} of equity held or ordered, limit {float(one.mandate.limits[0]['pair']):.0%}"


def _portfolio(one: Judged) -> str:
    held = account_gross(one.state.pos, one.state.inst, one.a)
    return f"{one.share(held)} of equity held or ordered, limit {float(one.mandate.limits[0]['portfolio']):.0%}"


def _balance(one: Judged) -> str:
    free = available(one.state.pos, one.state.inst, one.state.acct, one.a)
    return f"{money(int(free)):.2f} free"


def _minimum(one: Judged) -> str:
    inst, instrument = one.state.inst[one.i], one.state.instrument(one.i)
    return (
        f"minimum {instrument.qty(int(inst['min_steps']))} {instrument.base} and {money(int(inst['min_notional'])):.2f} {instrument.quote}"
    )


def _spread(one: Judged) -> str:
    median = one.state.spread_median(one.state.seats[one.i][1])
    now = one.quote.ask - one.quote.bid if one.quote is not None else 0
    return f"{now} ticks, median {median:.1f}, limit {one.mandate.max_spread_ratio:g} times that"


def _late(one: Judged) -> str:
    closed = int(one.state.market[one.state.seats[one.i][1]]["last_ts"]) + one.mandate.confirm_ms
    return f"closed {(one.ts - closed) / MINUTE_MS:.1f} minutes ago"


FIGURES: dict[Rule, Callable[[Judged], str]] = {
    Rule.HALTED: lambda one: one.state.halted.get(str(one.state.accounts[one.a]), ""),
    Rule.DRAWDOWN: _drawdown,
    Rule.DAILY_LOSS: _daily,
    Rule.COOLDOWN: _cooldown,
    Rule.COST_TOO_HIGH: lambda one: f"cost {one.figure:.2f} R, limit {float(one.mandate.rules[one.s]['cost_limit']):.2f} R",
    Rule.STOP_TOO_WIDE: lambda one: f"stop {one.figure:.1%} away, cap {float(one.mandate.rules[one.s]['stop_cap']):.1%}",
    Rule.PAIR_LIMIT: _pair,
    Rule.PORTFOLIO_LIMIT: _portfolio,
    Rule.NO_BALANCE: _balance,
    Rule.BELOW_MIN_ORDER: _minimum,
    Rule.FEED_DOWN: lambda one: one.state.feeds_down.get(one.mandate.feed_of[one.state.instrument(one.i).key], ""),
    Rule.STALE_BAR: _late,
    Rule.WIDE_SPREAD: _spread,
    Rule.ACCOUNT_HELD: lambda one: "; ".join(one.state.holds.get(str(one.state.accounts[one.a]), {}).values()),
}
"""What each rule judged, beside its limit; rules without a figure are not here."""


def refused(one: Judged, signal: Signal, rule: Rule) -> Report:
    """The report of a refusal: rule, reason, and the figures behind it."""
    figures = FIGURES[rule](one) if rule in FIGURES else ""
    reason = f"{REMEDY[rule]} ({figures})" if figures else REMEDY[rule]
    name = one.mandate.strategies[signal.strategy].name
    symbol = one.state.instrument(one.i).symbol
    text = f"{name} {Side(signal.side).word} {symbol} skipped: {rule.label}, {reason}"
    account = str(one.state.account_of(one.i))
    return Report(ts=signal.ts, what="refused", account=account, key=signal.key, rule=rule.label, text=text)


def refuse(one: Judged, signal: Signal, rule: Rule, out: list[Command]) -> None:
    """Report why a confirmed signal was not followed."""
    out.append(refused(one, signal, rule))
