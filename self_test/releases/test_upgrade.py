"""Every version that was released: its state is opened, replays to the same end, and goes on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules.backup import back_up
from modules.doctor import stored
from modules.doctor.findings import Verdict
from modules.engine import migrations
from modules.offline import apply_offline, stored_engine
from modules.restore import check, restore_backup
from modules.version import VERSION
from self_test.conftest import REPO
from self_test.fakes.stored import Played
from self_test.releases.make import FOLDER, Found, found, make
from state.store import CURRENT, PREVIOUS, Snapshot
from utils.errors import ExitCode, Refusal

STATES = sorted(FOLDER.glob("state-*.tar.gz"))


def released() -> list[str]:
    """Versions with a heading of their own in the changelog."""
    return re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (REPO / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def numbers(version: str) -> list[int]:
    """In whose order versions stand: 0.10.0 is after 0.9.0."""
    return [int(one) for one in version.split(".")]


def test_every_released_version_left_a_state_here() -> None:
    assert released() and {f"state-{version}.tar.gz" for version in released()} == {path.name for path in STATES}
    assert VERSION in released() or max(map(numbers, released())) < numbers(VERSION)
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


MARK = 990_017
"""What the made-up form calls the seed of exploration, so that one sees who came that way."""


def to_two(snapshot: Snapshot) -> Snapshot:
    """A made-up second form: the seed of exploration is another one there."""
    whole = json.loads(bytes(snapshot.state))
    whole["terms"]["explore_seed"] = str(MARK)
    return msgspec.structs.replace(snapshot, schema=2, state=msgspec.Raw(json.dumps(whole).encode()))


def on_disk(place: Path, name: str = CURRENT) -> int:
    return int(json.loads((place / name).read_bytes())["schema"])


def test_a_new_form_is_a_row_and_everybody_who_opens_the_state_of_0_1_0_goes_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = FOLDER / "state-0.1.0.tar.gz"
    expected = msgspec.json.decode(archive.with_name("state-0.1.0.json").read_bytes(), type=Found)
    monkeypatch.setitem(migrations.MIGRATIONS, 1, to_two)
    manifest, place = restore_backup(archive, tmp_path)
    assert (manifest.schema, on_disk(place), migrations.schema()) == (1, 1, 2)

    finding = stored.look(place, running=False)[0][0]
    assert finding.verdict is Verdict.OK and "schema 1 (the next start writes schema 2)" in finding.words
    looked = stored_engine(place)
    assert (looked.mandate.explore_seed, on_disk(place)) == (str(MARK), 1), "who only looks writes nothing"
    kept = back_up(place, "simulated", tmp_path / "before.tar.gz", expected.ts, lambda _: None)
    assert kept.schema == 1, "so the older program can take its own state back"

    bot = Played(place)
    assert found(bot).closed_trades == expected.closed_trades and bot.chain.warnings == ()
    assert (on_disk(place), on_disk(place, PREVIOUS)) == (2, 1)
    bot.minutes(30)
    bot.close()
    monkeypatch.setitem(migrations.MIGRATIONS, 1, lambda snapshot: pytest.fail(f"led up again: {snapshot.seq}"))
    apply_offline(place, "pause", {"account": "all"}, CONFIG)
    assert on_disk(place) == 2 and back_up(place, "simulated", tmp_path / "after.tar.gz", expected.ts, lambda _: None).schema == 2

    monkeypatch.delitem(migrations.MIGRATIONS, 1)
    with pytest.raises(Refusal, match="was written by a newer program") as newer:
        Played(place)
    assert newer.value.code is ExitCode.USAGE
    with pytest.raises(Refusal, match="this program is older"):
        check(tmp_path / "after.tar.gz")
    again = Played(restore_backup(tmp_path / "before.tar.gz", tmp_path / "back")[1])
    assert found(again).closed_trades == expected.closed_trades
    again.close()


def test_a_form_that_no_step_leads_from_is_refused_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, place = restore_backup(FOLDER / "state-0.1.0.tar.gz", tmp_path)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    monkeypatch.setitem(migrations.MIGRATIONS, 2, to_two)
    with pytest.raises(Refusal, match="nothing leads from schema 1 to 2"):
        Played(place)
    assert {path: path.read_bytes() for path in before} == before
