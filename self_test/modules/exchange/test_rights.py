"""Which keys are fit to trade with, and how a start with another one ends."""

from __future__ import annotations

from typing import Any

import pytest

from modules.exchange.reports import KeyRights
from modules.exchange.rights import faults, hold_reason, refusal
from self_test.modules.exchange.watching import LIVE_PERP
from state.accounts import Domain
from utils.errors import ExitCode


def key(**changes: bool) -> KeyRights:
    good: dict[str, Any] = {"read_only": False, "spot": True, "derivatives": True, "withdraw": False, "unified": True}
    return KeyRights(account_id="1", **{**good, **changes})


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
def test_a_key_that_may_trade_and_no_more_is_fit(domain: Domain) -> None:
    assert faults(key(), domain) == ()


@pytest.mark.parametrize(
    ("changes", "domain", "word"),
    [
        ({"read_only": True}, Domain.CRYPTO, "read-only"),
        ({"spot": False}, Domain.CRYPTO, "spot"),
        ({"derivatives": False}, Domain.PERPS, "derivatives"),
        ({"withdraw": True}, Domain.PERPS, "withdraw"),
        ({"unified": False}, Domain.CRYPTO, "unified"),
    ],
)
def test_each_fault_is_named(changes: dict[str, bool], domain: Domain, word: str) -> None:
    (only,) = faults(key(**changes), domain)
    assert word in only


def test_a_right_that_the_domain_does_not_need_may_be_missing() -> None:
    assert faults(key(derivatives=False), Domain.CRYPTO) == ()
    assert faults(key(spot=False), Domain.PERPS) == ()


def test_a_key_that_can_withdraw_is_fit_where_the_setting_says_so() -> None:
    assert faults(key(withdraw=True), Domain.CRYPTO, may_withdraw=True) == ()


def test_a_refused_start_names_the_account_the_fault_and_the_environment() -> None:
    error = refusal(LIVE_PERP, "live", hold_reason(LIVE_PERP, faults(key(read_only=True, withdraw=True), Domain.PERPS)))
    assert error.code is ExitCode.CREDENTIALS
    for word in ("PERPS/LIVE", "read-only", "withdraw", "--env live"):
        assert word in str(error)


def test_what_else_is_wrong_with_the_account_is_said_as_the_venue_says_it() -> None:
    unfit = KeyRights(account_id="1", read_only=False, spot=False, derivatives=False, withdraw=False, unfit=("it is kept in EUR",))
    assert faults(unfit, Domain.FOREX) == ("it is kept in EUR",)
    assert faults(KeyRights(account_id="1", read_only=False, spot=False, derivatives=False, withdraw=False), Domain.FOREX) == ()
