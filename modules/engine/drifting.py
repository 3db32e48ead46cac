"""What drift does to a domain, as an event: levels in force, half size, a policy and its styles taken back; and its end, by quiet.

The mood of a market comes in the same way, and does less.
"""

from __future__ import annotations

from modules import rollout
from modules.engine.mandate import Mandate
from state.accounts import Domain
from state.drift import DEMOTE, FREEZE, NONE, NOTE, Drift
from state.messages import Command, Control, Report
from state.policies import PolicyRef
from state.runtime import RuntimeState
from state.sentiment import Felt
from strategy.drift_levels import Alarm, cleared, raised
from strategy.policy import L0, STATIC
from strategy.sentiment import OFF

WHAT_FOLLOWS = {
    NOTE: "noted, a retraining is asked for",
    FREEZE: "nothing is learned or promoted, entries have half size; trained anew when there are 30 days of data from after it",
    DEMOTE: "the static policy decides, live styles fall to canary, nothing is learned or promoted, entries have half size",
}


def apply(state: RuntimeState, mandate: Mandate, event: Control, out: list[Command]) -> None:
    """Arguments (text): `domain`; `level` 1 to 3 with `stream` and `reason`, or 0: seven days were quiet. `sentiment`: see `_feel`."""
    if event.name == "sentiment":
        _feel(state, event)
        return
    domain, level = event.args["domain"], int(event.args["level"])
    before = state.drift.get(domain, Drift())
    if level == NONE:
        if before.level:
            state.drift[domain] = cleared(before, event.ts)
            waits = "; the next promotion waits for a person" if before.person else ""
            _told(event, f"{domain}: drift level {before.level} ({before.stream}) is over after seven quiet days{waits}", out)
        return
    alarm = Alarm(ts=event.ts, level=level, stream=event.args["stream"], reason=event.args["reason"])
    state.drift[domain] = raised(before, alarm)
    _told(event, f"{domain}: drift level {level}, {alarm.reason}: {WHAT_FOLLOWS[level]}", out)
    if level >= DEMOTE:
        ref = state.policies.get(domain)
        if ref is not None and ref.level > L0:
            state.policies[domain] = PolicyRef(version=STATIC, level=L0, since_ts=event.ts, challenger=ref.challenger)
            _told(event, f"{domain}: policy {ref.version} goes, the static one decides: drift", out)
        rollout.drifted(state, mandate, Domain(domain), event.ts, f"drift: {alarm.reason}", out)


def _feel(state: RuntimeState, event: Control) -> None:
    """A source has said how a market feels: `domain`, `milli` (-1000 to 1000), `at` (ms UTC, 0: nothing that was understood), `source`."""
    args = event.args
    if args["source"] == OFF:
        state.sentiment.pop(args["domain"], None)
        return
    milli = min(max(int(args["milli"]), -1000), 1000)
    state.sentiment[args["domain"]] = Felt(milli=milli, ts=int(args["at"]), source=args["source"])


def _told(event: Control, text: str, out: list[Command]) -> None:
    out.append(Report(ts=event.ts, what="drift", rule=event.args["level"], text=text))
