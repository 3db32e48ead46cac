"""Who has an account at this venue and with which key: two of them, what the command line says of each, what their keys may do.

The second account is the sub-account in which a bot keeps the capital of its perpetuals: a stranger to the first in everything but the
address from which both are asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from modules.simulator.credentials import ALL, Credentials, Key
from utils.errors import Refusal

UID = "100000001"
PERP_UID = "100000002"
UIDS = (UID, PERP_UID)
DEFAULT_BALANCE = "USDT=10000"
RIGHTS: dict[str, tuple[tuple[str, str], ...]] = {
    "spot": (("Spot", "SpotTrade"),),
    "derivatives": (("ContractTrade", "Order"), ("ContractTrade", "Position")),
    "transfer": (("Wallet", "AccountTransfer"), ("Wallet", "SubMemberTransferList")),
    "withdraw": (("Wallet", "Withdraw"),),
}
"""What can be given and taken, as (scope, entry) of query-api."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about the accounts; None = not said."""

    api_key: str | None = None
    api_secret: str | None = None
    balance: str | None = None
    """`USDT=10000,BTC=1`."""
    perp_api_key: str | None = None
    perp_api_secret: str | None = None
    perp_balance: str | None = None
    """Default: as `balance`."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One account as it is kept: its key, and the balance it began with."""

    uid: str
    api_key: str
    api_secret: str
    balance: str


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed about a key at run time."""

    revoked: bool = False
    expired: bool = False
    read_only: bool = False
    permissions: dict[str, bool] = {}
    """By name of `RIGHTS`; what is not named is as it was made: everything but to withdraw."""


class KeyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /control/keys; what is left out stays."""

    key: str
    """Key or uid."""
    revoked: bool | None = None
    expired: bool | None = None
    read_only: bool | None = None
    permissions: dict[str, bool] | None = None


def parse_balance(text: str, option: str = "--balance") -> dict[str, Decimal]:
    """Deposits by coin; Refusal names what cannot be read."""
    found: dict[str, Decimal] = {}
    for part in text.split(","):
        coin, _, amount = part.strip().partition("=")
        try:
            value = Decimal(amount)
        except InvalidOperation:
            value = Decimal(-1)
        if not (coin.isalnum() and coin.isascii() and value.is_finite() and 0 <= value < Decimal("1e15")):
            raise Refusal(f"{option}: {part!r} is not COIN=AMOUNT, e.g. USDT=10000,BTC=1")
        found[coin.upper()] = value
    return found


def made_secret(seed: int, what: str, length: int) -> str:
    """A key or secret for a simulated account: the same for the same seed."""
    return hashlib.sha256(f"simulator {what} {seed}".encode()).hexdigest()[:length]


def holders(seed: int, access: Access, stored: Sequence[Holder]) -> tuple[Holder, Holder]:
    """Both accounts: as stored, else as asked for, else made. Refusal when they are to begin with something else than they did.

    A stored venue without the second account is given one.
    """
    known = {one.uid: one for one in stored}
    first = _agreed(
        known.get(UID),
        Holder(
            uid=UID, api_key=access.api_key or "", api_secret=access.api_secret or "", balance=access.balance or "",
        ),
        Holder(uid=UID, api_key="sim" + made_secret(seed, "key", 15), api_secret=made_secret(seed, "secret", 36), balance=DEFAULT_BALANCE),
        "--balance",
    )  # fmt: skip
    second = _agreed(
        known.get(PERP_UID),
        Holder(
            uid=PERP_UID, api_key=access.perp_api_key or "", api_secret=access.perp_api_secret or "", balance=access.perp_balance or "",
        ),
        Holder(
            uid=PERP_UID, api_key="sim" + made_secret(seed, "perp key", 15), api_secret=made_secret(seed, "perp secret", 36),
            balance=first.balance,
        ),
        "--perp-balance",
    )  # fmt: skip
    if first.api_key == second.api_key:
        raise Refusal(f"--perp-api-key: {second.api_key} is already the key of the other account")
    return first, second


