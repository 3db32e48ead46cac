"""Status, log, version, help: what is asked first, and what is not about money or markets."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import msgspec

from modules.learning.checkpoint import load
from modules.learning.trainer import load_plan
from modules.ui.commands import VOCABULARY, Wanted
from modules.ui.operator import Answer, Table
from modules.ui.option_view import priced
from modules.ui.scene import DAY_MS, Scene, cents, drawdown, held, percent, steps_of
from modules.ui.wording import date_time
from modules.version import VERSION
from state.accounts import Domain
from state.barred import all_barred, bars
from state.conversion import home_currency
from state.drift import Drift
from state.policies import PolicyRef
from state.stages import STAGES
from strategy import drift_levels
from strategy.policy import L0, STATIC
from telemetry.status import status_of
from utils.errors import Refusal
from utils.fixed import money
from utils.logs import last_lines

LONGEST_LINE = 200
"""Characters of a log line that are shown."""


def status(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """Stage, accounts with equity and drawdown, what is open, what keeps it from entering."""
    state = scene.state
    rows = tuple(
        (
            str(account),
            cents(money(int(state.acct[a]["equity"]))),
            percent(drawdown(state, a)),
            str(len(held(state, a))),
        )
        for a, account in enumerate(state.accounts)
    )
    lines = [f"{date_time(scene.now)}{'' if scene.live else ', stored: no bot answers'}"]
    lines += [f"HALTED {name}: {why}" for name, why in state.halted.items()]
    lines += [f"held {name}: {why or cause}" for name, causes in state.holds.items() for cause, why in causes.items()]
    lines += [f"{name}: {text}" for a, name in enumerate(state.accounts) for text in bars(state, a)]
    if scene.live:
        lines += [f"feed {feed} {feed_text(state.feeds_down.get(feed))}" for feed in feeds_of(scene)]
    lines.append(f"drawdown limits: {', '.join(f'{name} {share:.0%}' for share, name in steps_of(scene.mandate))}")
    lines.append(f"day's loss limit: no entries at {float(scene.mandate.limits[0]['daily_loss']):.0%}")
    lines.append("; ".join(switches(scene)))
    offers = [key for key, one in state.standings.items() if one.offered_ts]
    lines += [f"real money is offered: {key}" for key in offers]
    policies = [f"{domain}/policy" for domain, ref in state.policies.items() if ref.offered]
    lines += [f"another policy is offered: {key}" for key in policies]
    data = msgspec.to_builtins(status_of(state, scene.env, live=scene.live, figures=priced(scene.mandate.option_frames))) | {
        "feeds": {feed: state.feeds_down.get(feed) for feed in feeds_of(scene)} if scene.live else {},
        "toggles": msgspec.to_builtins(state.toggles),
        "limits": {name: share for share, name in steps_of(scene.mandate)},
        "offers": offers,
        "earned": state.earned,
        "quotes": {
            str(account): home_currency(state.instruments[m]) for a, account in enumerate(state.accounts) for b, m in state.seats if a == b
        },
    }
    more = [("positions", Wanted("positions")), ("pnl", Wanted("pnl", {"period": "day"}))]
    more += [(f"promote {key}", Wanted("promote", {"style": key})) for key in (*offers, *policies)]
    return Answer(
        title=f"{scene.env.upper()}, stage {state.stage}: {STAGES[state.stage].name}",
        lines=lines,
        table=Table(("account", "equity", "dd", "open"), rows),
        data=data,
        more=tuple(more),
    )


def feeds_of(scene: Scene) -> list[str]:
    """The market feeds of this run."""
    return list(dict.fromkeys(scene.mandate.feed_of.values()))


def feed_text(reason: str | None) -> str:
    """`up`, or `DOWN` with the reason."""
    return "up" if reason is None else f"DOWN: {reason}" if reason else "DOWN"


def switches(scene: Scene) -> list[str]:
    """The operator's switches in words."""
    toggles = scene.state.toggles

    def word(on: bool) -> str:
        return "ON" if on else "OFF"

    return [
        "entries PAUSED" if toggles.paused else "entries BARRED" if all_barred(scene.state) else "entries on",
        f"forex {word(toggles.forex)}",
        f"options {word(toggles.options)}",
        f"learning {word(toggles.learning)}",
    ]


