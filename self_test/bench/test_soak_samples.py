"""What a look at a process finds: of this very one, of one that is gone, and of a folder."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.soak_samples import children, figures, look, own_files, rss_mb, size, threads

TEXT = """# HELP bot_inbox_depth Events waiting.
bot_inbox_depth 3.0
bot_event_loop_lag_seconds_bucket{le="0.1"} 95.0
bot_event_loop_lag_seconds_bucket{le="+Inf"} 96.0
bot_event_loop_lag_seconds_count 96.0
bot_event_loop_lag_seconds_sum 0.25
bot_supervised_tasks 20.0
bot_loop_tasks 78.0
bot_task_outages 1.0
process_cpu_seconds_total 6.06
process_open_fds 47.0
"""
GONE = 2**22 + 1
"""No process has such a number."""


class Exposition(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(TEXT.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Exposition) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_series_are_read_with_their_labels() -> None:
    found = figures(TEXT)
    assert found["bot_inbox_depth"] == 3 and found['bot_event_loop_lag_seconds_bucket{le="0.1"}'] == 95 and len(found) == 10


def test_a_look_has_every_figure(url: str, tmp_path: Path) -> None:
    for name, text in (
        ("journal/a.log", "12345"),
        ("ledger/b.log", "1234567"),
        ("rows.bin", "123"),
        ("data/c/d", "1"),
        ("venue/e", "1" * 99),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "simulator.log").write_text("not the bot's")
    one = look(os.getpid(), GONE, tmp_path, url, wall_s=5.0, venue_h=0.08333)
    assert (one.fds, one.tasks, one.supervised, one.out, one.inbox, one.wakes, one.late) == (47, 78, 20, 1, 3, 96, 1)
    assert (one.journal_b, one.ledger_b, one.data_b) == (5, 7, 4)
    assert one.rss_mb > 10 and one.simulator_rss_mb == 0 and one.threads >= 1 and (one.wall_s, one.venue_h) == (5.0, 0.0833)


def test_a_process_that_is_gone_costs_nothing() -> None:
    assert (rss_mb(GONE), threads(GONE), children(GONE)) == (0.0, 0, ())


def test_children_are_found() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in children(os.getpid())
        child.communicate(b"\n")


def test_a_file_that_vanishes_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("123")
    assert size([tmp_path / "a", tmp_path / "gone"]) == 3
    assert [one.name for one in own_files(tmp_path)] == ["a"]
