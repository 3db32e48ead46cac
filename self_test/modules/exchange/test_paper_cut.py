"""The last fill of an option on paper: its worth at the fixing, exercised where there is some, expired where there is none."""

from __future__ import annotations

import pytest

from modules.exchange.paper_cut import paid_out
from state.accounts import Account, Domain, Mode
from state.intents import ExitReason
from state.options import OptionContract

PAPER, KEY = Account(Domain.OPTIONS, Mode.PAPER), "OPTIONS:EURUSD"


@pytest.mark.parametrize(
    ("name", "fixing", "worth", "reason"),
    [
        ("EURUSD-20261204-C-1.10000", 110_250, 250, ExitReason.EXERCISED),
        ("EURUSD-20261204-C-1.10000", 110_000, 0, ExitReason.EXPIRED),
        ("EURUSD-20261204-P-1.10000", 109_900, 100, ExitReason.EXERCISED),
        ("EURUSD-20261204-P-1.10000", 110_001, 0, ExitReason.EXPIRED),
    ],
)
def test_the_cut_pays_what_it_is_worth_at_the_fixing(name: str, fixing: int, worth: int, reason: ExitReason) -> None:
    told = paid_out(OptionContract.parse(name), PAPER, KEY, 1, 40, 2_000, fixing, 1_900, part=2)
    fill = told.fill
    assert (told.trigger, told.left, fill.price, fill.steps, fill.side, fill.fee) == (reason, 0, worth, 40, -1, 0)
    assert (fill.ts, fill.fixing, fill.fixing_ts) == (2_000, fixing, 1_900)
    assert (fill.order_id, fill.exec_id) == (f"{KEY}-7d0-s", f"{KEY}-7d0-s-2")
