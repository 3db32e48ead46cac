"""The policies that are loaded, and which is in force where. What cannot be loaded gives way to the static one, and trading goes on.

Who loads lies elsewhere and is handed in: files that decide open none. A version names its weights, so the same version is asked for once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from state.messages import Command, Control, Report
from state.policies import PolicyRef
from state.runtime import RuntimeState
from strategy.drift_levels import confirmed
from strategy.policy import L0, STATIC, Policy, Static
from utils.errors import BotError, Refusal

Load = Callable[[str, str], Policy]
"""(domain, version) -> the policy; Refusal, in words, when it is missing, damaged or foreign."""

HALF = 0.5
"""Size of a policy that was just promoted."""
LEARNING_OFF = "online learning is off, which freezes promotions; `learn on` first"


def nothing_stored(domain: str, version: str) -> Policy:
    """Where there is no store of policies: every version is missing."""
    raise Refusal(f"policy {version} of {domain}: there is no store of policies here")


class Policies:
    """Policies by domain and version. Each is loaded when it is first asked for; a failure is remembered until `renew`."""

    def __init__(self, load: Load = nothing_stored) -> None:
        self._load = load
        self._known: dict[tuple[str, str], Policy] = {}
        self.faults: dict[tuple[str, str], str] = {}
        """(domain, version) -> why it could not be loaded."""

    def get(self, domain: str, version: str) -> Policy | None:
        """The policy, None when it cannot be had (`faults` says why)."""
        if version == STATIC:
            return STATIC_POLICY
        name = (domain, version)
        if name not in self._known and name not in self.faults:
            try:
                self._known[name] = self._load(domain, version)
            except BotError as error:
                self.faults[name] = str(error)
        return self._known.get(name)

    def renew(self, domain: str, version: str) -> str:
        """Load a version again; why it cannot be, empty when it was. What was loaded before stays until something better is there."""
        if version == STATIC:
            return ""
        name = (domain, version)
        try:
            self._known[name] = self._load(domain, version)
        except BotError as error:
            if name not in self._known:
                self.faults[name] = str(error)
            return str(error)
        self.faults.pop(name, None)
        return ""


STATIC_POLICY: Policy = Static()


def in_force(state: RuntimeState, policies: Policies, domain: str) -> Policy:
    """The policy that decides in `domain`: the static one unless another was put in force and can be had."""
    ref = state.policies.get(domain)
    found = policies.get(domain, ref.version) if ref is not None else None
    return found if found is not None and ref is not None and found.level == ref.level else STATIC_POLICY


def in_shadow(state: RuntimeState, policies: Policies, domain: str) -> Policy | None:
    """The challenger of `domain`, which decides beside the policy in force without effect."""
    ref = state.policies.get(domain)
    return policies.get(domain, ref.challenger) if ref is not None and ref.challenger else None


def size_of_trust(state: RuntimeState, domain: str, ts: int) -> float:
    """Factor on every size a learned policy asks for in `domain`: half while it is new in force."""
    ref = state.policies.get(domain)
    return HALF if ref is not None and ref.level > L0 and ref.half(ts) else 1.0


def apply(state: RuntimeState, policies: Policies, event: Control, out: list[Command]) -> None:
    """Put a policy in force, or a challenger beside it; refused, with what is in force untouched, when it cannot be had.

    Arguments (all text): `domain`, `version` (`static` for L0), `level`, `reason`; `role` `champion` (default), `challenger` (an empty
    version: none any more), `offer` (it waits for a person; an empty version: it is withdrawn) or `unjudged` (nothing changes, it is told
    why nobody could be judged); for a champion also `half_until` (ms) and `half_trades`, its time on trial with half size. `person` where
    one confirmed it: refused while learning is off.
    """
    args = event.args
    domain, version, level = args["domain"], args["version"], int(args.get("level", "0"))
    ref = state.policies.get(domain, PolicyRef(version=STATIC, level=L0))
    if args.get("role") == "unjudged":
        _told(event, f"{domain}: {ref.version} and its challenger cannot be judged: {args['reason']}", out)
        return
    if "person" in args and not state.toggles.learning:
        _told(event, f"{domain}: policy {version} refused, {LEARNING_OFF}; {ref.version} stays in force", out)
        return
    if version:
        why = policies.renew(domain, version)
        found = policies.get(domain, version)
        if not why and found is not None and found.level != level:
            why = f"it is of level {found.level}"
        if why:
            _told(event, f"{domain}: policy {version} refused, {why}; {ref.version} stays in force", out)
            return
    reason = f": {args['reason']}" if args.get("reason") else ""
    if args.get("role", "champion") == "challenger":
        state.policies[domain] = msgspec.structs.replace(ref, challenger=version)
        _told(event, f"{domain}: {f'policy {version} decides in shadow' if version else 'no policy decides in shadow'}{reason}", out)
        return
    if args.get("role") == "offer":
        state.policies[domain] = msgspec.structs.replace(ref, offered=version, offered_level=level)
        if not version:
            _told(event, f"{domain}: policy {ref.offered} is offered no longer{reason}", out)
            return
        text = f"{domain}/policy: {version} is offered to decide{reason}; a person confirms with `promote {domain}/policy`"
        out.append(Report(ts=event.ts, what="rollout", rule="offer", text=text))
        return
    if not version:
        _told(event, f"{domain}: no policy was named; {ref.version} stays in force", out)
        return
    state.policies[domain] = PolicyRef(
        version=version,
        level=level,
        since_ts=event.ts,
        half_until=int(args.get("half_until", "0")),
        half_trades=int(args.get("half_trades", "0")),
        challenger="" if ref.challenger == version else ref.challenger,
    )
    if "person" in args and domain in state.drift:
        state.drift[domain] = confirmed(state.drift[domain])
    trial = ", with half size at first" if state.policies[domain].half(event.ts) and level > L0 else ""
    _told(event, f"{domain}: policy {version} is in force{trial} (was {ref.version}){reason}", out)


def trade_closed(state: RuntimeState, domain: str) -> None:
    """A trade of the policy has closed: one less of its time on trial."""
    ref = state.policies.get(domain)
    if ref is not None and ref.half_trades > 0:
        state.policies[domain] = msgspec.structs.replace(ref, half_trades=ref.half_trades - 1)


def missing(state: RuntimeState, policies: Policies) -> Mapping[str, str]:
    """Domain -> why its policy in force cannot be had, so that the static one decides there."""
    found = {}
    for domain, ref in state.policies.items():
        policy = policies.get(domain, ref.version)
        if policy is None:
            found[domain] = f"policy {ref.version}: {policies.faults[domain, ref.version]}"
        elif policy.level != ref.level:
            found[domain] = f"policy {ref.version} is of level {policy.level}, not {ref.level}"
    return found


def _told(event: Control, text: str, out: list[Command]) -> None:
    out.append(Report(ts=event.ts, what="control", rule="policy", text=text))
