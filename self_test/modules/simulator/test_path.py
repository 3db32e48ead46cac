"""The path inside the bars: it makes the bar again, trades at the touch, and reacts to stress."""

from __future__ import annotations

import numpy as np

from modules.simulator import path
from self_test.modules.simulator import toy


def test_points_make_the_bar_again() -> None:
    one = toy.series()
    rows = path.points(one, 0, 600).reshape(600, 4)
    bars = one.bars
    assert np.array_equal(rows["price"][:, 0], bars["open"])
    assert np.array_equal(rows["price"].max(axis=1), bars["high"])
    assert np.array_equal(rows["price"].min(axis=1), bars["low"])
    assert np.array_equal(rows["price"][:, 3], bars["close"])
    assert np.allclose(rows["size"].sum(axis=1) * one.step, bars["volume"])
    assert np.array_equal(rows["ts"] - bars["ts"][:, None], np.tile(path.offsets(toy.FIVE), (600, 1)))


def test_an_up_bar_goes_low_first_and_a_down_bar_high_first() -> None:
    one = toy.series()
    rows = path.points(one, 0, 2).reshape(2, 4)
    assert rows["price"][0].tolist() == [8_000_000, 7_999_750, 8_001_150, 8_001_000]
    assert rows["price"][1].tolist() == [8_001_000, 8_001_150, 7_999_760, 8_000_010]


def test_a_trade_is_at_the_touch_of_its_side() -> None:
    rows = path.points(toy.series(), 0, 600)
    assert np.all(rows["ask"] > rows["bid"])
    assert np.array_equal(np.where(rows["buy"] == 1, rows["ask"], rows["bid"]), rows["price"])
    moves = np.diff(rows["price"])
    assert np.all(rows["buy"][1:][moves > 0] == 1) and np.all(rows["buy"][1:][moves < 0] == 0)
    assert rows["bid_size"].min() > 0 and rows["ask_size"].min() > 0


def test_any_part_of_the_path_is_the_same_part() -> None:
    one = toy.series()
    whole = path.points(one, 0, 600)
    assert np.array_equal(path.points(one, 100, 200), whole[400:800])


def test_stress_widens_the_spread_and_thins_the_book() -> None:
    calm, wild = toy.saw(400), toy.saw(400)
    calm["stress"], wild["stress"] = 0.6, 4.0
    gap = [np.mean(rows["ask"] - rows["bid"]) for rows in (path.points(toy.series(bars), 0, 400) for bars in (calm, wild))]
    rest = [np.mean(rows["bid_size"]) for rows in (path.points(toy.series(bars), 0, 400) for bars in (calm, wild))]
    assert gap[1] > 3 * gap[0]
    assert rest[1] < rest[0] / 3


def test_stress_rises_with_the_range_and_goes_on_across_blocks() -> None:
    bars = toy.saw(800)
    bars["high"][600:] += 9000
    path.add_stress(bars, toy.FIVE, np.zeros(2))
    assert bars["stress"][650] > 2 * bars["stress"][590]
    state = np.zeros(2)
    parts = [bars[:300].copy(), bars[300:].copy()]
    for part in parts:
        path.add_stress(part, toy.FIVE, state)
    assert np.array_equal(np.concatenate(parts)["stress"], bars["stress"])


def test_the_last_point_is_the_one_before_now() -> None:
    one = toy.series()
    assert path.last_point(one, toy.START) is None
    assert path.index_at(one, toy.START) == -1
    found = path.last_point(one, toy.START + 1)
    assert found is not None and int(found["ts"]) == toy.START
    found = path.last_point(one, toy.START + toy.FIVE)
    assert found is not None and int(found["ts"]) == toy.START + toy.FIVE - 1
