"""The picture is drawn from whatever was measured."""

from __future__ import annotations

from pathlib import Path

from bench.scaling_cores import Cores
from bench.scaling_curves import Curve, Point
from bench.scaling_picture import draw
from self_test.bench.test_scaling_memory import memory


def test_a_picture_is_written(tmp_path: Path) -> None:
    curve = Curve(name="a", grows="b", points=[Point(1, 2, 1, 3), Point(10, 20, 10, 30)], exponent=1.0, tail=1.0, each_us=1.0)
    cores = [Cores(processes=n, cores_used=n, bars_s=n, lowest=n, highest=n, bars_a_core_s=1.0) for n in (1, 2)]
    draw([curve] * 6, cores, memory(200.0, 180.0), tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
