from __future__ import annotations

from bench.peers.compare import Run
from bench.peers.replay import common

TRADES = [(10, 12, 100.0, 104.0)]
EARLY = [(9, 12, 100.0, 104.0)]


def run(processor: float, trades: list[tuple[int, int, float, float]] = TRADES) -> Run:
    seconds = {"run": processor * 2, "processor": processor, "first": 9.0, "import": 1.0, "load": 2.0}
    conventions = {"110": TRADES, "001": EARLY, "010": TRADES, "100": TRADES}
    return Run("x", "1.2", 1000, trades, seconds, 50.0, conventions)


def test_each_tool_stands_beside_ours_with_its_trades_or_its_reason() -> None:
    runs = {"ours": [run(0.1), run(0.2), run(0.4)], "nautilus": [run(2.0, EARLY)], "vectorbt": [], "freqtrade": [run(4.0)]}
    found = common(runs, {"vectorbt": "no wheel", "freqtrade": "it broke in the second round"}, "2023 to 2025")
    ours, vectorbt, nautilus, freqtrade = found.entries
    assert ours.rates == [10_000.0, 5_000.0, 2_500.0] and found.ratio(nautilus) == 10.0
    assert nautilus.note.startswith("1 trades: filled at the close") and "ours makes the same 1 trades" in nautilus.note
    assert (vectorbt.skipped, freqtrade.skipped) == ("no wheel", "it broke in the second round") and not freqtrade.rates
    assert "1,000 bars" in found.words and "2023 to 2025" in found.words


def test_a_tool_that_nobody_asked_for_is_not_told() -> None:
    assert [one.who for one in common({"ours": [run(0.1)]}, {}, "").entries] == ["ours"]
