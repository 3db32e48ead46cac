from __future__ import annotations

import msgspec
import numpy as np
import pytest

from modules.engine.policies import HALF, Policies, in_force, in_shadow, missing, size_of_trust
from modules.engine.recovery import restore, snapshot_of
from self_test.scenarios.desk import Desk, only
from state.drift import Drift
from state.messages import Report
from state.stages import Toggles
from strategy.actions import Values
from strategy.policy import L1, L2, STATIC, Policy
from utils.errors import Refusal


class Bold:
    """A policy that finds one action good."""

    def __init__(self, version: str, action: int = 4, level: int = L1) -> None:
        self.version, self.action, self.level = version, action, level

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        found = np.full(7, -1.0, np.float32)
        found[[0, self.action]] = [0.0, 0.3]
        return found


class Shelf:
    """A store of policies that counts how often it is asked."""

    def __init__(self, *policies: Policy) -> None:
        self.policies = {one.version: one for one in policies}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, domain: str, version: str) -> Policy:
        self.asked.append((domain, version))
        if version not in self.policies:
            raise Refusal(f"{version} is damaged")
        return self.policies[version]


def desk_with(*policies: Policy) -> tuple[Desk, Shelf]:
    desk, shelf = Desk(), Shelf(*policies)
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, policies=Policies(shelf))
    return desk, shelf


def force(desk: Desk, version: str, level: int = L1, **more: str) -> str:
    args = {"domain": "CRYPTO", "version": version, "level": str(level), "reason": "it was better", **more}
    return only(Report, desk.control("policy", **args)).text


def decides(desk: Desk) -> str:
    return in_force(desk.engine.state, desk.engine.mandate.policies, "CRYPTO").version


def test_by_default_the_static_policy_decides_everywhere() -> None:
    desk, shelf = desk_with()
    assert decides(desk) == STATIC and shelf.asked == []
    assert desk.enter(regime=1).intent.arm == "wide" and desk.decisions[-1].get("policy", STATIC) == STATIC


def test_a_policy_is_put_in_force_by_an_event_and_decides_from_then_on() -> None:
    desk, shelf = desk_with(Bold("aaa"))
    assert force(desk, "aaa") == "CRYPTO: policy aaa is in force (was static): it was better"
    assert desk.enter(regime=1).intent.arm == "base"
    assert shelf.asked == [("CRYPTO", "aaa")], "loaded once"
    row = desk.decisions[-1]
    assert (row["policy"], row["level"], row["action"], row["greedy"]) == ("aaa", 1, 4, 4)
    assert row["values"] == [0.0, -1.0, -1.0, -1.0, 0.3, -1.0, -1.0]
    assert in_force(desk.engine.state, desk.engine.mandate.policies, "PERPS").version == STATIC
    assert force(desk, STATIC, 0).startswith("CRYPTO: policy static is in force (was aaa)")
    assert decides(desk) == STATIC


def test_what_cannot_be_loaded_is_refused_and_nothing_changes() -> None:
    desk, _ = desk_with(Bold("aaa"), Bold("bbb", level=L2))
    force(desk, "aaa")
    assert force(desk, "zzz") == "CRYPTO: policy zzz refused, zzz is damaged; aaa stays in force"
    assert force(desk, "bbb", L1) == "CRYPTO: policy bbb refused, it is of level 2; aaa stays in force"
    assert "no policy was named" in force(desk, "")
    assert decides(desk) == "aaa"


def test_a_policy_that_is_gone_at_a_restart_gives_way_to_the_static_one_and_that_is_told() -> None:
    desk, _ = desk_with(Bold("aaa"))
    force(desk, "aaa")
    desk.engine = restore(snapshot_of(desk.engine, 1), Policies(Shelf()))
    assert decides(desk) == STATIC
    assert missing(desk.engine.state, desk.engine.mandate.policies) == {"CRYPTO": "policy aaa: aaa is damaged"}
    assert desk.enter(regime=1).intent.arm == "wide", "trading goes on"
    desk.engine = restore(snapshot_of(desk.engine, 1), Policies(Shelf(Bold("aaa"))))
    assert decides(desk) == "aaa" and not missing(desk.engine.state, desk.engine.mandate.policies)
    desk.engine = restore(snapshot_of(desk.engine, 1), Policies(Shelf(Bold("aaa", level=L2))))
    assert decides(desk) == STATIC and "level 2" in missing(desk.engine.state, desk.engine.mandate.policies)["CRYPTO"]


def test_a_challenger_decides_in_shadow_and_changes_nothing() -> None:
    desk, _ = desk_with(Bold("aaa"), Bold("ccc", action=6, level=L2))
    force(desk, "aaa")
    assert "ccc decides in shadow" in force(desk, "ccc", L2, role="challenger")
    assert desk.enter(regime=1).intent.arm == "base"
    row = desk.decisions[-1]
    assert (row["policy"], row["challenger"], row["challenger_action"]) == ("aaa", "ccc", 6)
    assert "zzz refused" in force(desk, "zzz", L2, role="challenger")
    shadow = in_shadow(desk.engine.state, desk.engine.mandate.policies, "CRYPTO")
    assert shadow is not None and shadow.version == "ccc"
    force(desk, "ccc", L2)  # it is promoted
    assert in_shadow(desk.engine.state, desk.engine.mandate.policies, "CRYPTO") is None
    force(desk, "aaa", L1, role="challenger")
    assert "no policy decides in shadow" in force(desk, "", 0, role="challenger")
    assert decides(desk) == "ccc"


