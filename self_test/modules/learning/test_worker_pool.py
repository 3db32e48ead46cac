from __future__ import annotations

import importlib.util
import os
import signal
import socket
from pathlib import Path

import msgspec
import pytest
from optuna.trial import TrialState

from modules.learning.optimize import prepare
from modules.learning.study import finished, open_storage, open_study
from modules.learning.worker_pool import SCORE, WORKER, Pool, Task, bury, me, reachable, run_ray, work
from self_test.fakes.searches import SEARCHED, request
from utils.errors import ExitCode, Refusal

DAY_MS = 86_400_000


def task(candles: Path, out: Path, trials: int) -> Task:
    return prepare(request(candles, out, trials=trials), SEARCHED).task


def trials_of(one: Task) -> list[tuple[dict[str, float], str, object]]:
    study = open_study(open_storage(one.storage), one.study, one.draw, one.identity)
    return [(trial.params, trial.state.name, trial.user_attrs[SCORE]) for trial in study.trials]


def test_the_same_seed_makes_the_same_trials_and_a_resumed_study_ends_where_a_whole_one_does(candles: Path, tmp_path: Path) -> None:
    whole, parts = task(candles, tmp_path / "a", 24), task(candles, tmp_path / "b", 24)
    assert work(whole) == 24
    left = iter([False] * 9 + [True])
    assert work(parts, stopped=lambda: next(left)) == 9
    assert work(parts) == 15 and work(parts) == 0
    assert trials_of(parts) == trials_of(whole)
    assert {state for _, state, _ in trials_of(whole)} == {"COMPLETE", "PRUNED"}


def test_two_processes_on_one_study_lose_no_trial(candles: Path, tmp_path: Path) -> None:
    one = task(candles, tmp_path, 40)
    pool = Pool(one, 2)
    while pool.wait(60):
        pass
    assert pool.problem() is None
    study = open_study(open_storage(one.storage), one.study, one.draw, one.identity)
    done = finished(study)
    assert [trial.number for trial in study.trials] == list(range(len(study.trials)))
    assert 40 <= len(done) == len(study.trials) <= 41
    assert all(trial.user_attrs[SCORE]["trades"] > 0 for trial in done)
    assert {trial.user_attrs[WORKER]["who"] for trial in done} and all("who" in trial.user_attrs[WORKER] for trial in done)


def test_a_killed_worker_costs_the_trial_it_was_at_and_no_other(candles: Path, tmp_path: Path) -> None:
    one = msgspec.structs.replace(task(candles, tmp_path, 5_000), remember=False)
    pool = Pool(one, 1)
    study = open_study(open_storage(one.storage), one.study, one.draw, one.identity)
    while len(finished(study)) < 5:
        assert pool.wait(0.05)
    os.kill(pool.pids[0], signal.SIGKILL)
    problem = pool.problem()
    assert problem is not None and problem.code is ExitCode.INTERNAL and "the same command goes on" in str(problem)
    before = len(finished(study))
    running = len(study.get_trials(states=(TrialState.RUNNING,)))
    assert bury(study, 0) <= running <= 1
    again = msgspec.structs.replace(one, draw=msgspec.structs.replace(one.draw, trials=before + 5))
    work(again)
    assert sum(trial.state is not TrialState.FAIL for trial in finished(study)) >= before + 4


def test_only_the_dead_of_this_machine_are_buried(candles: Path, tmp_path: Path) -> None:
    one = task(candles, tmp_path, 20)
    study = open_study(open_storage(one.storage), one.study, one.draw, one.identity)
    asked = [study.ask(one.draw.distributions()) for _ in range(4)]
    host, pid, born = me().rsplit(":", 2)
    asked[0].set_user_attr(WORKER, {"who": me(), "blind": True})
    asked[1].set_user_attr(WORKER, {"who": f"{host}:{pid}:{int(born) + 1}", "blind": True})  # its number was given out again
    asked[2].set_user_attr(WORKER, {"who": f"elsewhere:{pid}:{born}", "blind": True})
    start = study.trials[3].datetime_start
    assert start is not None
    assert bury(study, int(start.timestamp() * 1000) + 1_000) == 1
    assert [trial.state.name for trial in study.trials] == ["RUNNING", "FAIL", "RUNNING", "RUNNING"]
    assert bury(study, int(start.timestamp() * 1000) + DAY_MS) == 1
    assert study.trials[3].state is TrialState.FAIL


def test_a_worker_tells_why_it_cannot_go_on(candles: Path, tmp_path: Path) -> None:
    one = task(candles, tmp_path, 10)
    work(one)
    pool = Pool(msgspec.structs.replace(one, identity=one.identity | {"data": "other"}), 1)
    problem = pool.problem()
    assert problem is not None and "another data" in str(problem) and problem.code is ExitCode.USAGE


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_it_is_said_which_package_is_missing(candles: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="needs the package ray"):
        run_ray(task(candles, tmp_path, 10), "local", 1)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="the package ray is not installed")
def test_the_same_worker_on_a_local_ray(candles: Path, tmp_path: Path) -> None:
    one = task(candles, tmp_path, 20)
    run_ray(one, "local", 2)
    assert len(trials_of(one)) >= 20


@pytest.mark.parametrize("form", ["{}:{}", "ray://{}:{}"])
def test_a_cluster_that_nobody_serves_is_told_at_once(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = form.format(*server.getsockname())
        reachable(address)
    with pytest.raises(Refusal, match="does not answer") as caught:
        reachable(address)
    assert caught.value.code is ExitCode.UNREACHABLE
    with pytest.raises(Refusal, match="does not answer"):
        reachable("127.0.0.1:99999")


@pytest.mark.parametrize("address", ["local", "auto", "nonsense", ":6379"])
def test_what_is_no_host_and_port_is_left_to_ray(address: str) -> None:
    reachable(address)
