"""Exponents are those of the powers they are fitted to; a curve is measured at every size it names."""

from __future__ import annotations

import pytest

from bench.scaling_curves import Curve, Growing, Point, curve, everything, exponent


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    xs = [1.0, 3.0, 10.0, 40.0]
    assert exponent(xs, [7.0 * x**power for x in xs]) == pytest.approx(power)


def test_growth_that_a_fixed_part_hides_is_seen_in_the_larger_half() -> None:
    def made(power: float) -> Curve:
        points = [Point(x, y, y, y) for x in (1.0, 2.0, 4.0, 32.0, 64.0, 128.0) for y in [500.0 + x**power]]
        xs, ys = [one.x for one in points], [one.us for one in points]
        return Curve(name="", grows="", points=points, exponent=exponent(xs, ys), tail=exponent(xs[3:], ys[3:]), each_us=1.0)

    assert made(1.0).linear
    assert made(2.0).exponent < 1.1 < made(2.0).tail and not made(2.0).linear


def test_every_size_is_done_once_to_warm_up_and_then_by_turns() -> None:
    asked: list[int] = []

    def work(size: int) -> object:
        def run() -> None:
            asked.append(size)
            sum(range(size))

        return run

    found = curve(Growing(name="x", grows="y", sizes=(10, 100, 10_000), work=work, scale=2.0, per=5), rounds=2)  # type: ignore[arg-type]
    assert asked == [10, 10, 100, 100, 10_000, 10_000] * 3
    assert [point.x for point in found.points] == [20.0, 200.0, 20_000.0]
    assert all(0 < point.lowest <= point.us <= point.highest for point in found.points)


def test_each_of_the_curves_can_be_done() -> None:
    for one in everything(quick=True, rounds=1):
        one.work(one.sizes[0])()
