"""The five stages as a table: which domain trades with what money. Toggles and standing can only restrict it further."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from state.accounts import Account, Domain, Mode


class Cell(StrEnum):
    """What a stage allows one domain."""

    OFF = "off"
    PAPER = "paper"
    PAPER_BY_TOGGLE = "paper by toggle"
    LIVE = "live"
    LIVE_IF_EARNED = "live if earned"
    LIVE_BY_OVERRIDE = "live by override"


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stage: its name and a cell per domain. A live domain goes on exploring in its paper wallet."""

    name: str
    crypto: Cell
    perps: Cell
    forex: Cell
    options: Cell

    def cell(self, domain: Domain) -> Cell:
        """The cell of `domain`."""
        return Cell(getattr(self, domain.name.lower()))


_C = Cell
STAGES: dict[int, StageRow] = {
    1: StageRow(name="Crypto Paper (Learn)", crypto=_C.PAPER, perps=_C.OFF, forex=_C.OFF, options=_C.OFF),
    2: StageRow(name="Crypto Live + Exploration", crypto=_C.LIVE, perps=_C.PAPER_BY_TOGGLE, forex=_C.PAPER_BY_TOGGLE, options=_C.OFF),
    3: StageRow(name="+ Perps/Forex Paper", crypto=_C.LIVE, perps=_C.PAPER, forex=_C.PAPER, options=_C.OFF),
    4: StageRow(name="Crypto & Forex Live + Options Paper", crypto=_C.LIVE, perps=_C.LIVE_IF_EARNED, forex=_C.LIVE, options=_C.PAPER),
    5: StageRow(name="Full rollout", crypto=_C.LIVE, perps=_C.LIVE_IF_EARNED, forex=_C.LIVE, options=_C.LIVE_BY_OVERRIDE),
}


class Toggles(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's switches. Forex and options are off at every boot, whatever was stored."""

    forex: bool = False
    options: bool = False
    paused: bool = False
    """No new entries anywhere; exits go on."""
    learning: bool = False
    """Online learning may change policies; off until somebody says so."""

    def lets_in(self, domain: Domain) -> bool:
        """Whether the switch of `domain` lets it enter; crypto has none."""
        return {Domain.FOREX: self.forex, Domain.OPTIONS: self.options}.get(domain, True)


def paper_account(domain: Domain) -> Account:
    """The paper wallet of a domain."""
    return Account(domain, Mode.PAPER)
