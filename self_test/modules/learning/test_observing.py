"""A learned policy in engine and sweep alike: the same observations to the last bit, the same trades."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.engine.grid import Grid
from modules.engine.policies import Policies
from modules.engine.replay import drive, events_of, sweep_rows, warm
from modules.exchange.paper_bars import BarVenue
from modules.learning.observing import NOT_ASKED, run_observed, values_of
from modules.learning.passes import run_market, run_portfolio
from self_test.fakes.markets import market
from state.accounts import Domain, Mode
from state.messages import Control, Record
from strategy.actions import ACTIONS
from strategy.features import SEEN, SIZE
from strategy.network import Ensemble
from strategy.policy import Policy
from strategy.registry import STRATEGIES

ALL = frozenset({0, 1, 2, 3})


def network() -> Policy:
    """A network that is of many minds: about half of what it sees it skips."""
    rng = np.random.default_rng(5)
    weights = {}
    for k in range(2):
        weights[f"{k}.0.weight"] = rng.normal(0, 0.3, (ACTIONS, SIZE)).astype(np.float32)
        weights[f"{k}.0.bias"] = np.zeros(ACTIONS, np.float32)
    return Ensemble.from_tensors("net", weights, caution=0.2)


def by_engine(grid: Grid, policy: Policy) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Trades and decisions of the real engine with `policy` in force from the start."""
    engine, _ = fresh_engine(CONFIG, grid.instruments, ALL, int(grid.ts[grid.start]), quotes=False)
    engine.mandate = msgspec.structs.replace(engine.mandate, policies=Policies(lambda _, __: policy))
    domain = str(grid.instruments[0].domain)
    engine.process(Control(int(grid.ts[grid.start]), "policy", {"domain": domain, "version": policy.version, "level": str(policy.level)}))
    warm(engine, grid)
    venue = BarVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), grid.confirm_ms, grid.funding, grid.fine)
    found: dict[str, list[dict[str, Any]]] = {"trade": [], "decision": []}

    def collect(_: object, commands: list[Any]) -> None:
        for command in commands:
            if isinstance(command, Record) and command.kind in found:
                found[command.kind].append(command.row)

    drive(engine, venue, events_of(grid), collect)
    return found["trade"], found["decision"]


@pytest.mark.parametrize("domain, holes", [(Domain.PERPS, True), (Domain.CRYPTO, False)])
def test_engine_and_sweep_see_and_do_the_same_under_a_learned_policy(domain: Domain, holes: bool) -> None:
    grid, policy = market(domain, seed=3, holes=holes), network()
    trades, decisions = by_engine(grid, policy)
    engine, _ = fresh_engine(CONFIG, grid.instruments, ALL, int(grid.ts[grid.start]), quotes=False)
    state, mandate = engine.state, engine.mandate
    passed = run_market(grid, state.market.copy(), mandate.params)
    seen = run_observed(grid, passed, state.market.copy(), mandate.params, state.inst, mandate.rules)

    keys = [one.key for one in grid.instruments]
    asked = {}
    for n, s in np.argwhere(seen.code != NOT_ASKED).tolist():
        signal = seen.signals[n]
        asked[int(grid.ts[signal["k"]]) + grid.confirm_ms, keys[signal["i"]], STRATEGIES[s].id] = (seen.code[n, s], seen.obs[n, s])
    assert set(asked) == {(row["ts"], row["key"], row["strategy"]) for row in decisions}
    with_features = 0
    for row in decisions:
        code, features = asked[row["ts"], row["key"], row["strategy"]]
        assert (row.get("obs") is not None) == (code == SEEN)
        if code == SEEN:
            with_features += 1
            assert np.array(row["obs"], np.float32).tobytes() == features.tobytes()
    assert with_features > 20

    allowed = np.array([int(one.index in ALL) for one in STRATEGIES], np.int64)
    found = run_portfolio(
        grid, passed, (state.pos, state.inst, state.acct), mandate.rules, mandate.limits, allowed, values_of(policy, seen)
    )
    ours = [(row["symbol"], row["strategy"], row["qty"], row["entry_ts"], row["exit_ts"], row["pnl"]) for row in sweep_rows(grid, found)]
    theirs = sorted(
        ((row["symbol"], row["strategy"], row["qty"], row["entry_ts"], row["exit_ts"], row["pnl"]) for row in trades),
        key=lambda row: (row[4], row[0]),
    )
    assert ours == theirs and len(ours) > 3
    assert any(row.get("refused") == "policy_skip" for row in decisions)
