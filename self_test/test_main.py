from __future__ import annotations

import main
from bench.bot import run
from config import CONFIG


def test_the_roof_hands_down_its_values_and_nothing_else() -> None:
    assert main._values() is CONFIG


def test_the_exit_code_reaches_the_shell() -> None:
    assert run("version").returncode == 0
    done = run("--stage", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "--stage: 0 is not a stage; there are 1, 2, 3, 4, 5\n"
