"""The house rules that no linter knows, each checked on the syntax tree, with the reason in its message.

A *branch*, for the rule "a test file per source file that contains a branch", is an `if`, `for`, `while`, `try`, `match`, a ternary, or
a comprehension that filters: anything that can go more than one way. Declarations (types, tables, constants) need no test of their own.
A file, of tests too, may be longer than 400 lines when one of its first 15 says `layout: long because ...`.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from self_test.conftest import REPO

FLOORS = ("utils", "state", "risk", "strategy", "marketdata", "dataio", "telemetry", "forex", "modules")
ROOF = ("main.py", "config.py")
BESIDE = ("self_test", "bench", "deploy")
MAX_LINES = 400
WHERE_A_REASON_STANDS = 15

FLOATS_IN_STATE = {
    "Candle.volume": "a feature: never booked",
    "ExitPlan.atr": "a distance measured by an indicator; the stop it leads to is in ticks",
    "ExitPlan.trail_atr": "a multiple",
    "Signal.atr": "as in ExitPlan",
    "Scene.sigma_bp": "a feature: what slippage is explained by",
    "Scene.share": "as above",
    **dict.fromkeys(
        (
            f"DecisionRow.{name}"
            for name in ("atr", "turnover", "spread", "cost", "sentiment", "propensity", "obs", "values", "challenger_values")
        ),
        "what a policy saw and thought of it: features, never booked",
    ),
    "Waiting.turnover": "a feature: the market's usual turnover",
    "AccountView.drawdown": "a fraction for people to read, 0..1",
    **dict.fromkeys(
        (f"OptionFigures.{name}" for name in ("days", "delta", "gamma", "vol")),
        "a model's figures, for people; its money is a decimal string",
    ),
    **dict.fromkeys(
        (f"Surface.{name}" for name in ("spot", "days", "vols", "r_domestic", "r_foreign")),
        "what premiums are computed from; the premiums themselves are in ticks",
    ),
}
"""`Class.field` of state/ that may be a float, and why it is not money."""

FORBIDDEN_TEXTS = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("npm", "js.com"),
        ("crates", ".io/api"),
        ("download.", "pytorch.org"),
        ("proxy.", "golang.org"),
    )
)
"""Paths of one machine and hosts of package registries: what works here and nowhere else. (In halves, so that this file is clean.)"""

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.Match, ast.IfExp)


def source_files() -> list[Path]:
    floors = [path for floor in FLOORS for path in (REPO / floor).rglob("*.py")]
    return sorted([*floors, *(REPO / name for name in ROOF if (REPO / name).exists())])


def name_of(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


every_source = pytest.mark.parametrize("path", source_files(), ids=name_of)


# What the rules look for, each a function of a syntax tree.


def has_branch(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, BRANCHES) and not _is_type_checking(node)) or (isinstance(node, ast.comprehension) and bool(node.ifs))
        for node in ast.walk(tree)
    )


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def makes_approved(tree: ast.Module) -> list[int]:
    """Lines that call `Approved(...)` or rename it on import, which would hide such a call."""
    lines = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="Approved") | ast.Attribute(attr="Approved")):
                lines.append(node.lineno)
            case ast.ImportFrom(names=names) if any(a.name == "Approved" and a.asname not in {None, "Approved"} for a in names):
                lines.append(node.lineno)
    return lines


def float_fields(tree: ast.Module) -> list[str]:
    """`Class.field` of every Struct field whose annotation mentions float."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("Struct" in ast.unparse(base) for base in node.bases):
            found += [
                f"{node.name}.{field.target.id}"
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _mentions_float(field.annotation)
            ]
    return found


def _mentions_float(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "float" for node in ast.walk(annotation))


def raw_tasks(tree: ast.Module) -> list[int]:
    """Lines that start a task which no supervisor owns."""
    lines = []
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="asyncio"), attr="create_task" | "ensure_future"):
                lines.append(node.lineno)
            case ast.ImportFrom(module="asyncio", names=names) if {a.name for a in names} & {"create_task", "ensure_future"}:
                lines.append(node.lineno)
    return lines


