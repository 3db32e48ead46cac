"""Every command of every page is typed into a clone and does what it says, or carries its reason; each once for all pages."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from self_test.conftest import REPO
from self_test.docs.clone import BASH, BOT, SERVER, Clone, Failed, clone
from self_test.docs.pages import Command, every_command
from self_test.test_docs import parse
from utils.errors import Refusal

pytestmark = pytest.mark.timeout(600)
DATA = "../shared/data"
WHOLE = ("docs/quickstart.md",)
"""Pages that are a path: all their commands in their order, in one clone."""
ANOTHER_TERMINAL = "python main.py --stage 2 --override-gates --strategies demo --speed 600"
"""The bot beside which everything is typed that asks for a running one."""
SLOW = 10.0
"""The speed of its venue once it has traded."""
SHORTER = (
    ("--from 2025-01-01 --to 2025-07-01", "--from 2025-02-18 --to 2025-02-21", "half a year event by event takes minutes"),
    ("--from 2025-02-15 --to 2026-01-01", "--from 2025-02-15 --to 2025-02-18", "as above"),
    ("--from 2025-04-24 --to 2026-01-01", "--from 2025-12-20 --to 2026-01-01", "as above"),
    ("--kind spot --symbols BTCUSDT", "--kind spot --symbols SOLUSDT", "eight years of minutes take half a minute to write"),
    ("warmup_days=60", "warmup_days=2", "seconds of candles"),
    ("--date 2025-03-12", "--date 2025-03-04", "the bot beside it has lived for hours"),
    ("--trials 50", "--trials 2", "a search of fifty takes minutes"),
)
"""What is typed instead, and why. `--duration` is left out everywhere: such a run is ended with Ctrl-C (`clone.py`)."""
ELSEWHERE = (
    (r"python main\.py chaos ", "self_test/e2e/test_chaos.py", "a minute of kills"),
    (r"python -m bench\.(\w+)", r"self_test/bench/test_\1.py", "what is measured takes minutes to hours"),
    (r"python -m deploy\.(secret_scan|supply)\b", r"self_test/deploy/test_\1.py", "every file that is committed, every package"),
    (r"python -m bench\b(?!\.)", "self_test/bench/test_audit.py", "as above"),
)
"""What is too long to be typed here, the test that runs the same code, and why. That it is there and knows every option is seen here."""
TOOLS = ("pytest", "ruff", "lint-imports", "mypy", "bandit")
"""What targets of `make` call that call this test, or look at every file: it is there, and no more is asked. So are the scripts of .ci."""
EXPECTED = {
    "python main.py --stage 1 --set risk.base=0 --set risk.max_drawdown=2": 2,
    "python main.py promote CRYPTO/swing": 2,  # nothing is offered before weeks of trades
}
"""Commands that are refused, as their pages say, and their exit codes."""
FLAT = "python main.py reset "
"""What its pages want done when the account holds nothing."""
FILES = {"my.csv": "ts,open,high,low,close,volume\n1735689600000,100,101,99,100.5,10\n1735689900000,100.5,102,100,101,12\n"}
"""What a reader brings."""


def resolved(command: Command) -> list[Command]:
    """What is run of a command: itself, or the programs that its `make` target calls."""
    if not command.text.startswith("make "):
        return [command]
    told = subprocess.run([BASH, "-c", f"{command.text} -n"], cwd=REPO, capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"{command.place}: {command.text}: {told.stderr}"
    lines = [line.removeprefix("exec ").removeprefix(".venv/bin/").strip() for line in told.stdout.replace("\\\n", "").splitlines()]
    called = [line for line in lines if re.match(r"(?:python (?!-m pip|-c)|ruff|lint-imports|mypy|bandit|\.ci/)", line)]
    return [Command(command.page, command.block, command.line, line) for line in called]


def unique() -> list[Command]:
    """Every command that is run, once; the length of a run does not make it another."""
    runs = [one for command in every_command() if command.reason is None for one in resolved(command)]
    found = {f"{one.place} {one.text}": one for one in runs if one.page in WHOLE}
    there = {same(one.text) for one in found.values()}
    for one in runs:
        if one.page not in WHOLE and same(one.text) not in there:
            found.setdefault(same(one.text), one)
    return list(found.values())


def same(text: str) -> str:
    """What two commands have in common that are one: not how long they run, nor the order of two options."""
    return re.sub(r" --duration \S+", "", " ".join(text.split())).replace("--seed 7 --speed 60", "--speed 60 --seed 7")


def chains(commands: Iterable[Command]) -> dict[str, list[Command]]:
    """Commands that need each other, by a name for what they have in common; in their order."""
    commands = list(commands)
    opened = {place[1] for one in commands if BOT.search(one.text) and (place := re.search(r"--state-dir (\S+)", one.text))}
    found: dict[str, list[Command]] = {}
    for one in commands:
        named = re.search(r"--state-dir (\S+)", one.text)
        if long(one) or one.text.split()[0] in TOOLS or re.match(r"\.ci/|python -m pytest", one.text):
            name = "long"
        elif one.page in WHOLE:
            name = one.page
        elif SERVER.search(one.text) or one.text.startswith("curl "):
            name = "simulator"
        elif named and named[1] in opened:
            name = named[1]
        elif BOT.search(one.text):
            name = one.text.removeprefix("python main.py ")
        elif DATA in one.text or re.match(r"cmp |python main\.py data ", one.text):
            name = f"{one.page} {one.block}"
        else:
            name = "var"
        found.setdefault(name, []).append(one)
    return found


def long(command: Command) -> tuple[str, str, str] | None:
    """The row of `ELSEWHERE`, if there is one."""
    return next((row for row in ELSEWHERE if re.search(row[0], command.text)), None)


def shorter(text: str) -> str:
    """With the replacements."""
    for was, now, _ in SHORTER:
        text = text.replace(was, now)
    return text


def typed(place: Clone, command: Command) -> str:
    """What it said; fails with page and line."""
    try:
        return place.type(shorter(command.text), command.before, EXPECTED.get(command.text, 0))
    except Failed as failed:
        pytest.fail(f"{command.place}: {failed}")


CHAINS = chains(unique())
FREE = sorted(name for name, chain in CHAINS.items() if name not in {"long", "var"} and not any(DATA in one.text for one in chain))
ON_DATA = sorted(name for name, chain in CHAINS.items() if any(DATA in one.text for one in chain))


@pytest.mark.parametrize("name", FREE, ids=str)
def test_what_is_typed_is_done(name: str, tmp_path: Path) -> None:
    with clone(tmp_path) as place:
        for command in CHAINS[name]:
            typed(place, command)


@pytest.mark.parametrize("name", ON_DATA, ids=str)
def test_what_is_typed_over_market_data_is_done(name: str, tmp_path: Path, market_data: Path) -> None:
    with clone(tmp_path, market_data) as place:
        for file, text in FILES.items():
            (place.folder / file).write_text(text)
        for command in CHAINS[name]:
            typed(place, command)


def test_what_is_typed_beside_a_running_bot_is_done(tmp_path: Path) -> None:
    with clone(tmp_path) as place:
        place.type(ANOTHER_TERMINAL)
        place.started[0].until("trading", lambda: place.closed() >= 3)
        place.slow(SLOW)
        for command in CHAINS["var"]:
            if command.text.startswith(FLAT):
                place.type("python main.py flatten --yes")
                place.started[0].until("flat", lambda: not any(json.loads(place.type("python main.py positions --json")).values()))
            typed(place, command)


@pytest.mark.parametrize("command", CHAINS["long"], ids=lambda command: command.text)
def test_what_is_long_is_there_and_has_its_options(command: Command, tmp_path: Path) -> None:
    row = long(command)
    if command.text.startswith(".ci/"):
        assert os.access(REPO / command.text.split()[0], os.X_OK)
        return
    if row is None:
        program = re.sub(r"^python -m ", "", command.text).split()[0]
        assert program in TOOLS
        assert shutil.which(program, path=str(Path(REPO / ".venv" / "bin"))) or shutil.which(program)
        return
    pattern, test, _ = row
    assert (REPO / re.sub(f"{pattern}.*", test, command.text)).exists()
    with clone(tmp_path) as place:
        told = place.type(" ".join(command.text.split()[:3]) + " --help")
    options = re.findall(r"--[a-z-]+", command.text)
    assert [option for option in options if not re.search(rf"{option}\b", told)] == []


def test_what_is_not_run_is_understood_and_its_files_are_validated() -> None:
    told = [command for command in every_command() if command.reason is not None]
    asked = [(one, found[1]) for one in told if (found := re.search(r"main\.py ([^|;&]*)$", one.text)) and "..." not in one.text]
    assert len(asked) > 8
    for one, words in asked:
        try:
            parse(shlex.split(words))
        except (SystemExit, Refusal) as stop:
            pytest.fail(f"{one.place}: {words} is not understood: {stop}")
    files = {name for one in told for name in re.findall(r"[\w@.*-]+\.(?:service|timer|sysusers|tmpfiles|conf|sample|yaml)\b", one.text)}
    files -= {"trading-bot.conf"}  # what a file is called where it is installed
    tests = "".join(path.read_text(encoding="utf-8") for path in (REPO / "self_test" / "deploy").glob("test_*.py"))
    assert len(files) > 6
    for name in files:
        assert list((REPO / "deploy").rglob(name)), f"deploy has no {name}"
        assert name in tests or f"*{Path(name).suffix}" in tests, f"no test in self_test/deploy looks at {name}"


def test_every_replacement_and_exception_is_of_use() -> None:
    texts = [command.text for command in unique()]
    assert [was for was, _, _ in SHORTER if not any(was in text for text in texts)] == []
    assert [text for text in EXPECTED if text not in texts] == []
    assert [row[0] for row in ELSEWHERE if not any(re.search(row[0], text) for text in texts)] == []
    assert [file for file in FILES if not any(file in text for text in texts)] == []
