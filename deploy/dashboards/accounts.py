"""The pages about money: all accounts at a glance, and one page for each domain with its accounts, trades, orders and evidence."""

from __future__ import annotations

from deploy.dashboards.grammar import ALERTS, BAD, CALM, GOOD, WARN, Page, Panel, Query, Row
from deploy.dashboards.parts import (
    MONEY,
    STANDINGS,
    VERDICTS,
    YES_IS_GOOD,
    accounts_halted,
    alarm,
    bot,
    counted,
    drawdown,
    drawdown_rules,
    equity,
    exposure,
    halted,
    lines,
    stat,
    states,
    table,
    unprotected,
)

REGIMES = ((0, "unknown", CALM), (1, "trend", GOOD), (2, "chop", WARN), (3, "volatile", BAD))

OVERVIEW = Page(
    "overview",
    "Trading bot: overview",
    "Is it alive, is everything protected, what is it worth.",
    (
        Row(
            "Now",
            (
                bot(),
                stat("Stage", "bot_stage", "Stage of the rollout, 1 to 5.", width=4, steps=((None, CALM),)),
                alarm("Alerts firing", f"count({ALERTS}) or vector(0)", "What each means and what to do: docs/runbook.md."),
                unprotected("Positions without both a stop and a target.", width=4),
                accounts_halted(width=4),
                stat("Positions held", "sum(bot_open_positions)", "Over all accounts.", width=4, steps=((None, CALM),)),
                table("Firing now", "Alerts and how severe they are.", Query(ALERTS, ""), width=24, height=6),
            ),
        ),
        Row(
            "Money",
            (
                equity(width=12),
                drawdown(width=12),
                exposure(),
                counted("Trades closed", "bot_closed_trades_total", "account", "Each hour."),
                lines("Result of closed trades", "bot_realised_pnl_quote", "{{account}}", MONEY, "Of the wallet's sample, net."),
            ),
        ),
        Row(
            "State",
            (
                states("Feeds", "bot_feed_up", "{{feed}}", "Market data up and whole, or not.", words=YES_IS_GOOD, width=12),
                drawdown_rules(width=12),
            ),
        ),
    ),
)


def _domain(domain: str, title: str, text: str, more: tuple[Row, ...] = ()) -> Page:
    ours, symbols, style = f'{{account=~"{domain}/.+"}}', f'{{symbol=~"{domain}:.+"}}', f'{{domain="{domain}"}}'
    return Page(
        domain.lower(),
        f"Trading bot: {title}",
        text,
        (
            Row(
                "Accounts",
                (
                    equity(ours),
                    lines("Cash", f"bot_balance_quote{ours}", "{{account}}", MONEY, "Without what is held."),
                    drawdown(ours),
                    exposure(ours),
                    lines("Positions held", f"bot_open_positions{ours}", "{{account}}", "none", "At most one an instrument.", least=0),
                    halted(ours),
                ),
            ),
            Row(
                "Trades",
                (
                    counted("Trades closed, by reason", f"bot_closed_trades_total{ours}", "account, reason", "Each hour."),
                    counted("Trades closed, by strategy", f"bot_closed_trades_total{ours}", "account, strategy", "Each hour."),
                    lines(
                        "Median result of a trade",
                        f"histogram_quantile(0.5, sum by (account, le) (rate(bot_trade_result_ratio_bucket{ours}[$__range])))",
                        "{{account}}",
                        "none",
                        "In R, the initial risk, over the span shown; the exact mean is in `kpi`.",
                    ),
                    counted("Entries sent", f"bot_orders_placed_total{ours}", "account, strategy", "Each hour."),
                    counted("Signals not followed", f"bot_refusals_total{ours}", "account, rule", "Each hour, by the rule that said no."),
                    counted("Fees", f"bot_fees_quote_total{ours}", "account", "Paid each hour, in the account's currency.", unit=MONEY),
                ),
            ),
            Row(
                "Evidence and market",
                (
                    states("Gate verdict", f"bot_gate_verdict{ours}", "{{account}} {{style}}", "The newest of each style.", words=VERDICTS),
                    states("Standing", f"bot_standing{style}", "{{style}}", "With what money a style trades.", words=STANDINGS),
                    states("Regime", f"bot_regime{symbols}", "{{symbol}}", "Of each market.", words=REGIMES),
                    lines(
                        "Age of the last bar",
                        f"bot_last_bar_transport_age_seconds{symbols}",
                        "{{symbol}}",
                        "s",
                        "Wall time since it was applied; a shut market has none.",
                        width=12,
                        least=0,
                    ),
                    counted("Bars missed", f"bot_missing_bars_total{ours}", "account", "That the engine had to go on without.", width=12),
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
