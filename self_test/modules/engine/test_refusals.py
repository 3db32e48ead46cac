from __future__ import annotations

import pytest

from modules.engine.refusals import FIGURES, Judged, refused
from risk.rules import REMEDY, Rule
from self_test.scenarios.desk import Desk
from state.intents import Side, Signal
from state.market import Quote
from strategy.base import C1
from utils.fixed import MONEY_SCALE


def fallen() -> Desk:
    """A wallet with a past: 7 % below its peak, 4 % lost today, halted, on hold, its feed down."""
    desk = Desk()
    state = desk.engine.state
    for name, units in (("peak", 1_000), ("day_start", 970), ("equity", 930), ("cash", 930)):
        desk.acct[name] = units * MONEY_SCALE
    desk.acct["pause_until"][0] = desk.now + 90 * 60_000
    state.halted["CRYPTO/PAPER"] = "flatten by me"
    state.holds["CRYPTO/PAPER"] = {"stream": "the private stream is lost"}
    state.feeds_down["bybit-spot"] = "silent for 45 s"
    state.spreads[0], state.spread_n[0] = 2, 50
    return desk


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule.HALTED, "(flatten by me)"),
        (Rule.DRAWDOWN, "(drawdown 7.0%, step at 12%)"),
        (Rule.DAILY_LOSS, "(today -4.3%, limit -3%)"),
        (Rule.COOLDOWN, "(for 90 more minutes)"),
        (Rule.COST_TOO_HIGH, "(cost 0.22 R, limit 0.15 R)"),
        (Rule.STOP_TOO_WIDE, "(stop 22.3% away, cap 8.0%)"),
        (Rule.PAIR_LIMIT, "(0.0% of equity held or ordered, limit 15%)"),
        (Rule.PORTFOLIO_LIMIT, "(0.0% of equity held or ordered, limit 30%)"),
        (Rule.NO_BALANCE, "(930.00 free)"),
        (Rule.BELOW_MIN_ORDER, "(minimum 0.0001 AAA and 5.00 USDT)"),
        (Rule.FEED_DOWN, "(silent for 45 s)"),
        (Rule.STALE_BAR, "(closed 0.0 minutes ago)"),
        (Rule.WIDE_SPREAD, "(10 ticks, median 2.0, limit 3 times that)"),
        (Rule.ACCOUNT_HELD, "(the private stream is lost)"),
    ],
)
def test_every_refusal_carries_what_it_judged(rule: Rule, words: str) -> None:
    desk = fallen()
    quote = Quote(desk.coin().key, desk.now, 9_995, 10_005, 1, 1)
    one = Judged(state=desk.engine.state, mandate=desk.engine.mandate, i=0, s=C1, ts=desk.now, quote=quote, figure=0.223)
    signal = Signal(ts=desk.now, key=desk.coin().key, strategy=C1, side=Side.LONG, regime=0, atr=50.0, reference=10_000)
    report = refused(one, signal, rule)
    assert report.rule == rule.label and report.text.endswith(words) and REMEDY[rule] in report.text, report.text


def test_rules_without_a_figure_say_their_reason_alone_and_no_figure_is_forgotten() -> None:
    desk = Desk()
    one = Judged(state=desk.engine.state, mandate=desk.engine.mandate, i=0, s=C1, ts=desk.now)
    signal = Signal(ts=desk.now, key=desk.coin().key, strategy=C1, side=Side.LONG, regime=0, atr=50.0, reference=10_000)
    for rule in set(REMEDY) - set(FIGURES):
        assert refused(one, signal, rule).text.endswith(REMEDY[rule])
    assert "drawdown" in refused(one, signal, Rule.DRAWDOWN).text
    plain = {
        Rule.POSITION_OPEN,
        Rule.SIDE_NOT_ALLOWED,
        Rule.THIN_MARKET,
        Rule.PAUSED,
        Rule.STALE_QUOTE,
        Rule.NOT_ALLOWED_HERE,
        Rule.BAD_PLAN,
    }
    assert set(REMEDY) - set(FIGURES) == plain
