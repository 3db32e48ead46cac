"""The look for secrets: one in a new file, tracked or not, is found; what was accepted is not told again, and is kept as a hash alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.secret_scan import BASELINE, FEW, files, main
from self_test.conftest import REPO

KEY = f"-----BEGIN RSA {'PRIVATE'} KEY-----"
AWS = f"AKIA{'QX3LZ7RT5WVN2MKD'}"
"""In halves, so that this file is clean."""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository of two files, one of them ignored."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607  git is wherever it is
    (tmp_path / ".gitignore").write_text("var/\n")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "token").write_text(KEY + "\n")
    (tmp_path / "plain.py").write_text("ANSWER = 42\n")
    return tmp_path


def test_what_could_be_committed_is_looked_at(repo: Path) -> None:
    assert files(repo) == [".gitignore", "plain.py"]


def test_a_key_is_found_told_without_itself_and_accepted_as_a_hash(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], repo) == 0 and capsys.readouterr().out == ""
    (repo / "plain.py").write_text(f'ANSWER = 42\nKEY = "{AWS}"\n')
    assert main([], repo) == 1
    told = capsys.readouterr().out
    assert "plain.py:2: resembles a secret (AWS Access Key)" in told and AWS not in told
    assert main(["--accept"], repo) == 0 and AWS not in (repo / BASELINE).read_text()
    (repo / "plain.py").write_text(f'\n\nANSWER = 42\nKEY = "{AWS}"\n')
    assert main([], repo) == 0, "a line that moved is the same line"
    (repo / "new.pem").write_text(KEY + "\n")
    capsys.readouterr()
    assert main([], repo) == 1
    assert capsys.readouterr().out.startswith("new.pem:1: resembles a secret (Private Key)")


def test_another_checkout_accepts_the_same_and_many_files_are_looked_at_like_few(
    repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (repo / "plain.py").write_text(f'KEY = "{AWS}"\n')
    assert main(["--accept"], repo) == 0 and str(repo) not in (repo / BASELINE).read_text()
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "clone"
    shutil.copytree(repo, elsewhere)
    assert main([], elsewhere) == 0
    for number in range(FEW):
        (elsewhere / f"more{number}.py").write_text("ANSWER = 42\n")
    # In a process of its own: many files are looked at by forks, and a fork of a process with threads may wait for ever.
    words = [sys.executable, "-c", "import sys, pathlib, deploy.secret_scan as s; sys.exit(s.main([], pathlib.Path(sys.argv[1])))"]
    done = subprocess.run([*words, str(elsewhere)], cwd=REPO, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    (elsewhere / "more0.py").write_text(f'OTHER = "{AWS[:-1]}E"\n')
    assert subprocess.run([*words, str(elsewhere)], cwd=REPO, capture_output=True, check=False, timeout=60).returncode == 1
