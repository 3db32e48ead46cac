"""Kinds of panel, and what several pages share: units, steps, words, and the panels that are the same on each of them."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, CALM, GOOD, WARN, Panel, Query, Shape

MONEY = "short"
"""An account's own currency: accounts differ, so no sign is shown."""
DRAWDOWN_STEPS: tuple[tuple[float | None, str], ...] = ((None, GOOD), (0.08, WARN), (0.12, "dark-orange"), (0.15, BAD))
YES_IS_BAD = ((0, "no", GOOD), (1, "yes", BAD))
YES_IS_GOOD = ((0, "no", BAD), (1, "yes", GOOD))
VERDICTS = ((0, "insufficient", CALM), (1, "fail", BAD), (2, "pass, first", WARN), (3, "pass", GOOD))
STANDINGS = ((0, "paper", CALM), (1, "canary", WARN), (2, "live", GOOD))
LEVELS = ((0, "none", GOOD), (1, "half size", WARN), (2, "no entries", BAD), (3, "halted", BAD))


def stat(
    title: str,
    expr: str,
    text: str,
    *,
    unit: str = "none",
    width: int = 4,
    legend: str = "",
    steps: tuple[tuple[float | None, str], ...] = (),
    words: tuple[tuple[float, str, str], ...] = (),
    decimals: int | None = None,
) -> Panel:
    """One large figure, as it is now."""
    return Panel(
        title=title,
        text=text,
        queries=(Query(expr, legend or title),),
        unit=unit,
        shape=Shape.STAT,
        width=width,
        height=4,
        steps=steps,
        words=words,
        decimals=decimals,
    )


def alarm(title: str, expr: str, text: str, *, width: int = 4) -> Panel:
    """How many there are of what should not be: green at 0, red from 1 on."""
    return stat(title, expr, text, width=width, steps=((None, GOOD), (1, BAD)))


def states(
    title: str, expr: str, legend: str, text: str, *, words: tuple[tuple[float, str, str], ...], width: int = 8, height: int = 8
) -> Panel:
    """What each series was in turn: a band for each, in the colours of `words`."""
    return Panel(
        title=title, text=text, queries=(Query(expr, legend),), unit="none", shape=Shape.STATES, width=width, height=height, words=words
    )


def table(title: str, text: str, *queries: Query, width: int = 12, height: int = 8, decimals: int | None = None) -> Panel:
    """Figures as they are now: a line for each set of labels, a column for each query that has a legend."""
    return Panel(title=title, text=text, queries=queries, unit="none", shape=Shape.TABLE, width=width, height=height, decimals=decimals)


def lines(
    title: str,
    expr: str,
    legend: str,
    unit: str,
    text: str,
    *,
    width: int = 8,
    steps: tuple[tuple[float | None, str], ...] = (),
    least: float | None = None,
) -> Panel:
    """A figure over time, a line for each series."""
    return Panel(title=title, text=text, queries=(Query(expr, legend),), unit=unit, width=width, steps=steps, least=least)


def counted(title: str, counter: str, by: str, text: str, *, unit: str = "none", width: int = 8) -> Panel:
    """How much a counter has grown in the hour before, stacked by some of its labels."""
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    query = Query(f"sum by ({by}) (increase({counter}[1h]))", legend)
    return Panel(title=title, text=text, queries=(query,), unit=unit, width=width, least=0, stacked=True)


def quantiles(
    title: str,
    histogram: str,
    by: str,
    text: str,
    *,
    width: int = 8,
    at: tuple[float, ...] = (0.5, 0.95, 0.99),
    over: str = "$__rate_interval",
) -> Panel:
    """Some quantiles of a histogram of seconds, by some of its labels; `histogram` may have a selector.

    What happens a few times a day needs a long `over`: in a window without an event there is no quantile, and nothing is drawn.
    """
    name, brace, selector = histogram.partition("{")
    split = ", ".join(part for part in (by, "le") if part)
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    queries = tuple(
        Query(
            f"histogram_quantile({q:g}, sum by ({split}) (rate({name}_bucket{brace}{selector}[{over}])))",
            f"{legend} p{q * 100:g}".strip(),
        )
        for q in at
    )
    return Panel(title=title, text=text, queries=queries, unit="s", width=width, least=0)


def bot() -> Panel:
    """Whether it is alive."""
    return stat("Bot", 'up{job="bot"}', "Whether Prometheus gets an answer.", words=((0, "away", BAD), (1, "up", GOOD)))


def unprotected(text: str, *, width: int) -> Panel:
    """Positions that nothing guards, over all accounts."""
    return alarm("Unprotected positions", "sum(bot_unprotected_positions)", text, width=width)


def accounts_halted(*, width: int) -> Panel:
    """How many accounts wait for a person."""
    return alarm("Accounts halted", "sum(bot_halted)", "Until a person resumes them.", width=width)


def halted(where: str = "") -> Panel:
    """Which accounts wait for a person; `where` is a selector, in its braces."""
    return states("Halted", f"bot_halted{where}", "{{account}}", "Until a person resumes it.", words=YES_IS_BAD)


def drawdown_rules(*, width: int) -> Panel:
    """Which of the bot's own steps each account is on."""
    text = "Step that the bot's own rules are on."
    return states("Drawdown rules in force", "bot_drawdown_level", "{{account}}", text, words=LEVELS, width=width)


def equity(where: str = "", *, width: int = 8) -> Panel:
    """What each account is worth; `where` is a selector, in its braces."""
    text = "Cash plus positions at their last mark."
    return lines("Equity", f"bot_equity_quote{where}", "{{account}}", MONEY, text, width=width)


def drawdown(where: str = "", *, width: int = 8) -> Panel:
    """How far each account is below its peak; `where` is a selector, in its braces."""
    text = "Below its peak; lines at 8, 12 and 15 %."
    return lines("Drawdown", f"bot_drawdown_ratio{where}", "{{account}}", "percentunit", text, width=width, steps=DRAWDOWN_STEPS, least=0)


def exposure(where: str = "", *, width: int = 8) -> Panel:
    """How much each account holds against what it is worth; `where` is a selector, in its braces."""
    text = "Gross notional against equity."
    return lines("Exposure", f"bot_exposure_ratio{where}", "{{account}}", "percentunit", text, width=width, least=0)
