"""Budgets roll, refusals cost nothing, a reset lies in the future, an address that asks too much is banned for ten minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modules.simulator.rate_limits import BAN_MS, IP_LIMIT, MOST_ADDRESSES, SOONEST_MS, RateLimits

T = 1_700_000_000_000


def test_a_second_rolls() -> None:
    limits = RateLimits()
    assert [limits.take("u", "x", 3, T + ms).left for ms in (0, 300, 600)] == [2, 1, 0]
    over = limits.take("u", "x", 3, T + 900)
    assert (over.granted, over.left, over.limit, over.reset_ms) == (0, 0, 3, T + 1000)
    assert limits.take("u", "x", 3, T + 1000).granted == 1, "the first has left the window, refusals never entered it"
    assert limits.take("u", "x", 3, T + 1001).granted == 0


def test_headers_tell_it() -> None:
    assert RateLimits().take("u", "x", 10, T).headers() == {
        "X-Bapi-Limit": "10",
        "X-Bapi-Limit-Status": "9",
        "X-Bapi-Limit-Reset-Timestamp": str(T),
    }


def test_accounts_and_endpoints_are_apart() -> None:
    limits = RateLimits()
    assert all(limits.take(uid, path, 1, T).granted for uid in "ab" for path in "xy")
    assert not limits.take("a", "x", 1, T).granted


def test_a_batch_gets_what_is_left() -> None:
    limits = RateLimits()
    limits.take("u", "x", 10, T, 7)
    part = limits.take("u", "x", 10, T + 10, 5)
    assert (part.granted, part.left) == (3, 0) and part.reset_ms > T + 10


def test_a_reset_is_never_too_near() -> None:
    limits = RateLimits()
    limits.take("u", "x", 1, T)
    assert limits.take("u", "x", 1, T + 999).reset_ms == T + 999 + SOONEST_MS


def test_a_clock_that_goes_back_does_not_lock_anybody_out() -> None:
    limits = RateLimits()
    limits.take("u", "x", 1, T)
    assert limits.take("u", "x", 1, T - 60_000).granted == 1


@given(st.lists(st.integers(0, 400), max_size=60))
def test_no_second_ever_holds_more_than_the_limit(gaps: list[int]) -> None:
    limits = RateLimits()
    granted, wall = [], T
    for gap in gaps:
        wall += gap
        grant = limits.take("u", "x", 5, wall)
        if grant.granted:
            granted.append(wall)
        else:
            assert grant.reset_ms > wall
    assert all(sum(one - 1000 < each <= one for each in granted) <= 5 for one in granted)


def test_too_many_from_one_address() -> None:
    limits = RateLimits()
    assert all(limits.visit("a", T + index) for index in range(IP_LIMIT))
    assert not limits.visit("a", T + 4999)
    assert limits.visit("b", T + 4999), "others go on"
    assert not limits.visit("a", T + 4999 + BAN_MS - 1)
    assert limits.visit("a", T + 4999 + BAN_MS)


def test_addresses_that_are_gone_are_forgotten() -> None:
    limits = RateLimits()
    for index in range(MOST_ADDRESSES + 1):
        limits.visit(str(index), T + index)
    assert len(limits._visits) < MOST_ADDRESSES


def test_a_steady_address_is_never_banned_and_counting_can_be_off() -> None:
    limits = RateLimits()
    assert all(limits.visit("a", T + index * 9) for index in range(3000))
    free = RateLimits(ip_limit=0)
    assert all(free.visit("a", T) for _ in range(3000))
