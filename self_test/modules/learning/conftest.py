"""The candles that the tests of a search share."""

from __future__ import annotations

from pathlib import Path

import pytest

from self_test.fakes.searches import root


@pytest.fixture(scope="session")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return root(tmp_path_factory.mktemp("candles"))
