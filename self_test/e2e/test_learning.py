"""The trainer of a running daemon: asked, killed in the middle, asked again, heard, switched off; and a disk that takes no policy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from contextlib import suppress
from pathlib import Path

from bench.audit import audit, rows_of
from bench.bot import Bot, no_leftovers, run, started
from modules.learning.plan import Plan
from modules.learning.trainer import load_plan
from state.accounts import Domain
from state.decisions import decision_row
from state.ledger import RowKind

FAST = ("--speed", "200000", "--seed", "3", "--set", "learning.every_days=1", "--set", "learning.cpu_s_per_hour=3600")
DAY_MS = 86_400_000
SLOW = 120.0
"""Seconds on a machine that does other things as well."""


def trainer_of(bot: Bot) -> int:
    """Process id of the daemon's trainer; 0 while there is none."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == bot.process.pid and (place / "cmdline").read_bytes().split(b"\0")[2:3] == [b"trainer"]:
                return int(place.name)
    return 0


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def written(bot: Bot, what: str = '{"kind":"decision"') -> int:
    """How often `what` stands in the ledger."""
    return sum(path.read_bytes().count(what.encode()) for path in (bot.folder / "ledger").glob("*.log"))


def more(bot: Bot, count: int = 3) -> None:
    """Wait until so many more candidates were written down."""
    there = written(bot)
    bot.until("more decisions", lambda: written(bot) >= there + count, SLOW)


def venue_ms(http: str) -> int:
    with urllib.request.urlopen(f"{http}/status", timeout=10) as answer:  # noqa: S310  loopback
        return int(json.loads(answer.read())["time"])


def learn(bot: Bot, to: str) -> None:
    said = run("control", "learn", to, "--yes", "--state-dir", str(bot.state_dir))
    assert said.returncode == 0, said.stderr


def plan_of(bot: Bot) -> Plan:
    return load_plan(bot.folder, Domain.CRYPTO)


def test_a_policy_is_learned_by_a_process_that_may_die_at_any_moment(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir):
        with started(state_dir, *FAST) as bot:
            http = bot.ready()["http"]
            more(bot)
            assert trainer_of(bot) == 0 and plan_of(bot) == Plan(), "off until somebody says so"
            learn(bot, "on")
            first = bot.until("a trainer", lambda: trainer_of(bot), SLOW)
            os.kill(first, signal.SIGKILL)
            more(bot)
            second = bot.until("another one", lambda: (found := trainer_of(bot)) != first and found, SLOW)
            bot.until("a policy", lambda: plan_of(bot).challenger, SLOW)
            version = plan_of(bot).challenger
            bot.until("it decides in shadow", lambda: written(bot, f'"challenger":"{version}"'), SLOW)

            learn(bot, "off")
            off, frozen, there = venue_ms(http), plan_of(bot), written(bot)
            bot.until("a day and an hour", lambda: venue_ms(http) > off + DAY_MS * 25 // 24, SLOW)
            left = plan_of(bot)
            assert written(bot) > there
            assert (left.number, left.champion, left.challenger) == (frozen.number, frozen.champion, frozen.challenger)

            shutil.rmtree(bot.folder / "policies")
            (bot.folder / "policies").write_bytes(b"a disk that takes nothing")
            learn(bot, "on")
            bot.until("a word about it", lambda: "the plan of learning is not stored" in bot.said, SLOW)
            more(bot)
            assert bot.stop() == 0 and "Traceback" not in bot.said
            assert not alive(first) and not alive(second) and trainer_of(bot) == 0
        assert audit(rows_of(bot.folder), bot.status()["accounts"]) == []
        found = [decision_row(bytes(one.row)) for one in rows_of(bot.folder) if one.kind is RowKind.DECISION]
        assert {one.policy for one in found} == {"static"} and {one.challenger for one in found} == {"", version}
