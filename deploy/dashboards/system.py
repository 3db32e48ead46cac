"""The page about the program: its pulse, event loop, feeds, budgets of requests, chat, disk and memory."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, CALM, GOOD, WARN, Page, Query, Row
from deploy.dashboards.parts import YES_IS_BAD, YES_IS_GOOD, bot, counted, lines, quantiles, stat, states, table

SYSTEM = Page(
    "system",
    "Trading bot: system",
    "The program: pulse, event loop, feeds, budgets, chat, disk and memory.",
    (
        Row(
            "Pulse",
            (
                bot(),
                stat(
                    "Running for",
                    'time() - process_start_time_seconds{job="bot"}',
                    "Since its last start.",
                    unit="s",
                    steps=((None, CALM),),
                ),
                stat(
                    "Since its heart beat",
                    "time() - bot_heartbeat_timestamp_seconds",
                    "Since the event loop last turned.",
                    unit="s",
                    steps=((None, GOOD), (30, WARN), (60, BAD)),
                ),
                stat("Tasks running", "bot_supervised_tasks", "Supervised tasks that have not ended.", steps=((None, CALM),)),
                stat("Tasks of the loop", "bot_loop_tasks", "Not ended, supervised or not.", steps=((None, CALM),)),
                stat("Tasks in trouble", "bot_task_outages", "Failed and not recovered.", steps=((None, GOOD), (1, WARN))),
                stat("Journal", "bot_journal_sequence", "Number of its newest entry.", steps=((None, CALM),)),
                table("What runs", "Environment, stage and version.", Query("bot_info", ""), width=24, height=4),
            ),
        ),
        Row(
            "Event loop and engine",
            (
                quantiles("How late the loop wakes", "bot_event_loop_lag_seconds", "", "What a sleeper waits too long."),
                lines("Waiting for the engine", "bot_inbox_depth", "events", "none", "Depth of its inbox.", least=0),
                lines("Since the last event", "bot_last_event_age_seconds", "engine", "s", "Wall time.", least=0),
                lines(
                    "Events", "sum by (type) (rate(bot_events_total[$__rate_interval]))", "{{type}}", "ops", "Applied each second.", least=0
                ),
                counted("Restarts of tasks", "bot_task_restarts_total", "task", "Each hour."),
                lines(
                    "Decision, 99 of 100",
                    "bot:decision_latency_seconds:p99_5m",
                    "bars to commands",
                    "s",
                    "Over five minutes.",
                    least=0,
                ),
            ),
        ),
        Row(
            "Market data",
            (
                states("Feeds", "bot_feed_up", "{{feed}}", "Up and whole, or not.", words=YES_IS_GOOD, width=6),
                counted("Feeds lost", "bot_feed_losses_total", "feed", "Each hour.", width=6),
                lines("Candles owed", "bot_owed_candles", "{{feed}}", "none", "Went past and still to be fetched.", width=6, least=0),
                lines(
                    "Age of the last bar",
                    "max by (symbol) (bot_last_bar_venue_age_seconds)",
                    "{{symbol}}",
                    "s",
                    "In venue time.",
                    width=6,
                    least=0,
                ),
            ),
        ),
        Row(
            "Budgets of requests",
            (
                lines("Calls left", "bot_throttle_left", "{{scope}}", "none", "In the window of each budget.", least=0),
                lines("Waiting", "bot_throttle_waiting", "{{urgency}}", "none", "Requests without room, by urgency.", least=0),
                lines(
                    "Time waited",
                    "sum by (urgency) (rate(bot_throttle_waited_seconds_total[$__rate_interval]))",
                    "{{urgency}}",
                    "s",
                    "Seconds in each second.",
                    least=0,
                ),
                lines(
                    "Shut out",
                    "bot_throttle_banned_seconds",
                    "{{scope}}",
                    "s",
                    "For how long a venue still refuses.",
                    width=24,
                    least=0,
                ),
            ),
        ),
        Row(
            "Faces",
            (
                states("Chat", "bot_chat_up", "chat", "Connected or not; a bot without one says no.", words=YES_IS_GOOD, width=6),
                lines("Messages waiting", "bot_chat_waiting", "chat", "none", "Not delivered yet.", width=6, least=0),
                counted("Calls that failed", "bot_chat_failures_total", "reason", "Each hour.", width=6),
                counted("Left out", "bot_chat_dropped_total", "urgency", "Messages each hour.", width=6),
                lines("Messages sent", "rate(bot_chat_sent_total[$__rate_interval]) * 60", "chat", "none", "Each minute.", least=0),
                counted("Strangers", "bot_chat_strangers_total", "reason", "Who may not speak to the bot, each hour."),
                lines("Wrong log-ins", "increase(bot_panel_wrong_logins_total[1h])", "panel", "none", "At the panel, each hour.", least=0),
            ),
        ),
        Row(
            "Machine",
            (
                lines(
                    "Disk free",
                    "bot:disk_free:ratio",
                    "state directory",
                    "percentunit",
                    "Of the disk of the state directory.",
                    width=6,
                    least=0,
                ),
                lines("Bytes free", "bot_disk_free_bytes", "state directory", "bytes", "On that disk.", width=6, least=0),
                lines("Memory", 'process_resident_memory_bytes{job="bot"}', "resident", "bytes", "Of the bot's process.", width=6, least=0),
                lines(
                    "Processor",
                    'rate(process_cpu_seconds_total{job="bot"}[$__rate_interval])',
                    "cores",
                    "percentunit",
                    "Of one core.",
                    width=6,
                    least=0,
                ),
                lines("Open files", 'process_open_fds{job="bot"}', "files", "none", "And sockets.", width=12, least=0),
                states("Tasks in trouble", "bot_task_outages > bool 0", "trouble", "Failed and not recovered.", words=YES_IS_BAD, width=12),
            ),
        ),
    ),
)
