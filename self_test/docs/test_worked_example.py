"""The worked example of docs/strategies.md, word for word: saved, applied to a copy of the program, and its own test run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from self_test.conftest import REPO

PAGE = REPO / "docs" / "strategies.md"
FILE = re.compile(r"^```python\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = shutil.ignore_patterns("var", ".*", "docs", "__pycache__", "deploy")
MOST = 60
"""Lines of the example without its test."""


def test_the_worked_example_is_as_short_as_it_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    files, (diff,) = dict(FILE.findall(text)), DIFF.findall(text)
    rule = next(code for name, code in files.items() if not name.startswith("self_test/"))
    added = [line for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert len([line for line in rule.splitlines() if line.strip()]) + len(added) <= MOST
    assert sorted(name.split("/")[0] for name in files) == ["self_test", "strategy"]


@pytest.mark.timeout(400)
def test_the_worked_example_trades_alike_in_engine_and_sweep(tmp_path: Path) -> None:
    """Its kernels are compiled from nothing, which is what this takes its time for: half a minute of one core and more."""
    copy = tmp_path / "clone"
    shutil.copytree(REPO, copy, ignore=LEFT_OUT)
    text = PAGE.read_text(encoding="utf-8")
    for name, code in FILE.findall(text):
        (copy / name).write_text(code, encoding="utf-8")
    git = shutil.which("git") or "git"
    applied = subprocess.run([git, "apply", "-"], cwd=copy, input=DIFF.findall(text)[0], capture_output=True, text=True, check=False)
    assert applied.returncode == 0, f"the difference does not fit the files any more: {applied.stderr}"
    test = next(name for name, _ in FILE.findall(text) if name.startswith("self_test/"))
    environ = os.environ | {"BOT_CACHE_DIR": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:randomly", "--timeout", "380", test]
    done = subprocess.run(words, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
