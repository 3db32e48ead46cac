"""The table says what was measured and judges growth; the command ends with 1 where something grows faster than it should."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench import scaling
from bench.scaling import Scaling, main, table
from bench.scaling_cores import Cores
from bench.scaling_curves import Curve, Point
from self_test.bench.test_scaling_memory import memory


def measured(power: float) -> Scaling:
    points = [Point(x, x**power, x**power, x**power) for x in (1.0, 100.0)]
    return Scaling(
        load=(0.1, 0.2, 0.3),
        curves=[Curve(name="sweep", grows="bars", points=points, exponent=power, tail=power, each_us=1.0)],
        cores=[Cores(processes=n, cores_used=n, bars_s=5e6 * n, lowest=1, highest=2, bars_a_core_s=5e6) for n in (1, 2)],
        memory=memory(200.0, 180.0),
    )


def test_the_table_tells_exponents_cores_and_memory() -> None:
    said = table(measured(1.0))
    assert "linear or better" in said and "1.00" in said
    assert "10,000,000" in said and "10.0 MB a symbol-year" in said and "load 0.1/0.2/0.3" in said


@pytest.mark.parametrize("power, code", [(1.0, 0), (1.5, 1)])
def test_growth_decides_the_exit_code_and_all_is_written(power: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "measure", lambda **_words: measured(power))
    assert main(["--json", str(tmp_path / "a" / "s.json"), "--picture", str(tmp_path / "b" / "s.png")]) == code
    assert msgspec.json.decode((tmp_path / "a" / "s.json").read_bytes(), type=Scaling) == measured(power)
    assert (tmp_path / "b" / "s.png").stat().st_size > 1_000
