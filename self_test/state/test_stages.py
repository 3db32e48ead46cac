from __future__ import annotations

import pytest

from state.accounts import Account, Domain, Mode
from state.stages import STAGES, Cell, paper_account


@pytest.mark.parametrize(
    "stage, cells",
    [
        (1, "paper, off, off, off"),
        (2, "live, paper by toggle, paper by toggle, off"),
        (3, "live, paper, paper, off"),
        (4, "live, live if earned, live, paper"),
        (5, "live, live if earned, live, live by override"),
    ],
)
def test_what_a_stage_lets_each_domain_do(stage: int, cells: str) -> None:
    assert ", ".join(STAGES[stage].cell(domain) for domain in Domain) == cells


def test_no_stage_takes_back_what_an_earlier_one_gave() -> None:
    rank = [Cell.OFF, Cell.PAPER_BY_TOGGLE, Cell.PAPER, Cell.LIVE_BY_OVERRIDE, Cell.LIVE_IF_EARNED, Cell.LIVE]
    for domain in Domain:
        ranks = [rank.index(STAGES[stage].cell(domain)) for stage in sorted(STAGES)]
        assert ranks == sorted(ranks)


def test_every_domain_has_a_paper_wallet() -> None:
    assert paper_account(Domain.FOREX) == Account(Domain.FOREX, Mode.PAPER)
