from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import optuna
import pytest

from modules.learning.spaces import space_of, today
from modules.learning.study import Draw, check_sampler, finished, open_storage, open_study, shown
from modules.parameters import Parameters
from utils.errors import ExitCode, Refusal

SPACE = space_of("C4")
START = today("C4", Parameters())


def draw(sampler: str = "tpe", seed: int = 1, trials: int = 30) -> Draw:
    return Draw(sampler=sampler, seed=seed, trials=trials, start=START, space=SPACE)


def drawn(path: Path, asked: Draw, until: int, sign: float = 1.0) -> list[dict[str, float]]:
    """A study continued to `until` trials, each worth what its values say."""
    study = open_study(open_storage(str(path)), "s", asked, {"data": "1"})
    while len(study.trials) < until:
        trial = study.ask(asked.distributions())
        study.tell(trial, sign * (trial.params["fade_z"] - trial.params["stop"]))
    return [one.params for one in study.trials]


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_the_same_seed_draws_the_same_trials_also_when_it_was_interrupted(tmp_path: Path, sampler: str) -> None:
    whole = drawn(tmp_path / "a", draw(sampler), 30)
    drawn(tmp_path / "b", draw(sampler), 7)
    drawn(tmp_path / "b", draw(sampler), 22)
    assert drawn(tmp_path / "b", draw(sampler), 30) == whole
    assert drawn(tmp_path / "c", draw(sampler, seed=2), 30) != whole
    assert whole[0] == START


def test_the_first_half_looks_at_no_result_and_the_rest_does(tmp_path: Path) -> None:
    one, other = drawn(tmp_path / "a", draw(), 30), drawn(tmp_path / "b", draw(), 30, sign=-1.0)
    assert draw().blind == 15 and one[:15] == other[:15]
    assert one[15:] != other[15:]
    assert sum(point["fade_z"] for point in one[15:]) > sum(point["fade_z"] for point in other[15:])


def test_a_grid_visits_every_point_before_any_twice(tmp_path: Path) -> None:
    points = 7 * 4 * 4
    found = drawn(tmp_path / "a", draw("grid", trials=points), points)
    assert len({tuple(point.values()) for point in found}) == points


def test_a_point_is_on_the_grid(tmp_path: Path) -> None:
    for point in drawn(tmp_path / "a", draw(), 30):
        assert all(round(point[axis.name], 10) in axis.grid() for axis in SPACE)


@pytest.mark.skipif(importlib.util.find_spec("cmaes") is None, reason="the package cmaes is not installed")
def test_cma_es_draws_from_what_was_found(tmp_path: Path) -> None:
    one, other = drawn(tmp_path / "a", draw("cmaes", trials=40), 40), drawn(tmp_path / "b", draw("cmaes", trials=40), 40, sign=-1.0)
    assert one[:20] == other[:20] and one[20:] != other[20:]


@pytest.mark.skipif(importlib.util.find_spec("cmaes") is not None, reason="the package cmaes is installed")
def test_cma_es_without_its_package_is_refused_in_words() -> None:
    with pytest.raises(Refusal, match="needs the package cmaes"):
        check_sampler("cmaes")


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(Refusal, match="'annealing' is not one of tpe, grid, cmaes"):
        check_sampler("annealing")


def test_a_study_for_something_else_is_refused_and_named_and_left_alone(tmp_path: Path) -> None:
    place = str(tmp_path / "a")
    study = open_study(open_storage(place), "s", draw(), {"data": "1", "version": "1"})
    study.tell(study.ask(draw().distributions()), 1.0)
    before = Path(place).read_bytes()
    with pytest.raises(Refusal, match="'s' was made for another data and version"):
        open_study(open_storage(place), "s", draw(), {"data": "2", "version": "2"})
    with pytest.raises(Refusal, match="another rules"):
        open_study(open_storage(place), "s", draw(), {"data": "1", "version": "1", "rules": "x"})
    assert len(finished(open_study(open_storage(place), "s", draw(), {"data": "1", "version": "1"}))) == 1
    assert Path(place).read_bytes().startswith(before)


def test_a_study_of_another_program_is_refused(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path / "a"))
    foreign = optuna.create_study(storage=storage, study_name="s", direction="maximize")
    foreign.tell(foreign.ask(), 1.0)
    with pytest.raises(Refusal, match="made by something else"):
        open_study(open_storage(str(tmp_path / "a")), "s", draw(), {"data": "1"})


@pytest.mark.parametrize(
    "storage, words",
    [
        ("sqlite:///x.db", "a file's path or postgresql://"),
        ("nonsense://x", "a file's path or postgresql://|is no storage URL"),
        ("postgresql://u:secret@host:port/x", "is no storage URL"),
    ],
)
def test_a_storage_that_cannot_be_meant_is_refused(storage: str, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refusal:
        open_storage(storage)
    assert "secret" not in str(refusal.value)


def test_a_journal_that_is_damaged_or_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"not json\n" * 3)
    with pytest.raises(Refusal, match="is damaged"):
        open_storage(str(tmp_path / "bad"))
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be used"):
        open_storage(str(tmp_path / "file" / "below"))


def test_a_database_that_does_not_answer_is_said_without_its_password() -> None:
    with socket.socket() as taken:  # bound, not listening: refused at once
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://u:secret@127.0.0.1:{taken.getsockname()[1]}/x"
        with pytest.raises(Refusal, match="does not answer") as refusal:
            open_storage(url)
    assert refusal.value.code is ExitCode.UNREACHABLE
    assert "secret" not in str(refusal.value) and "\n" not in str(refusal.value)
    assert "secret" not in shown(url)
