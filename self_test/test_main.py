from __future__ import annotations

import os
import subprocess
from pathlib import Path

import main
from bench.bot import PROGRAM, REPO, clean_environ, run
from config import CONFIG


def test_the_roof_hands_down_its_values_and_nothing_else() -> None:
    assert main._values() is CONFIG


def test_the_exit_code_reaches_the_shell() -> None:
    assert run("version").returncode == 0
    done = run("--stage", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--stage: 0 is not a stage; there are 1, 2, 3, 4, 5\n"


def version(cache: Path) -> subprocess.CompletedProcess[str]:
    environ = clean_environ({"PYTHONPYCACHEPREFIX": str(cache)})
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([*PROGRAM, "version"], cwd=REPO, env=environ, capture_output=True, text=True, timeout=90, check=False)


def test_bytecode_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    assert version(tmp_path).returncode == 0
    ours = tmp_path / REPO.relative_to("/")
    whole = {path: path.stat().st_size for path in sorted([*ours.rglob("utils/*.pyc"), *ours.rglob("modules/*.pyc")])}
    assert len(whole) > 10
    for number, (path, size) in enumerate(whole.items()):
        os.truncate(path, (0, 10, 16, 17, size // 2, size - 1)[number % 6])
    library = next(tmp_path.rglob("argparse.*.pyc"))
    os.truncate(library, 500)
    again = version(tmp_path)
    assert again.returncode == 0 and again.stderr == "" and "trading bot" in again.stdout
    assert {path: path.stat().st_size for path in whole} == whole and library.stat().st_size > 500, "and it is whole again"
