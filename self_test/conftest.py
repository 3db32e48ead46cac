"""What every test may ask for: the real market data, and a hypothesis profile that does not time a shared machine.

A run ends with a count of the tests on real market data, and fails when the folder exists and one of them was skipped: a
proof that silently did not run is no proof.
"""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the data is a data test, marked or not."""
    for item in items:
        if "market_data" in getattr(item, "fixturenames", ()):
            item.add_marker("data")


def data_tests(reporter: pytest.TerminalReporter) -> tuple[int, int]:
    """How many data tests ran, and how many were skipped."""
    # A module that was skipped as a whole has a report without keywords.
    marked = {
        kind: [r for r in reporter.stats.get(kind, []) if "data" in getattr(r, "keywords", ())] for kind in ("passed", "failed", "skipped")
    }
    return len(marked["passed"]) + len(marked["failed"]), len(marked["skipped"])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Skipping a data test where the data are there is a failure of the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):  # the workers of xdist do not judge
        return
    _, skipped = data_tests(reporter)
    if skipped and market_data_folder().is_dir() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of this run stood on real data."""
    ran, skipped = data_tests(terminalreporter)
    folder = market_data_folder()
    terminalreporter.write_line(f"market data tests: {ran} ran, {skipped} skipped ({'found' if folder.is_dir() else 'no'} folder {folder})")
    if skipped and folder.is_dir():
        terminalreporter.write_line("FAILED: the market data are there, yet tests on them were skipped", red=True)


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real market data; the test is skipped where it does not exist. Mark such tests `@pytest.mark.data`."""
    folder = market_data_folder()
    if not folder.is_dir():
        pytest.skip(f"no market data at {folder} (set BOT_MARKET_DATA)")
    return folder
