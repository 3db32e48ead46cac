"""The real Prometheus looks at the running bot: every query of every page and every alert is answered, and a fault is told."""

from __future__ import annotations

import json
import signal
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.bot import Bot, no_leftovers, run, started
from deploy.dashboards.grammar import Panel
from deploy.dashboards.pages import PAGES
from self_test.deploy.watchers import alerts, filled, firing, found, get, needs_both, receiver, selectors, until, watching

EVERYTHING = (
    *("--stage", "5", "--override-gates", "--strategies", "demo", "--speed", "600", "--symbols", "BTCUSDT,EURUSD"),
    *("--enable", "forex,options", "--profile", "spot+perp", "--set", "domains.crypto.warmup_days=2"),
)
QUERIES = sorted(
    {filled(query.expr) for page in PAGES for row in page.rows for panel in row.panels for query in panel.queries}
    | {alert["expr"] for alert in alerts()}
)


def unanswered(prometheus: str) -> list[str]:
    """Queries without a series though everything they read is there; what filters is not meant."""
    return [
        expr
        for expr in QUERIES
        if not any(sign in expr for sign in ("==", " > ", ">=", " < "))
        and all(found(prometheus, one) for _, one in selectors(expr))
        and not found(prometheus, expr)
    ]


def fault(control: str, kind: dict[str, Any]) -> None:
    words = urllib.request.Request(f"{control}/faults", json.dumps(kind).encode(), {"Content-Type": "application/json"})  # noqa: S310  loopback
    with urllib.request.urlopen(words, timeout=10) as answer:  # noqa: S310  same
        assert answer.status == 200


def traded(bot: Bot) -> bool:
    return bot.closed() >= 12


@needs_both
@pytest.mark.timeout(420)
def test_everything_is_seen_and_a_fault_is_told(tmp_path: Path) -> None:
    with no_leftovers(tmp_path / "var") as state_dir, receiver() as post, started(state_dir, *EVERYTHING) as bot:
        record = bot.ready()
        url, control = record["http"], record["simulator"]
        with watching(tmp_path, url, post) as prometheus:
            bot.until("trades", lambda: traded(bot), 40)
            until("the bot is seen", lambda: found(prometheus, 'up{job="bot"} == 1'))
            until("what is recorded is there", lambda: found(prometheus, "bot:event_loop_lag_seconds:p99_5m"))
            for expr in QUERIES:
                found(prometheus, expr)
            until("an answer to every query: " + "; ".join(unanswered(prometheus)), lambda: not unanswered(prometheus))
            answered = [expr for expr in QUERIES if found(prometheus, expr)]
            assert len(answered) > 0.5 * len(QUERIES), "most pictures show something a few seconds after the start"
            groups = get(f"{prometheus}/api/v1/rules")["data"]["groups"]
            assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
            assert "Halted" not in firing(prometheus)
            post.until("the dead man's switch", lambda path, body: path == "/missing?who=us" and about(body, "firing", "Watchdog"))
            # A scrape that a busy machine answered too late, or a feed that was late, is told at once here: there is no patience.
            until("quiet", lambda: not firing(prometheus) & {"NoHeartbeat", "FeedStale"})
            post.forget()

            fault(control, {"kind": "cut", "match": "kline.", "count": 0})
            post.until(
                "FeedStale at the web hook", lambda path, body: path == "/hook" and about(body, "firing", "FeedStale", feed="bybit-spot")
            )
            assert run("flatten", "--yes", "--state-dir", str(state_dir)).returncode == 0
            told = post.until(
                "Halted at the web hook", lambda path, body: path == "/hook" and about(body, "firing", "Halted", account="CRYPTO/LIVE")
            )
            (one,) = told["alerts"]
            assert one["labels"]["severity"] == "critical" and one["annotations"]["runbook"] == "docs/runbook.md#halted"
            for chat in ("77", "78"):
                message = post.until(f"Halted in chat {chat}", partial(in_chat, chat))
                assert "is halted until somebody resumes it" in message["text"]
            assert not any(about(body, "firing", "Watchdog") for path, body in post.seen if path == "/hook"), "nobody else hears of it"

            assert run("resume", "--yes", "--state-dir", str(state_dir)).returncode == 0
            post.until("it is over", lambda path, body: path == "/hook" and about(body, "resolved", "Halted"))
            bot.process.send_signal(signal.SIGSTOP)
            post.until("NoHeartbeat at the web hook", lambda path, body: path == "/hook" and about(body, "firing", "NoHeartbeat"))


def in_chat(chat: str, path: str, body: Any) -> bool:
    return path.startswith("/bot") and str(body["chat_id"]) == chat and "Halted" in body["text"]


def about(body: Any, status: str, name: str, **labels: str) -> bool:
    return any(one["status"] == status and one["labels"].items() >= {"alertname": name, **labels}.items() for one in body["alerts"])


def test_the_queries_are_found() -> None:
    assert len(QUERIES) > 80 and all(isinstance(panel, Panel) for page in PAGES for row in page.rows for panel in row.panels)
    assert selectors('sum by (account, le) (rate(bot_a_bucket{x="y"}[5m])) / on (instance) bot:c:p9 or up') == [
        ("bot_a_bucket", 'bot_a_bucket{x="y"}'),
        ("bot:c:p9", "bot:c:p9"),
        ("up", "up"),
    ]
