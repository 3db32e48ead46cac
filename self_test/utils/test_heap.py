"""What is alive leaves the collector's sight, what an earlier life left dead goes."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from utils.heap import loaded, loading, settle


class Knot:
    """Reachable only from itself once its name is gone."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_lives_is_not_walked_again_and_what_died_since_is_freed() -> None:
    knot = Knot()
    gone = weakref.ref(knot)
    settle()
    assert gc.get_freeze_count() > 0 and not any(one is knot for one in gc.get_objects())
    del knot
    gc.collect()
    assert gone() is not None, "frozen: no collection looks at it"
    settle()
    assert gone() is None


def test_while_a_process_loads_nobody_looks_for_garbage_and_afterwards_everybody() -> None:
    loading()
    assert not gc.isenabled()
    loaded()
    assert gc.isenabled()
    loading()
    settle()
    assert gc.isenabled()
