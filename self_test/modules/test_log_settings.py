"""Form and level of a process's log, by its settings and by --verbose."""

from __future__ import annotations

import io
import json
import sys

import pytest
import structlog

from config import CONFIG
from modules.log_settings import LogConfig, begin_log
from modules.overrides import apply_overrides
from self_test.utils.test_logs import put_logging_back  # noqa: F401  used by its name
from utils.errors import Refusal
from utils.logs import last_lines


class Stream(io.StringIO):
    """Standard error, a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    "form, terminal, as_json",
    [("auto", True, False), ("auto", False, True), ("json", True, True), ("console", False, False)],
)
def test_the_form(monkeypatch: pytest.MonkeyPatch, form: str, *, terminal: bool, as_json: bool) -> None:
    stream = Stream(terminal=terminal)
    monkeypatch.setattr(sys, "stderr", stream)
    begin_log(LogConfig.model_validate({"form": form}), verbose=False, secrets=("abcdefgh",))
    structlog.get_logger("x").warning("it is out", why="abcdefgh")
    line = stream.getvalue()
    assert line.count("\n") == 1 and "***" in line and line.startswith("{") == as_json
    if as_json:
        assert json.loads(line)["event"] == "it is out"


@pytest.mark.parametrize(
    "level, verbose, told",
    [
        ("warning", False, ["warning"]),
        ("warning", True, ["info", "warning"]),
        ("error", False, []),
        ("info", False, ["info", "warning"]),
        ("debug", True, ["debug", "info", "warning"]),
    ],
)
def test_the_level(monkeypatch: pytest.MonkeyPatch, level: str, told: list[str], *, verbose: bool) -> None:
    stream = Stream(terminal=False)
    monkeypatch.setattr(sys, "stderr", stream)
    begin_log(LogConfig.model_validate({"level": level}), verbose=verbose, secrets=())
    for name in ("debug", "info", "warning"):
        getattr(structlog.get_logger("x"), name)("said")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == told


def test_steps_of_orders_do_not_push_trouble_out_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Stream(terminal=False))
    begin_log(LogConfig(), verbose=False, secrets=())
    orders = structlog.get_logger("orders")
    structlog.get_logger("feed").info("connected")
    orders.info("order filled")
    orders.warning("something is wrong")
    kept = last_lines(10)
    assert len(kept) == 2 and "connected" in kept[0] and "something is wrong" in kept[1]


def test_it_is_a_setting_like_any_other() -> None:
    found = apply_overrides(CONFIG, {"BOT_LOGS__FORM": "json", "BOT_LOGS__LEVEL": "info"}, ["logs.level=debug"]).logs
    assert (found.form, found.level) == ("json", "debug")
    with pytest.raises(Refusal, match=r"logs\.form = 'xml'"):
        apply_overrides(CONFIG, {"BOT_LOGS__FORM": "xml"}, [])
