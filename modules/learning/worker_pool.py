"""Trials by several workers: the one function that each of them runs, in this process, in others, or on a Ray cluster.

A worker needs a `Task` and nothing else: it reads the candles itself, opens the study itself and stores what it finds there. So one
more machine is one more `optimize` with the same storage. A worker that dies takes no other with it; the trial it was at counts as failed.
"""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import msgspec
from optuna.study import Study
from optuna.trial import TrialState

from modules.learning.objective import Arena, Score
from modules.learning.source import Source
from modules.learning.study import Draw, open_study, opened
from modules.learning.walkforward import Fold
from utils.errors import ExitCode, Refusal

SCORE, WORKER = "score", "worker"
NAMELESS_MS = 60_000
CONNECT_S = 5.0
"""How long a Ray cluster may take to take a call."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker needs."""

    source: Source
    storage: str
    study: str
    draw: Draw
    identity: dict[str, str]
    folds: tuple[Fold, ...]
    strategy: str
    remember: bool = True
    """Answer the same values from memory (measuring turns it off)."""


def work(task: Task, arena: Arena | None = None, stopped: Callable[[], bool] = lambda: False) -> int:
    """Make trials until the study has as many as asked for; returns how many were made here. Refusal when storage or disk fail."""
    own = arena or Arena(task.source.grid(), task.source.config(), task.strategy, task.folds, task.source.costs())
    made = 0
    with opened(task.storage) as storage:
        study = open_study(storage, task.study, task.draw, task.identity)
        order = list(range(len(task.folds)))
        random.Random(task.draw.seed).shuffle(order)
        while not stopped() and len(study.get_trials(deepcopy=False)) < task.draw.trials:
            if not task.remember:
                own.forget()
            one_trial(study, own, task.draw, order)
            made += 1
    return made


def one_trial(study: Study, arena: Arena, draw: Draw, order: list[int]) -> None:
    """Draw, sweep, report fold by fold in the fixed order until the pruner has seen enough, store."""
    trial = study.ask(draw.distributions())
    trial.set_user_attr(WORKER, {"who": me(), "blind": trial.number < draw.blind})
    score = arena.score(dict(trial.params))
    trial.set_user_attr(SCORE, stored(score))
    if score.objective is None:
        study.tell(trial, state=TrialState.PRUNED)
        return
    rival = _best(study)
    for step, fold in enumerate(order):
        value = score.train[fold]
        if value is None:  # cannot be: there is an objective
            continue
        trial.report(value, fold)
        # Against itself nothing can be told, and fewer than four folds can never be enough.
        if rival is not None and rival != trial.params and step >= 3 and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, score.objective)


def _best(study: Study) -> dict[str, Any] | None:
    done = [one for one in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) if one.value is not None]
    return max(done, key=lambda one: (one.value or 0.0, -one.number)).params if done else None


def stored(score: Score) -> dict[str, Any]:
    """A score as it is kept with its trial: without the single trades of the tests."""
    kept: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(score, tests=[]))
    return kept


def me() -> str:
    """This process, for whoever asks later whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{_born(os.getpid())}"


def _born(pid: int) -> str:
    """When a process began, so that a number that was given out again is not taken for it; empty when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123  not a file of ours
            return file.read().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def bury(study: Study, now_ms: int) -> int:
    """Count as failed what processes of this machine were at when they died; how many that were. `now_ms`: wall time."""
    buried = 0
    for one in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if WORKER in one.user_attrs:
            host, pid, born = one.user_attrs[WORKER]["who"].rsplit(":", 2)
            dead = host == socket.gethostname() and _born(int(pid)) != born
        else:  # killed in the instant before it said who it is
            dead = one.datetime_start is not None and now_ms - one.datetime_start.timestamp() * 1_000 > NAMELESS_MS
        if dead:
            study.tell(one.number, state=TrialState.FAIL, skip_if_finished=True)
            buried += 1
    return buried


class Pool:
    """Workers in processes of their own."""

    def __init__(self, task: Task, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(msgspec.json.encode(task), self._stop, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    @property
    def pids(self) -> list[int]:
        """Process ids."""
        return [process.pid or 0 for process in self._processes]

    def wait(self, seconds: float) -> bool:
        """Wait until one ends, at most so long; whether any still works."""
        alive = [process for process in self._processes if process.is_alive()]
        if alive:
            multiprocessing.connection.wait([process.sentinel for process in alive], seconds)
        return any(process.is_alive() for process in alive)

    def stop(self) -> None:
        """Ask them to end after the trial they are at, and wait."""
        self._stop.set()
        for process in self._processes:
            process.join()

    def problem(self) -> Refusal | None:
        """What ended the first worker that could not go on; None when they ended well."""
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.join()
            try:
                said = pipe.recv_bytes().decode()
            except EOFError:
                said = ""
            if said:
                code, _, text = said.partition(" ")
                return Refusal(text, ExitCode(int(code)))
            if process.exitcode:
                return Refusal(
                    f"a worker ended by itself (code {process.exitcode}); finished trials are kept, the same command goes on",
                    ExitCode.INTERNAL,
                )
        return None


def _child(task: bytes, stop: Any, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and says when to end
    parent = multiprocessing.parent_process()
    try:
        work(msgspec.json.decode(task, type=Task), stopped=lambda: stop.is_set() or (parent is not None and not parent.is_alive()))
    except Refusal as refusal:
        pipe.send_bytes(f"{int(refusal.code)} {refusal}".encode())


def reachable(address: str) -> None:
    """Refusal when nobody listens at HOST:PORT: Ray tries for minutes and then ends the process. Other addresses are Ray's to judge."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise Refusal(f"--ray: {address} does not answer: {error}", ExitCode.UNREACHABLE) from error


def run_ray(task: Task, address: str, count: int) -> None:
    """The same workers on a Ray cluster; Refusal when Ray is not installed or does not answer."""
    if importlib.util.find_spec("ray") is None:
        raise Refusal("--ray needs the package ray, which is not installed: pip install ray")
    reachable(address)
    ray = importlib.import_module("ray")
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Refusal(f"--ray: {address} does not answer: {error}", ExitCode.UNREACHABLE) from error
    try:
        remote = ray.remote(_remote)
        ray.get([remote.remote(msgspec.json.encode(task)) for _ in range(count)])
    except ray.exceptions.RayError as error:
        raise Refusal(f"--ray: a worker failed: {str(error).splitlines()[-1]}; finished trials are kept", ExitCode.UNREACHABLE) from error
    finally:
        ray.shutdown()


def _remote(task: bytes) -> int:
    return work(msgspec.json.decode(task, type=Task))