@pytest.mark.parametrize("trial", [{"half_trades": "1"}, {"half_until": "9999999999999"}])
def test_a_new_policy_has_half_size_until_its_trial_is_over(trial: dict[str, str]) -> None:
    whole = Desk().enter(regime=1).intent.steps
    desk, _ = desk_with(Bold("aaa"))
    assert "half size at first" in force(desk, "aaa", L1, **trial)
    order = desk.enter(regime=1)
    assert order.intent.steps == pytest.approx(whole * HALF, abs=1)
    desk.filled(order)
    desk.stopped(order.intent.exits.stop)
    left = size_of_trust(desk.engine.state, "CRYPTO", desk.now)
    assert left == (1.0 if "half_trades" in trial else HALF)
    assert size_of_trust(desk.engine.state, "CRYPTO", 10**13) == 1.0
    assert size_of_trust(desk.engine.state, "PERPS", desk.now) == 1.0


def test_an_offer_changes_nothing_until_a_person_confirms_it_and_then_drift_no_longer_waits() -> None:
    desk, _ = desk_with(Bold("new"))
    state = desk.engine.state
    told = only(Report, desk.control("policy", domain="CRYPTO", version="new", level="1", role="offer", reason="better"))
    assert told.what == "rollout" and told.rule == "offer" and "is offered" in told.text and told.text.startswith("CRYPTO/policy: ")
    assert decides(desk) == STATIC and state.policies["CRYPTO"].offered == "new"
    again = restore(snapshot_of(desk.engine, 0), desk.engine.mandate.policies).state.policies["CRYPTO"]
    assert (again.offered, again.offered_level) == ("new", 1)
    state.drift["CRYPTO"] = Drift(person=True, change_ts=5)
    force(desk, "new")
    assert state.drift["CRYPTO"].person and state.policies["CRYPTO"].offered == ""
    state.toggles = Toggles(learning=True)
    force(desk, "new", person="1")
    assert not state.drift["CRYPTO"].person and state.drift["CRYPTO"].change_ts == 5


def test_a_confirmed_offer_waits_for_learning_to_be_on() -> None:
    desk, _ = desk_with(Bold("old"), Bold("new"))
    force(desk, "old")
    force(desk, "new", role="offer")
    before = desk.engine.state.policies["CRYPTO"]
    assert "policy new refused, online learning is off" in (told := force(desk, "new", person="1")) and "`learn on` first" in told
    assert "refused" in force(desk, "old", role="challenger", person="1"), "nobody is in shadow of himself"
    assert desk.engine.state.policies["CRYPTO"] == before and before.offered == "new"
    desk.engine.state.toggles = Toggles(learning=True)
    assert "policy new is in force" in force(desk, "new", person="1")


def test_naming_the_policy_in_force_while_its_file_is_damaged_leaves_it_in_force() -> None:
    desk, shelf = desk_with(Bold("aaa"))
    force(desk, "aaa")
    whole = shelf.policies.pop("aaa")
    assert force(desk, "aaa") == "CRYPTO: policy aaa refused, aaa is damaged; aaa stays in force"
    assert decides(desk) == "aaa" and not missing(desk.engine.state, desk.engine.mandate.policies)
    assert desk.enter(regime=1).intent.arm == "base", "it decides as before"
    shelf.policies["aaa"] = whole
    assert "is in force" in force(desk, "aaa")


def test_what_was_missing_and_is_there_again_is_loaded_when_it_is_named() -> None:
    desk, shelf = desk_with()
    assert "refused" in force(desk, "aaa")
    shelf.policies["aaa"] = Bold("aaa")
    assert "is in force" in force(desk, "aaa") and decides(desk) == "aaa"


def test_that_nobody_can_be_judged_is_told_and_changes_nothing() -> None:
    desk, _ = desk_with(Bold("aaa"))
    force(desk, "aaa")
    before = desk.engine.state.policies["CRYPTO"]
    args = {"domain": "CRYPTO", "version": "", "role": "unjudged", "reason": "the costs are damaged"}
    told = only(Report, desk.control("policy", **args))
    assert told.text == "CRYPTO: aaa and its challenger cannot be judged: the costs are damaged"
    assert desk.engine.state.policies["CRYPTO"] == before


def test_an_offer_that_cannot_be_had_is_none() -> None:
    desk, _ = desk_with()
    assert "refused" in force(desk, "gone", role="offer")
    assert "CRYPTO" not in desk.engine.state.policies


def test_an_offer_is_withdrawn_by_naming_none() -> None:
    desk, _ = desk_with(Bold("new"))
    force(desk, "new", role="offer")
    assert "new is offered no longer: worse" in force(desk, "", role="offer", reason="worse")
    assert desk.engine.state.policies["CRYPTO"].offered == "" and decides(desk) == STATIC
