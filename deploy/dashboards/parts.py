"""Panels that every page has, and what several of them share: units, steps and words."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, GOOD, WARN, Panel, Query, Shape

MONEY = "short"
"""An account's own currency: accounts differ, so no sign is shown."""
DRAWDOWN_STEPS: tuple[tuple[float | None, str], ...] = ((None, GOOD), (0.08, WARN), (0.12, "dark-orange"), (0.15, BAD))
YES_IS_BAD = ((0, "no", GOOD), (1, "yes", BAD))
YES_IS_GOOD = ((0, "no", BAD), (1, "yes", GOOD))


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


def quantiles(title: str, histogram: str, by: str, text: str, *, width: int = 8, at: tuple[float, ...] = (0.5, 0.95, 0.99)) -> Panel:
    """Some quantiles of a histogram of seconds, by some of its labels; `histogram` may have a selector."""
    name, brace, selector = histogram.partition("{")
    split = ", ".join(part for part in (by, "le") if part)
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",") if label)
    queries = tuple(
        Query(
            f"histogram_quantile({q:g}, sum by ({split}) (rate({name}_bucket{brace}{selector}[$__rate_interval])))",
            f"{legend} p{q * 100:g}".strip(),
        )
        for q in at
    )
    return Panel(title=title, text=text, queries=queries, unit="s", width=width, least=0)
