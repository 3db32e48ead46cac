"""The units of deploy/systemd: understood by systemd without a word, hardened, and true to what the program is."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config import CONFIG
from modules import cli, cli_run
from modules.environment import SECRETS
from modules.overrides import apply_overrides
from utils.errors import ExitCode

REPO = Path(__file__).resolve().parents[2]
FLOORS = ("utils", "state", "risk", "strategy", "marketdata", "dataio", "telemetry", "forex", "modules")
UNITS = REPO / "deploy" / "systemd"
BOT = UNITS / "trading-bot.service"
sysusers = pytest.mark.skipif(
    not (shutil.which("systemd-sysusers") and shutil.which("systemd-tmpfiles")), reason="no systemd-sysusers here"
)
analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")


def lines(unit: Path) -> list[tuple[str, str]]:
    """Every `Key=value` of a unit, in order."""
    found = [line.split("=", 1) for line in unit.read_text().splitlines() if line and line[0] not in "#[;"]
    return [(key, value) for key, value in found]


def values(unit: Path, key: str) -> list[str]:
    return [value for name, value in lines(unit) if name == key]


def here(folder: Path, change: str = "") -> list[str]:
    """The units as they would stand on a machine where the program lies here."""
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
        text = unit.read_text().replace("/opt/trading-bot/.venv/bin/python", sys.executable).replace("/opt/trading-bot", str(REPO))
        (folder / unit.name).write_text(text + change)
    return [str(path) for path in sorted(folder.iterdir())]


def verified(units: list[str]) -> tuple[int, str]:
    words = ["systemd-analyze", "verify", "--man=no", *units]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@analyze
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    assert verified(here(tmp_path)) == (0, "")
    _, said = verified(here(tmp_path, "\n[Service]\nProtectSytem=strict\n"))
    assert "ProtectSytem" in said, "and it does look"


@analyze
@pytest.mark.parametrize("name, limit", [("trading-bot.service", 15), ("trading-bot-backup.service", 10)])
def test_little_is_left_open(tmp_path: Path, name: str, limit: int) -> None:
    here(tmp_path)
    words = ["systemd-analyze", "security", "--offline=yes", f"--threshold={limit}", "--no-pager", str(tmp_path / name)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_the_bot_starts_as_the_documents_say() -> None:
    (start,) = values(BOT, "ExecStart")
    assert "--stage" not in start and "--state-dir /var/lib/trading-bot" in start
    assert values(BOT, "Type") == ["notify"] and values(BOT, "WatchdogSec") and values(BOT, "StateDirectory") == ["trading-bot"]
    final = [ExitCode.USAGE, ExitCode.GATE_REFUSED, ExitCode.NO_STATE_CHAIN, ExitCode.ALREADY_RUNNING, ExitCode.CREDENTIALS]
    assert values(BOT, "RestartPreventExitStatus") == [" ".join(str(int(code)) for code in final)]
    assert values(BOT, "Restart") == ["on-failure"], "a venue that is away, or a bug, starts it again"


def test_the_samples_words_are_understood() -> None:
    sample = dict(lines(UNITS / "environment.sample"))
    (start,) = values(BOT, "ExecStart")
    words = shlex.split(start.split("main.py", 1)[1].replace("$TRADING_BOT_ARGS", sample["TRADING_BOT_ARGS"]))
    args = cli_run.parser().parse_args(words)
    assert (args.stage, args.env, str(args.state_dir)) == (None, "simulated", "/var/lib/trading-bot")
    (backup,) = values(UNITS / "trading-bot-backup.service", "ExecStart")
    args = cli._parser("backup").parse_args(shlex.split(backup.split("main.py", 1)[1]))
    assert str(args.state_dir) == "/var/lib/trading-bot"


@pytest.mark.parametrize("name", ["trading-bot.service", "trading-bot-backup.service"])
def test_what_is_written_may_be_written_and_nothing_else(name: str) -> None:
    unit = UNITS / name
    (start,) = values(unit, "ExecStart")
    for path in re.findall(r"/var/\S+", start + " ".join(values(unit, "Environment"))):
        kept = [f"/var/lib/{one}" for one in values(unit, "StateDirectory")] + [
            f"/var/cache/{one}" for one in values(unit, "CacheDirectory")
        ]
        assert any(path.startswith(one) for one in (*kept, *values(unit, "ReadWritePaths"))), path
    assert values(unit, "ProtectSystem") == ["strict"] and values(unit, "UMask") == ["0077"] and values(unit, "User") == ["trading-bot"]
    assert set(values(unit, "StateDirectoryMode") + values(unit, "CacheDirectoryMode")) == {"0700"}


OF_THE_MANAGER = {"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}
NAME = re.compile(r"(?<![A-Z_])(?:BYBIT|OANDA|IBKR|TELEGRAM|PANEL|BOT)_[A-Z_]+")


def variables() -> set[str]:
    """Every variable of the environment that the program names, but for what the service manager sets."""
    found: set[str] = set()
    for path in (*(path for floor in FLOORS for path in (REPO / floor).rglob("*.py")), REPO / "main.py", REPO / "config.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                found.add(node.value)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("environ.get") and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found - OF_THE_MANAGER - {"BOT_"}


def test_the_sample_names_every_variable_that_is_read_and_no_other() -> None:
    read = variables()
    assert {"IBKR_PORT", "OANDA_ENV", "TELEGRAM_USER_IDS", "BYBIT_API_KEY", "BOT_CACHE_DIR"} <= read, "they are found"
    text = (UNITS / "environment.sample").read_text(encoding="utf-8")
    told = set(NAME.findall(text)) - {"BOT_SECTION__KEY"}
    settings = {name for name in told if name.startswith("BOT_") and "__" in name}
    assert told - settings == read
    environ = dict(line.lstrip("#").split("=", 1) for line in text.splitlines() if re.match(r"#?BOT_\w+__", line))
    assert environ.keys() == settings and apply_overrides(CONFIG, environ, ()) != CONFIG, "and each setting is one"
    optional = {name for name in read if not name.startswith("BOT_")} - {*SECRETS, "TELEGRAM_CHAT_ID", "TELEGRAM_USER_IDS"}
    compose = yaml.safe_load((REPO / "deploy" / "docker" / "compose.yaml").read_text(encoding="utf-8"))
    assert optional <= compose["services"]["bot"]["environment"].keys()


def test_every_secret_comes_as_a_file_and_none_as_a_variable() -> None:
    names = sorted(name.lower() for name in (*SECRETS, "TELEGRAM_CHAT_ID", "TELEGRAM_USER_IDS"))
    assert sorted(values(BOT, "LoadCredential")) == [f"{name}:trading-bot.{name}" for name in names]
    text = "\n".join(path.read_text() for path in UNITS.iterdir())
    assert not re.search("|".join(rf"{name}\s*=" for name in SECRETS), text)


def test_journald_and_logrotate_bound_what_is_said() -> None:
    assert values(BOT, "LogNamespace") == ["trading-bot"]
    limits = dict(lines(UNITS / "journald@trading-bot.conf"))
    assert {"SystemMaxUse", "MaxRetentionSec"} <= limits.keys()
    assert "rotate 8" in (UNITS / "trading-bot.logrotate").read_text()


@sysusers
def test_the_user_and_the_folder_of_backups_are_made_as_they_should(tmp_path: Path) -> None:
    def ended(*words: str) -> tuple[int, str]:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def user(file: Path) -> tuple[int, str]:
        return ended("systemd-sysusers", "--dry-run", f"--root={tmp_path}", str(file))

    code, said = user(UNITS / "trading-bot.sysusers")
    assert code == 0 and f"Creating user '{values(BOT, 'User')[0]}'" in said
    wrong = tmp_path / "wrong.conf"
    wrong.write_text("person trading-bot\n")
    assert user(wrong)[0] != 0, "and it does look"

    text, owner = (UNITS / "trading-bot.tmpfiles").read_text(), "trading-bot trading-bot"
    assert owner in text
    ours = tmp_path / "ours.conf"
    ours.write_text(text.replace(owner, f"{os.getuid()} {os.getgid()}"))
    assert ended("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(ours)) == (0, "")
    (folder,) = values(UNITS / "trading-bot-backup.service", "ReadWritePaths")
    assert (tmp_path / folder.removeprefix("-").lstrip("/")).stat().st_mode & 0o777 == 0o700


STAND_IN = """#!{python}
import os, subprocess, sys
words = sys.argv[1:]
at = words.index("--")
open("{told}", "w").write("\\n".join(words[:at]))
given = dict(words[i + 1].split("=", 1) for i in range(at) if words[i] == "-E")
folder = next(word.split("=", 1)[1] for word in words[:at] if word.startswith("--working-directory="))
sys.exit(subprocess.run(words[at + 1 :], env=given, cwd=folder).returncode)
"""


def test_the_operators_shell_is_given_what_the_unit_is_given(tmp_path: Path) -> None:
    stand_in, told, script = tmp_path / "systemd-run", tmp_path / "told", tmp_path / "operator"
    stand_in.write_text(STAND_IN.format(python=sys.executable, told=told))
    stand_in.chmod(0o755)
    text = (UNITS / "operator").read_text().replace("/opt/trading-bot", str(REPO)).replace("/var/", f"{tmp_path}/var/")
    script.write_text(text.replace(f"{REPO}/.venv/bin", str(Path(sys.executable).parent)))
    path = f"{tmp_path}:{os.environ['PATH']}"
    words = ["sh", str(script), "python", "main.py", "status"]
    done = subprocess.run(words, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == ExitCode.USAGE and f"no state in {tmp_path}/var/lib/trading-bot" in done.stderr, done.stderr
    given = told.read_text().splitlines()
    assert [one.removeprefix("LoadCredential=") for one in given if one.startswith("LoadCredential=")] == values(BOT, "LoadCredential")
    assert [f"EnvironmentFile={one}" for one in values(BOT, "EnvironmentFile")] == [
        one for one in given if one.startswith("EnvironmentFile")
    ]
    assert {"--uid=trading-bot", "UMask=0077"} <= set(given) and values(BOT, "User") == ["trading-bot"]
    assert all(" " not in one for key in ("LoadCredential", "EnvironmentFile") for one in values(BOT, key)), "words of the shell"
    assert os.access(UNITS / "operator", os.X_OK)


def test_state_and_cache_lie_where_the_unit_has_them() -> None:
    (start,) = values(BOT, "ExecStart")
    (place,) = re.findall(r"--state-dir (\S+)", start)
    cache = re.findall(r"BOT_CACHE_DIR=(\S+)", " ".join(values(BOT, "Environment")))
    for file in (UNITS / "operator", REPO / "deploy" / "docker" / "Dockerfile"):
        text = file.read_text()
        assert re.findall(r"BOT_STATE_DIR=(\S+)", text) == [place] and re.findall(r"BOT_CACHE_DIR=(\S+)", text) == cache


def test_every_page_reads_the_journal_that_the_unit_writes() -> None:
    pages = {path: path.read_text() for path in (REPO / "docs").glob("*.md")}
    found = [(path.name, line) for path, text in pages.items() for line in re.findall(r"journalctl [^`\n]*-u trading-bot[^`\n]*", text)]
    assert len(found) > 2
    assert [one for one in found if f"--namespace={values(BOT, 'LogNamespace')[0]}" not in one[1]] == []
