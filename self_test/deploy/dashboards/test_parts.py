"""Panels made of a metric's name: the query they ask and the names they give its series."""

from __future__ import annotations

from deploy.dashboards.parts import counted, quantiles


def test_what_is_counted_is_stacked_by_its_labels() -> None:
    found = counted("T", 'bot_a_total{x="y"}', "account, rule", "").queries[0]
    assert (found.expr, found.legend) == ('sum by (account, rule) (increase(bot_a_total{x="y"}[1h]))', "{{account}} {{rule}}")


def test_quantiles_of_a_histogram_with_and_without_selector() -> None:
    plain = quantiles("T", "bot_a_seconds", "", "", at=(0.5,)).queries[0]
    assert (plain.expr, plain.legend) == ("histogram_quantile(0.5, sum by (le) (rate(bot_a_seconds_bucket[$__rate_interval])))", "p50")
    split = quantiles("T", 'bot_a_seconds{leg="x"}', "account", "", at=(0.95,)).queries[0]
    assert split.expr == 'histogram_quantile(0.95, sum by (account, le) (rate(bot_a_seconds_bucket{leg="x"}[$__rate_interval])))'
    assert split.legend == "{{account}} p95"
