"""What drift and mood do to a running engine: told once, kept by a snapshot, never more size than before."""

from __future__ import annotations

import pytest

from modules.ui.notices import Notices, Topic, Urgency
from self_test.fakes.rollout import CONFIGURED, LIVE, Floor
from self_test.scenarios.desk import Desk
from state.drift import DEMOTE, FREEZE, NONE, NOTE
from state.messages import Command, Control, Place, Report
from state.policies import PolicyRef
from state.runtime import freeze, thaw
from state.sentiment import Felt
from state.standing import Level
from strategy.drift_levels import DAY_MS, size_factor

DOMAIN = "CRYPTO"


def drift(ts: int, level: int, stream: str = "calibration") -> Control:
    args = {"domain": DOMAIN, "level": str(level)}
    return Control(ts, "drift", args | ({"stream": stream, "reason": "it changed"} if level else {}), "the drift watch")


def texts(commands: list[Command]) -> list[str]:
    return [one.text for one in commands if isinstance(one, Report)]


@pytest.mark.parametrize("level, factor, words", [(NOTE, 1.0, "noted"), (FREEZE, 0.5, "half size"), (DEMOTE, 0.5, "static policy")])
def test_each_level_says_what_follows(level: int, factor: float, words: str) -> None:
    desk = Desk()
    (text,) = texts(desk.tell(drift(desk.now, level)))
    assert text.startswith(f"CRYPTO: drift level {level}, it changed: ") and words in text
    assert size_factor(desk.engine.state.drift[DOMAIN]) == factor


def test_it_ends_by_quiet_and_is_told_once() -> None:
    desk = Desk()
    desk.tell(drift(desk.now, FREEZE))
    over = drift(desk.now + 7 * DAY_MS, NONE)
    (text,) = texts(desk.tell(over))
    assert "level 2 (calibration) is over" in text and "waits for a person" in text
    assert desk.engine.state.drift[DOMAIN].level == NONE and desk.tell(over) == []


def sized(level: int, mood: str | None = None) -> int:
    """Steps of the same entry after drift of a level, in a mood."""
    desk = Desk()
    if level:
        desk.tell(drift(desk.now, level))
    if mood is not None:
        args = {"domain": DOMAIN, "milli": mood, "at": str(desk.now), "source": "test"}
        assert desk.tell(Control(desk.now, "sentiment", args, "test")) == []
    return sum(one.order.intent.steps for one in desk.signal() if isinstance(one, Place))


def test_entries_shrink_and_never_grow() -> None:
    whole = sized(NONE)
    assert whole > 0 and sized(NOTE) == whole
    assert 0 < sized(FREEZE) <= whole / 2 and sized(DEMOTE) == sized(FREEZE)
    assert sized(NONE, "1000") == whole == sized(NONE, "-499") and 0 < sized(NONE, "-600") <= whole / 2
    assert sized(NONE, "-950") == 0 and sized(FREEZE, "-600") <= sized(FREEZE) / 2 + 1


def test_level_three_takes_policy_and_live_styles_back() -> None:
    floor = Floor()
    floor.open(LIVE)
    floor.stands(Level.LIVE)
    floor.state.policies[DOMAIN] = PolicyRef(version="v7", level=1, challenger="v8")
    said = texts(floor.engine.process(drift(floor.now, DEMOTE, "policy_r")))
    assert floor.level() is Level.CANARY and any("live -> canary, drift: it changed" in one for one in said)
    ref = floor.state.policies[DOMAIN]
    assert (ref.version, ref.level, ref.challenger) == ("static", 0, "v8") and any("policy v7 goes" in one for one in said)
    again = texts(floor.engine.process(drift(floor.now + DAY_MS, DEMOTE, "policy_r")))
    assert floor.level() is Level.CANARY and not any("->" in one for one in again), "a canary has its own limits"
    floor.engine.process(drift(floor.now + 9 * DAY_MS, NONE))
    assert floor.level() is Level.CANARY and floor.state.policies[DOMAIN].version == "static", "nothing rises by itself"


def test_a_snapshot_keeps_both() -> None:
    desk = Desk()
    desk.tell(drift(desk.now, FREEZE))
    args = {"domain": DOMAIN, "milli": "-2000", "at": str(desk.now), "source": "test"}
    desk.tell(Control(desk.now, "sentiment", args, "test"))
    state = desk.engine.state
    assert state.sentiment[DOMAIN] == Felt(milli=-1000, ts=desk.now, source="test"), "cut off at its range"
    again = thaw(*freeze(state))
    assert again.drift == state.drift and again.sentiment == state.sentiment


@pytest.mark.parametrize("level, urgency, silent", [(NOTE, Urgency.NORMAL, True), (FREEZE, Urgency.NEVER_DROP, False)])
def test_people_are_told(level: int, urgency: Urgency, silent: bool) -> None:
    desk, notices = Desk(), Notices()
    event = drift(desk.now, level)
    (notice,) = notices(event, desk.tell(event), desk.engine.state)
    assert (notice.kind, notice.urgency, notice.silent) == (Topic.DRIFT, urgency, silent) and "drift level" in notice.title
    mood = Control(desk.now, "sentiment", {"domain": DOMAIN, "milli": "0", "at": "0", "source": "x"}, "x")
    assert notices(mood, desk.tell(mood), desk.engine.state) == []


def test_the_configured_rule_is_the_engines() -> None:
    assert Desk().engine.mandate.sentiment == CONFIGURED.sentiment.rule()
