import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from self_test.conftest import REPO
from utils.kernel import borrowed, cache_folder, kernel, kernel_sources, source_hash

KERNEL = "from utils.kernel import kernel\n"


@kernel
def ratio(a: float, b: float) -> float:
    return a / b


@kernel
def doubled(values: npt.NDArray[np.float64]) -> float:
    view = borrowed(values)
    view[0] *= 2.0
    return float(view[:1].sum()) + len(view)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "utils/kernel.py": "import re\n",
        "utils/fixed.py": "PPM = 1\n",
        "state/rows.py": "from utils.fixed import PPM\n",
        "state/orders.py": "x = 1\n",
        "strategy/windows.py": KERNEL,
        "strategy/signals.py": KERNEL + "from strategy import (\n    windows,\n)\nfrom state.rows import (\n    MARKET,\n)\n",
        "strategy/registry.py": "import strategy.signals\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=100
    )


def test_a_kernel_divides_like_numpy() -> None:
    assert ratio(1.0, 4.0) == 0.25
    assert ratio(1.0, 0.0) == float("inf")


def test_the_sources_are_the_kernel_files_and_what_they_import_directly_or_not(tree: Path) -> None:
    assert set(kernel_sources(tree)) == {
        "utils/kernel.py",
        "utils/fixed.py",
        "state/rows.py",
        "strategy/windows.py",
        "strategy/signals.py",
    }


@pytest.mark.parametrize("name", ["strategy/windows.py", "state/rows.py", "utils/fixed.py", "utils/kernel.py"])
def test_an_edit_of_a_kernel_or_of_a_constant_it_reads_is_a_new_folder(tree: Path, name: str) -> None:
    before = source_hash(tree)
    (tree / name).write_text((tree / name).read_text() + "# edited\n")
    assert source_hash(tree) != before


@pytest.mark.parametrize("name", ["state/orders.py", "strategy/registry.py"])
def test_an_edit_elsewhere_keeps_the_compiled_kernels(tree: Path, name: str) -> None:
    before = source_hash(tree)
    (tree / name).write_text("y = 2\n")
    assert source_hash(tree) == before


def test_the_real_tree_is_covered() -> None:
    sources = kernel_sources()
    assert "utils/kernel.py" in sources
    floors = ("utils", "state", "risk", "strategy", "marketdata", "dataio", "telemetry", "forex", "modules")
    files = [path for floor in floors for path in (REPO / floor).rglob("*.py")]
    users = {path.relative_to(REPO).as_posix() for path in files if re.search(r"^ *@kernel\b", path.read_text(), re.MULTILINE)}
    assert users <= set(sources), "KERNEL_FOLDERS misses a folder that holds kernels"


def test_the_folder_can_be_put_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BOT_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path / "numba" / source_hash()


def test_a_folder_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("import utils.kernel", BOT_CACHE_DIR=str(tmp_path / "file"))
    assert done.returncode != 0
    assert "Refusal: the folder for compiled kernels cannot be made" in done.stderr
    assert "BOT_CACHE_DIR" in done.stderr


def test_after_warm_up_a_new_type_raises_instead_of_compiling() -> None:
    code = """
from self_test.utils.test_kernel import ratio
from utils.kernel import forbid_compiling
ratio(1.0, 2.0)
assert forbid_compiling() >= 1
assert ratio(1.0, 2.0) == 0.5
try:
    ratio(1j, 2.0)
except TypeError:
    print("refused")
"""
    done = run(code)
    assert done.stdout == "refused\n", done.stderr


def test_kernels_run_without_the_linear_algebra_that_numba_would_load_for_them_and_others_get_it() -> None:
    code = (
        "import sys\n"
        "import numba, numpy as np, utils.kernel\n"
        "assert numba.njit(lambda a: a.sum())(np.ones(3)) == 3.0\n"
        "assert 'scipy.linalg' not in sys.modules, 'a third of a second in every process'\n"
        "import scipy.linalg\n"
        "assert scipy.linalg.det(np.eye(2)) == 1.0\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_a_borrowed_array_is_the_array_and_counts_nobody() -> None:
    values = np.arange(1.0, 4.0)
    owners = sys.getrefcount(values)
    assert doubled(values) == 2.0 + 3.0
    assert values.tolist() == [2.0, 2.0, 3.0]
    assert sys.getrefcount(values) == owners
    assert borrowed.__name__ == "_without_owner", "compiled here, not the stand-in for uncompiled runs"
