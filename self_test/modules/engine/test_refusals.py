"""Every refusal reaches the journal, /metrics and the operator with its rule, its reason and what was judged."""

from __future__ import annotations

import io

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from rich.console import Console

from modules.engine.decide import book_of, health_of
from modules.engine.refusals import refused
from modules.ui.console import ConsoleObserver
from risk.facts import Facts
from risk.gate import TOLD
from risk.rules import Rule
from self_test.scenarios.desk import Desk
from state.intents import Side, Signal
from state.market import Quote
from state.messages import Report, Tick, decode_commands, encode_commands
from strategy.base import C1
from telemetry.metrics import MetricsObserver
from utils.clock import FakeClock
from utils.fixed import MONEY_SCALE

PLAIN = {
    Rule.POSITION_OPEN,
    Rule.SIDE_NOT_ALLOWED,
    Rule.THIN_MARKET,
    Rule.PAUSED,
    Rule.STALE_QUOTE,
    Rule.NOT_ALLOWED_HERE,
    Rule.BAD_PLAN,
    Rule.POLICY_SKIP,
    Rule.NO_OBSERVATION,
    Rule.SENTIMENT,
    Rule.SWITCHED_OFF,
    Rule.NO_SURFACE,
}
"""Rules that say all there is to say in their clause."""
WORDS = {
    Rule.HALTED: "(flatten by me)",
    Rule.DRAWDOWN: "(drawdown 7.0%, step at 12%)",
    Rule.DAILY_LOSS: "(today -4.3%, limit -3%)",
    Rule.COOLDOWN: "(for 90 more minutes)",
    Rule.COST_TOO_HIGH: "(cost 0.22 R, limit 0.15 R)",
    Rule.STOP_TOO_WIDE: "(stop 22.3% away, cap 8.0%)",
    Rule.PAIR_LIMIT: "(0.0% of equity held or ordered, limit 15%)",
    Rule.PORTFOLIO_LIMIT: "(0.0% of equity held or ordered, limit 30%)",
    Rule.NO_BALANCE: "(930.00 free)",
    Rule.BELOW_MIN_ORDER: "(minimum 0.0001 AAA and 5.00 USDT)",
    Rule.FEED_DOWN: "(silent for 45 s)",
    Rule.STALE_BAR: "(closed 0.0 minutes ago)",
    Rule.WIDE_SPREAD: "(10 ticks, median 2.0, limit 3 times that)",
    Rule.ACCOUNT_HELD: "(the private stream is lost)",
    Rule.WEEKEND: "(closes in 20 minutes)",
    Rule.DAILY_BREAK: "(for 15 more minutes)",
    Rule.PRICE_JUMP: "(14.2 standard deviations, limit 12)",
    Rule.LIQUIDATION_NEAR: "(liquidation 31.3% away, 3 stops are 66.9%)",
    Rule.NO_CONVERSION: "(USDT in USDT: no bar yet of the pair of the two; its candles and its feed have to come first)",
    Rule.PAIR_GROSS: "(0.00 times equity, limit 2)",
    Rule.ACCOUNT_GROSS: "(0.00 times equity, limit 4)",
    Rule.STALE_SURFACE: "(quoted 30.5 hours of trading ago, limit 24)",
    Rule.CURRENCY_LIMIT: "(AAA 0.00 times equity, limit 2, USDT 0.00 times equity, limit 2)",
}


def fallen() -> Desk:
    """A wallet with a past: 7 % below its peak, 4 % lost today, halted, on hold, its feed down, the weekend near."""
    desk = Desk()
    state = desk.engine.state
    for name, units in (("peak", 1_000), ("day_start", 970), ("equity", 930), ("cash", 930)):
        desk.acct[name] = units * MONEY_SCALE
    desk.acct["pause_until"][0] = desk.now + 90 * 60_000
    state.halted["CRYPTO/PAPER"] = "flatten by me"
    state.holds["CRYPTO/PAPER"] = {"stream": "the private stream is lost"}
    state.feeds_down["bybit-spot"] = "silent for 45 s"
    state.spreads[0], state.spread_n[0] = 2, 50
    state.market[0]["moves"][5] = 14.2
    state.inst[0]["leverage"], state.inst[0]["maintenance_ppm"] = 3, 20_000
    state.inst[0]["close_ts"], state.inst[0]["rest_until"] = desk.now + 20 * 60_000, desk.now + 15 * 60_000
    return desk


def report_of(desk: Desk, rule: Rule) -> Report:
    state, mandate = desk.engine.state, desk.engine.mandate
    quote = Quote(desk.coin().key, desk.now, 9_995, 10_005, 1, 1)
    health = health_of(state, mandate, 0, C1, quote, desk.now)
    health = msgspec.structs.replace(health, surface_age_ms=109_800_000, surface_limit_ms=86_400_000)
    facts = Facts(book=book_of(state, mandate, 0, C1), health=health, instrument=desk.coin(), ts=desk.now, judged=0.223)
    signal = Signal(ts=desk.now, key=desk.coin().key, strategy=C1, side=Side.LONG, regime=0, atr=50.0, reference=10_000)
    return refused(state, mandate, signal, rule, facts)


def test_no_rule_is_forgotten() -> None:
    assert set(WORDS) | PLAIN == set(Rule) - {Rule.OK} and not set(WORDS) & PLAIN


@pytest.mark.parametrize("rule", sorted(set(Rule) - {Rule.OK}))
def test_a_refusal_carries_what_it_judged_to_journal_metrics_and_operator(rule: Rule) -> None:
    desk = fallen()
    report = report_of(desk, rule)
    assert report.rule == rule.label and report.account == "CRYPTO/PAPER" and report.key == desk.coin().key
    assert report.text.startswith(f"C1 long AAAUSDT skipped: {rule.label}, {TOLD[rule].words}")
    assert report.text.endswith(WORDS.get(rule, TOLD[rule].words)), report.text

    assert decode_commands(encode_commands([report])) == [report], "the journal keeps it whole"

    metrics = MetricsObserver(CollectorRegistry(), FakeClock(), environment="simulated", version="1")
    metrics(1, Tick(desk.now, ()), [report])
    assert f'bot_refusals_total{{account="CRYPTO/PAPER",rule="{rule.label}"}} 1.0'.encode() in metrics.text()

    shown = io.StringIO()
    console = ConsoleObserver(Console(file=shown, width=400), FakeClock(), verbose=True)
    console.attach(desk.engine.state)
    console(1, Tick(desk.now, ()), [report])
    told = " ".join(shown.getvalue().split())
    assert rule.label.replace("_", " ") in told.replace("_", " ")
    assert WORDS.get(rule, TOLD[rule].words).strip("()") in told, told


def test_a_loss_of_a_wallet_without_a_peak_is_told_all_the_same() -> None:
    desk = Desk()
    desk.acct["peak"] = 0
    assert report_of(desk, Rule.DRAWDOWN).text.endswith("(drawdown 0.0%, step at 12%)")
