"""Prometheus and Alertmanager as they are installed here, run for a test on free ports of the loopback; and what PromQL is made of."""

from __future__ import annotations

import json
import queue
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from self_test.conftest import REPO
from telemetry.metric_table import TABLE, Kind

PROMETHEUS_FOLDER, ALERTMANAGER_FOLDER = REPO / "deploy" / "prometheus", REPO / "deploy" / "alertmanager"
PROMETHEUS, PROMTOOL, AMTOOL = shutil.which("prometheus"), shutil.which("promtool"), shutil.which("amtool")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool here (.ci/prometheus installs it)")
needs_amtool = pytest.mark.skipif(AMTOOL is None, reason="no amtool here (.ci/prometheus installs it)")
needs_both = pytest.mark.skipif(PROMETHEUS is None or ALERTMANAGER is None, reason="no Prometheus or Alertmanager here (.ci/prometheus)")

SELECTOR = re.compile(r"(?<![\w.:$])((?:bot|process|python)[_:][\w:]*|up|ALERTS)(\{[^}]*\})?(?![\w(:])")
GROUPED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) \(([^)]*)\)")
INTERVALS = {"$__rate_interval": "1m", "$__range": "1m", "$__interval": "1m"}
LOOK_S = 0.1


def rules() -> list[dict[str, Any]]:
    """Every rule of the file, recorded or told, in its order."""
    found = yaml.safe_load((PROMETHEUS_FOLDER / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in found["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def selectors(expr: str) -> list[tuple[str, str]]:
    """(Name, selector) of every series that an expression reads."""
    plain = GROUPED.sub("", expr)
    return [(found[1], found[0]) for found in SELECTOR.finditer(plain)]


def series_names() -> dict[str, tuple[str, ...]]:
    """Every name that can be asked for, ours and recorded, with the labels of ours."""
    known: dict[str, tuple[str, ...]] = {"up": (), "ALERTS": ("alertname", "alertstate", "severity")}
    known |= dict.fromkeys(
        ("process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"), ()
    )
    for row in TABLE:
        ends = ("_bucket", "_count", "_sum") if row.kind is Kind.HISTOGRAM else ("",)
        known |= {row.name + end: (*row.labels, "le") if end == "_bucket" else row.labels for end in ends}
    for rule in rules():
        if "record" in rule:
            known[rule["record"]] = tuple(label for found in GROUPED.findall(rule["expr"]) for label in found.split(", "))
    return known


def filled(expr: str) -> str:
    """With the intervals that Grafana would put in."""
    for name, value in INTERVALS.items():
        expr = expr.replace(name, value)
    return expr


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def get(url: str, **words: str) -> Any:
    """The JSON at `url`; AssertionError with the server's words for anything but 200."""
    address = f"{url}?{urllib.parse.urlencode(words)}" if words else url
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  loopback
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{words or url}: {error.code} {error.read().decode()}") from error


def found(prometheus: str, expr: str) -> list[Any]:
    """The series of an instant query, which must be understood."""
    answer = get(f"{prometheus}/api/v1/query", query=expr)
    assert answer["status"] == "success", answer
    series: list[Any] = answer["data"]["result"]
    return series


def firing(prometheus: str) -> set[str]:
    """Names of the alerts that fire."""
    return {one["metric"]["alertname"] for one in found(prometheus, 'ALERTS{alertstate="firing"}')}


def until(what: str, condition: Callable[[], Any], limit_s: float = 20.0) -> Any:
    """Look until `condition` is true; what it gave then."""
    end, pause = time.monotonic() + limit_s, threading.Event()
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {limit_s:.0f} s"
        pause.wait(LOOK_S)
    return found


@contextmanager
def process(words: list[str], output: Path, url: str) -> Iterator[None]:
    """A server while the block runs, from when it says that it is ready."""
    with output.open("wb") as file:
        one = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT)
    try:

        def ready() -> bool:
            assert one.poll() is None, output.read_text()
            try:
                with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:  # noqa: S310  loopback
                    return bool(answer.status == 200)
            except OSError:
                return False

        until(f"{words[0]} is ready", ready)
        yield
    finally:
        one.kill()
        one.wait()


class Post:
    """What was posted to the receiver, by the path it came to, newest last."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.came: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.seen: list[tuple[str, Any]] = []
        self.begin = 0

    def forget(self) -> None:
        """`until` looks at nothing that was posted before now."""
        while not self.came.empty():
            self.seen.append(self.came.get_nowait())
        self.begin = len(self.seen)

    def until(self, what: str, found: Callable[[str, Any], bool], limit_s: float = 20.0) -> Any:
        """The first one that `found` takes, of those that came since `forget`, or come."""
        end, at = time.monotonic() + limit_s, self.begin
        while True:
            for path, body in self.seen[at:]:
                if found(path, body):
                    return body
            at = len(self.seen)
            try:
                self.seen.append(self.came.get(timeout=max(0.0, end - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"{what}: not within {limit_s:.0f} s, only {self.seen}") from None


@contextmanager
def receiver(metrics: bytes = b"") -> Iterator[Post]:
    """A web hook and a Bot API in one: takes whatever is posted, and answers as Telegram does; `metrics` is what a scrape finds."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.say(metrics, "text/plain; version=0.0.4")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.say(b'{"ok": true, "result": {"message_id": 1, "date": 0, "chat": {"id": 77, "type": "private"}}}', "application/json")
            post.came.put((self.path, json.loads(body)))

        def say(self, answer: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    post = Post(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK_S})
    thread.start()
    try:
        yield post
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def watching(folder: Path, bot_url: str, post: Post) -> Iterator[str]:
    """Our Prometheus and Alertmanager on a running bot, every file as it is deployed but for addresses and patience; Prometheus' URL."""
    assert PROMETHEUS is not None and ALERTMANAGER is not None
    port, other = free_port(), free_port()
    own, alertmanager = f"127.0.0.1:{port}", f"127.0.0.1:{other}"
    config = (PROMETHEUS_FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    for was, now in (
        ("10s", "2s"),
        ("127.0.0.1:9093", alertmanager),
        ("127.0.0.1:9108", bot_url.removeprefix("http://")),
        ("127.0.0.1:9090", own),
    ):
        assert was in config
        config = config.replace(was, now)
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    patient = (PROMETHEUS_FOLDER / "rules.yml").read_text(encoding="utf-8")
    (folder / "rules.yml").write_text(re.sub(r"\bfor: \w+$", "for: 0s", patient, flags=re.MULTILINE), encoding="utf-8")
    told = (ALERTMANAGER_FOLDER / "alertmanager.yml").read_text(encoding="utf-8")
    told = re.sub(r"group_interval: \w+$", "group_interval: 1s", told, flags=re.MULTILINE)
    told = re.sub(r"group_wait: \w+$", "group_wait: 0s", told, flags=re.MULTILINE)
    hook = f"    webhook_configs:\n      - url: {post.url}/hook\n    telegram_configs:\n"
    assert "    telegram_configs:\n" in told
    (folder / "told.yml").write_text(told.replace("    telegram_configs:\n", hook), encoding="utf-8")
    for name, value in (("bot_token", "123456:made-up"), ("chat_id", "77, 78"), ("api_base", post.url)):
        (folder / f"telegram_{name}").write_text(value + "\n", encoding="utf-8")
    (folder / "deadman_url").write_text(f"{post.url}/missing?who=us", encoding="utf-8")
    start = ["/usr/bin/env", f"CREDENTIALS_DIRECTORY={folder}", str(ALERTMANAGER_FOLDER / "start"), str(folder / "told.yml"), str(folder)]
    start += [ALERTMANAGER, f"--storage.path={folder / 'am'}", f"--web.listen-address={alertmanager}", "--cluster.listen-address="]
    words = [
        PROMETHEUS,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={own}",
        "--rules.alert.resend-delay=1s",  # what fires before it knows its Alertmanager would else be said again after a minute
    ]
    with ExitStack() as stack:
        stack.enter_context(process(start, folder / "alertmanager.out", f"http://{alertmanager}"))
        stack.enter_context(process(words, folder / "prometheus.out", f"http://{own}"))
        yield f"http://{own}"
