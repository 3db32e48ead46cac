"""Panels made of a metric's name: the query they ask and the names they give its series."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, GOOD, Query, Shape
from deploy.dashboards.parts import YES_IS_BAD, alarm, counted, drawdown, quantiles, states


def test_what_is_counted_is_stacked_by_its_labels() -> None:
    found = counted("T", 'bot_a_total{x="y"}', "account, rule", "").queries[0]
    assert (found.expr, found.legend) == ('sum by (account, rule) (increase(bot_a_total{x="y"}[1h]))', "{{account}} {{rule}}")


def test_quantiles_of_a_histogram_with_and_without_selector() -> None:
    plain = quantiles("T", "bot_a_seconds", "", "", at=(0.5,)).queries[0]
    assert (plain.expr, plain.legend) == ("histogram_quantile(0.5, sum by (le) (rate(bot_a_seconds_bucket[$__rate_interval])))", "p50")
    split = quantiles("T", 'bot_a_seconds{leg="x"}', "account", "", at=(0.95,)).queries[0]
    assert split.expr == 'histogram_quantile(0.95, sum by (account, le) (rate(bot_a_seconds_bucket{leg="x"}[$__rate_interval])))'
    assert split.legend == "{{account}} p95"


def test_states_are_bands_in_the_colours_of_their_words() -> None:
    found = states("T", "bot_a", "{{account}}", "text", words=YES_IS_BAD)
    assert (found.shape, found.unit, found.words, found.queries) == (Shape.STATES, "none", YES_IS_BAD, (Query("bot_a", "{{account}}"),))


def test_an_alarm_is_red_from_one_on() -> None:
    assert alarm("T", "bot_a", "text").steps == ((None, GOOD), (1, BAD))


def test_a_panel_of_several_pages_asks_for_all_accounts_or_for_those_of_its_selector() -> None:
    assert drawdown().queries[0].expr == "bot_drawdown_ratio"
    assert drawdown('{account=~"A/.+"}').queries[0].expr == 'bot_drawdown_ratio{account=~"A/.+"}'
