"""The trainer's process: real ones, small, that answer, die, hang and babble."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

from modules.learning.candles import Place
from modules.learning.child import Child, environment
from modules.learning.jobs import Train
from state.accounts import Domain
from utils.errors import Transient

JOB = Train(domain=Domain.CRYPTO, now=1, algorithm="lcb_table", number=1)
ECHO = """
import json, os, sys
place = json.loads(sys.stdin.readline())
for n, line in enumerate(sys.stdin):
    told = {"pid": os.getpid(), "n": n, "folder": place["folder"], "job": json.loads(line)["type"]}
    print(json.dumps({"result": told, "cpu_s": 0.5}), flush=True)
"""
DIES = "import sys; sys.stdin.readline(); sys.stdin.readline(); sys.exit(3)"
BABBLES = "import sys; sys.stdin.readline(); sys.stdin.readline(); print('Loading ...', flush=True); sys.stdin.read()"
HANGS = "import sys, time; sys.stdin.readline(); time.sleep(600)"


def child(program: str, folder: Path) -> Child:
    place = Place(folder=str(folder), instruments=(), config="{}")
    return Child(lambda: place, (sys.executable, "-c", program), {})


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.asyncio
async def test_one_process_answers_job_after_job_and_ends_with_us(tmp_path: Path) -> None:
    one = child(ECHO, tmp_path)
    assert one.pid == 0, "nothing is started before it is needed"
    first, second = await asyncio.gather(one.ask(JOB, 20.0), one.ask(JOB, 20.0))
    assert first.result["pid"] == second.result["pid"] == one.pid
    assert {first.result["n"], second.result["n"]} == {0, 1}
    assert (first.result["folder"], first.result["job"], first.cpu_s) == (str(tmp_path), "train", 0.5)
    pid = one.pid
    await one.close()
    assert gone(pid) and one.pid == 0
    await one.close()


@pytest.mark.asyncio
async def test_killed_between_two_jobs_the_next_one_starts_clean(tmp_path: Path) -> None:
    one = child(ECHO, tmp_path)
    before = (await one.ask(JOB, 20.0)).result["pid"]
    os.kill(before, signal.SIGKILL)
    try:
        after = await one.ask(JOB, 20.0)
    except Transient:  # it had not been noticed yet
        after = await one.ask(JOB, 20.0)
    assert after.result["pid"] != before and after.result["n"] == 0
    await one.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("program, words", [(DIES, "gone"), (BABBLES, "gone"), ("raise SystemExit(1)", "gone")])
async def test_one_that_dies_or_babbles_is_replaced(tmp_path: Path, program: str, words: str) -> None:
    one = child(program, tmp_path)
    for _ in range(2):
        with pytest.raises(Transient, match=words):
            await one.ask(JOB, 20.0)
        assert one.pid == 0


@pytest.mark.asyncio
async def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    one = child(HANGS, tmp_path)
    with pytest.raises(Transient, match="longer than"):
        await one.ask(JOB, 0.5)
    assert one.pid == 0


@pytest.mark.asyncio
async def test_cancelled_in_the_middle_nothing_is_left_behind(tmp_path: Path) -> None:
    one = child(HANGS, tmp_path)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await one.ask(JOB, 60.0)
    assert one.pid == 0


@pytest.mark.asyncio
async def test_a_program_that_is_not_there_is_transient(tmp_path: Path) -> None:
    place = Place(folder=str(tmp_path), instruments=(), config="{}")
    with pytest.raises(Transient, match="gone"):
        await Child(lambda: place, (str(tmp_path / "none"),), {}).ask(JOB, 5.0)


def test_it_is_told_no_secrets_and_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_SECRET", "made-up")
    monkeypatch.setenv("BOT_LOG", "x")
    found = environment()
    assert "BYBIT_API_SECRET" not in found and found["BOT_LOG"] == "x"
    assert found["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_one_that_died_before_it_was_written_to_is_gone_and_the_next_job_starts_another(loop: Any, tmp_path: Path) -> None:
    async def body() -> None:
        one = child(ECHO, tmp_path)
        first = (await one.ask(JOB, 20.0)).result["pid"]
        process = one._process
        assert process is not None and process.stdin is not None
        process.stdin.close()  # what a loop does when it hears of the death before the process is reaped
        with pytest.raises(Transient, match="its input is closed"):
            await one.ask(JOB, 20.0)
        assert gone(first)
        assert (await one.ask(JOB, 20.0)).result["pid"] != first
        await one.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(body())
