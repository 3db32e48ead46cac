"""A search from its request to its parameter file: candles, study, workers, ledger, verdict; and the opening of the locked period."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from optuna.study import Study

from modules.engine.grid import PROFILES
from modules.learning import parameter_file, worker_pool
from modules.learning.objective import Arena, Score, Tail, check, first_trade_ts, unpack
from modules.learning.parameter_file import ParameterFile
from modules.learning.source import Source, data_hash
from modules.learning.spaces import Values, space_of, today
from modules.learning.study import Draw, check_sampler, finished, open_study, opened
from modules.learning.trials import Ledger, TrialLine
from modules.learning.verdict import Trial, Verdict, judge, lower_bound
from modules.learning.walkforward import Windows, locked_from, windows
from modules.learning.worker_pool import SCORE, WORKER, Pool, Task, work
from modules.procedure import procedure
from modules.settings import BotConfig
from modules.version import VERSION
from strategy.registry import BY_ID
from utils.errors import ExitCode, Refusal

FORMAT = "1"
"""Of what a study keeps with each trial."""
DAY_MS = 86_400_000

Told = Callable[[int, int], None]
"""Trials finished, trials asked for."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for."""

    strategy: str
    profile: str
    symbols: tuple[str, ...]
    data: Path
    out: Path
    from_ms: int | None = None
    to_ms: int | None = None
    trials: int = 50
    sampler: str = "tpe"
    seed: int = 1
    workers: int = 1
    storage: str = ""
    """Empty: a journal file in `out`."""
    study: str = ""
    """Empty: a name made from what is searched on."""
    ray: str = ""
    costs_file: str = ""
    remember: bool = True


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A request made ready: candles read and checked, folds laid out."""

    request: Request
    task: Task
    arena: Arena
    windows: Windows
    old: Values
    data: str
    """Hash of the candles."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    verdict: Verdict
    path: Path
    buried: int
    """Trials that died with their worker."""


def prepare(request: Request, config: BotConfig) -> Search:
    """Read and check everything before the first trial; Refusal says what is wrong."""
    space = space_of(request.strategy)
    check_sampler(request.sampler)
    source = Source(
        data=str(request.data),
        domain=str(PROFILES[request.profile]),
        symbols=request.symbols,
        from_ms=request.from_ms,
        to_ms=request.to_ms,
        settings=config.model_dump(mode="json"),
        costs_file=request.costs_file,
    )
    whole, domain = source.grid(), config.domains[PROFILES[request.profile]]
    end = int(whole.ts[-1]) + whole.confirm_ms
    seen = msgspec.structs.replace(source, to_ms=locked_from(end, config.optimize))
    if seen.to_ms is not None and seen.to_ms <= int(whole.ts[0]):
        days = (end - int(whole.ts[0])) / DAY_MS
        raise Refusal(f"too little data: {days:.0f} days, of which the last {config.optimize.locked_days} are locked")
    grid = seen.grid()
    if wrong := check(grid, config.optimize.max_missing):
        raise Refusal("; ".join(wrong))
    found = windows(first_trade_ts(grid, domain.warmup_days), end, BY_ID[request.strategy].max_hold_ms, config.optimize)
    old, data = today(request.strategy, config.parameters), data_hash(grid)
    draw = Draw(sampler=request.sampler, seed=request.seed, trials=request.trials, start=old, space=space)
    identity = _identity(request, config, found, data, draw)
    name = request.study or f"{request.strategy}-{request.profile}-{_digest(identity)[:10]}"
    task = Task(
        source=seen,
        storage=request.storage or str(request.out / f"{name}.journal"),
        study=name,
        draw=draw,
        identity=identity,
        folds=found.folds,
        strategy=request.strategy,
        remember=request.remember,
    )
    arena = Arena(grid, config, request.strategy, found.folds, seen.costs())
    return Search(request=request, task=task, arena=arena, windows=found, old=old, data=data)


def _identity(request: Request, config: BotConfig, found: Windows, data: str, draw: Draw) -> dict[str, str]:
    """Everything that makes two trials comparable, part by part."""
    chosen, domain = frozenset({BY_ID[request.strategy].index}), PROFILES[request.profile]
    return {
        "strategy": f"{request.strategy} {request.profile}",
        "version": f"{VERSION} format {FORMAT}",
        "data": data,
        "rules": procedure(config, domain, str(BY_ID[request.strategy].style), chosen).hash,
        "costs": _digest([config.domains[domain].costs.model_dump(mode="json"), request.costs_file and _file(request.costs_file)]),
        "folds": _digest(msgspec.to_builtins(found)),
        "settings": _digest(config.optimize.model_dump(mode="json", exclude={"trials"})),
        "space": _digest(msgspec.to_builtins(draw.space)),
        "sampler": f"{draw.sampler} seed {draw.seed}",
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def _file(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def search(found: Search, now_ms: Callable[[], int], told: Told) -> Found:
    """Make the trials that are missing, keep every one in the ledger, judge, write the parameter file. KeyboardInterrupt loses nothing."""
    task, request = found.task, found.request
    ledger = Ledger(request.out)
    with opened(task.storage) as storage:
        study = open_study(storage, task.study, task.draw, task.identity)
        buried = worker_pool.bury(study, now_ms())
        book = _Book(study, ledger, found, now_ms, told)
        book.write()
        if len(study.get_trials(deepcopy=False)) < request.trials:
            _run(found, book)
        buried += worker_pool.bury(study, now_ms())
        book.write()
        trials = [_seen(one) for one in finished(study)]
    verdict = _verdict(found, trials, ledger, now_ms)
    made = ParameterFile(
        strategy=request.strategy,
        profile=request.profile,
        release=VERSION,
        accepted=verdict.accepted,
        reasons=verdict.reasons,
        parameters=verdict.centre,
        old=found.old,
        evidence=_evidence(found, verdict),
    )
    path = request.out / f"{task.study}.toml"
    parameter_file.write(path, made)
    return Found(verdict=verdict, path=path, buried=buried)


class _Book:
    """Hands finished trials to the ledger while they come."""

    def __init__(self, study: Study, ledger: Ledger, found: Search, now_ms: Callable[[], int], told: Told) -> None:
        self._study, self._ledger, self._found, self._now_ms, self._told = study, ledger, found, now_ms, told
        self._written: set[int] = set()

    def write(self) -> None:
        """Those that are new."""
        done = finished(self._study)
        new = [one for one in done if one.number not in self._written]
        if new:
            self._ledger.tell(
                _line(self._found, self._now_ms(), number=one.number, kind="search", state=one.state.name.lower(), values=one.params)
                if one.value is None
                else _line(
                    self._found, self._now_ms(), number=one.number, kind="search", state="complete", values=one.params, objective=one.value
                )
                for one in new
            )
            self._written |= {one.number for one in new}
        self._told(len(done), self._found.request.trials)


def _line(found: Search, ts: int, **fields: Any) -> TrialLine:
    request = found.request
    return TrialLine(
        study=found.task.study, strategy=request.strategy, profile=request.profile, data=found.data[:16], release=VERSION, ts=ts, **fields
    )


POLL_S = 0.5
TELL_EVERY = 25


def _run(found: Search, book: _Book) -> None:
    """The workers: here, in processes of their own, or on Ray."""
    task, request = found.task, found.request
    if request.ray:
        worker_pool.run_ray(task, request.ray, request.workers)
    elif request.workers == 1:
        turns = 0

        def look() -> bool:
            nonlocal turns
            if turns % TELL_EVERY == 0:
                book.write()
            turns += 1
            return False

        try:
            work(task, found.arena, look)
        finally:
            book.write()  # also of an interrupted search: the ledger outlives the study's file
    else:
        pool = Pool(task, request.workers)
        try:
            while pool.wait(POLL_S):
                book.write()
        finally:
            pool.stop()
            book.write()
        if (problem := pool.problem()) is not None:
            raise problem


def _seen(one: Any) -> Trial:
    kept = one.user_attrs.get(SCORE)
    train = tuple(kept["train"]) if kept else ()
    daily = unpack(kept["daily"] if kept else EMPTY)
    blind = bool(one.user_attrs.get(WORKER, {}).get("blind"))
    values = {name: round(value, 10) for name, value in one.params.items()}
    return Trial(one.number, values, one.value if one.state.name == "COMPLETE" else None, train, daily, blind)


EMPTY = "eJwDAAAAAAE="
"""No days, packed."""


def _verdict(found: Search, trials: list[Trial], ledger: Ledger, now_ms: Callable[[], int]) -> Verdict:
    """Judge; what the judging sweeps beyond the trials is counted too."""
    known = {tuple(sorted(one.values.items())) for one in trials}
    extra: list[TrialLine] = []

    def score(values: Values) -> Score:
        made = found.arena.score(values)
        if tuple(sorted(values.items())) not in known:
            extra.append(_single(found, values, made, "centre", now_ms()))
        return made

    plan, request = found.arena.config.optimize, found.request
    arguments = (found.task.draw.space, plan, trials, found.old, score, len(found.windows.folds))
    judge(*arguments, 1)  # once to find what is swept
    ledger.tell(extra)
    return judge(*arguments, ledger.count(request.strategy, request.profile))


def _single(found: Search, values: Mapping[str, float], made: Score, kind: str, ts: int) -> TrialLine:
    number = int(_digest(dict(values))[:12], 16)
    state = "pruned" if made.objective is None else "complete"
    return _line(found, ts, number=number, kind=kind, state=state, values=dict(values), objective=made.objective)


def try_values(found: Search, values: Values, now_ms: Callable[[], int]) -> tuple[Values, Score, int]:
    """One manual trial: values over those in force, its score, and how many trials there have been now."""
    ledger = Ledger(found.request.out)
    whole = found.old | values
    made = found.arena.score(whole)
    ledger.tell([_single(found, whole, made, "manual", now_ms())])
    return whole, made, ledger.count(found.request.strategy, found.request.profile)


def _evidence(found: Search, verdict: Verdict) -> dict[str, Any]:
    request = found.request
    figures = {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in msgspec.to_builtins(verdict).items()
        if name not in {"accepted", "reasons", "centre"}
    }
    return {
        "study": found.task.study,
        "data_sha256": found.data,
        "symbols": list(request.symbols),
        "from_ms": request.from_ms,
        "to_ms": request.to_ms,
        "folds": len(found.windows.folds),
        "locked_from_ms": found.windows.locked_from,
        "end_ms": found.windows.end,
        "sampler": request.sampler,
        "seed": request.seed,
        **figures,
    }


def open_locked(path: Path, data: Path, out: Path, config: BotConfig, costs_file: str, now_ms: Callable[[], int]) -> ParameterFile:
    """Judge an accepted file on the locked period, once per release and strategy; Refusal (3) when another one was judged on it.

    The opening is written down before the candles are looked at.
    """
    made = parameter_file.read(path)
    if not made.accepted:
        raise Refusal(f"{path}: nothing was accepted, so there is nothing to open the locked period for", ExitCode.GATE_REFUSED)
    evidence = made.evidence
    source = Source(
        data=str(data),
        domain=str(PROFILES[made.profile]),
        symbols=tuple(evidence["symbols"]),
        from_ms=evidence.get("from_ms"),
        to_ms=evidence["locked_from_ms"],
        settings=config.model_dump(mode="json"),
        costs_file=costs_file,
    )
    if data_hash(source.grid()) != evidence["data_sha256"]:
        raise Refusal(f"{path}: the candles in {data} are not those that it was found on; nothing was opened")
    ledger = Ledger(out)
    before = ledger.opened(made.strategy, made.profile, VERSION)
    if before is not None and (before.study, before.values) != (evidence["study"], made.parameters):
        said = f"the locked period was opened in release {VERSION} for {before.study}; a second look would be fitting to it"
        raise Refusal(said, ExitCode.GATE_REFUSED)
    opening = {"strategy": made.strategy, "profile": made.profile, "release": VERSION, "data": evidence["data_sha256"][:16], "ts": now_ms()}
    ledger.tell([TrialLine(study=evidence["study"], number=0, kind="opened", state="complete", values=made.parameters, **opening)])
    whole = msgspec.structs.replace(source, to_ms=evidence["end_ms"])
    arena = Arena(whole.grid(), config, made.strategy, (), whole.costs())
    r, entry, leave = arena.trades(made.parameters)
    inside = entry >= evidence["locked_from_ms"]
    n, mean, bound = lower_bound([Tail(r[inside].tolist(), (leave[inside] // DAY_MS).tolist())], config.optimize.confidence)
    locked: dict[str, Any] = {"trades": n, "mean_r": round(mean or 0.0, 6), "opened_ts": now_ms()}
    if bound is not None:
        locked["bound_r"] = round(bound, 6)
    judged = msgspec.structs.replace(made, locked=locked)
    parameter_file.write(path, judged)
    return judged
