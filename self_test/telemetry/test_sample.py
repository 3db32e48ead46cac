"""The sample: where it begins, what belongs to it, its days as returns, and earlier samples as trials."""

from __future__ import annotations

import numpy as np
import pytest

from self_test.telemetry.ledgers import HASH, START, book, day, sample, started, stream, trade
from telemetry.ledger_rows import DAY_MS
from telemetry.sample import current_start, daily_returns, day_sharpe, day_text, monday_after, sample_of


def test_without_a_beginning_there_is_no_sample():
    found = sample([trade(START, 1.0)], 3)
    assert found.start_ts is None and len(found.pnl) == 0 and found.subject.procedure == ""


def test_the_newest_beginning_counts_and_one_to_come_does_not():
    ledger = book([started(), started(START + DAY_MS, procedure="b" * 64), started(START + 9 * DAY_MS)])
    found = current_start(ledger, "CRYPTO/PAPER", "scalp", START + 2 * DAY_MS)
    assert found is not None and found.procedure == "b" * 64
    assert current_start(ledger, "CRYPTO/PAPER", "swing", START + 2 * DAY_MS) is None


def test_trades_are_sorted_and_in_r_and_money():
    found = sample([started(), trade(START + 8_000_000, -1.0), trade(START + 7_200_000, 0.5), day(0, -0.5)], 1)
    assert found.r.tolist() == [0.5, -1.0] and found.cost_r.tolist() == pytest.approx([0.03, 0.03])
    assert daily_returns(found).tolist() == [-0.0005]
    assert found.count("bars") == 288 and found.count("slow_feeds") == 0


def test_until_is_what_was_known_then():
    found = sample(stream(20), 20)
    early = found.until(START + 5 * DAY_MS)
    assert len(early.day) == 5 and len(early.pnl) == 30 and early.digest() != found.digest()
    again = sample(stream(20), 5)
    assert again.r.tolist() == early.r.tolist()
    assert early.until(START + 9 * DAY_MS).digest() == early.digest()


def test_a_trade_that_risked_nothing_makes_the_sample_unfit():
    found = sample([started(), trade(START + 7_200_000, 0.0, stop="100")], 1)
    assert "risked nothing" in found.wrong[0] and len(found.r) == 0


def test_what_could_not_be_read_before_the_sample_began_does_not_spoil_it():
    old, new = trade(START - DAY_MS, 1.0, pnl="NaN"), trade(START + 7_200_000, 1.0, pnl="NaN")
    assert not sample([started(), old], 1).wrong and sample([started(), new], 1).wrong
    assert sample([started(), ("trade", b"{")], 1).wrong  # nobody knows of when
    assert not sample([started(), trade(START + 7_200_000, 1.0, pnl="NaN", account="PERPS/PAPER")], 1).wrong


def test_returns_are_on_the_equity_of_the_days_start():
    found = sample([started(), day(0, 10.0, start=1_000.0), day(1, 10.0, start=2_000.0), day(2, 0.0)], 3)
    assert daily_returns(found).tolist() == [0.01, 0.005, 0.0]


def test_weekends_count_on_monday_where_markets_close():
    # START is a Monday: days 5 and 6 are Saturday and Sunday.
    rows = [started(account="FOREX/PAPER", style="swing")] + [day(k, 1.0, account="FOREX/PAPER", style="swing") for k in range(8)]
    found = sample(rows, 8, account="FOREX/PAPER", style="swing")
    assert found.subject.periods == 260
    assert daily_returns(found).tolist() == pytest.approx([0.001] * 5 + [0.003])
    crypto = sample([started()] + [day(k, 1.0) for k in range(8)], 8)
    assert crypto.subject.periods == 365 and len(daily_returns(crypto)) == 8


def test_nothing_is_lost_over_a_weekend():
    days, gained = np.arange(20_000, 20_050), np.arange(50.0)
    assert monday_after(days, gained, np.ones(50), closes=True).sum() == gained.sum()


def test_earlier_samples_of_a_year_are_trials():
    rows = [*stream(60), started(START + 20 * DAY_MS, procedure="b" * 64), started(START + 40 * DAY_MS, procedure=HASH)]
    found = sample(rows, 60)
    assert [(trial.ts, trial.days) for trial in found.trials] == [(START, 20), (START + 20 * DAY_MS, 20)]
    assert all(trial.sharpe is not None for trial in found.trials)
    later = sample_of(book(rows), "CRYPTO/PAPER", "scalp", "live", START + 370 * DAY_MS)
    assert len(later.trials) == 1  # the first began more than a year before


def test_the_sharpe_of_days_that_do_not_vary_is_undefined():
    assert day_sharpe(np.array([0.01])) is None and day_sharpe(np.array([0.01, 0.01])) is None
    assert day_sharpe(np.array([0.01, 0.03])) == pytest.approx(2**0.5)


def test_a_day_as_its_date():
    assert day_text(START // DAY_MS) == "2025-03-03"


def test_a_trade_that_was_entered_before_the_sample_began_is_not_its_evidence() -> None:
    """It was decided by the procedure of before, whatever hash it bears at its exit."""
    rows = [started(), *(trade(START + 7_200_000, 1.0, entry_ts=START + since) for since in (-1, 0, 1))]
    assert len(sample(rows, 10).pnl) == 2
