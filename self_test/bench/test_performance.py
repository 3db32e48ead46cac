from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.measure import Row, by_turns, figure, goal_of, rate, share, spread, table, took, verdict_of
from bench.performance import filled, markdown, missed, write
from bench.resident import slope
from self_test.conftest import REPO

PAGE = (
    "Words.\n\n<!-- bench: frames -->\nold\n<!-- end -->\n\nMore.\n\n<!-- bench: missed -->\n\n<!-- end -->\n\n"
    "<!-- bench: machine -->\n<!-- end -->\n"
)


def row(name: str, value: float, part: str, goal: float | None = None, *, less: bool = False) -> Row:
    return Row(name=name, unit="us", median=value, lowest=value, highest=value, runs=1, goal=goal, part=part, less=less, load=0.5)


def test_a_goal_is_a_least_or_a_most() -> None:
    assert [row("a", 5, "x", goal, less=less).met for goal, less in ((None, True), (4, True), (6, True), (4, False), (6, False))] == [
        None,
        False,
        True,
        True,
        False,
    ]
    assert took("a", "s", [3, 1, 2], 2).met and not spread("a", "x", [3, 1, 2], 2.5).met
    assert (goal_of(row("a", 1, "x", 50, less=True)), verdict_of(row("a", 1, "x", 50))) == ("≤ 50", "MISSED")
    assert "MISSED" in table([row("a", 1, "x", 50)]) and "met" in table([row("b", 1, "x", 0.5)])


def test_figures_are_written_for_people() -> None:
    assert [figure(value) for value in (0.0123, 0.3, 7.27, 862, 12_345, 1_051_200, 30.9e6, 2.5e9)] == [
        "0.0123",
        "0.3",
        "7.27",
        "862",
        "12.3 k",
        "1.05 M",
        "30.9 M",
        "2.5 G",
    ]


def test_what_is_timed_runs_in_turns() -> None:
    said: list[str] = []
    found = by_turns({"a": lambda: said.append("a"), "b": lambda: said.append("b")}, 3)
    assert said == ["a", "b"] * 4 and [len(found["a"]), len(found["b"])] == [3, 3]
    assert rate("a", "x/s", 5, lambda: said.append("c"), 2).runs == 2 and said.count("c") == 3


def test_a_share_is_not_exceeded_by_so_many() -> None:
    assert (share([3, 1, 2], 50), share(list(range(1, 101)), 99), share([7], 99)) == (2, 100, 7)
    with pytest.raises(ValueError, match="nothing was measured"):
        share([], 50)


def test_the_slope_is_that_of_the_second_half() -> None:
    assert slope([(0, 5), (1, 100), (2, 100), (3, 102), (4, 104), (5, 106)]) == pytest.approx(2.0)
    assert slope([(0, 1), (1, 2)]) == 0.0 and slope([(1, 1)] * 8) == 0.0


def test_the_page_gets_its_tables_and_keeps_its_words() -> None:
    rows = [row("a | b", 7, "frames", 5, less=True), row("fine", 7, "orders", 5)]
    page = filled(PAGE, {"cores": 2, "gone": None}, rows, None)
    assert page.startswith("Words.\n\n<!-- bench: frames -->\n\n| figure |") and "\n\nMore.\n" in page and "old" not in page
    assert "| a \\| b | 7 | 7 | 7 | us | ≤ 5 | MISSED |  |" in page and "meanwhile: 0.5." in page and "fine" not in page
    assert "- a | b: 7 us, goal ≤ 5" in page and "cores 2\n" in page
    assert filled(page, {"cores": 2}, rows, None) == page
    assert missed([]) == "None." and markdown([]).count("\n") == 1


def test_every_block_of_the_page_is_known(tmp_path: Path) -> None:
    copy = tmp_path / "performance.md"
    copy.write_text((REPO / "docs" / "performance.md").read_text())
    write(copy, {"cores": 2}, [row(f"of {part}", 1, part) for part in command.EVERY], tmp_path / "none.json")
    text = copy.read_text()
    assert [part for part in command.EVERY if f"| of {part} |" not in text] == []
    assert text.count("Not measured yet.") == 1, "but for how it grows"


def test_what_is_measured_anew_replaces_its_part() -> None:
    before = [row("old", 1, "frames"), row("kept", 1, "orders"), row("gone", 1, "frames")]
    assert [one.name for one in command.merged(before, [row("new", 2, "frames")])] == ["kept", "new"]


def test_the_command_writes_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(command.EVERY, "frames", lambda wanted: [row(f"frames of {wanted.runs}", 3, "", 2)])
    target, page = tmp_path / "new" / "bench.json", tmp_path / "page.md"
    page.write_text(PAGE)
    words = ["--json", str(target), "--doc", str(page), "--scaling", str(tmp_path / "none.json")]
    assert command.main(["--only", "frames", "--runs", "4", *words]) == 0
    assert "frames of 4" in capsys.readouterr().out and "| frames of 4 |" in page.read_text()
    assert command.main(["--only", "none", *words]) == 0
    assert "frames of 4" in capsys.readouterr().out and list(target.parent.iterdir()) == [target]
    (told,) = json.loads(target.read_text())["rows"]
    assert (told["part"], told["median"], told["goal"], told["met"]) == ("frames", 3, 2, True) and told["load"] >= 0
    with pytest.raises(SystemExit):
        command.main(["--only", "nonsense", *words])


def test_the_processor_has_a_name_where_the_system_says_one(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Fast One\n")
    assert (command.processor(tmp_path / "cpuinfo"), command.processor(tmp_path / "gone")) == ("Fast One", None)
