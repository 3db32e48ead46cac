from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.markets import random_grid, write_root
from modules.learning import parameter_file
from modules.learning.optimize import open_locked, prepare, search, try_values
from modules.learning.search_settings import Optimize
from modules.learning.spaces import SPACES, parse
from modules.learning.trials import Ledger
from modules.version import VERSION
from self_test.conftest import REPO
from self_test.fakes.searches import SEARCHED, SYMBOLS, request, root
from utils.errors import ExitCode, Refusal


def now() -> int:
    return 1_700_000_000_000


def quiet(_done: int, _total: int) -> None:
    return


def test_a_search_keeps_every_trial_writes_its_file_and_goes_on_where_it_was(candles: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    first = prepare(request(candles, tmp_path, trials=12), SEARCHED)
    found = search(first, now, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 12) and told[-1] == (12, 12)
    lines = Ledger(tmp_path).lines()
    assert sorted(one.number for one in lines if one.kind == "search") == list(range(12))
    assert found.verdict.trials == len(lines) >= 12
    assert not found.verdict.accepted  # a random walk with costs
    made = parameter_file.read(found.path)
    assert made.parameters == found.verdict.centre and made.evidence["trials"] == len(lines)
    again = search(prepare(request(candles, tmp_path, trials=16), SEARCHED), now, quiet)
    assert again.path == found.path
    assert sum(one.kind == "search" for one in Ledger(tmp_path).lines()) == 16


def test_a_manual_trial_counts_once(candles: Path, tmp_path: Path) -> None:
    ready = prepare(request(candles, tmp_path), SEARCHED)
    values = parse("C4", "stop=1.25")
    whole, score, count = try_values(ready, values, now)
    assert whole == ready.old | {"stop": 1.25} and score.trades > 50
    assert count == 1 == try_values(ready, values, now)[2]
    assert try_values(ready, parse("C4", "stop=1.5"), now)[2] == 2


def test_no_search_sees_the_locked_days(candles: Path, tmp_path: Path) -> None:
    ready = prepare(request(candles, tmp_path), SEARCHED)
    assert int(ready.arena.grid.ts[-1]) < ready.windows.locked_from == ready.windows.end - 30 * 86_400_000
    assert ready.task.source.to_ms == ready.windows.locked_from


def test_other_candles_rules_or_folds_are_another_study_and_more_trials_are_not(candles: Path, tmp_path: Path) -> None:
    plain = prepare(request(candles, tmp_path), SEARCHED).task
    assert prepare(request(candles, tmp_path, trials=99), SEARCHED).task.study == plain.study
    for changes in ({"seed": 2}, {"sampler": "grid"}, {"strategy": "C3"}, {"symbols": SYMBOLS[:1]}):
        assert prepare(request(candles, tmp_path, **changes), SEARCHED).task.study != plain.study
    named = prepare(request(candles, tmp_path, study="mine", trials=10), SEARCHED)
    search(named, now, quiet)
    with pytest.raises(Refusal, match="'mine' was made for another sampler"):
        search(prepare(request(candles, tmp_path, study="mine", seed=2), SEARCHED), now, quiet)


def test_the_locked_period_is_opened_once_a_release(candles: Path, tmp_path: Path) -> None:
    done = search(prepare(request(candles, tmp_path, trials=10), SEARCHED), now, quiet)
    with pytest.raises(Refusal, match="nothing was accepted") as refusal:
        open_locked(done.path, candles, tmp_path, SEARCHED, "", now)
    assert refusal.value.code is ExitCode.GATE_REFUSED
    accepted = msgspec.structs.replace(parameter_file.read(done.path), accepted=True, reasons=())
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    parameter_file.write(one, accepted)
    parameter_file.write(other, msgspec.structs.replace(accepted, parameters=accepted.parameters | {"stop": 0.75}))
    judged = open_locked(one, candles, tmp_path, SEARCHED, "", now)
    assert judged.locked["trades"] > 10 and parameter_file.read(one).locked == judged.locked
    assert open_locked(one, candles, tmp_path, SEARCHED, "", now).locked == judged.locked  # the same question has the same answer
    with pytest.raises(Refusal, match=f"was opened in release {VERSION}"):
        open_locked(other, candles, tmp_path, SEARCHED, "", now)


def test_other_candles_do_not_open_the_lock(candles: Path, tmp_path: Path) -> None:
    done = search(prepare(request(candles, tmp_path, trials=10), SEARCHED), now, quiet)
    parameter_file.write(done.path, msgspec.structs.replace(parameter_file.read(done.path), accepted=True, reasons=()))
    with pytest.raises(Refusal, match="are not those that it was found on"):
        open_locked(done.path, root(tmp_path / "other", seed=9), tmp_path, SEARCHED, "", now)
    assert Ledger(tmp_path).opened("C4", "spot", VERSION) is None


def test_every_number_and_parameter_is_told() -> None:
    text = (REPO / "docs" / "optimize.md").read_text(encoding="utf-8")
    assert [name for name in Optimize.model_fields if f"`optimize.{name}`" not in text] == []
    assert [axis.name for space in SPACES.values() for axis in space if f"`{axis.name}`" not in text] == []


def test_too_little_data_and_constant_prices_are_refused(tmp_path: Path) -> None:
    root(tmp_path / "short", days=200)
    with pytest.raises(Refusal, match="too little data: 6 folds need"):
        prepare(request(tmp_path / "short", tmp_path), SEARCHED)
    root(tmp_path / "tiny", days=20)
    with pytest.raises(Refusal, match="too little data: 20 days, of which the last 30 are locked"):
        prepare(request(tmp_path / "tiny", tmp_path), SEARCHED)
    grid = random_grid(2, 280)
    flat = {name: np.full_like(grid.open, 100_000) for name in ("open", "high", "low", "close")}
    write_root(tmp_path / "flat", msgspec.structs.replace(grid, **flat))
    with pytest.raises(Refusal, match="X00USDT: the price never moves; X01USDT"):
        prepare(request(tmp_path / "flat", tmp_path), SEARCHED)
    with pytest.raises(Refusal, match="NOPE"):
        prepare(request(tmp_path / "flat", tmp_path, symbols=("NOPE",)), SEARCHED)
