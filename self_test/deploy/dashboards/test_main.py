"""What is committed is what the code makes, and a page that is gone takes its file along."""

from __future__ import annotations

from pathlib import Path

from deploy.dashboards.__main__ import FOLDER, write


def test_the_committed_files_are_those_the_code_makes(tmp_path: Path) -> None:
    names = write(tmp_path)
    assert sorted(names) == sorted(path.name for path in FOLDER.iterdir())
    for name in names:
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes(), f"{name}: run python -m deploy.dashboards"


def test_a_page_that_is_gone_takes_its_file_along(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("{}")
    (tmp_path / "kept.txt").write_text("")
    write(tmp_path)
    assert not (tmp_path / "old.json").exists() and (tmp_path / "kept.txt").exists()
