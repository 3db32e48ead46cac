from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

# In a process of its own: forbidding to compile would reach into every other test.
SCRIPT = """
from config import CONFIG
from modules.warm import warm
import utils.kernel as kernel

assert warm(CONFIG) == len(kernel._compiled)
before = {d.__name__: len(d.signatures) for d in kernel._compiled}
assert before["watch_bar"] == before["observe"] == before["plan_entry"] == before["fill_exit"] == before["mark"] == 1, before
options = ("first_fitting", "listed_deltas", "quoted", "bid_bar", "told", "sign", "figures", "lead_of", "longest_hold")
assert all(before[name] > 0 for name in options), {name: before[name] for name in options}
warm(CONFIG)
assert {d.__name__: len(d.signatures) for d in kernel._compiled} == before
print("warm")
"""


def test_what_the_engine_calls_is_compiled_beforehand_and_once():
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=REPO, capture_output=True, text=True, timeout=110, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "warm"), done.stderr
