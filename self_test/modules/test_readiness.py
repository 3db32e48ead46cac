from __future__ import annotations

import json
import os
from pathlib import Path

from modules.readiness import DAEMON_FILE, Readiness, announce
from self_test.scenarios.desk import Desk
from state.messages import FeedUp, Tick


def test_ready_when_feeds_are_up_and_accounts_read_and_what_is_missing_until_then() -> None:
    state = Desk().engine.state
    ready = Readiness(state)
    assert ready.missing() == ["starting"]
    state.feeds_down = {"bybit-spot": "connecting"}
    state.holds = {"CRYPTO/LIVE": {"reconcile": "reading"}, "CRYPTO/PAPER": {"stream": "lost"}}
    ready.observe(1, FeedUp(0, "bybit-linear"), [])
    assert ready.missing() == ["feed bybit-spot: connecting", "account CRYPTO/LIVE: reading"]
    state.feeds_down, state.holds = {}, {}
    ready.observe(2, Tick(0), [])
    assert not ready.reached.is_set(), "only news of a feed or an account makes it look"
    ready.observe(3, FeedUp(0, "bybit-spot"), [])
    assert ready.reached.is_set() and ready.missing() == []


def test_nobody_waits_for_the_broker() -> None:
    state = Desk().engine.state
    ready = Readiness(state)
    state.feeds_down = {"bybit-spot": "connecting", "oanda": "connecting"}
    state.holds = {"FOREX/LIVE": {"reconcile": "reading"}}
    assert ready.missing() == ["feed bybit-spot: connecting"]
    del state.feeds_down["bybit-spot"]
    ready.observe(1, FeedUp(0, "bybit-spot"), [])
    assert ready.reached.is_set() and ready.missing() == []


def test_it_says_where_it_is_found(tmp_path: Path) -> None:
    announce(tmp_path, "http://127.0.0.1:1", None)
    assert json.loads((tmp_path / DAEMON_FILE).read_text()) == {"pid": os.getpid(), "http": "http://127.0.0.1:1", "simulator": None}
    assert (tmp_path / DAEMON_FILE).stat().st_mode & 0o777 == 0o600
