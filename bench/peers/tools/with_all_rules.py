"""All our rules over the five-minute bars of the same symbol: the sweep in two passes, on a kept market pass, and the engine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench.peers.tools.stopwatch import BEGAN, peak_mib, timed

import msgspec  # isort: skip  the clock is read before what it measures

from bench.peers.prices import SYMBOL  # isort: skip
from config import CONFIG  # isort: skip
from dataio.archive import open_archive  # isort: skip
from modules.engine.desk import chosen_strategies  # isort: skip
from modules.engine.grid import load  # isort: skip
from modules.engine.replay import run_engine  # isort: skip
from modules.learning.research import market_of, sweep_trades  # isort: skip
from state.accounts import Domain  # isort: skip

LOADED = time.perf_counter()
JAN_2025, JUL_2025 = 1_735_689_600_000, 1_751_328_000_000
grid = load(open_archive(Path(sys.argv[1])), Domain.CRYPTO, (SYMBOL,), CONFIG.domains[Domain.CRYPTO], (JAN_2025, JUL_2025))
ready = time.perf_counter()
every = chosen_strategies(None)
kept = market_of(grid, CONFIG)
rows = []
for name, work in (
    ("sweep, two passes", lambda: len(sweep_trades(grid, CONFIG, every)[0])),
    ("sweep, kept market pass", lambda: len(sweep_trades(grid, CONFIG, every, market=kept)[0])),
    ("engine, event by event", lambda: len(run_engine(grid, CONFIG, every).trades)),
):
    trades, seconds = timed(work)
    rows.append({"name": name, "bars": grid.bars, "trades": trades, **seconds})
told = {"rows": rows, "import": LOADED - BEGAN, "load": ready - LOADED, "peak_mib": round(peak_mib(), 1)}
sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