def learn(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """The switch of online learning; by domain what decides, what is in shadow, when it was trained on how much, and when again."""
    state, on, settings = scene.state, scene.state.toggles.learning, scene.learning
    lines = [f"the switch is {'ON' if on else 'OFF: nothing is trained or promoted, the log of decisions goes on'}"]
    rows, data = [], {}
    more: list[tuple[str, Wanted]] = []
    for domain in dict.fromkeys(account.domain for account in state.accounts):
        ref = state.policies.get(str(domain), PolicyRef(version=STATIC, level=L0))
        plan = load_plan(scene.folder, domain)
        made = next((one.what for one in reversed(plan.log)), "")
        due = plan.last_train_ts + settings.every_days * DAY_MS if plan.last_train_ts else 0
        known = _trained_on(scene, domain, plan.challenger) or _trained_on(scene, domain, ref.version)
        rows.append((str(domain), ref.version, date_time(plan.last_train_ts) if plan.last_train_ts else "never"))
        half = ", half size" if ref.level > L0 and ref.half(scene.now) else ""
        lines.append(f"{domain}: {'the static policy decides' if ref.level == L0 else f'{ref.version} (L{ref.level}) decides{half}'}")
        if ref.challenger:
            lines.append(f"{domain}: {ref.challenger} decides in shadow")
        if known:
            lines.append(f"{domain}: learned from {known:,} decisions, training {plan.number}")
        if not on or not drift_levels.may_learn(state.drift.get(str(domain))):
            lines.append(f"{domain}: no training is due while {'drift lasts' if on else 'it is off'}")
        else:
            lines.append(
                f"{domain}: {f'training due {date_time(due)}, or after drift' if due else 'training due as soon as there is enough'}"
            )
        if ref.offered:
            lines.append(f"{domain}: {ref.offered} is offered: it waits for a person")
            more.append((f"promote {domain}/policy", Wanted("promote", {"style": f"{domain}/policy"})))
        data[str(domain)] = msgspec.to_builtins(ref) | {
            "trainings": plan.number,
            "last_train_ts": plan.last_train_ts,
            "next_train_ts": due if on else 0,
            "learned_from": known,
            "last": made,
        }
    lines.append("what it was worth: `report learning`")
    turn = "off" if on else "on"
    return Answer(
        title="Online learning",
        lines=lines,
        table=Table(("domain", "decides", "trained"), tuple(rows)),
        data={"on": on, "domains": data},
        more=((f"learn {turn}", Wanted("learn", {"to": turn})), *more),
    )


def _trained_on(scene: Scene, domain: Domain, version: str) -> int:
    """How many decisions a stored policy was trained on; 0 for none, and for what cannot be read."""
    if version in {"", STATIC}:
        return 0
    try:
        return load(scene.folder, domain, version).manifest.decisions
    except Refusal:
        return 0


def drift(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """Where each domain stands: its level, since when and why, what follows, and when it ends."""
    state = scene.state
    lines, rows = [], []
    for domain in dict.fromkeys(str(account.domain) for account in state.accounts):
        found = state.drift.get(domain, Drift())
        rows.append((domain, str(found.level), date_time(found.since_ts) if found.level else "", found.stream))
        if found.level:
            lines.append(f"{domain}: {found.reason}")
            ends = found.alarm_ts + drift_levels.QUIET_MS
            lines.append(f"{domain}: ends {date_time(ends)} without another alarm; size x {drift_levels.size_factor(found):g}")
        if not drift_levels.may_learn(found):
            lines.append(f"{domain}: nothing is learned or promoted until then")
        elif found.person:
            lines.append(f"{domain}: the next promotion of a policy waits for a person")
        felt = state.sentiment.get(domain)
        if felt is not None:
            said = f"{felt.milli / 1000:+.2f} at {date_time(felt.ts)}" if felt.ts else "nothing that could be understood"
            lines.append(f"{domain}: sentiment ({felt.source}) {said}")
    data = {"domains": {row[0]: msgspec.to_builtins(state.drift.get(row[0], Drift())) for row in rows}}
    return Answer(
        title="Drift",
        lines=lines or ["nothing was found to have changed"],
        table=Table(("domain", "level", "since", "stream"), tuple(rows)),
        data=data,
    )


def logs(_scene: Scene, args: Mapping[str, str]) -> Answer:
    """The last lines of the log, masked."""
    found = last_lines(int(args.get("n", "20")))
    lines = [" ".join(line.split())[:LONGEST_LINE] for line in found]
    return Answer(title=f"Log, the last {len(found)} lines", lines=lines or ["nothing was logged since the start"], data={"lines": found})


def version(_scene: Scene, _args: Mapping[str, str]) -> Answer:
    """What runs here."""
    python = platform.python_version()
    return Answer(title=f"trading bot {VERSION}", lines=[f"Python {python}"], data={"version": VERSION, "python": python})


def help_(_scene: Scene, args: Mapping[str, str]) -> Answer:
    """All commands, or one with a line that would be taken."""
    name = args.get("command", "")
    rows = [VOCABULARY[name]] if name else list(VOCABULARY.values())
    lines = [f"{one.usage}: {one.help}" for one in rows]
    if name and rows[0].args:
        lines.append(f"e.g. {rows[0].example}")
    return Answer(title=name or "Commands", lines=lines, data={one.usage: one.help for one in rows})


def panel(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """Where the panels are."""
    url = scene.panel_url()
    lines = [f"web panel: {url}" if url else "there is no web panel in this run", "in Telegram: /panel"]
    return Answer(title="Panel", lines=lines, data={"url": url})
