"""The page about what the bot has learned, and what its styles are worth by their gates."""

from __future__ import annotations

from deploy.dashboards.accounts import STANDINGS, VERDICTS
from deploy.dashboards.grammar import BAD, CALM, GOOD, WARN, Page, Panel, Query, Row, Shape
from deploy.dashboards.parts import YES_IS_GOOD, counted, lines, stat

DRIFT = ((0, "none", GOOD), (1, "noted", WARN), (2, "half size, frozen", WARN), (3, "demoted", BAD))

LEARNING = Page(
    "learning",
    "Trading bot: learning and evidence",
    "Policies, exploration, drift, and what the gates say.",
    (
        Row(
            "Policies",
            (
                Panel(
                    title="In force",
                    text="Version, level and the challenger that decides in its shadow.",
                    queries=(Query("bot_policy_info", ""),),
                    unit="none",
                    shape=Shape.TABLE,
                    width=12,
                ),
                Panel(
                    title="Drift",
                    text="Whether the market is still the one that was learned.",
                    queries=(Query("bot_drift_level", "{{domain}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    words=DRIFT,
                ),
                lines(
                    "Prediction less result",
                    "bot_calibration_error_ratio",
                    "{{domain}}",
                    "none",
                    "R closed less R predicted, mean of the newest 50 trades of the policy.",
                ),
                lines(
                    "Simulation less fills",
                    "bot_sim_to_fill_gap_ratio",
                    "{{domain}}",
                    "none",
                    "R by the fills less R by the simulator, mean of the newest 50.",
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
                Panel(
                    title="Verdict",
                    text="The newest of each style.",
                    queries=(Query("bot_gate_verdict", "{{account}} {{style}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    words=VERDICTS,
                ),
                Panel(
                    title="Standing",
                    text="With what money a style trades.",
                    queries=(Query("bot_standing", "{{domain}} {{style}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    words=STANDINGS,
                ),
                Panel(
                    title="Figures of the newest verdict",
                    text="Value, lower confidence bound and target of each KPI.",
                    queries=(
                        Query("bot_kpi_value", "value"),
                        Query("bot_kpi_bound", "lower bound"),
                        Query("bot_kpi_target", "target"),
                    ),
                    unit="none",
                    shape=Shape.TABLE,
                    width=12,
                    height=10,
                    decimals=3,
                ),
                Panel(
                    title="Targets met",
                    text="By each KPI of the newest verdict; a gap: it cannot be said.",
                    queries=(Query("bot_kpi_met", "{{account}} {{style}} {{kpi}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    height=10,
                    words=YES_IS_GOOD,
                ),
                Panel(
                    title="Promotion offered",
                    text="Waits for a person: `promote`.",
                    queries=(Query("bot_promotion_offered", "{{domain}} {{style}}"),),
                    unit="none",
                    shape=Shape.STATES,
                    width=12,
                    words=((0, "no", CALM), (1, "yes", GOOD)),
                ),
                lines("Demotions", "bot_demotions_total", "{{domain}} {{style}}", "none", "Since a style's first day.", width=12, least=0),
            ),
        ),
    ),
)
