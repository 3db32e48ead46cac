"""Key figures against their targets, and the stages with what their gates still miss: from the verdicts that the engine wrote last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from modules.ui.commands import Wanted
from modules.ui.operator import Answer, Table
from modules.ui.scene import Scene, cents
from modules.ui.wording import date_time, short_time
from state.accounts import Domain
from state.stages import STAGES, Cell
from state.standing import Level
from telemetry.gate_checks import Check
from telemetry.gates import Verdict
from telemetry.kpi import ALL, Figure
from telemetry.kpi_table import LABELS, cell
from telemetry.verdict_words import NAMES, figures, finding, headline, number, words
from utils.errors import Refusal

SHORT = {
    "trades": "trades",
    "days": "days",
    "data_gaps": "data gaps",
    "reconcile_errors": "reconcile err.",
    "order_rejects": "refused orders",
    "win_rate": "win rate",
    "sharpe": "Sharpe",
    "drawdown": "drawdown",
    "average_win": "mean win",
    "ack_latency": "slow acks",
    "feed_latency": "slow feed",
    "decision_latency": "slow decisions",
    "psr": "P(Sharpe > 0)",
    "e_process": "evidence on R",
    "win_rate_bound": "win rate bound",
    "dsr": "deflated",
    "bootstrap_drawdown": "drawdown, 95 %",
    "drawdown_r": "drawdown in R",
    "stressed_expectancy": "stressed R",
}
"""Checks in a few letters, for tables on a phone."""
SHOWN = ("trades", "win_rate", "expectancy_r", "net", "profit_factor", "sharpe", "drawdown", "fees")
"""Key figures of the short overview."""
_DOMAINS = tuple((domain.name.lower(), domain) for domain in Domain)
OK = {True: "yes", False: "NO", None: "?"}


def verdicts(scene: Scene, style: str = "") -> list[Verdict]:
    """The newest verdict of each style on each account (of `DOMAIN/style`)."""
    found = (msgspec.json.decode(raw, type=Verdict) for raw in scene.recent.verdicts.values())
    return [one for one in found if style in {"", f"{one.subject.domain}/{one.subject.style}"}]


# --- kpi ------------------------------------------------------------------------------------------------------------------------------


def kpi(scene: Scene, args: Mapping[str, str]) -> Answer:
    """Figures against targets; Refusal for a style of which there is neither a verdict nor a figure."""
    style = args.get("style", "")
    found, rows = verdicts(scene, style), kpi_rows(scene, style)
    if style and not found and not rows and not _known(scene, style):
        raise Refusal(f"kpi: {style} is not traded here; there are {', '.join(_styles(scene)) or 'none'}")
    data = {"verdicts": msgspec.to_builtins(found), "kpi": rows, "ts": None if scene.kpis is None else scene.kpis.get("ts")}
    if style:
        return _one_style(scene, style, found, rows, data)
    lines = [headline(one) for one in found] or ["no verdict yet: the first comes when the first UTC day is over"]
    table = None
    whole = [row for row in rows if row["style"] == ALL]
    if whole:
        figures_of = [msgspec.convert(row["figures"], dict[str, Figure]) for row in whole[:2]]
        table = Table(
            ("figure", *(str(row["account"]).replace("/PAPER", "").replace("/LIVE", " L") for row in whole[:2])),
            tuple((LABELS[name].split(",")[0][:14], *(_cell(one[name]) for one in figures_of)) for name in SHOWN),
        )
        lines.append(f"figures of {date_time(int((scene.kpis or {}).get('ts', 0)))}")
    elif scene.live:
        lines.append("the figures are being made; ask again in a minute")
    more = tuple((one, Wanted("kpi", {"style": one})) for one in _styles(scene))
    return Answer(title="Key figures", lines=lines, table=table, data=data, more=more)


def _one_style(scene: Scene, style: str, found: list[Verdict], rows: list[dict[str, Any]], data: Any) -> Answer:
    lines = [line for one in found for line in words(one, scene.mandate.gate)[:1] + words(one, scene.mandate.gate)[1 + len(one.checks) :]]
    for row in rows:
        figures_ = msgspec.convert(row["figures"], dict[str, Figure])
        told = ", ".join(f"{LABELS[name].strip()} {_cell(figures_[name])}" for name in SHOWN if figures_[name].value is not None)
        lines.append(f"{row['account']} {row['standing']}: {told}")
    checks = [check for one in found[:1] for check in one.checks]
    table = Table(("check", "is", "bound", "asked", "ok"), tuple(_row(check) for check in checks)) if checks else None
    return Answer(
        title=f"Key figures, {style}",
        lines=lines or ["no verdict yet: the first comes when the first UTC day is over"],
        table=table,
        data=data,
    )


def _cell(figure: Figure) -> str:
    return cents(figure.value) if figure.unit == "quote" and figure.value is not None else cell(figure)


def _row(check: Check) -> tuple[str, ...]:
    name = check.name
    bound = "" if check.lower is None else number(name, check.lower)
    return SHORT.get(name, name), number(name, check.value), bound, number(name, check.target), OK[check.ok] if check.gates else "–"


def kpi_rows(scene: Scene, style: str = "") -> list[dict[str, Any]]:
    """Rows of key figures as last made (of `DOMAIN/style`)."""
    rows: list[dict[str, Any]] = [] if scene.kpis is None else scene.kpis.get("kpi", [])
    return [row for row in rows if style in {"", f"{str(row['account']).partition('/')[0]}/{row['style']}"}]


def _styles(scene: Scene) -> list[str]:
    cards = scene.mandate.strategies
    found = {
        f"{account.domain}/{cards[s].style}" for account, chosen in scene.mandate.allowed.items() for s in chosen if cards[s].confirmed
    }
    return sorted(found)


def _known(scene: Scene, style: str) -> bool:
    return style in _styles(scene)


# --- stage ----------------------------------------------------------------------------------------------------------------------------


def stage(scene: Scene, _args: Mapping[str, str]) -> Answer:
    """Which stage runs, which is earned, what is offered, and what the gates still miss."""
    state = scene.state
    found = verdicts(scene)
    lines = [f"stage {state.stage}: {STAGES[state.stage].name}", f"earned: up to stage {state.earned}"]
    for number_, row in STAGES.items():
        cells = [f"{name} {row.cell(domain)}" for name, domain in _DOMAINS if row.cell(domain) is not Cell.OFF]
        mark = "*" if number_ == state.stage else "+" if number_ <= state.earned else " "
        lines.append(f"{mark}{number_} {row.name}: {', '.join(cells)}")
    lines.append("* runs, + earned")
    for key, one in sorted(state.standings.items()):
        if one.level is not Level.PAPER or one.falls:
            lines.append(f"{key}: {one.level} since {short_time(one.since_ts)}, {one.reason}")
        if one.offered_ts:
            lines.append(f"{key}: real money is offered since {short_time(one.offered_ts)}, a person confirms")
    rows = []
    for verdict in found:
        lines.append(headline(verdict))
        rows += [(verdict.subject.style, *_unmet(check)) for check in verdict.checks if check.gates and not check.ok]
    if not found:
        lines.append("no verdict yet: the first comes when the first UTC day is over")
    data = {
        "stage": state.stage,
        "earned": state.earned,
        "stages": {
            str(number_): {"name": row.name} | {name: str(row.cell(domain)) for name, domain in _DOMAINS} for number_, row in STAGES.items()
        },
        "standings": msgspec.to_builtins(state.standings),
        "offers": [key for key, one in state.standings.items() if one.offered_ts],
        "unmet": [
            {
                "account": one.subject.account,
                "style": one.subject.style,
                "check": NAMES.get(check.name, check.name),
                "figures": figures(check),
            }
            | {"finding": finding(check)}
            for one in found
            for check in one.checks
            if check.gates and not check.ok
        ],
        "verdicts": msgspec.to_builtins(found),
    }
    more = [(f"stage {to}", Wanted("stage", {"to": str(to)})) for to in STAGES if to != state.stage]
    more += [(f"promote {key}", Wanted("promote", {"style": key})) for key in data["offers"]]
    return Answer(
        title=f"Stage {state.stage} of {max(STAGES)}",
        lines=lines,
        table=Table(("style", "not met", "is", "asked"), tuple(rows)) if rows else None,
        data=data,
        more=tuple(more),
    )


def _unmet(check: Check) -> tuple[str, str, str]:
    is_ = check.value if check.lower is None else check.lower
    return SHORT.get(check.name, check.name), number(check.name, is_), number(check.name, check.target)
