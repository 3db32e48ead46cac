"""The report on learning as files: Markdown for people, JSON, CSV, and plots where there is something to draw."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from modules.learning.experience import Experience
from modules.learning.labels import Why
from modules.ui.report_learning import LEVEL_NAMES, DomainLearning, LearningReport, Mean
from modules.ui.report_plots import Picture
from modules.ui.reports import moment_text
from strategy.policy import L0
from strategy.regime import NAMES
from telemetry import plots_learning as plots
from utils.errors import Refusal
from utils.files import atomic_write, ensure_writable

FOLDER = "learning"
CANDIDATE_COLUMNS = (
    "id", "ts", "key", "strategy", "side", "regime", "policy", "level", "mask", "greedy", "action", "explored", "propensity", "predicted",
    "challenger", "challenger_action", "outcome", "r_tight", "r_base", "r_wide", "fill_r_tight", "fill_r_base", "fill_r_wide", "order",
    "refused",
)  # fmt: skip
CALIBRATION_COLUMNS = ("domain", "count", "predicted", "real", "low", "high")
HISTORY_COLUMNS = ("domain", "ts", "what", "words")


def write_learning(out: Path, report: LearningReport, experiences: Sequence[tuple[str, Experience]]) -> list[Path]:
    """Every file below `out/learning`, the Markdown last; Refusal when it cannot be written."""
    folder = out / FOLDER
    ensure_writable(folder)
    found: list[Path] = []

    def put(name: str, data: bytes) -> None:
        try:
            atomic_write(folder / name, data)
        except OSError as error:
            raise Refusal(f"cannot write {folder / name}: {error.strerror}") from error
        found.append(folder / name)

    put("candidates.csv", candidates_csv(experiences))
    bins = [(one.domain, *msgspec.structs.astuple(row)) for one in report.domains for row in one.bins]
    put("calibration.csv", _table(CALIBRATION_COLUMNS, bins))
    told = [(one.domain, *msgspec.structs.astuple(row)) for one in report.domains for row in (*one.history, *one.drift)]
    put("history.csv", _table(HISTORY_COLUMNS, told))
    drawn = []
    for picture in pictures(report):
        put(picture.file, picture.png)
        drawn.append((picture.title, picture.file))
    put("report.json", document(report))
    put("report.md", markdown(report, drawn).encode())
    return found


def document(report: LearningReport) -> bytes:
    """One JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def candidates_csv(experiences: Iterable[tuple[str, Experience]]) -> bytes:
    """One line a candidate: what was answered, and R of every exit profile by the simulator and by the fills."""
    rows = []
    for _, one in experiences:
        for n, row in enumerate(one.rows):
            r = ["" if math.isnan(value) else repr(float(value)) for value in (*one.labels.r[n], *one.fill[n])]
            predicted = "" if row.values is None or row.values[row.greedy] is None else row.values[row.greedy]
            told = (
                row.id,
                row.ts,
                row.key,
                row.strategy,
                row.side,
                NAMES[row.regime],
                row.policy,
                row.level,
                row.mask,
                row.greedy,
                row.action,
            )
            more = (int(row.explored), row.propensity, predicted, row.challenger, row.challenger_action)
            rows.append((*told, *more, Why(int(one.labels.why[n])).name.lower(), *r, row.order, row.refused))
    return _table(CANDIDATE_COLUMNS, rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def pictures(report: LearningReport) -> Iterator[Picture]:
    """The plots of every domain in which something was decided; none for the others."""
    for one in report.domains:
        if not one.decisions:
            continue
        name, where = one.domain.lower(), f"{one.domain}, {report.env}, up to {moment_text(report.now)}"
        rows = [(row.regime, (row.taken, row.skipped, row.refused, row.masked)) for row in one.regimes]
        words = ("taken", "skipped by the policy", "refused by the gate", "no exit profile allowed")
        title = "Taken and skipped by regime"
        yield Picture(f"{title}, {one.domain}", f"{name}-regimes.png", plots.parts(title, where, words, rows, "candidates"))
        answers = [(answer, (count,)) for answer, count in one.actions.items()]
        title = "What the policy in force answered"
        yield Picture(f"{title}, {one.domain}", f"{name}-answers.png", plots.parts(title, where, ("candidates",), answers, "candidates"))
        title = "Predicted against what came"
        yield Picture(f"{title}, {one.domain}", f"{name}-calibration.png", plots.calibration(title, where, one.bins))
        sums = [
            ("policy in force", [(ts, policy) for ts, policy, _ in one.curve]),
            ("static", [(ts, static) for ts, _, static in one.curve]),
            ("always flat", [(ts, 0.0) for ts, _, _ in one.curve]),
        ]
        title, axis = "Learning curve, each candidate for itself", "sum of R × size, by the simulator"
        yield Picture(f"{title}, {one.domain}", f"{name}-curve.png", plots.curves(title, where, sums, axis))
        spans = [(row.from_ts, row.until_ts, row.level) for row in one.deciders]
        marks = [(row.ts, row.what == "promoted") for row in one.history if row.what in {"promoted", "rolled back"}]
        title = "Who decided"
        yield Picture(f"{title}, {one.domain}", f"{name}-champions.png", plots.history(title, where, spans, marks))


def headline(report: LearningReport) -> str:
    """One line."""
    return f"Learning, {report.env.upper()}, up to {moment_text(report.now)}; the switch is {'ON' if report.on else 'OFF'}"


def markdown(report: LearningReport, drawn: Sequence[tuple[str, str]] = ()) -> str:
    """The report for people; `drawn` are (title, file) beside it."""
    lines = [f"# {headline(report)}", "", *(f"- {note}" for note in report.notes)]
    for one in report.domains:
        lines += ["", f"## {one.domain}", "", *_domain(one)]
    if drawn:
        lines += ["", "## Plots", "", *(f"![{title}]({file})" for title, file in drawn)]
    words = "A learner cannot be expected to create an edge: it may refuse bad trades, choose among exit profiles and halve the size."
    return "\n".join([*lines, "", f"{words} Past results, few trades above all, say little about the next ones.", ""])


def _domain(one: DomainLearning) -> Iterator[str]:
    since = f" since {moment_text(one.since_ts)}" if one.since_ts else ""
    shadow = f"; {one.challenger} decides in shadow" if one.challenger else ""
    yield f"- in force: {one.version}" + (f" ({LEVEL_NAMES[one.level]})" if one.level > L0 else "") + since + shadow
    missing = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in one.unlabelled.items())
    yield f"- {one.decisions:,} candidates, {one.labelled:,} with a known outcome" + (f"; the others: {missing}" if missing else "")
    if not one.decisions:
        yield "- nothing has been decided here yet: there is nothing to show and nothing to learn from"
        return
    yield from (f"- **{words}**" for words in one.verdict)
    if one.labelled:
        yield f"- policy in force {_mean(one.policy_r)} R × size a candidate, static {_mean(one.static_r)}, always flat 0"
    yield f"- `sim_to_fill_gap` {_mean(one.gap)} R over {one.gap.n} fills" if one.gap.n else "- `sim_to_fill_gap`: no fill to compare yet"
    found = one.exploration
    if found.had_choice:
        share = f"{found.explored / found.had_choice:.1%} (95 % {found.low:.1%} to {found.high:.1%})"
        yield f"- exploration: {found.explored} of {found.had_choice} decisions that had a choice, {share}"
        cost = f"{_mean(found.cost)} R each against the greedy answer, by the simulator" if found.cost.n else "not known yet"
        yield f"- what exploration cost: {cost}; {found.real.n} closed, {_mean(found.real)} R by their fills"
        yield "- exploration is expected to lose: what it buys is knowledge of fills"
    else:
        yield "- exploration: no decision had a choice to explore"
    yield from (
        "",
        "| regime | taken | skipped by the policy | refused by the gate | no profile allowed | explored |",
        "|---|---|---|---|---|---|",
    )
    for row in one.regimes:
        yield f"| {row.regime} | {row.taken} | {row.skipped} | {row.refused} | {row.masked} | {row.explored} |"
    yield from ("", "| answer of the policy in force | candidates | share |", "|---|---|---|")
    for name, count in one.actions.items():
        yield f"| {name} | {count} | {count / one.decisions:.1%} |"
    yield ""
    if one.bins:
        yield from ("| predicted, u | decisions | what came, u | 95 % |", "|---|---|---|---|")
        for part in one.bins:
            bounds = "-" if part.low is None or part.high is None else f"{part.low:+.3f} to {part.high:+.3f}"
            yield f"| {part.predicted:+.3f} | {part.count} | {part.real:+.3f} | {bounds} |"
        yield from (
            "",
            "Predictions are cautious: a table says a lower bound, an ensemble its mean less its doubt; what came should lie above.",
            "",
        )
    else:
        yield from ("No learned policy has predicted enough for a calibration.", "")
    yield from ("### Who decided", "", "| from | until | policy | decisions |", "|---|---|---|---|")
    for span in one.deciders:
        name = span.version if span.level == L0 else f"{span.version} ({LEVEL_NAMES[span.level]})"
        yield f"| {moment_text(span.from_ts)} | {moment_text(span.until_ts)} | {name} | {span.decisions} |"
    yield ""
    for made in one.artefacts:
        trained = f"trained {moment_text(made.made_ts)} on {made.decisions} decisions, training {made.trials}"
        yield f"- stored: {made.version} {made.algorithm}, {trained}; parent {made.parent or 'none'}"
    yield from (f"- {moment_text(told.ts)} {told.what}: {told.words}" for told in one.history)
    yield from ("", "### Drift", "", f"- level {one.drift_level} now")
    yield from (f"- {moment_text(told.ts)}: {told.words}" for told in one.drift)
    if not one.drift:
        yield "- no alarm is on record"


def _mean(one: Mean) -> str:
    if one.value is None:
        return "-"
    return f"{one.value:+.3f}" + (f" (95 % {one.low:+.3f} to {one.high:+.3f})" if one.low is not None and one.high is not None else "")
