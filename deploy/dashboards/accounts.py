"""The pages about money: all accounts at a glance, and one page for each domain with its accounts, trades, orders and evidence."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, CALM, GOOD, WARN, Page, Panel, Query, Row, Shape
from deploy.dashboards.parts import DRAWDOWN_STEPS, MONEY, YES_IS_BAD, YES_IS_GOOD, counted, lines, stat

VERDICTS = ((0, "insufficient", CALM), (1, "fail", BAD), (2, "pass, first", WARN), (3, "pass", GOOD))
STANDINGS = ((0, "paper", CALM), (1, "canary", WARN), (2, "live", GOOD))
REGIMES = ((0, "unknown", CALM), (1, "trend", GOOD), (2, "chop", WARN), (3, "volatile", BAD))
LEVELS = ((0, "none", GOOD), (1, "half size", WARN), (2, "no entries", BAD), (3, "halted", BAD))

OVERVIEW = Page(
    "overview",
    "Trading bot: overview",
    "Is it alive, is everything protected, what is it worth.",
    (
        Row(
            "Now",
            (
                stat("Bot", 'up{job="bot"}', "Whether Prometheus gets an answer.", words=((0, "away", BAD), (1, "up", GOOD)), width=4),
                stat("Stage", "bot_stage", "Stage of the rollout, 1 to 5.", width=4, steps=((None, CALM),)),
                stat(
                    "Alerts firing",
                    'count(ALERTS{alertstate="firing"}) or vector(0)',
                    "What each means and what to do: docs/runbook.md.",
                    width=4,
                    steps=((None, GOOD), (1, BAD)),
                ),
                stat(
                    "Unprotected positions",
                    "sum(bot_unprotected_positions)",
                    "Positions without both a stop and a target.",
                    width=4,
                    steps=((None, GOOD), (1, BAD)),
                ),
                stat("Accounts halted", "sum(bot_halted)", "Until a person resumes them.", width=4, steps=((None, GOOD), (1, BAD))),
                stat("Positions held", "sum(bot_open_positions)", "Over all accounts.", width=4, steps=((None, CALM),)),
                Panel(
                    title="Firing now",
                    text="Alerts and how severe they are.",
                    queries=(Query('ALERTS{alertstate="firing"}', ""),),
                    unit="none",
                    shape=Shape.TABLE,
                    width=24,
                    height=6,
                ),
            ),
        ),
        Row(
            "Money",
            (
                lines("Equity", "bot_equity_quote", "{{account}}", MONEY, "Cash plus positions at their last mark.", width=12),
                lines(
                    "Drawdown",
                    "bot_drawdown_ratio",
                    "{{account}}",
                    "percentunit",
                    "Below its peak; lines at 8, 12 and 15 %.",
                    width=12,
                    steps=DRAWDOWN_STEPS,
                    least=0,
                ),
                lines("Exposure", "bot_exposure_ratio", "{{account}}", "percentunit", "Gross notional against equity.", least=0),
                counted("Trades closed", "bot_closed_trades_total", "account", "Each hour."),
                lines("Result of closed trades", "bot_realised_pnl_quote", "{{account}}", MONEY, "Of the wallet's sample, net."),
            ),
        ),
        Row(
            "State",
            (
                Panel(
                    title="Feeds",
                    text="Market data up and whole, or not.",
                    queries=(Query("bot_feed_up", "{{feed}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    words=YES_IS_GOOD,
                ),
                Panel(
                    title="Drawdown rules in force",
                    text="Step that the bot's own rules are on.",
                    queries=(Query("bot_drawdown_level", "{{account}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    words=LEVELS,
                ),
            ),
        ),
    ),
)


def _domain(domain: str, title: str, text: str, more: tuple[Row, ...] = ()) -> Page:
    ours, symbols, style = f'account=~"{domain}/.+"', f'symbol=~"{domain}:.+"', f'domain="{domain}"'
    return Page(
        domain.lower(),
        f"Trading bot: {title}",
        text,
        (
            Row(
                "Accounts",
                (
                    lines("Equity", f"bot_equity_quote{{{ours}}}", "{{account}}", MONEY, "Cash plus positions at their last mark."),
                    lines("Cash", f"bot_balance_quote{{{ours}}}", "{{account}}", MONEY, "Without what is held."),
                    lines(
                        "Drawdown",
                        f"bot_drawdown_ratio{{{ours}}}",
                        "{{account}}",
                        "percentunit",
                        "Below its peak; lines at 8, 12 and 15 %.",
                        steps=DRAWDOWN_STEPS,
                        least=0,
                    ),
                    lines(
                        "Exposure", f"bot_exposure_ratio{{{ours}}}", "{{account}}", "percentunit", "Gross notional against equity.", least=0
                    ),
                    lines("Positions held", f"bot_open_positions{{{ours}}}", "{{account}}", "none", "At most one an instrument.", least=0),
                    Panel(
                        title="Halted",
                        text="Until a person resumes it.",
                        queries=(Query(f"bot_halted{{{ours}}}", "{{account}}"),),
                        unit="none",
                        shape=Shape.STATES,
                        words=YES_IS_BAD,
                    ),
                ),
            ),
            Row(
                "Trades",
                (
                    counted("Trades closed, by reason", f"bot_closed_trades_total{{{ours}}}", "account, reason", "Each hour."),
                    counted("Trades closed, by strategy", f"bot_closed_trades_total{{{ours}}}", "account, strategy", "Each hour."),
                    lines(
                        "Median result of a trade",
                        f"histogram_quantile(0.5, sum by (account, le) (rate(bot_trade_result_ratio_bucket{{{ours}}}[$__range])))",
                        "{{account}}",
                        "none",
                        "In R, the initial risk, over the span shown; the exact mean is in `kpi`.",
                    ),
                    counted("Entries sent", f"bot_orders_placed_total{{{ours}}}", "account, strategy", "Each hour."),
                    counted(
                        "Signals not followed", f"bot_refusals_total{{{ours}}}", "account, rule", "Each hour, by the rule that said no."
                    ),
                    counted("Fees", f"bot_fees_quote_total{{{ours}}}", "account", "Paid each hour, in the account's currency.", unit=MONEY),
                ),
            ),
            Row(
                "Evidence and market",
                (
                    Panel(
                        title="Gate verdict",
                        text="The newest of each style.",
                        queries=(Query(f"bot_gate_verdict{{{ours}}}", "{{account}} {{style}}"),),
                        unit="none",
                        shape=Shape.STATES,
                        words=VERDICTS,
                    ),
                    Panel(
                        title="Standing",
                        text="With what money a style trades.",
                        queries=(Query(f"bot_standing{{{style}}}", "{{style}}"),),
                        unit="none",
                        shape=Shape.STATES,
                        words=STANDINGS,
                    ),
                    Panel(
                        title="Regime",
                        text="Of each market.",
                        queries=(Query(f"bot_regime{{{symbols}}}", "{{symbol}}"),),
                        unit="none",
                        shape=Shape.STATES,
                        words=REGIMES,
                    ),
                    lines(
                        "Age of the last bar",
                        f"bot_last_bar_transport_age_seconds{{{symbols}}}",
                        "{{symbol}}",
                        "s",
                        "Wall time since it was applied; a shut market has none.",
                        width=12,
                        least=0,
                    ),
                    counted(
                        "Bars missed", f"bot_missing_bars_total{{{ours}}}", "account", "That the engine had to go on without.", width=12
                    ),
                ),
            ),
            *more,
        ),
    )


def _greek(title: str, name: str, text: str) -> Panel:
    return lines(title, name, "{{pair}}", "none", text, width=6)


DOMAINS = (
    _domain("CRYPTO", "crypto spot", "Crypto at the spot market: wallets, trades, evidence."),
    _domain("PERPS", "perpetuals", "Crypto perpetuals: wallets, trades, evidence."),
    _domain("FOREX", "forex", "Currency pairs at the broker: wallets, trades, evidence."),
    _domain(
        "OPTIONS",
        "FX options",
        "Options on currency pairs: wallets, trades, greeks, evidence.",
        (
            Row(
                "What is held, priced",
                (
                    _greek("Delta", "bot_option_delta", "By its pair's convention, per unit."),
                    _greek("Gamma", "bot_option_gamma", "Change of spot delta per 1.00 of spot."),
                    _greek("Vega", "bot_option_vega", "Gain per vol point, in account currency."),
                    _greek("Theta", "bot_option_theta", "Gain in a day (below 0: loss), in account currency."),
                    lines(
                        "Age of the surface",
                        "bot_surface_age_seconds",
                        "{{pair}}",
                        "s",
                        "Venue time since a pair's volatilities were quoted.",
                        width=24,
                        least=0,
                    ),
                ),
            ),
        ),
    ),
)
