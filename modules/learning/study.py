"""One search as an optuna study: where it is stored, what it was made for, and how its trials are drawn.

The first half of the budget is drawn blind: by trial number from the seed, whatever the results, trial 0 at the parameters in force. Only
blind trials take part in the walk-forward test (`modules/learning/verdict.py`), so that no later candle can have led to what an earlier
fold chooses from. The rest is TPE or CMA-ES. Draws depend on seed, number and the finished trials alone: a resumed study goes on alike.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from modules.learning.journal import SafeJournal
from modules.learning.spaces import Axis, Values, grid_of
from utils.errors import ExitCode, Refusal

SAMPLERS = ("tpe", "grid", "cmaes")
IDENTITY = "identity"
CONNECT_LIMIT_S = 5
MAKING_TABLES = 8
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)

optuna.logging.set_verbosity(optuna.logging.ERROR)


@contextmanager
def _experimental() -> Iterator[None]:
    """What optuna calls experimental is in the specification all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """How a study's trials are drawn."""

    sampler: str
    seed: int
    trials: int
    start: Values
    """Trial 0."""
    space: tuple[Axis, ...]

    @property
    def blind(self) -> int:
        """So many trials look at no result: half of them, at least 10; of a grid all."""
        return self.trials if self.sampler == "grid" else max(10, self.trials // 2)

    def distributions(self) -> dict[str, BaseDistribution]:
        """The space in optuna's words."""
        return {axis.name: FloatDistribution(axis.low, axis.high, step=axis.step) for axis in self.space}


class NumberedSampler(BaseSampler):
    """Blind draws by trial number, then an optuna sampler that is seeded anew for each number."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._space = draw.distributions()
        self._inner: BaseSampler | None = None
        points = list(grid_of(draw.space))
        order = np.random.default_rng(draw.seed).permutation(len(points))
        self._points = [draw.start, *(points[k] for k in order if points[k] != draw.start)]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The whole space, always."""
        return self._space

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Every parameter of trial `trial.number`."""
        if trial.number < self._draw.blind:
            return dict(self._points[trial.number % len(self._points)])
        self._inner = self._made(trial.number)
        drawn = self._inner.sample_relative(study, trial, search_space)
        # CMA-ES draws nothing itself until it has a generation; then the number decides.
        return drawn or dict(self._points[trial.number % len(self._points)])

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        """Never needed for our space; at random if it were."""
        return RandomSampler(seed=self._seed(trial.number)).sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        """CMA-ES remembers its generation with the trial."""
        if self._inner is not None and self._draw.sampler == "cmaes":
            self._inner.after_trial(study, trial, state, values)

    def _seed(self, number: int) -> int:
        return int(np.random.SeedSequence([self._draw.seed, number]).generate_state(1)[0])

    def _made(self, number: int) -> BaseSampler:
        seed = self._seed(number)
        if self._draw.sampler == "cmaes":
            return CmaEsSampler(seed=seed, n_startup_trials=self._draw.blind, warn_independent_sampling=False)
        with _experimental():
            return TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=min(10, self._draw.blind))


def check_sampler(name: str) -> None:
    """Refusal for a sampler that does not exist or whose package is not there."""
    if name not in SAMPLERS:
        raise Refusal(f"--sampler: {name!r} is not one of {', '.join(SAMPLERS)}")
    if name == "cmaes" and importlib.util.find_spec("cmaes") is None:
        raise Refusal("--sampler cmaes needs the package cmaes, which is not installed: pip install cmaes")


def shown(storage: str) -> str:
    """A storage's name without its password."""
    try:
        return make_url(storage).render_as_string(hide_password=True) if "://" in storage else storage
    except (ArgumentError, ValueError):
        return "the storage URL"


def open_storage(storage: str) -> BaseStorage:
    """A path is a journal file, a URL a database (`postgresql://`); Refusal when it cannot be used or does not answer."""
    try:
        if "://" not in storage:
            Path(storage).parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(SafeJournal(Path(storage)))
        url = make_url(storage)
        if url.get_backend_name() != "postgresql":
            raise Refusal(f"--storage: {shown(storage)}: a file's path or postgresql://USER@HOST/NAME is meant")
        return _database(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    except OSError as error:
        raise Refusal(f"--storage: {shown(storage)} cannot be used: {error.strerror}") from error
    except ImportError as error:
        raise Refusal("--storage: PostgreSQL needs the package psycopg: pip install 'psycopg[binary]'") from error
    except (ArgumentError, ValueError) as error:
        what = "is damaged" if "://" not in storage else "is no storage URL"
        raise Refusal(f"--storage: {shown(storage)} {what}: {_first_line(error)}") from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise unreachable(storage, error) from error
    except RuntimeError as error:
        raise Refusal(f"--storage: {shown(storage)} was made by another version of optuna: {_first_line(error)}") from error


@contextmanager
def opened(storage: str) -> Iterator[BaseStorage]:
    """`open_storage`, its connections closed afterwards; what it raises meanwhile is a Refusal in one line."""
    found = open_storage(storage)
    try:
        yield found
    except OSError as error:
        raise Refusal(f"the study cannot be stored: {error.strerror or error}; what was found is kept, the same command goes on") from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise unreachable(storage, error) from error
    finally:
        if isinstance(found, RDBStorage):
            found.engine.dispose()


def _database(url: str) -> RDBStorage:
    """Two that begin together may both make the tables; who comes second is refused by the database once, and finds them then."""
    arguments = {"connect_args": {"connect_timeout": CONNECT_LIMIT_S}, "pool_pre_ping": True}
    for _ in range(MAKING_TABLES):
        try:
            return RDBStorage(url, engine_kwargs=arguments)
        except (IntegrityError, ProgrammingError):
            continue
    return RDBStorage(url, engine_kwargs=arguments)


def unreachable(storage: str, error: BaseException) -> Refusal:
    """A database that does not answer, in one line."""
    cause = error.__cause__ or error
    return Refusal(f"--storage: {shown(storage)} does not answer: {_first_line(cause)}", ExitCode.UNREACHABLE)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def open_study(storage: BaseStorage, name: str, draw: Draw, identity: Mapping[str, str]) -> Study:
    """The study called `name`, made if it is not there; Refusal when it was made for something else, naming what differs."""
    with _experimental():
        pruner = optuna.pruners.WilcoxonPruner(p_threshold=0.1, n_startup_steps=4)
    study = optuna.create_study(
        storage=storage, study_name=name, load_if_exists=True, direction="maximize", sampler=NumberedSampler(draw), pruner=pruner
    )
    found = study.user_attrs.get(IDENTITY)
    if found is None:
        if study.get_trials(deepcopy=False):
            raise Refusal(f"--study: {name!r} was made by something else than this program; choose another name")
        study.set_user_attr(IDENTITY, dict(identity))
        return study
    other = sorted(part for part in {*found, *identity} if found.get(part) != identity.get(part))
    if other:
        raise Refusal(f"--study: {name!r} was made for another {' and '.join(other)}; nothing was changed: choose another name")
    return study


def finished(study: Study) -> list[FrozenTrial]:
    """Every trial that ended, in order; not to be changed."""
    return [one for one in study.get_trials(deepcopy=False, states=FINISHED) if one.state in FINISHED]
