"""README, Modules.md and docs say what the code says: every command parses, every path and name exists, every file and number is told."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest
from pydantic import BaseModel

from config import CONFIG
from modules import cli, cli_run
from modules.overrides import apply_overrides
from modules.settings import Capital, Costs, DomainSettings, Learning, Paper, Risk
from modules.telegram.settings import TelegramConfig
from risk.rules import Rule
from self_test.conftest import REPO
from self_test.test_layout import committed_files
from strategy.registry import STRATEGIES
from telemetry.demotion import CanaryConfig, DemotionConfig
from telemetry.gate_config import GateConfig, StyleTargets
from utils.errors import ExitCode, Refusal

PAGES = [REPO / "README.md", REPO / "Modules.md", *sorted((REPO / "docs").glob("*.md"))]
NAMES = [page.relative_to(REPO).as_posix() for page in PAGES]
COMMAND = "python main.py"
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
IN_LINE = re.compile(r"`((?:\.venv/bin/)?python main\.py [^`]+)`")
MADE = re.compile(r'make run ARGS="([^"]*)"')
PATH = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|txt|toml)|(?:[\w.-]+/)+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
FILE_AND_NAME = re.compile(r"`((?:\w+/)+\w+\.py)`\s+`([\w.]+)(?:\(|`)")
OURS = frozenset(path.name for path in REPO.iterdir() if path.name not in {"var", ".venv"})


def commands(text: str) -> list[list[str]]:
    """The arguments of every command line of the program in `text`, without environment and shell words around it."""
    lines = [line.removeprefix("$ ") for block in FENCE.findall(text) for line in block.splitlines()]
    lines += [
        " ".join(found.split()).removeprefix(".venv/bin/") for found in IN_LINE.findall(text) if "…" not in found and "..." not in found
    ]
    after = (re.match(rf"(?:\w+=\S+ )*{COMMAND}(?P<rest>( .*)?)$", line) for line in lines)
    return [shlex.split(found["rest"].split("&&")[0], comments=True) for found in after if found] + [
        shlex.split(args) for args in MADE.findall(text)
    ]


def parse(arguments: list[str]) -> argparse.Namespace:
    """As the roof would; SystemExit or Refusal when it would not."""
    if arguments and not arguments[0].startswith("-"):
        return cli._parser(arguments[0]).parse_args(arguments)
    return cli_run.parser().parse_args(arguments)


def test_the_finders_find() -> None:
    text = '```\nX=1 python main.py --stage 1 && echo\n$ python main.py status\n```\n`python main.py version`, `make run ARGS="--seed 2"`'
    assert commands(text) == [["--stage", "1"], ["status"], ["version"], ["--seed", "2"]]
    assert PATH.findall("`a/b.py` `a/` `x.py` `a.b` `python`") == ["a/b.py", "a/", "x.py"]
    assert FILE_AND_NAME.findall("`a/b.py`\n  `C.f()` and `a/c.py` `g`") == [("a/b.py", "C.f"), ("a/c.py", "g")]
    with pytest.raises((SystemExit, Refusal)):
        parse(["status", "--nonsense"])


@pytest.mark.parametrize("name", NAMES)
def test_every_command_parses(name: str) -> None:
    found = commands((REPO / name).read_text(encoding="utf-8"))
    for arguments in found:
        try:
            parse(arguments)
        except (SystemExit, Refusal) as stop:
            if isinstance(stop, SystemExit) and stop.code == 0:  # it asked for help
                continue
            pytest.fail(f"{name}: {COMMAND} {' '.join(arguments)} is not understood: {stop}")
    if name == "README.md":
        assert len(found) > 20


def test_the_example_of_configuration_is_accepted() -> None:
    text = (REPO / "README.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("BOT_"))
    words = shlex.split(line)
    environ = dict(word.split("=", 1) for word in words[: words.index("python")])
    asked = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert apply_overrides(CONFIG, environ, asked) != CONFIG


@pytest.mark.parametrize("name", NAMES)
def test_every_path_exists(name: str) -> None:
    text = (REPO / name).read_text(encoding="utf-8")
    told = [found for found in PATH.findall(text) if found.split("/")[0] in OURS]
    missing = [found for found in told if not (REPO / found).exists()]
    missing += [link for link in LINK.findall(text) if not ((REPO / name).parent / link).exists()]
    assert missing == [], f"{name} names what is not there"


@pytest.mark.parametrize("name", NAMES)
def test_every_function_named_beside_its_file_is_there(name: str) -> None:
    for file, words in FILE_AND_NAME.findall((REPO / name).read_text(encoding="utf-8")):
        source = (REPO / file).read_text(encoding="utf-8")
        for word in words.split("."):
            assert re.search(rf"^\s*(?:(?:async )?def|class) {word}\b|^\s*{word}\b.*=", source, re.MULTILINE), (
                f"{name}: {file} has no {word}"
            )


def test_every_file_of_modules_is_told() -> None:
    text = (REPO / "Modules.md").read_text(encoding="utf-8")
    if not (REPO / ".git").exists():
        pytest.skip("not a git checkout")
    names = [path.relative_to(REPO).as_posix() for path in committed_files() if path.name != "__init__.py"]
    files = [name for name in names if name.startswith("modules/") and name.endswith(".py")]
    assert len(files) > 50
    assert [file for file in sorted(files) if f"| `{file}` |" not in text] == []


def test_every_number_is_told() -> None:
    text = (REPO / "docs" / "numbers.md").read_text(encoding="utf-8")
    groups: dict[str, type[BaseModel]] = {"risk": Risk, "paper": Paper, "costs": Costs, "capital": Capital, "learning": Learning}
    groups["telegram"] = TelegramConfig
    known = {f"{group}.{name}" for group, model in groups.items() for name in model.model_fields}
    assert {name for name in known if f"`{name}`" not in text} == set()
    assert set(re.findall(r"`((?:risk|paper|costs|capital|learning|telegram)\.\w+)`", text)) <= known
    assert {name for name in DomainSettings.model_fields if name not in text} == set()
    assert {rule.label for rule in Rule if rule is not Rule.OK and f"`{rule.label}`" not in text} == set()
    assert {one.id for one in STRATEGIES if f"| {one.id}" not in text} == set()


def test_every_number_of_the_rollout_is_told() -> None:
    text = (REPO / "docs" / "rollout.md").read_text(encoding="utf-8")
    groups: dict[str, type[BaseModel]] = {"gates": GateConfig, "canary": CanaryConfig, "demotion": DemotionConfig}
    known = {f"{group}.{name}" for group, model in groups.items() for name in model.model_fields}
    assert {name for name in known if f"`{name}`" not in text} == set()
    assert set(re.findall(r"`((?:gates|canary|demotion)\.\w+)`", text)) <= known
    assert {name for name in StyleTargets.model_fields if f"`{name}`" not in text} == set()


def test_every_exit_code_is_told() -> None:
    text = (REPO / "README.md").read_text(encoding="utf-8")
    assert [code for code in ExitCode if f"| {int(code)} |" not in text] == []
