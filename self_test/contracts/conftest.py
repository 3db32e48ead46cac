"""What contracts share: kernels compiled before a venue waits for them."""

from __future__ import annotations

import pytest

from self_test.fakes.stored import Played


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A bot that traded for a while on paper: whatever its engine calls is compiled, so that no event loop stands still later."""
    bot = Played(tmp_path_factory.mktemp("warm"))
    bot.minutes(45)
    bot.close()
