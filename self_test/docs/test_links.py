"""The pages hang together: links and anchors lead somewhere, each page names its reader, stands in the index and has the code's tables."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from self_test.conftest import REPO
from self_test.docs.pages import PAGES
from state.accounts import Domain
from state.stages import STAGES
from strategy.registry import STRATEGIES
from telemetry.kpi_table import LABELS

DOCS = REPO / "docs"
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
READER = re.compile(r"\bfor (?:whoever|an engineer)\b", re.IGNORECASE)
GENERATED = frozenset({"docs/metrics.md", "docs/learning_results.md"})
"""Tables that a command writes; the pages beside them say who reads them."""
NAMES = [page.relative_to(REPO).as_posix() for page in PAGES]


def prose(path: Path) -> str:
    """A page without its fenced blocks and code in line, in which no link is one."""
    return re.sub(r"`[^`\n]*`", "``", BLOCK.sub("", path.read_text(encoding="utf-8")))


def anchors(path: Path) -> set[str]:
    """The names of its headings, as they are made of them: small letters, digits, - and _; a repeated one is numbered."""
    found: set[str] = set()
    for heading in HEADING.findall(BLOCK.sub("", path.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = sum(one == name or re.fullmatch(rf"{re.escape(name)}-\d+", one) is not None for one in found)
        found.add(f"{name}-{number}" if number else name)
    return found


def broken(path: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    found = []
    for link in LINK.findall(prose(path)):
        if re.match(r"\w+:", link):
            continue
        file, _, anchor = link.partition("#")
        place = (path.parent / file).resolve() if file else path
        if not place.exists() or (anchor and place.suffix == ".md" and anchor not in anchors(place)):
            found.append(link)
    return found


def test_the_finders_find(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        "# A `b` page…\n## A b\n## A b\n[x](#a-b-page) [y](#a-b-1) [z](#no) [w](b.md) `[v](c.md)`\n```\n# none\n[s](d.md)\n```\n"
    )
    assert anchors(page) == {"a-b-page", "a-b", "a-b-1"}
    assert broken(page) == ["#no", "b.md"]


@pytest.mark.parametrize("name", NAMES)
def test_every_link_and_anchor_leads_somewhere(name: str) -> None:
    assert broken(REPO / name) == []


def test_every_page_stands_in_the_index() -> None:
    listed = set(LINK.findall(prose(DOCS / "README.md")))
    assert {page.name for page in DOCS.glob("*.md")} - listed == {"README.md"}


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("docs/") and name not in GENERATED])
def test_every_page_names_its_reader_in_its_first_lines(name: str) -> None:
    first = "\n".join((REPO / name).read_text(encoding="utf-8").splitlines()[:6])
    assert READER.search(first), f"{name} does not say for whom it is"


def test_every_picture_is_shown_and_every_shown_picture_is_there() -> None:
    shown = {link for page in DOCS.glob("*.md") for link in LINK.findall(prose(page)) if link.startswith("pictures/")}
    assert shown == {f"pictures/{path.name}" for path in (DOCS / "pictures").iterdir()}


def test_every_key_figure_and_every_check_is_told() -> None:
    text = (DOCS / "figures.md").read_text(encoding="utf-8")
    assert [label for label in LABELS.values() if f"| {label.strip()} |" not in text] == []
    tree = ast.parse((REPO / "telemetry" / "gate_checks.py").read_text(encoding="utf-8"))
    checks = {
        name.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"check", "Check"}
        for name in (*call.args[:1], *(word.value for word in call.keywords if word.arg == "name"))
        if isinstance(name, ast.Constant) and isinstance(name.value, str)
    }
    assert len(checks) >= 15
    assert [name for name in checks if f"`{name}`" not in text] == []


def test_the_operating_table_is_that_of_the_code() -> None:
    text = (DOCS / "rollout.md").read_text(encoding="utf-8")
    for number, row in STAGES.items():
        cells = " | ".join(str(row.cell(domain)) for domain in (Domain.CRYPTO, Domain.PERPS, Domain.FOREX, Domain.OPTIONS))
        assert f"| {number} {row.name} | {cells} |" in text


def test_every_strategy_is_told() -> None:
    text = (DOCS / "strategies.md").read_text(encoding="utf-8")
    assert [one.id for one in STRATEGIES if f"| {one.id} |" not in text] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_one(name: str) -> None:
    lines = ["", *prose(REPO / name).splitlines(), ""]
    begins = [at for at, line in enumerate(lines) if line.startswith("|") and not lines[at - 1].startswith("|")]
    assert [lines[at] for at in begins if not lines[at + 1].startswith("|--")] == []
