"""What a verdict says: the words people decide by."""

from __future__ import annotations

import msgspec

from self_test.telemetry.ledgers import START, Rows, sample, started, stream, trade
from telemetry.gate_config import GateConfig
from telemetry.gates import Verdict, evaluate
from telemetry.ledger_rows import DAY_MS
from telemetry.verdict_words import chance, headline, words

CFG = GateConfig(resamples=200)


def verdict(rows: Rows, days: int, **where: str) -> Verdict:
    return evaluate(
        sample(rows, days, account=where.get("account", "CRYPTO/PAPER"), env=where.get("env", "live")), CFG, START + days * DAY_MS
    )


def told(rows: Rows, days: int, **where: str) -> str:
    return "\n".join(words(verdict(rows, days, **where), CFG))


def test_too_little_says_how_much_is_there():
    rows = stream(10, per_day=3.7)
    assert headline(verdict(rows, 10)) == "CRYPTO/PAPER scalp: insufficient evidence: 37/200 trades, 10/30 days"
    assert "next checkpoint 2025-04-02; a pass is possible on 2025-06-01 at the earliest" in told(stream(10, per_day=3.7), 10)


def test_value_bound_target_and_n():
    text = told(stream(31, per_day=8, win_rate=0.5), 31)
    assert "win rate 52.4% [48.4%] vs >= 60.0% (n 248) not met" in text
    assert "closed trades 248 vs >= 200 (n 248) met: 248/200 trades" in text
    assert "FAIL at the checkpoint of 2025-04-02: win rate, annual Sharpe ratio, " in text


def test_luck_and_break_even_are_told_plainly():
    text = told(stream(61, per_day=8, win_rate=0.45, payoff=2.0), 61)
    assert "luck alone, without any edge, shows this Sharpe ratio or a better one in less than 1% of samples this long, and as many" in text
    assert chance(0.0) == "less than 1%" and chance(0.128) == "13%"
    assert "with this payoff a win rate of 37% breaks even; the 60% target is out of reach for this strategy; `breakeven_lb` gates" in text
    assert "out of reach" not in told(stream(61, per_day=8, win_rate=0.62), 61)


def test_passes_are_told_in_order():
    rows = stream(60, per_day=8, win_rate=0.72)
    early = [row for row in rows if int(msgspec.json.decode(row[1]).get("ts", 0)) <= START + 30 * DAY_MS]
    early = [row for row in early if row[0] != "trade" or msgspec.json.decode(row[1])["exit_ts"] <= START + 30 * DAY_MS]
    assert "passed once" in told(early, 30)
    assert "PASS, twice running" in told(rows, 60) and "at the earliest" not in told(rows, 60)


def test_where_it_counts():
    assert "opens simulated accounts only, never real money" in told([started()], 1, env="simulated")
    assert "never real money" not in told([started()], 1)
    assert "model-priced" in told([started(account="OPTIONS/PAPER")], 1, account="OPTIONS/PAPER")


def test_what_is_wrong_comes_first():
    assert headline(verdict([], 5)) == "CRYPTO/PAPER scalp: insufficient evidence: no sample has begun" and told([], 5).count("\n") == 0
    rows = [started(), trade(START + 9 * DAY_MS, 1.0), trade(START + 9 * DAY_MS, 2.0)]
    assert "insufficient evidence: the clock jumped" in told(rows, 5) and "(and 1 more)" in told(rows, 5)