def catches_everything(tree: ast.Module) -> list[int]:
    """Lines of `except:`, `except Exception` and `except BaseException`, alone or in a tuple."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and _is_everything(node.type)]


def _is_everything(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_is_everything(item) for item in kind.elts)
    return kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})


# The rules.


@every_source
def test_a_file_that_can_go_two_ways_has_its_own_test_file(path: Path) -> None:
    if path.name == "__init__.py":
        assert not has_branch(tree_of(path)), "an __init__.py only says what its package is: importing must have no effects"
    elif has_branch(tree_of(path)):
        test = REPO / "self_test" / path.relative_to(REPO).parent / f"test_{path.name}"
        assert test.exists(), f"{name_of(path)} contains a branch, so {name_of(test)} must exist"


@every_source
def test_a_file_says_its_idea_in_a_docstring(path: Path) -> None:
    assert ast.get_docstring(tree_of(path)), f"{name_of(path)} does not say what it is"


def test_a_long_file_gives_its_reason() -> None:
    beside = [path for folder in BESIDE for path in (REPO / folder).rglob("*.py")]
    for path in [*source_files(), *beside]:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > MAX_LINES:
            head = "\n".join(lines[:WHERE_A_REASON_STANDS])
            assert "layout: long because " in head, (
                f"{name_of(path)} has {len(lines)} lines: ask which second idea moved in, or say why it is long"
            )


@every_source
def test_only_the_gate_approves(path: Path) -> None:
    if name_of(path) != "risk/gate.py":
        assert not makes_approved(tree_of(path)), (
            f"{name_of(path)} makes an Approved: risk approval is a type that only risk/gate.py can make"
        )


@every_source
def test_tasks_are_born_in_one_place(path: Path) -> None:
    if name_of(path) != "utils/supervise.py":
        assert not raw_tasks(tree_of(path)), f"{name_of(path)} starts a task without owner or policy: use utils.supervise"


@every_source
def test_errors_are_caught_by_name(path: Path) -> None:
    if name_of(path) != "utils/supervise.py":
        lines = catches_everything(tree_of(path))
        assert not lines, f"{name_of(path)} catches everything in line {lines}: name the errors, or let utils.supervise decide"


def test_money_in_state_is_never_a_float() -> None:
    found = [field for path in (REPO / "state").rglob("*.py") for field in float_fields(tree_of(path))]
    new = sorted(set(found) - set(FLOATS_IN_STATE))
    assert not set(FLOATS_IN_STATE) - set(found), "an exception that nothing needs any more"
    assert not new, f"{new}: money, prices and quantities are Decimal or integers; a feature goes into FLOATS_IN_STATE with its reason"


@pytest.mark.parametrize("name", [*FLOORS, *BESIDE, "main", "config"])
def test_our_top_level_names_are_ours(name: str) -> None:
    """There are packages called `utils`, `state` and `config` elsewhere; none of them may win."""
    spec = importlib.util.find_spec(name)
    assert spec is not None, f"{name} is missing"
    assert spec.origin is not None, f"{name} has no __init__.py"
    assert Path(spec.origin).is_relative_to(REPO), f"{name} was found at {spec.origin}"


def test_every_test_folder_is_a_package() -> None:
    """Else `import risk` finds self_test/risk."""
    folders = {path.parent for path in (REPO / "self_test").rglob("test_*.py")}
    assert not [name_of(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]


def committed_files() -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True).stdout  # noqa: S607  the git of the PATH
    yield from (REPO / name for name in listed.split("\0") if name and (REPO / name).is_file())


def test_nothing_committed_names_one_machine_or_a_registry() -> None:
    if not (REPO / ".git").exists():
        pytest.skip("not a git checkout")
    guilty = []
    for path in committed_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        guilty += [f"{name_of(path)}: {word}" for word in FORBIDDEN_TEXTS if word in text]
    assert not guilty


# The rules' own tests: a rule that cannot fail is no rule.


@pytest.mark.parametrize(
    "code, expected",
    [
        ("x = 1\ndef f(a):\n    return a + 1\n", False),
        ("if TYPE_CHECKING:\n    import x\n", False),
        ("if x:\n    pass\n", True),
        ("for x in y:\n    pass\n", True),
        ("while x:\n    pass\n", True),
        ("try:\n    f()\nexcept KeyError:\n    g()\n", True),
        ("match x:\n    case 1:\n        pass\n", True),
        ("y = 1 if x else 2\n", True),
        ("y = [a for a in x if a]\n", True),
        ("y = {a.name: a for a in TABLE}\n", False),
    ],
)
def test_what_a_branch_is(code: str, expected: bool) -> None:
    assert has_branch(ast.parse(code)) is expected


@pytest.mark.parametrize(
    "code, lines",
    [
        ("Approved(intent)", [1]),
        ("intents.Approved(intent=i)", [1]),
        ("from state.intents import Approved as Yes", [1]),
        ("from state.intents import Approved\ndef f(a: Approved) -> None:\n    match a:\n        case Approved(): pass\n", []),
    ],
)
def test_an_approval_is_seen_when_it_is_made_and_not_when_it_is_read(code: str, lines: list[int]) -> None:
    assert makes_approved(ast.parse(code)) == lines


def test_a_float_is_seen_inside_a_larger_type() -> None:
    code = """
class A(msgspec.Struct, frozen=True):
    x: float | None
    y: tuple[float, ...] = ()
    z: Decimal
    def f(self) -> float: ...
class B:
    x: float
"""
    assert float_fields(ast.parse(code)) == ["A.x", "A.y"]


@pytest.mark.parametrize(
    "code, lines",
    [
        ("asyncio.create_task(f())", [1]),
        ("from asyncio import create_task", [1]),
        ("start = asyncio.ensure_future", [1]),
        ("group.create_task(f())", []),
    ],
)
def test_a_raw_task_is_seen(code: str, lines: list[int]) -> None:
    assert raw_tasks(ast.parse(code)) == lines


@pytest.mark.parametrize(
    "handler, seen",
    [
        ("except:", True),
        ("except Exception:", True),
        ("except (KeyError, BaseException) as e:", True),
        ("except (KeyError, OSError):", False),
    ],
)
def test_a_handler_of_everything_is_seen(handler: str, seen: bool) -> None:
    assert bool(catches_everything(ast.parse(f"try:\n    f()\n{handler}\n    pass\n"))) is seen
