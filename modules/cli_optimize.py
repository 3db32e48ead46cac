"""The command `optimize`: search parameters, try some by hand, open the locked period; and what `promote FILE` does with the result."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules.cli_run import add_promoted, moment, promoted_place, stored_profile, symbols
from modules.state_place import folder
from utils.errors import ExitCode, Refusal

if TYPE_CHECKING:
    from modules.learning.optimize import Found, Search
    from modules.learning.verdict import Verdict
    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]
MANY_TRIALS = 50
"""Above so many the price of the count is told."""
ALONE_UP_TO = 100
"""So many trials are made in this process: starting others would take longer."""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    words = "search a strategy's parameters on stored candles; the result is a file to review"
    found = commands.add_parser("optimize", help=words, description=words)
    add = found.add_argument
    add("--data", type=folder, required=True, metavar="DIR", help="a data root (crypto_spot/, crypto_perp/, fx/)")
    add("--strategy", metavar="C1|C2|C3|C4|F1|F2")
    add("--symbols", type=symbols, metavar="A,B")
    add("--profile", type=stored_profile, default="spot", metavar="spot|perp|fx")
    add("--from", dest="from_ms", type=moment, metavar="T", help="first bar that may trade; earlier data warm up")
    add("--to", dest="to_ms", type=moment, metavar="T", help="end of the data; the last 60 days before it are locked")
    add("--trials", type=int, metavar="N", help="how many the study shall have (default 50)")
    add("--sampler", default="tpe", metavar="tpe|grid|cmaes")
    add("--seed", type=int, default=1, metavar="S")
    add("--workers", type=int, metavar="N", help=f"processes (default: 1 up to {ALONE_UP_TO} trials, else one a core)")
    add("--storage", default="", metavar="FILE|URL", help="a journal file, or postgresql://USER@HOST/NAME for several machines")
    add("--study", default="", metavar="NAME", help="name of the study; the same command goes on with it")
    add("--ray", default="", metavar="ADDRESS", help="run the workers on this Ray cluster (needs --storage postgresql://...)")
    add("--costs", type=folder, metavar="FILE", help="a costs.json with measured costs (default: those of config.py)")
    add("--out", type=folder, default=folder("var/optimize"), metavar="DIR", help="ledger, journal, result (default var/optimize)")
    add("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    add("--json", action="store_true", help="print the verdict as one JSON document")
    add_promoted(found)
    how = found.add_mutually_exclusive_group()
    how.add_argument("--try", dest="tried", default="", metavar="NAME=V,...", help="sweep these values alone; counts as a trial")
    how.add_argument("--open-locked", type=folder, metavar="FILE", help="judge an accepted file on the locked period, once per release")
    found.set_defaults(handler=optimize)


def optimize(args: argparse.Namespace, load: Load) -> ExitCode:
    """Search, or one of the smaller things."""
    from modules.learning import optimize as learning
    from modules.learning import spaces
    from modules.overrides import in_force
    from utils.clock import WallClock
    from utils.files import ensure_writable

    config = in_force(load(), promoted_place(args), os.environ, args.set)
    now_ms = WallClock().now_ms
    costs = "" if args.costs is None else str(args.costs)
    ensure_writable(args.out)
    if args.open_locked is not None:
        judged = learning.open_locked(args.open_locked, args.data, args.out, config, costs, now_ms)
        said = f"{judged.locked['trades']} trades in the locked period, mean {judged.locked['mean_r']:+.3f} R"
        sys.stdout.write(f"{json.dumps(judged.locked)}\n" if args.json else f"{said}; it is open now, for this release\n")
        return ExitCode.DONE
    request = _request(args, config, costs)
    values = spaces.parse(request.strategy, args.tried) if args.tried else None
    found = learning.prepare(request, config)
    if values is not None:
        whole, score, count = learning.try_values(found, values, now_ms)
        sys.stdout.write(_tried(whole, score, count))
        return ExitCode.DONE
    if request.trials > MANY_TRIALS and not args.json:
        sys.stderr.write(_price(request.trials, found))
    with _bar(request.strategy, hidden=args.json or not sys.stderr.isatty()) as told:
        try:
            done = learning.search(found, now_ms, told)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted: every finished trial is kept; the same command goes on\n")
            raise
    sys.stdout.write(_document(done) if args.json else _words(found, done))
    return ExitCode.DONE


def _request(args: argparse.Namespace, config: BotConfig, costs: str) -> Any:
    from modules.learning.optimize import Request
    from modules.learning.spaces import space_of

    if args.strategy is None or args.symbols is None:
        raise Refusal("--strategy and --symbols say what is searched")
    space_of(args.strategy)
    trials = config.optimize.trials if args.trials is None else args.trials
    workers = (1 if trials <= ALONE_UP_TO else os.cpu_count() or 1) if args.workers is None else args.workers
    if not 1 <= trials <= 1_000_000:
        raise Refusal(f"--trials: {trials} is not between 1 and 1000000")
    if not 1 <= workers <= 256:
        raise Refusal(f"--workers: {workers} is not between 1 and 256")
    if args.seed < 0:
        raise Refusal(f"--seed: {args.seed} is below 0")
    if args.from_ms is not None and args.to_ms is not None and args.from_ms >= args.to_ms:
        raise Refusal("--from must lie before --to")
    if args.ray and not args.storage.startswith("postgresql"):
        raise Refusal("--ray needs --storage postgresql://...: workers on other machines cannot see a file of this one")
    return Request(
        strategy=args.strategy,
        profile=args.profile,
        symbols=args.symbols,
        data=args.data,
        out=args.out,
        from_ms=args.from_ms,
        to_ms=args.to_ms,
        trials=trials,
        sampler=args.sampler,
        seed=args.seed,
        workers=workers,
        storage=args.storage,
        study=args.study,
        ray=args.ray,
        costs_file=costs,
    )


def _bar(strategy: str, *, hidden: bool) -> AbstractContextManager[Callable[[int, int], None]]:
    """A progress bar on stderr, as what is told of each step."""
    if hidden:
        return nullcontext(lambda _done, _total: None)
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    @contextmanager
    def shown() -> Any:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            row = progress.add_task(f"trials of {strategy}", total=None)
            yield lambda done, total: progress.update(row, completed=done, total=total)

    made: AbstractContextManager[Callable[[int, int], None]] = shown()
    return made


def _price(trials: int, found: Search) -> str:
    import math

    from telemetry.stats_deflation import expected_max_z

    days = (found.windows.folds[-1].test_to - found.windows.folds[0].train_from) / 86_400_000
    luck = (expected_max_z(trials) or 0.0) / math.sqrt(days) * math.sqrt(365)
    said = f"the best of so many worthless ones is expected to show an annual Sharpe ratio of {luck:.1f} over {days:.0f} days"
    return f"{trials} trials: {said}\n"


def _values(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items()) or "none"


def _tried(whole: dict[str, float], score: Any, count: int) -> str:
    said = "too few trades in some fold" if score.objective is None else f"objective {score.objective:+.3f}"
    return f"{_values(whole)}: {score.trades} trades, mean {score.mean_r:+.3f} R, {said}; trial {count} of this strategy and profile\n"


def _figure(value: float | None, form: str = "+.3f") -> str:
    return "cannot be computed" if value is None else format(value, form)


def _words(found: Search, done: Found) -> str:
    """The verdict for people."""
    v: Verdict = done.verdict
    lines = [
        f"{found.request.strategy} {found.request.profile}: {len(found.windows.folds)} folds; {v.trials} trials ever, these included",
        f"  plateau's centre: {_values(v.centre)} (objective {_figure(v.objective)})",
        f"  in force:         {_values(found.old)} (objective {_figure(v.old_objective)})",
        f"  out of sample: {v.oos_trades} trades, mean {_figure(v.oos_mean_r)} R, lower bound {_figure(v.oos_bound_r)} R",
        f"  probability of overfitting {_figure(v.pbo, '.2f')}",
        f"  in-sample Sharpe {_figure(v.sharpe, '.1f')} a year; luck's best of {v.trials}: {_figure(v.luck_sharpe, '.1f')}",
        f"  deflated Sharpe, the chance that it is real: {_figure(v.dsr, '.2f')}",
    ]
    if done.buried:
        lines.append(f"  {done.buried} trials died with their worker: counted as failed")
    if v.accepted:
        lines.append(f"ACCEPTED by the rules, no promise of profit. Review {done.path}, then: python main.py promote {done.path}")
    else:
        lines.append(f"no evidence: the old parameters stay ({'; '.join(v.reasons)}). Written to {done.path}")
    return "\n".join(lines) + "\n"


def _document(done: Found) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(done.verdict) | {"file": str(done.path), "buried": done.buried}) + "\n"


def promote_file(path: Path, env: str, place: Path, config: BotConfig, *, yes: bool) -> ExitCode:
    """Put a reviewed parameter file into force from the next start of `env` on; Refusal (3) for one without evidence."""
    from modules.cli_confirm import sure
    from modules.learning import parameter_file

    found = parameter_file.read(path)
    parameter_file.promotable(found, str(path))
    sys.stdout.write(f"{found.strategy}: {_values(found.old)} -> {_values(found.parameters)}\n")
    if not found.locked:
        sys.stdout.write("the locked period was not opened for it (optimize --open-locked)\n")
    if not sure(f"promote {path.name}", env, yes=yes):
        return ExitCode.DONE
    where = parameter_file.promote(place, found, config.parameters)
    sys.stdout.write(f"in force from the next start on ({where}); its evidence begins anew\n")
    return ExitCode.DONE
