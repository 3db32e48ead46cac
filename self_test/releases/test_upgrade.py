"""Every version that was released: its state is opened, replays to the same end, and goes on."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from modules.restore import check, restore_backup
from modules.version import VERSION
from self_test.conftest import REPO
from self_test.fakes.stored import Played
from self_test.releases.make import FOLDER, Found, found, make

STATES = sorted(FOLDER.glob("state-*.tar.gz"))


def released() -> list[str]:
    """Versions with a heading of their own in the changelog."""
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (REPO / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_released_version_left_a_state_here() -> None:
    assert released() and [f"state-{version}.tar.gz" for version in sorted(released())] == [path.name for path in STATES]
    assert VERSION in released() or max(released()) < VERSION
    assert all(path.stat().st_size < 300_000 for path in STATES), "small"


@pytest.mark.parametrize("archive", STATES, ids=lambda path: path.name)
def test_the_state_of_a_released_version_goes_on(archive: Path, tmp_path: Path) -> None:
    expected = msgspec.json.decode(archive.with_name(archive.name.replace(".tar.gz", ".json")).read_bytes(), type=Found)
    assert f"state-{check(archive).version}.tar.gz" == archive.name
    _, place = restore_backup(archive, tmp_path)
    bot = Played(place)
    now = found(bot)
    assert bot.chain.warnings == () and now.seq >= expected.seq
    assert (now.closed_trades, now.held, now.equity) == (expected.closed_trades, expected.held, expected.equity)
    assert now.ledger_rows >= expected.ledger_rows
    bot.minutes(60)
    later = found(bot)
    assert sum(later.closed_trades) > sum(expected.closed_trades), "it trades on"
    bot.close()
    again = Played(place)
    assert found(again).closed_trades == later.closed_trades and again.chain.warnings == ()
    again.close()


def test_making_one_is_still_possible(tmp_path: Path) -> None:
    known = make(tmp_path / "state-0.0.0.tar.gz")
    assert known.held and sum(known.closed_trades) and known.ledger_rows
    assert (tmp_path / "state-0.0.0.json").exists() and check(tmp_path / "state-0.0.0.tar.gz").seq < known.seq
