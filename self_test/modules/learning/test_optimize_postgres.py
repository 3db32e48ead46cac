"""The study in a real PostgreSQL: a cluster of its own in a temporary folder, on a free loopback port, as an unprivileged user.

Needs Debian's package `postgresql` (`apt-get update && apt-get install -y --no-install-recommends postgresql`); skipped with the
reason where its programs are not found or nobody but root is there to run them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.learning.optimize import prepare, search
from modules.learning.study import finished, open_storage, open_study, opened
from modules.learning.trials import Ledger
from modules.learning.worker_pool import SCORE, Pool
from self_test.fakes.searches import SEARCHED, request
from utils.errors import ExitCode, Refusal

HOMES = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/bin"), Path("/usr/bin"))


def programs() -> Path:
    found = next((home for home in HOMES if (home / "initdb").exists() and (home / "pg_ctl").exists()), None)
    if found is None:
        pytest.skip("PostgreSQL is not installed (apt-get install -y --no-install-recommends postgresql)")
    return found


def unprivileged() -> dict[str, int]:
    """PostgreSQL refuses to run as root: whose process it shall be then."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid}
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    home, who = programs(), unprivileged()
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    if who:
        os.chown(place, who["user"], who["group"])
    data = place / "data"

    def run(*words: str) -> None:
        with (place / "said.txt").open("ab") as log:
            done = subprocess.run(words, cwd=place, stdout=log, stderr=log, check=False, timeout=120, **who)  # type: ignore[call-overload]
        if done.returncode:
            pytest.fail(f"{words[0]}: {(place / 'said.txt').read_text()}")

    run(str(home / "initdb"), "-D", str(data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place} -c fsync=off"
    run(str(home / "pg_ctl"), "-D", str(data), "-w", "-l", str(place / "log.txt"), "-o", options, "start")
    try:
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        run(str(home / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(place)


def test_workers_of_several_machines_share_one_study_and_lose_no_trial(server: str, candles: Path, tmp_path: Path) -> None:
    """Two searches as two machines would make them: own ledgers, one database."""
    ready = prepare(request(candles, tmp_path / "a", trials=24, storage=server), SEARCHED)
    pool = Pool(ready.task, 2)
    while pool.wait(60):
        pass
    assert pool.problem() is None
    with opened(server) as storage:
        done = finished(open_study(storage, ready.task.study, ready.task.draw, ready.task.identity))
    assert [one.number for one in done] == list(range(len(done))) and 24 <= len(done) <= 25
    assert all(one.user_attrs[SCORE]["trades"] > 0 for one in done)
    other = prepare(request(candles, tmp_path / "b", trials=28, storage=server), SEARCHED)
    found = search(other, lambda: 1_700_000_000_000, lambda _done, _total: None)
    assert sum(one.kind == "search" for one in Ledger(tmp_path / "b").lines()) == 28
    assert found.verdict.trials >= 28
    named = prepare(request(candles, tmp_path / "c", trials=28, storage=server, seed=5, study=ready.task.study), SEARCHED)
    with pytest.raises(Refusal, match="another sampler"):
        search(named, lambda: 0, lambda _done, _total: None)


def test_a_database_that_is_not_there_is_said(server: str) -> None:
    with pytest.raises(Refusal, match='database "nothing" does not exist') as refusal:
        open_storage(server.replace("/postgres", "/nothing"))
    assert refusal.value.code is ExitCode.UNREACHABLE
