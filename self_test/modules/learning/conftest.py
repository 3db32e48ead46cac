"""What the tests of learning share: the candles of a search, and a trainer with everything around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_test.fakes.searches import root
from self_test.modules.learning.training import Bench


@pytest.fixture(scope="session")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root(tmp_path_factory.mktemp("candles"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
