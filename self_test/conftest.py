"""What every test may ask for: the real market data, and a hypothesis profile that does not time a shared machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPO = Path(__file__).resolve().parent.parent

# Deadlines measure the machine, not the code: with other work on two cores they fail for no reason.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def market_data_folder() -> Path:
    """Where the real market data should be: `BOT_MARKET_DATA`, else `../shared/data` beside the repository."""
    return Path(os.environ.get("BOT_MARKET_DATA", REPO.parent / "shared" / "data")).resolve()


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real market data; the test is skipped where it does not exist. Mark such tests `@pytest.mark.data`."""
    folder = market_data_folder()
    if not folder.is_dir():
        pytest.skip(f"no market data at {folder} (set BOT_MARKET_DATA)")
    return folder
