from __future__ import annotations

import pytest

from config import CONFIG
from modules.engine.desk import make_state
from modules.requests import request_event
from self_test.fakes.books import PERP, SPOT, coin
from self_test.scenarios.desk import LiveDesk
from state.accounts import Account, Domain, Mode
from state.messages import Control
from state.policies import PolicyRef
from state.stages import Toggles
from utils.errors import Refusal

STATE = make_state(CONFIG, (coin("AAAUSDT"), coin("BBBUSDT", Domain.PERPS)), (SPOT, PERP))


@pytest.mark.parametrize("name", ["pause", "unpause"])
def test_pausing_is_one_event_for_all(name: str) -> None:
    assert request_event(STATE, CONFIG, name, {}, 7, "me") == [Control(7, name, {}, "me")]


@pytest.mark.parametrize("name", ["flatten", "resume"])
def test_one_event_for_each_account_asked_for(name: str) -> None:
    both = request_event(STATE, CONFIG, name, {}, 7, "me")
    assert [event.args["account"] for event in both] == ["CRYPTO/PAPER", "PERPS/PAPER"]
    assert request_event(STATE, CONFIG, name, {"account": "PERPS/PAPER"}, 7, "me") == [both[1]]


def test_a_reset_carries_the_balance_of_today() -> None:
    (event,) = request_event(STATE, CONFIG, "reset", {"account": "CRYPTO/PAPER"}, 7, "me")
    assert event.args == {"account": "CRYPTO/PAPER", "balance_units": "10000000000000"}


def test_unknown_requests_and_accounts_never_reach_the_journal() -> None:
    with pytest.raises(Refusal, match="unknown request 'boot'; there are close, explore, explore_live, flatten"):
        request_event(STATE, CONFIG, "boot", {}, 7, "me")
    with pytest.raises(Refusal, match="--account: 'FOREX/PAPER' is not one of CRYPTO/PAPER, PERPS/PAPER"):
        request_event(STATE, CONFIG, "flatten", {"account": "FOREX/PAPER"}, 7, "me")


def test_only_a_paper_wallet_starts_over() -> None:
    live = Account(Domain.CRYPTO, Mode.LIVE)
    state = make_state(CONFIG, (coin("AAAUSDT"),), (live, SPOT))
    (event,) = request_event(state, CONFIG, "reset", {}, 7, "me")
    assert event.args["account"] == "CRYPTO/PAPER"
    with pytest.raises(Refusal, match="reset: CRYPTO/LIVE has the venue's own money"):
        request_event(state, CONFIG, "reset", {"account": "CRYPTO/LIVE"}, 7, "me")
    assert len(request_event(state, CONFIG, "flatten", {}, 7, "me")) == 2


def test_a_close_is_one_event_for_each_account_that_holds_it() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    desk.open(0)
    state = desk.engine.state
    (event,) = request_event(state, CONFIG, "close", {"symbol": "AAA", "account": "all"}, 7, "me")
    assert (event.name, event.args) == ("close", {"account": "CRYPTO/LIVE", "key": "CRYPTO:AAAUSDT"})
    for symbol, account, told in (
        ("AAAUSDT", "CRYPTO/PAPER", "nothing is held in AAAUSDT on CRYPTO/PAPER; held: AAAUSDT on CRYPTO/LIVE"),
        ("BBBUSDT", "all", "nothing is held in BBBUSDT; held: AAAUSDT"),
        ("AAAUSD", "all", "not traded here; did you mean AAAUSDT?"),
    ):
        with pytest.raises(Refusal, match=told):
            request_event(state, CONFIG, "close", {"symbol": symbol, "account": account}, 7, "me")


def test_settings_go_into_the_event_as_they_are_and_what_has_no_broker_does_not() -> None:
    assert request_event(STATE, CONFIG, "explore", {"percent": "15"}, 7, "me") == [Control(7, "explore", {"percent": "15"}, "me")]
    assert request_event(STATE, CONFIG, "options", {"to": "off"}, 7, "me") == [Control(7, "options", {"to": "off"}, "me")]
    with pytest.raises(Refusal, match="forex unavailable: stage 1 has forex off"):
        request_event(STATE, CONFIG, "forex", {"to": "on"}, 7, "me")


def test_exploring_with_real_money_needs_some() -> None:
    with pytest.raises(Refusal, match="no live account"):
        request_event(make_state(CONFIG, (coin("AAAUSDT"),), (SPOT,)), CONFIG, "explore_live", {"to": "on"}, 7, "me")
    for state, to in ((LiveDesk().engine.state, "on"), (STATE, "off")):
        assert request_event(state, CONFIG, "explore_live", {"to": to}, 7, "me") == [Control(7, "explore_live", {"to": to}, "me")]


def test_an_offered_policy_is_confirmed_with_half_size_and_the_old_one_in_shadow() -> None:
    state = make_state(CONFIG, (coin("AAAUSDT"),), (SPOT,))
    with pytest.raises(Refusal, match="none is anywhere"):
        request_event(state, CONFIG, "promote", {"style": "CRYPTO/policy"}, 7, "me")
    state.policies["CRYPTO"] = PolicyRef(version="a" * 12, level=1, offered="b" * 12, offered_level=2)
    with pytest.raises(Refusal, match="offered: CRYPTO/policy"):
        request_event(state, CONFIG, "promote", {"style": "PERPS/policy"}, 7, "me")
    state.toggles = Toggles(learning=False)
    with pytest.raises(Refusal, match=r"online learning is off.*`learn on` first"):
        request_event(state, CONFIG, "promote", {"style": "CRYPTO/policy"}, 7, "me")
    state.toggles = Toggles(learning=True)
    first, second = request_event(state, CONFIG, "promote", {"style": "CRYPTO/policy"}, 7, "me")
    assert first.name == second.name == "policy"
    assert (first.args["version"], first.args["level"], first.args["person"], first.args["half_trades"]) == ("b" * 12, "2", "1", "20")
    assert first.args["half_until"] == str(7 + 3 * 86_400_000) and "role" not in first.args
    assert (second.args["version"], second.args["role"], second.args["level"]) == ("a" * 12, "challenger", "1")
