from __future__ import annotations

from decimal import Decimal

import pytest

from config import CONFIG
from modules.panel.facts import cards, checks, gauge, head, markets, positions
from self_test.modules.panel.house import lively_state
from self_test.telemetry.samples import BTC, ETH
from state.books import FLAT
from state.intents import ExitReason
from state.runtime import REASONS
from state.stages import Toggles
from utils.fixed import MONEY_SCALE


def test_the_head_says_what_may_happen_and_why_not() -> None:
    state = lively_state()
    assert (head(state, "simulated", []).word, head(state, "simulated", ["feed x"]).word) == ("trading", "waiting")
    state.toggles = Toggles(paused=True)
    assert head(state, "simulated", ["feed x"]).word == "paused"
    state.halted["CRYPTO/PAPER"] = "drawdown 16 %"
    found = head(state, "simulated", [])
    assert (found.word, found.why, found.stage_name) == ("halted", "CRYPTO/PAPER: drawdown 16 %", "Crypto Paper (Learn)")


def test_the_head_says_barred_when_no_account_may_enter_and_until_when() -> None:
    state = lively_state()
    state.acct["day_start"] = state.acct["equity"]
    state.acct[0]["day_stopped"], state.acct[0]["equity"] = 1, state.acct[0]["equity"] * 97 // 100
    words = "entries barred until 00:00 UTC: the day's loss reached its limit (now -3.0%)"
    assert (head(state, "simulated", []).word, head(state, "simulated", []).said) == ("trading", "trading"), "the other account trades"
    assert {card.name: list(card.barred) for card in cards(state, CONFIG.risk)} == {"CRYPTO/PAPER": [words], "PERPS/PAPER": []}
    state.halted["PERPS/PAPER"] = "flatten"
    assert head(state, "simulated", []).word == "halted"
    del state.halted["PERPS/PAPER"]
    state.acct[1]["level"] = 2
    found = head(state, "simulated", ["feed x"])
    assert found.word == "barred" and found.why.startswith(f"CRYPTO/PAPER: {words}; PERPS/PAPER: entries barred until a person")
    assert found.said == "entries barred", "until two different moments"
    state.acct[1]["level"], state.acct[1]["day_stopped"] = 0, 1
    assert head(state, "simulated", []).said == "entries barred until 00:00 UTC"


def test_a_position_is_measured_in_what_was_at_stake() -> None:
    (one,) = positions(lively_state())
    assert (one.entry, one.mark, one.stop, one.target, one.qty) == ("50000.0", "50500.0", "48000.0", "56000.0", "0.002")
    assert (one.r, one.stop_r, one.pnl) == (0.25, -1.0, Decimal(1))
    assert (one.path, one.entry_path, one.held_ms, one.arm, one.strategy) == (31.2, 25.0, 3_600_000, "base", "C1")
    assert positions(lively_state(), ETH) == []


def test_costs_so_far_are_part_of_the_result() -> None:
    state = lively_state()
    state.pos[0]["fees"] = state.pos[0]["funding"] = MONEY_SCALE // 4
    assert positions(state)[0].pnl == Decimal("0.5")


def test_a_short_gains_when_the_price_falls_and_a_close_under_way_is_told() -> None:
    state = lively_state()
    row = state.pos[0]
    row["side"], row["stop"], row["target"], row["mark"] = -1, 520_000, 440_000, 495_000
    row["closing"], row["explored"] = REASONS.index(ExitReason.OPERATOR) + 1, 1
    (one,) = positions(state)
    assert (one.side, one.r, one.stop_r, one.pnl, one.closing, one.explored) == ("short", 0.25, -1.0, Decimal(1), "operator", True)
    assert (one.path, one.entry_path) == (31.2, 25.0)


def test_a_position_without_target_or_stake_is_shown_all_the_same() -> None:
    state = lively_state()
    state.pos[0]["target"] = state.pos[0]["risk"] = 0
    (one,) = positions(state)
    assert (one.target, one.path, one.r, one.stop_r) == ("", 50.0, 0.0, 0.0)
    state.pos[0]["status"] = FLAT
    assert positions(state) == []


def test_cards_hold_an_account_against_its_limits() -> None:
    state = lively_state()
    state.acct[0]["equity"] = 910 * MONEY_SCALE
    state.acct[0]["level"] = 1
    card = cards(state, CONFIG.risk)[0]
    assert (card.equity, card.day_change, card.quote, card.open, card.level) == (Decimal(910), Decimal(-90), "USDT", 1, "half size")
    assert (card.drawdown.value, card.drawdown.grade) == (0.09, "warn")
    assert [one.fraction for one in card.drawdown.limits] == [0.08, 0.12, 0.15]
    assert (card.day_loss.grade, card.day_loss.fill) == ("bad", 100.0)
    state.acct[0]["day_stopped"], state.acct[1]["day_start"] = 1, 0
    first, second = cards(state, CONFIG.risk)
    assert first.level == "day stopped" and (second.day_change, second.day_share) == (Decimal(0), 0.0)


@pytest.mark.parametrize(
    "value, grade", [(0.0, "ok"), (0.0799, "ok"), (0.08, "warn"), (0.149, "warn"), (0.15, "bad"), (0.9, "bad"), (-0.1, "ok")]
)
def test_a_gauge_has_three_grades(value: float, grade: str) -> None:
    found = gauge(value, ((0.08, "a"), (0.12, "b"), (0.15, "c")))
    assert found.grade == grade and 0 <= found.fill <= 100
    assert [one.at for one in found.limits] == sorted(one.at for one in found.limits)


def test_health_names_what_is_down_once() -> None:
    state = lively_state()
    assert all(one.ok for one in checks(state, []))
    state.feeds_down["bybit-spot"] = "no connection"
    state.holds["PERPS/PAPER"] = {"reconcile": "figures differ"}
    found = checks(state, ["feed bybit-spot: no connection", "account PERPS/PAPER: figures differ", "starting"])
    assert [(one.name, one.ok, one.text) for one in found] == [
        ("feed bybit-spot", False, "no connection"),
        ("feed bybit-linear", True, "last candle 14:20"),
        ("paper venue CRYPTO/PAPER", True, "in order"),
        ("paper venue PERPS/PAPER", False, "figures differ"),
        ("daemon", False, "starting"),
    ]


def test_markets_come_with_price_and_regime() -> None:
    state = lively_state()
    state.market["last_close"][1] = 0
    assert [(one.key, one.price, one.regime, one.held) for one in markets(state)] == [
        (BTC, "50500.0", "trend", True),
        (ETH, "", "chop", False),
    ]
