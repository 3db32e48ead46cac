"""Which pictures a report has, with one trade, with many, with none, with candles and without."""

from __future__ import annotations

from modules.ui.periods import Kind, chosen
from modules.ui.report_plots import MOST_SYMBOLS, Find, Picture, at_the_pair, no_candles, pictures
from modules.ui.reports import assemble, oldest
from self_test.telemetry.ledgers import START, Rows, day, started, stream, trade
from self_test.telemetry.pictures import count, pixels
from telemetry.gate_config import GateConfig
from telemetry.ledger_rows import DAY_MS, read_rows
from telemetry.plots import NO_TRADES, Candles, Mark, trades_on_candles
from telemetry.sheet import HEIGHT, ORANGE, SKY, WIDTH


def drawn(rows: Rows, now: int, find: Find = no_candles) -> dict[str, Picture]:
    book = read_rows(rows)
    report = assemble(book, chosen(Kind.STAGE, now, oldest(book)), env="simulated", stage=1, gate=GateConfig(), now=now)
    found = list(pictures(book, report, find))
    assert len({one.file for one in found}) == len(found)
    return {one.file: one for one in found}


def test_every_account_has_its_pictures_and_every_verdict_two() -> None:
    found = drawn(stream(12), START + 12 * DAY_MS)
    assert sorted(found) == [
        "crypto-paper-costs.png",
        "crypto-paper-equity.png",
        "crypto-paper-r.png",
        "crypto-paper-regimes.png",
        "crypto-paper-scalp-evidence.png",
        "crypto-paper-scalp-targets.png",
        "crypto-paper-trades-ethusdt.png",
    ]
    assert all(pixels(one.png).shape == (HEIGHT, WIDTH, 3) for one in found.values())
    assert count(found["crypto-paper-costs.png"].png, ORANGE) > 1_000


def test_without_a_trade_they_say_so() -> None:
    found = drawn([day(0, 0.0)], START + DAY_MS)
    same = trades_on_candles("Trades", "CRYPTO/PAPER, simulated, 2025-03-03 to 2025-03-04", [], None, unit="USDT")
    assert found["crypto-paper-trades.png"].png == same, NO_TRADES
    assert count(found["crypto-paper-costs.png"].png, ORANGE) == 0
    assert "targets.png" in found


def test_an_empty_ledger_has_one_picture_that_says_so() -> None:
    assert list(drawn([], 0)) == ["targets.png"]


def test_one_trade_and_a_style_whose_sample_is_fresh() -> None:
    found = drawn([started(), trade(START + 7_200_000, -1.0)], START + 8_000_000)
    assert count(found["crypto-paper-r.png"].png, ORANGE) > 10_000
    assert "crypto-paper-scalp-targets.png" in found


def test_only_the_symbols_traded_most_have_a_price_chart_and_candles_where_they_are_stored() -> None:
    asked: list[tuple[str, str, int, int]] = []

    def find(domain: str, symbol: str, from_ts: int, until_ts: int) -> Candles | None:
        asked.append((domain, symbol, from_ts, until_ts))
        if symbol != "S0":
            return None
        return Candles(width_ms=3_600_000, ts=[START], open=[99.0], high=[103.0], low=[97.0], close=[102.0])

    rows = [trade(START + (k + 2) * 3_600_000, 1.0, symbol=f"S{k % 5}") for k in range(9)]
    found = drawn(rows, START + DAY_MS, find)
    charts = sorted(file for file in found if "-trades-" in file)
    assert charts == [f"crypto-paper-trades-s{k}.png" for k in range(MOST_SYMBOLS)]
    assert count(found[charts[0]].png, SKY) > 1_000 and count(found[charts[1]].png, SKY) == 0
    assert [(domain, symbol) for domain, symbol, _, _ in asked] == [("CRYPTO", f"S{k}") for k in range(MOST_SYMBOLS)]
    assert all(first < START + 4 * 3_600_000 < last for _, _, first, last in asked)


def test_options_are_drawn_together_on_their_pair_at_its_price() -> None:
    asked: list[tuple[str, str]] = []

    def find(domain: str, symbol: str, from_ts: int, until_ts: int) -> Candles | None:
        asked.append((domain, symbol))
        ts, close = [START + k * 3_600_000 for k in range(12)], [1.04 + k / 1e3 for k in range(12)]
        return Candles(width_ms=3_600_000, ts=ts, open=[1.04] * 12, high=[1.052] * 12, low=[1.03] * 12, close=close)

    contracts = ("EURUSD-20250328-C-1.05000", "EURUSD-20250328-P-1.03000", "USDJPY-20250328-P-148.000")
    rows = [trade(START + (k + 2) * 3_600_000, 1.0, account="OPTIONS/PAPER", symbol=one) for k, one in enumerate(contracts)]
    found = drawn(rows, START + DAY_MS, find)
    assert asked == [("OPTIONS", "EURUSD"), ("OPTIONS", "USDJPY")]
    assert {"options-paper-trades-eurusd.png", "options-paper-trades-usdjpy.png"} <= found.keys()
    assert drawn(rows, START + DAY_MS)["options-paper-trades-eurusd.png"].png != found["options-paper-trades-eurusd.png"].png


def test_an_option_s_moments_are_where_its_pair_was() -> None:
    candles = Candles(width_ms=10, ts=[100, 110, 120], open=[1.0] * 3, high=[9.0] * 3, low=[1.0] * 3, close=[5.0, 6.0, 7.0])
    found = at_the_pair(Mark(entry_ts=90, entry=0.01, exit_ts=115, exit=0.02, long=True, won=True), candles)
    assert (found.entry, found.exit, found.entry_ts, found.exit_ts) == (5.0, 6.0, 90, 115)
