"""The soak as a command: what it asks for, what it says of a run, how it ends. A day of it is told in docs/soak.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import soak
from bench.bot import Late
from bench.soak_samples import Sample

SAMPLE = Sample(
    wall_s=0, venue_h=0, rss_mb=300, simulator_rss_mb=310, children=0, fds=45, threads=8, tasks=78, supervised=22, out=0, inbox=0, lag_s=0,
    wakes=0, late=0, cpu_s=0, trades=100, journal_b=1_000_000, ledger_b=100_000, data_b=4_000_000,
)  # fmt: skip


class Run(soak.Soak):
    """A soak whose bot is a list of samples."""

    growth_mb = 0.0
    late = ""
    seen: soak.Options

    def run(self) -> None:
        Run.seen = self.options
        if self.late:
            raise Late(self.late)
        self.samples = [
            msgspec.structs.replace(SAMPLE, wall_s=5.0 * n, venue_h=n / 4, wakes=50 * n, rss_mb=300 + self.growth_mb * n) for n in range(97)
        ]
        self.struck["cut"] = 3


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "Soak", Run)
    monkeypatch.setattr(Run, "growth_mb", 0.0)
    monkeypatch.setattr(Run, "late", "")


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_day_that_held_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main([]) == 0
    found = told(capsys)
    assert found["wrong"] == [] and found["samples"] == 97 and found["venue_h"] == 24 and found["faults"] == {"cut": 3}
    assert {"memory beyond the trades kept", "file handles", "journal"} <= {one["what"] for one in found["findings"]}
    assert (Run.seen.hours, Run.seen.speed, Run.seen.seconds) == (24, 60, 1440)


def test_a_leak_ends_with_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "growth_mb", 1.0)
    assert soak.main([]) == 1
    [line] = told(capsys)["wrong"]
    assert line.startswith("memory beyond the trades kept: 96 MB a venue day")


def test_a_bot_that_ended_is_told_with_its_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "late", "the bot ended by itself with 70")
    assert soak.main(["--hours", "1"]) == 1
    assert told(capsys)["wrong"] == ["the bot ended by itself with 70", "only 0 samples"]


def test_minutes_are_of_the_wall(capsys: pytest.CaptureFixture[str]) -> None:
    soak.main(["--minutes", "2", "--speed", "120", "--seed", "9", "--outage-every", "0"])
    assert (Run.seen.hours, Run.seen.seconds, Run.seen.seed, Run.seen.outage_every_s) == (4, 120, 9, 0)
    assert told(capsys)["soak"]["hours"] == 4


def test_samples_and_a_picture_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--samples", str(tmp_path / "s.json"), "--picture", str(tmp_path / "s.png")]) == 0
    assert len(msgspec.json.decode((tmp_path / "s.json").read_bytes(), type=list[Sample])) == 97
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG") and capsys.readouterr().out


def test_samples_are_judged_again(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    soak.main(["--samples", str(tmp_path / "s.json")])
    first = told(capsys)["findings"]
    monkeypatch.setattr(Run, "late", "it must not run")
    assert soak.main(["--again", str(tmp_path / "s.json")]) == 0
    assert told(capsys)["findings"] == first
