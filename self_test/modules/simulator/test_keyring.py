"""Two accounts, their keys, and what may be changed about them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from modules.simulator.credentials import sign
from modules.simulator.envelope import ApiError
from modules.simulator.keyring import PERP_UID, UID, Access, KeyRequest, Keyring, holders, parse_balance
from utils.errors import Refusal

WALL = 1_700_000_000_000


def ring() -> Keyring:
    return Keyring(holders(1, Access(api_key="a", api_secret="s", perp_api_key="b"), ()), {})


def code(ring: Keyring) -> int:
    headers = {"X-BAPI-API-KEY": "a", "X-BAPI-TIMESTAMP": str(WALL), "X-BAPI-SIGN": sign("s", f"{WALL}a5000".encode())}
    try:
        ring.credentials.rest(headers, b"", WALL)
    except ApiError as error:
        return error.code
    return 0


def may(ring: Keyring, scope: str, entry: str) -> bool:
    key = ring.credentials.find("a")
    assert key is not None
    try:
        key.check_may(scope, entry)
    except ApiError:
        return False
    return True


def change(ring: Keyring, key: str = "a", **more: Any) -> None:
    ring.change(KeyRequest(key=key, **more))


def test_both_are_made_from_the_seed_and_differ() -> None:
    first, second = holders(7, Access(), ())
    assert (first.uid, second.uid, first.balance, second.balance) == (UID, PERP_UID, "USDT=10000", "USDT=10000")
    assert len({first.api_key, second.api_key, first.api_secret, second.api_secret}) == 4
    assert holders(7, Access(), ()) == (first, second) != holders(8, Access(), ())
    assert holders(7, Access(balance="USDT=5"), ())[1].balance == "USDT=5"
    with pytest.raises(Refusal, match=r"^--perp-api-key"):
        holders(7, Access(api_key="x", perp_api_key="x"), ())


def test_what_is_stored_stays_unless_a_key_is_renewed() -> None:
    stored = holders(7, Access(balance="USDT=5,BTC=1", perp_balance="USDT=6"), ())
    assert holders(9, Access(), stored) == stored
    first, second = holders(9, Access(balance="BTC=1,USDT=5.0", perp_api_secret="new"), stored)
    assert first == stored[0] and second == msgspec.structs.replace(stored[1], api_secret="new")
    for wrong, says in ((Access(balance="USDT=6"), r"^--balance"), (Access(perp_balance="USDT=5"), r"^--perp-balance")):
        with pytest.raises(Refusal, match=says):
            holders(9, wrong, stored)


def test_a_key_is_revoked_expires_and_comes_back() -> None:
    one = ring()
    assert code(one) == 0
    change(one, revoked=True)
    assert code(one) == 10003
    change(one, key=UID, revoked=False, expired=True)
    assert code(one) == 33004
    change(one, expired=False)
    assert code(one) == 0


def test_rights_are_given_and_taken_one_by_one() -> None:
    one = ring()
    assert one.rows()[0]["permissions"] == {"spot": True, "derivatives": True, "transfer": True, "withdraw": False}
    change(one, permissions={"spot": False, "withdraw": True})
    change(one, permissions={"derivatives": True})
    assert not may(one, "Spot", "SpotTrade") and may(one, "ContractTrade", "Position") and may(one, "Wallet", "Withdraw")
    assert one.rows()[0]["permissions"] == {"spot": False, "derivatives": True, "transfer": True, "withdraw": True}
    assert one.rows()[1]["permissions"]["spot"], "the other key is another key"
    change(one, read_only=True)
    assert not may(one, "ContractTrade", "Order")
    kept = Keyring(one.accounts, one.rights)
    assert kept.rows() == one.rows()
    renewed = Keyring(holders(1, Access(api_key="c"), one.accounts), one.rights)
    assert renewed.rows()[0]["permissions"]["spot"], "a new key is as keys are made"


def test_nonsense_about_keys() -> None:
    with pytest.raises(ValueError, match=f"neither a key nor an account; there are {UID}, {PERP_UID}"):
        change(ring(), key="z")
    with pytest.raises(ValueError, match="fly is none of spot, derivatives"):
        change(ring(), permissions={"fly": True})


@pytest.mark.parametrize("text", ["", "USDT", "USDT=", "USDT=-5", "USDT=NaN", "US-DT=5", "USDT=1,=3"])
def test_balances_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Refusal, match="--balance"):
        parse_balance(text)


def test_balances() -> None:
    assert parse_balance("usdt=500.5, BTC=1") == {"USDT": Decimal("500.5"), "BTC": Decimal(1)}
    with pytest.raises(Refusal, match=r"^--perp-balance"):
        holders(1, Access(perp_balance="USDT=many"), ())
