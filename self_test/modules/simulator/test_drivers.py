"""The sequential arithmetic: continuity across blocks, regimes that last, volume that follows the move."""

from __future__ import annotations

import numpy as np

from modules.simulator import drivers


def draws(n: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.Generator(np.random.PCG64(seed))
    return rng.standard_normal((n, 4)), rng.random(n), rng.random((32, 3)), np.ones(n)


def test_a_trend_drifts_and_chop_comes_back() -> None:
    normals, jumps, regimes, season = draws(1440)
    normals[:, 0] = 0.0
    jumps[:] = 1.0
    moved = {}
    for pick, name in ((0.1, "up"), (0.5, "down"), (0.7, "chop")):
        regimes[:, 0] = pick
        state, r, s = np.zeros(drivers.STATE), np.empty(1440), np.empty(1440)
        drivers.drive(state, normals, jumps, regimes, season, 0.0006, 0.75, r, s)
        moved[name] = r.sum()
        assert np.all(s > 0)
    assert moved["up"] > 0.005 and moved["down"] < -0.005
    assert moved["chop"] == 0.0
    regimes[:, 0] = 0.7
    state = np.zeros(drivers.STATE)
    normals[0, 0] = 30.0
    r = np.empty(1440)
    drivers.drive(state, normals, jumps, regimes, season, 0.0006, 0.75, r, s)
    assert abs(r.sum()) < 0.6 * abs(r[0])


def test_a_jump_raises_volatility() -> None:
    normals, jumps, regimes, season = draws(1440)
    jumps[:] = 1.0
    calm, wild = np.empty(1440), np.empty(1440)
    r = np.empty(1440)
    drivers.drive(np.zeros(drivers.STATE), normals, jumps, regimes, season, 0.0006, 0.5, r, calm)
    jumps[100] = 0.0
    drivers.drive(np.zeros(drivers.STATE), normals, jumps, regimes, season, 0.0006, 0.5, r, wild)
    assert abs(r[100]) > 6 * wild[100]
    assert wild[101] > 1.5 * calm[101]
    assert np.array_equal(wild[:100], calm[:100])


def test_minutes_are_sound_bars_and_volume_follows_the_move() -> None:
    n = 1440
    rng = np.random.Generator(np.random.PCG64(1))
    r, s = 0.0005 * rng.standard_normal(n), np.full(n, 0.0005)
    out, state = np.empty((n, 5)), np.zeros(1)
    none = np.zeros(n)
    drivers.trade_minutes(state, r, s, none, none, 1.0, rng.standard_exponential((n, 2)), none, np.ones(n), 0.0005, 1000.0, out)
    o, h, low, c, v = out.T
    assert np.all(h >= np.maximum(o, c)) and np.all(low <= np.minimum(o, c))
    assert np.allclose(o[1:], c[:-1])
    assert np.corrcoef(np.abs(r), v)[0, 1] > 0.9
    assert np.isclose(np.exp(state[0]), c[-1])


def test_the_wanderer_stays_around_zero() -> None:
    out = np.empty(20_000)
    drivers.wander(np.zeros(1), np.random.Generator(np.random.PCG64(2)).standard_normal(20_000), 0.99, 0.0004, out)
    assert 0.0003 < out.std() < 0.0005
    assert np.corrcoef(out[1:], out[:-1])[0, 1] > 0.95