def _agreed(stored: Holder | None, asked: Holder, made: Holder, option: str) -> Holder:
    if asked.balance:
        wanted = parse_balance(asked.balance, option)
        if stored is not None and wanted != parse_balance(stored.balance, option):
            raise Refusal(
                f"{option}: this state directory holds an account that began with {stored.balance}, not {asked.balance}; "
                "use another directory or leave the option out"
            )
    kept = stored or made
    return Holder(
        uid=kept.uid,
        api_key=asked.api_key or kept.api_key,
        api_secret=asked.api_secret or kept.api_secret,
        balance=stored.balance if stored is not None else asked.balance or made.balance,
    )


class Keyring:
    """The accounts' keys as the venue knows them now (`credentials`). `rights`: stored changes by key."""

    def __init__(self, accounts: Sequence[Holder], rights: dict[str, Rights]) -> None:
        self.accounts = tuple(accounts)
        self.rights = {one.api_key: rights[one.api_key] for one in accounts if one.api_key in rights}
        self.credentials = Credentials(_key(one, self.rights.get(one.api_key, Rights())) for one in accounts)

    def uid_of(self, name: str) -> str | None:
        """The account that a key or uid names."""
        return next((one.uid for one in self.accounts if name in {one.uid, one.api_key}), None)

    def key_of(self, uid: str) -> str | None:
        """The key of an account."""
        return next((one.api_key for one in self.accounts if one.uid == uid), None)

    def signer(self, message: bytes) -> str:
        """The account whose key is named in a message, "" when none is."""
        return next((one.uid for one in self.accounts if one.api_key.encode() in message), "")

    def change(self, request: KeyRequest) -> Key:
        """Give and take rights; the key as it is from now on. ValueError says what is wrong."""
        found = next((one for one in self.accounts if request.key in {one.uid, one.api_key}), None)
        if found is None:
            raise ValueError(
                f"key: {request.key!r} is neither a key nor an account; there are {', '.join(one.uid for one in self.accounts)}"
            )
        asked = request.permissions or {}
        if unknown := [name for name in asked if name not in RIGHTS]:
            raise ValueError(f"permissions: {', '.join(unknown)} is none of {', '.join(RIGHTS)}")
        old = self.rights.get(found.api_key, Rights())
        self.rights[found.api_key] = new = Rights(
            revoked=old.revoked if request.revoked is None else request.revoked,
            expired=old.expired if request.expired is None else request.expired,
            read_only=old.read_only if request.read_only is None else request.read_only,
            permissions=old.permissions | asked,
        )
        key = _key(found, new)
        self.credentials.add(key)
        return key

    def rows(self) -> list[dict[str, Any]]:
        """Every key and what it may do now, as the control API shows it."""
        found = []
        for one in self.accounts:
            key = self.credentials.find(one.api_key)
            rights = self.rights.get(one.api_key, Rights())
            may = {} if key is None else {name: all(entry in key.permissions.get(scope, ()) for scope, entry in needs)
                                          for name, needs in RIGHTS.items()}  # fmt: skip
            found.append(
                {
                    "key": one.api_key,
                    "uid": one.uid,
                    "revoked": rights.revoked,
                    "expired": rights.expired,
                    "read_only": rights.read_only,
                    "permissions": may,
                }
            )
        return found


def _key(holder: Holder, rights: Rights) -> Key:
    permissions = dict(ALL)
    for name, given in rights.permissions.items():
        for scope, entry in RIGHTS[name]:
            others = tuple(one for one in permissions[scope] if one != entry)
            permissions[scope] = (*others, entry) if given else others
    return Key(
        api_key=holder.api_key, secret=holder.api_secret, uid=holder.uid, read_only=rights.read_only, permissions=permissions,
        revoked=rights.revoked, expires_ms=0 if rights.expired else None, parent=UID if holder.uid != UID else "",
    )  # fmt: skip
