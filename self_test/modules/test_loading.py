"""What a start loads, and what it leaves: each in a process of its own, because what is loaded stays loaded."""

from __future__ import annotations

import json
import subprocess
import sys

from self_test.conftest import REPO

NEVER = ("pandas", "matplotlib", "optuna", "torch", "stable_baselines3", "scipy.linalg", "sklearn", "ib_async")
"""Libraries that a daemon has no use for; each takes tens of megabytes or tenths of a second."""
SOMETIMES = ("ccxt.async_support.bybit", "telegram", "httpx")
SCRIPT = """
import json, os, sys
import modules.app
from config import CONFIG
from modules import loading

loading.warm = lambda config: print("kernels", file=sys.stderr)
loading.load_what_is_used(CONFIG, {stage}, {environ})
print(json.dumps([name for name in {names} if name in sys.modules]))
"""


def loaded(stage: int, environ: dict[str, str]) -> list[str]:
    """Which of those a daemon holds before its first event."""
    words = [sys.executable, "-c", SCRIPT.format(stage=stage, environ=environ, names=NEVER + SOMETIMES)]
    done = subprocess.run(words, cwd=REPO, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "kernels" in done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_a_bot_on_paper_without_a_chat_loads_nothing_for_others() -> None:
    assert loaded(1, {}) == []


def test_what_will_be_used_is_there_before_the_first_event() -> None:
    assert loaded(2, {"TELEGRAM_BOT_TOKEN": "x"}) == list(SOMETIMES)


def test_a_token_that_cannot_be_read_is_not_this_step_s_business() -> None:
    assert loaded(1, {"CREDENTIALS_DIRECTORY": "/dev/null"}) == []
