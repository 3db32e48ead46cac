from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from modules.ui.report_learning import LearningReport, Told, assemble
from modules.ui.report_learning_files import CANDIDATE_COLUMNS, candidates_csv, headline, markdown, pictures, write_learning
from self_test.modules.ui.learned import HOUR, LEARNED, T0, experience, learned, row
from utils.errors import Refusal

ROWS = [row(n) for n in range(30)] + [learned(n, [0.0, None, None, 0.01, 0.02, None, None]) for n in range(30, 70)]
FOUND = experience(ROWS, [(0.5, 1.0, -1.0) if n % 2 else (0.5, -1.0, 1.0) for n in range(69)] + [None])
DOMAIN = assemble("PERPS", [[one] for one in ROWS], FOUND, {}, events=[Told(T0, "policy", "level 1, version x")])
REPORT = LearningReport(env="simulated", now=T0 + 70 * HOUR, on=True, domains=(DOMAIN,), notes=("a note",))
NOTHING = assemble("CRYPTO", [], experience([], []), {})
EMPTY = LearningReport(env="simulated", now=T0, on=False, domains=(NOTHING,), notes=("nothing has been decided yet",))


def test_every_kind_of_file_is_written_and_the_markdown_names_the_pictures(tmp_path: Path) -> None:
    files = write_learning(tmp_path, REPORT, [("PERPS", FOUND)])
    assert {one.suffix for one in files} == {".csv", ".png", ".json", ".md"} and files[-1].name == "report.md"
    text = files[-1].read_text()
    pngs = [one.name for one in files if one.suffix == ".png"]
    assert len(pngs) == 5 and all(f"({name})" in text for name in pngs)
    document = json.loads((tmp_path / "learning" / "report.json").read_text())
    assert document["domains"][0]["decisions"] == 70 and document["on"] is True
    bins = list(csv.DictReader(io.StringIO((tmp_path / "learning" / "calibration.csv").read_text())))
    assert sum(int(one["count"]) for one in bins) == 39
    assert "level 1, version x" in (tmp_path / "learning" / "history.csv").read_text()


def test_the_markdown_says_who_decides_what_it_was_worth_and_how_little_that_says() -> None:
    text = markdown(REPORT)
    assert headline(REPORT) in text and "- a note" in text
    for words in (
        "no evidence of edge",
        "1 still open",
        "always flat 0",
        "| trend | 70 |",
        "exploration: no decision had a choice",
        LEARNED,
    ):
        assert words in text, words
    assert "A learner cannot be expected to create an edge" in text


def test_an_empty_store_has_words_and_no_picture(tmp_path: Path) -> None:
    assert list(pictures(EMPTY)) == []
    files = write_learning(tmp_path, EMPTY, [])
    assert not [one for one in files if one.suffix == ".png"]
    text = files[-1].read_text()
    assert "nothing has been decided here yet: there is nothing to show" in text and "the switch is OFF" in text and "edge**" not in text


def test_a_line_a_candidate_with_what_is_known_and_nothing_where_it_is_not() -> None:
    rows = list(csv.DictReader(io.StringIO(candidates_csv([("PERPS", FOUND)]).decode())))
    assert tuple(rows[0]) == CANDIDATE_COLUMNS and len(rows) == 70
    assert rows[0]["predicted"] == "" and rows[30]["predicted"] == "0.02" and rows[30]["policy"] == LEARNED
    assert float(rows[0]["r_wide"]) == 1.0 and rows[0]["outcome"] == "labelled"
    assert rows[69]["r_base"] == "" and rows[69]["outcome"] == "still_open"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot write"):
        write_learning(tmp_path / "file", EMPTY, [])
