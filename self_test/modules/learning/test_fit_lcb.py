from __future__ import annotations

import numpy as np
import pytest

from modules.learning.checkpoint import version_of
from modules.learning.experience import Lessons
from modules.learning.fit_lcb import LEAST, fit_lcb
from modules.learning.scoring import answers, worth
from self_test.strategy.worlds import START, world
from strategy.actions import SKIP
from strategy.lcb_table import LcbTable, Settings
from utils.errors import Refusal

DAY_MS = 86_400_000
NOW = START + 180 * DAY_MS


def test_the_same_evidence_has_the_same_hash_and_other_evidence_another() -> None:
    one, same, other = (fit_lcb(Lessons(**world(seed=seed)._asdict()), NOW) for seed in (1, 1, 2))
    assert version_of(one.arrays) == version_of(same.arrays) != version_of(other.arrays)
    later = fit_lcb(Lessons(**world(seed=1)._asdict()), NOW + DAY_MS)
    assert later.seeds == []


def test_what_is_told_of_it_is_what_it_does() -> None:
    lessons = Lessons(**world(seed=3, edge=0.4)._asdict())
    fitted = fit_lcb(lessons, NOW)
    actions = answers(LcbTable("x", fitted.arrays["lower"]), lessons)
    assert 0 < np.count_nonzero(actions != SKIP) < len(lessons)
    assert fitted.metrics["skip_rate"] == pytest.approx((actions == SKIP).mean())
    assert fitted.metrics["mean_u"] == pytest.approx(worth(actions, lessons).mean())
    assert fitted.metrics["mean_u_taken"] > 0.1
    assert fitted.metrics["cells"] > 4
    assert fitted.hyperparameters["kappa"] == 1.645 and fitted.hyperparameters["half_life_d"] == 60.0
    assert fit_lcb(lessons, NOW, Settings(kappa=9.0)).metrics["skip_rate"] == 1.0


def test_too_little_is_refused() -> None:
    with pytest.raises(Refusal, match=f"{LEAST - 1} decisions"):
        fit_lcb(Lessons(**world(n=LEAST - 1)._asdict()), NOW)
