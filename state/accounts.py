"""Whose money it is: every order, wallet, position, metric and breaker is keyed by an Account, and nothing moves between two."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Domain(StrEnum):
    """A separate world of capital: its wallet, its venue, its rules."""

    CRYPTO = "CRYPTO"
    PERPS = "PERPS"
    FOREX = "FOREX"
    OPTIONS = "OPTIONS"


OF_PAIRS = frozenset({Domain.FOREX, Domain.OPTIONS})
"""Domains of currency pairs: prices from the broker, markets with weekends, wallets in USD."""


class Mode(StrEnum):
    """Whether the fills are ours or the venue's."""

    PAPER = "PAPER"
    LIVE = "LIVE"


class Account(msgspec.Struct, frozen=True, order=True):
    """One wallet: a domain in a mode. Written `CRYPTO/PAPER`."""

    domain: Domain
    mode: Mode

    def __str__(self) -> str:
        return f"{self.domain}/{self.mode}"

    @classmethod
    def parse(cls, text: str) -> Account:
        """The account written as `DOMAIN/MODE`; ValueError otherwise."""
        domain, _, mode = text.partition("/")
        return cls(Domain(domain), Mode(mode))
