"""The roof starts whatever a full disk left of the bytecode."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.bot import PROGRAM, REPO, clean_environ


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
