"""What the pages tell a reader to type: every command line of every fenced block, or the reason why no test runs it.

A block is one of commands when it is marked `sh`, `bash` or `console`, or has no mark and begins with a program that a reader starts.
In `console` and `text` blocks, and wherever output stands below, a command is a line after `$ `. What no test can run carries its reason in
the line right above the block: `<!-- not run here: needs root -->`.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from self_test.conftest import REPO

PAGES = [REPO / "README.md", REPO / "Modules.md", *sorted((REPO / "docs").glob("*.md"))]
REASON = re.compile(r"^\s*<!-- not run here: (.*?) -->$")
NEARLY = re.compile(r"<!--.*not[ _-]?run", re.IGNORECASE)
FENCE = re.compile(r"^(?P<indent>\s*)(?P<marks>```+|~~~+)\s*(?P<mark>\w*)\s*$")
SHELL, SESSION = frozenset({"sh", "bash", "shell"}), frozenset({"console", "text", ""})
PROGRAMS = re.compile(
    r"^(?:\$ )?(?:\w+=\S* )*(?:python\S*|make|\.venv\S*|\.ci/\S+|curl|pip|git|docker|sudo|systemctl|journalctl|eval|export|source|cd|cp|"
    r"mkdir|cmp|npm|pytest|promtool|amtool|apt\S*)(?: |$)"
)
"""How the first line of a block without a mark begins, when it is one of commands."""
KEPT = ("export ", "cd ", "source ", ". ")
"""What changes the shell for the lines below it in its block, and is no command of its own."""


class Command(msgspec.Struct, frozen=True):
    """One command of a page, in the block that begins at line `block`.

    `before`: the lines above it in its block that it needs. `reason`: why it is not run, None when it is.
    """

    page: str
    block: int
    line: int
    text: str
    reason: str | None = None
    before: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.page}:{self.line}"


class Page(msgspec.Struct, frozen=True):
    """The commands of a page, and what is wrong with its comments."""

    commands: tuple[Command, ...]
    faults: tuple[str, ...]


def read(path: Path) -> Page:
    """The commands of a file of the repository."""
    return parse(path.read_text(encoding="utf-8"), path.relative_to(REPO).as_posix())


def every_command() -> list[Command]:
    """Of every page, in the order a reader meets them."""
    return [command for path in PAGES for command in read(path).commands]


def parse(text: str, name: str) -> Page:
    """The commands of a page's text."""
    lines = text.splitlines()
    commands: list[Command] = []
    faults: list[str] = []
    used: set[int] = set()
    at = 0
    while at < len(lines):
        opened = FENCE.match(lines[at])
        if opened is None:
            at += 1
            continue
        end = next((i for i in range(at + 1, len(lines)) if lines[i].strip() == opened["marks"]), None)
        if end is None:
            faults.append(f"{name}:{at + 1}: a block that nothing closes")
            break
        above = REASON.match(lines[at - 1]) if at else None
        reason = None if above is None else above[1].strip()
        found = _block(lines[at + 1 : end], opened["mark"], name, at + 2, reason)
        if above is not None:
            used.add(at - 1)
            faults += [] if reason else [f"{name}:{at}: a reason that says nothing"]
            faults += [] if found else [f"{name}:{at}: a reason above a block without a command"]
        commands += found
        at = end + 1
    faults += [
        f"{name}:{i + 1}: a reason stands as `<!-- not run here: ... -->` right above its block"
        for i, line in enumerate(lines)
        if NEARLY.search(line) and i not in used and "`<!--" not in line
    ]
    return Page(tuple(commands), tuple(faults))


def _block(lines: list[str], mark: str, name: str, first: int, reason: str | None) -> list[Command]:
    typed = any(line.lstrip().startswith("$ ") for line in lines)
    begins = next((line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    if not (mark in SHELL or (mark in SESSION and typed) or (mark == "console") or (mark == "" and PROGRAMS.match(begins))):
        return []
    commands: list[Command] = []
    before: list[str] = []
    at = 0
    while at < len(lines):
        start, text = at, lines[at].strip()
        while text.endswith("\\") and at + 1 < len(lines):
            at += 1
            text = text[:-1].rstrip() + " " + lines[at].strip()
        at += 1
        if typed and not text.startswith("$ "):
            continue
        text = re.sub(r"(^|\s+)#\s.*$", "", text.removeprefix("$ "))
        if not text:
            continue
        if text.startswith(KEPT) and reason is None:
            before.append(text)
        else:
            commands.append(Command(name, first - 1, first + start, text, reason, tuple(before)))
    if before and not any(command.before for command in commands):  # a block that only sets the shell up
        commands.append(Command(name, first - 1, first, " && ".join(before), reason))
    return commands
