"""The hidden command: one line in, one line out, nothing else on its output; and torch where it belongs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from os import pidfd_open
from pathlib import Path
from select import select

import msgspec

from config import CONFIG
from modules.learning.candles import Place
from modules.learning.jobs import Answer, Train
from self_test.conftest import REPO
from state.accounts import Domain

FORBIDDEN = (
    "DQN" + ".load",
    "load_" + "replay_buffer",
    "VecNormalize" + ".load",
    "torch" + ".load",
    "import " + "pickle",
    "cloud" + "pickle",
)


def test_jobs_go_in_and_answers_come_out_until_the_input_ends(tmp_path: Path) -> None:
    place = Place(folder=str(tmp_path), instruments=(), config=CONFIG.model_dump_json())
    job = Train(domain=Domain.CRYPTO, now=1, algorithm="lcb_table", number=1)
    lines = b"\n".join([msgspec.json.encode(place), msgspec.json.encode(job), msgspec.json.encode(job)]) + b"\n"
    done = subprocess.run([sys.executable, REPO / "main.py", "trainer"], input=lines, capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    answers = [msgspec.json.decode(line, type=Answer) for line in done.stdout.splitlines()]
    assert len(answers) == 2 and all(one.refused for one in answers)


def test_it_ends_with_whoever_started_it_also_when_its_input_stays_open() -> None:
    """A daemon that is killed takes the trainer with it, whatever that is at."""
    program = "import signal, subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); signal.pause()"
    words = [sys.executable, "-c", program, sys.executable, str(REPO / "main.py"), "trainer"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        trainer = int(parent.stdout.readline())
        seen, end = pidfd_open(trainer), time.monotonic() + 30
        while b"main.py" not in Path(f"/proc/{trainer}/cmdline").read_bytes():
            assert time.monotonic() < end
        assert not select([seen], [], [], 3.0)[0], "it waits for a job"
        parent.kill()
        assert select([seen], [], [], 30.0)[0], "it has ended"
        os.close(seen)


def test_jobs_of_a_daemon_that_was_killed_before_the_trainer_had_begun_are_left(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    place = Place(folder=str(tmp_path), instruments=(), config=CONFIG.model_dump_json())
    job = Train(domain=Domain.CRYPTO, now=1, algorithm="lcb_table", number=1)
    lines = msgspec.json.encode(place) + b"\n" + msgspec.json.encode(job) + b"\n"
    words = [sys.executable, str(REPO / "main.py"), "trainer", "--of", str(gone.pid)]
    done = subprocess.run(words, input=lines, capture_output=True, check=False, timeout=100)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr


def test_people_are_not_shown_it() -> None:
    done = subprocess.run([sys.executable, REPO / "main.py", "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert "trainer" not in done.stdout


def test_what_the_daemon_loads_has_no_torch_in_it() -> None:
    """Everything that the composition root imports, and the learning task beside it."""
    program = (
        "import sys, json, modules.app, modules.learning.trainer, modules.learning.checkpoint\n"
        "print(json.dumps([name for name in ('torch', 'stable_baselines3', 'gymnasium') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, check=True, timeout=100)
    assert json.loads(done.stdout) == []


def test_nothing_is_ever_unpickled() -> None:
    found = [
        f"{path.relative_to(REPO)}: {word}"
        for path in REPO.rglob("*.py")
        if not path.relative_to(REPO).parts[0].startswith(("var", ".venv"))
        for word in FORBIDDEN
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []
