"""The page about what the bot has learned, and what its styles are worth by their gates."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, CALM, GOOD, WARN, Page, Panel, Query, Row
from deploy.dashboards.parts import STANDINGS, VERDICTS, YES_IS_GOOD, counted, lines, stat, states, table

DRIFT = ((0, "none", GOOD), (1, "noted", WARN), (2, "half size, frozen", WARN), (3, "demoted", BAD))

LEARNING = Page(
    "learning",
    "Trading bot: learning and evidence",
    "Policies, exploration, drift, and what the gates say.",
    (
        Row(
            "Policies",
            (
                table("In force", "Version, level and the challenger that decides in its shadow.", Query("bot_policy_info", "")),
                states(
                    "Drift", "bot_drift_level", "{{domain}}", "Whether the market is still the one that was learned.", words=DRIFT, width=12
                ),
                lines(
                    "Result less prediction",
                    "bot_calibration_error_ratio",
                    "{{domain}}",
                    "none",
                    "R closed less R predicted, mean of the newest 50 trades of the policy; above 0: better than predicted.",
                ),
                lines(
                    "Fills less simulation",
                    "bot_sim_to_fill_gap_ratio",
                    "{{domain}}",
                    "none",
                    "R by the fills less R by the simulator, mean of the newest 50; below 0: the simulator flatters.",
                ),
                counted("Decisions", "bot_decisions_total", "account, strategy", "Confirmed candidates each hour."),
            ),
        ),
        Row(
            "Exploration and training",
            (
                stat(
                    "Exploration",
                    "bot_exploration_ratio",
                    "Before the regime adds to it.",
                    unit="percentunit",
                    width=6,
                    steps=((None, CALM),),
                ),
                lines(
                    "Share explored",
                    "sum by (account) (increase(bot_explored_decisions_total[1h])) / sum by (account) (increase(bot_decisions_total[1h]))",
                    "{{account}}",
                    "percentunit",
                    "Of the decisions of an hour.",
                    width=9,
                    least=0,
                ),
                lines(
                    "Since the last training",
                    "bot_venue_timestamp_seconds - on (instance) group_right () bot_last_training_timestamp_seconds",
                    "{{domain}}",
                    "s",
                    "Venue time since one made a version.",
                    width=9,
                    least=0,
                ),
                counted("Trainings", "bot_trainings_total", "domain, outcome", "Each hour.", width=12),
                Panel(
                    title="Time of a training",
                    text="In the trainer's own process; median and 95 of 100, over a day.",
                    queries=tuple(
                        Query(
                            f"histogram_quantile({q}, sum by (domain, le) (increase(bot_training_seconds_bucket[1d])))",
                            f"{{{{domain}}}} {name}",
                        )
                        for q, name in ((0.5, "median"), (0.95, "p95"))
                    ),
                    unit="s",
                    width=12,
                    least=0,
                ),
            ),
        ),
        Row(
            "Gates",
            (
                states("Verdict", "bot_gate_verdict", "{{account}} {{style}}", "The newest of each style.", words=VERDICTS, width=12),
                states("Standing", "bot_standing", "{{domain}} {{style}}", "With what money a style trades.", words=STANDINGS, width=12),
                table(
                    "Figures of the newest verdict",
                    "Value, lower confidence bound and target of each KPI.",
                    Query("bot_kpi_value", "value"),
                    Query("bot_kpi_bound", "lower bound"),
                    Query("bot_kpi_target", "target"),
                    height=10,
                    decimals=3,
                ),
                states(
                    "Targets met",
                    "bot_kpi_met",
                    "{{account}} {{style}} {{kpi}}",
                    "By each KPI of the newest verdict; a gap: it cannot be said.",
                    words=YES_IS_GOOD,
                    width=12,
                    height=10,
                ),
                states(
                    "Promotion offered",
                    "bot_promotion_offered",
                    "{{domain}} {{style}}",
                    "Waits for a person: `promote`.",
                    words=((0, "no", CALM), (1, "yes", GOOD)),
                    width=12,
                ),
                lines("Demotions", "bot_demotions_total", "{{domain}} {{style}}", "none", "Since a style's first day.", width=12, least=0),
            ),
        ),
    ),
)
