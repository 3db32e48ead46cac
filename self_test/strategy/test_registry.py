from __future__ import annotations

import pytest

from state.accounts import Domain
from strategy.registry import BY_ID, STRATEGIES, EntryOrder, Style, strategy

HOUR = 3_600_000


@pytest.mark.parametrize(
    "name, style, exits, hold_h, prior_h",
    [
        ("C1", Style.SWING, [(4, 6, 24), (6, 12, 24), (8, 16, 24)], 480, 30),
        ("C2", Style.SWING, [(4, 8, 24), (6, 12, 24), (8, 16, 24)], 240, 24),
        ("C3", Style.SCALP, [(2, 0, 4), (3, 0, 6), (4, 0, 8)], 24, 6),
        ("C4", Style.SCALP, [(2, 0, 2), (3, 0, 2), (4, 0, 2)], 12, 4),
        ("F1", Style.SWING, [(3, 6, 16), (4, 8, 16), (6, 12, 16)], 120, 40),
        ("F2", Style.SCALP, [(2, 0, 2), (3, 0, 2), (4, 0, 2)], 12, 4),
    ],
)
def test_the_table_of_the_mission(name: str, style: Style, exits: list[tuple[int, int, int]], hold_h: int, prior_h: float) -> None:
    one = strategy(name)
    assert one.style is style
    assert [(p.stop, p.trail, p.target) for p in one.arms()] == exits
    assert (one.max_hold_ms, one.prior_hold_h) == (hold_h * HOUR, prior_h)
    assert one.stop_cap == (0.015 if Domain.FOREX in one.domains else 0.08 if style is Style.SWING else 0.03)
    assert one.cost_cap == (0.15 if style is Style.SWING else 0.20)
    assert one.counts


def test_the_table_is_in_index_order() -> None:
    assert [one.index for one in STRATEGIES] == list(range(len(STRATEGIES)))


@pytest.mark.parametrize(
    "name, domain, sides",
    [
        ("C1", Domain.CRYPTO, (1,)),
        ("C1", Domain.PERPS, (1, 2)),
        ("C4", Domain.CRYPTO, (1,)),
        ("C2", Domain.FOREX, ()),
        ("demo", Domain.PERPS, (1, 2)),
        ("demo", Domain.FOREX, (1, 2)),
        ("F1", Domain.FOREX, (1, 2)),
        ("F2", Domain.FOREX, (1, 2)),
        ("F1", Domain.PERPS, ()),
        ("O1", Domain.OPTIONS, (1, 2)),
        ("O1", Domain.FOREX, ()),
        ("F1", Domain.OPTIONS, ()),
        ("demo", Domain.OPTIONS, (1, 2)),
    ],
)
def test_spot_is_long_only(name: str, domain: Domain, sides: tuple[int, ...]) -> None:
    assert strategy(name).sides(domain) == sides


def test_what_may_go_live_where_and_how_it_enters() -> None:
    assert BY_ID["C3"].live_domains == (Domain.PERPS,)
    assert (BY_ID["C3"].entry, BY_ID["C3"].entry_cap_bp) == (EntryOrder.IOC_LIMIT, 3.0)
    assert BY_ID["C4"].entry is EntryOrder.MAKER
    assert BY_ID["C4"].paper_only
    assert BY_ID["C4"].live_domains == BY_ID["F2"].live_domains == ()
    assert BY_ID["F2"].paper_only and BY_ID["F1"].live_domains == (Domain.FOREX,)
    demo = BY_ID["demo"]
    assert demo.live_domains == (Domain.CRYPTO, Domain.PERPS, Domain.FOREX, Domain.OPTIONS), "of the built-in exchange alone"
    assert (demo.fraction, demo.counts, demo.max_hold_ms) == (0.01, False, 60_000)
    assert {(p.stop, p.trail, p.target) for p in demo.arms()} == {(0.01, 0.01, 0.01)}


def test_options_measure_in_their_premium() -> None:
    """Definitions: premium -40, -50, -60 %, target +100 %; no trail; a contract of at most six weeks."""
    one = strategy("O1")
    assert [(p.stop, p.trail, p.target) for p in one.arms()] == [(0.4, 0, 1), (0.5, 0, 1), (0.6, 0, 1)] and one.fraction == 1.0
    assert (one.style, one.domains, one.live_domains) == (Style.SWING, (Domain.OPTIONS,), (Domain.OPTIONS,))
    assert (one.stop_cap, one.cost_cap, one.prior_hold_h, one.max_hold_ms) == (0.65, 0.15, 96, 42 * 24 * HOUR)
    assert one.counts and not one.paper_only
    assert BY_ID["demo"].stop_cap >= 0.10, "a tenth of the premium, which the demo takes on options"


def test_an_unknown_strategy_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"C9.*C1, C2, C3, C4, demo"):
        strategy("C9")
