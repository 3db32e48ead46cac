"""The simulator's own small API, under /control: its clock, who is attached to it, its faults, and the truth about its accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Protocol

import msgspec

from modules.simulator import faults
from modules.simulator.attachments import Attachments
from modules.simulator.faults import Fault, FaultTable
from modules.simulator.hub import Hub
from modules.simulator.keyring import KeyRequest, Keyring
from modules.simulator.venue import Venue

PREFIX = "/control"


class BadRequest(Exception):
    """What was sent makes no sense; the text says why."""


class ClockRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /clock; exactly one of register, unregister, ack, speed, expect."""

    register: str | None = None
    pid: int | None = None
    """With register: the daemon's process on this machine, so that its death is noticed at once."""
    unregister: str | None = None
    ack: int | None = None
    """A close time, ms: its frames have been digested."""
    name: str | None = None
    """With ack: who (may be left out while only one daemon is attached)."""
    speed: float | None = None
    expect: int | None = None
    """The process that a daemon is going to register from: an embedded venue does not end while it lives."""


class TransferRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /transfer."""

    account: str
    """Uid or key."""
    coin: str
    amount: Decimal
    """Above 0 for money in."""


class Truth(Protocol):
    """What is needed of the private side here."""

    faults: FaultTable

    def add_fault(self, fault: Fault, fault_id: str | None = None) -> str:
        """Take a fault in and return its id."""

    def remove_fault(self, fault_id: str) -> bool:
        """Take it back; False when it is not there."""

    def ledger(self) -> dict[str, Any]:
        """Orders, fills, cash, positions, unprotected, hash."""

    def accounts(self) -> list[dict[str, Any]]:
        """Every account."""

    @property
    def keyring(self) -> Keyring:
        """The accounts' keys."""

    def change_key(self, request: KeyRequest) -> None:
        """Give and take rights of a key; ValueError says what is wrong."""

    def transfer(self, name: str, coin: str, amount: Decimal) -> dict[str, Any]:
        """Money into or out of an account; ValueError says what is wrong."""


class Beside(Protocol):
    """What is shown of the other venue in the box."""

    def ledger(self) -> dict[str, Any]:
        """Its section of the ledger."""

    def account(self) -> dict[str, Any]:
        """Its account."""

    def revoke(self, name: str, *, revoked: bool) -> bool:
        """Refuse its token, or take that back; False when the name is not its."""

    def transfer(self, name: str, amount: Decimal) -> dict[str, Any] | None:
        """Money in or out; None when the name is not its. ValueError says what is wrong."""


class Control:
    """GET and POST of clock, faults and keys, DELETE /faults/ID, GET of healthz, accounts and ledger, POST /transfer."""

    def __init__(
        self, venue: Venue, hub: Hub, attachments: Attachments, about: dict[str, Any], wall_ms: Any, truth: Truth | None = None,
        oanda: Beside | None = None,
    ) -> None:  # fmt: skip
        self._truth, self._oanda = truth, oanda
        self._venue, self._hub, self._attachments = venue, hub, attachments
        self._about = about
        self._wall_ms = wall_ms
        self.looked_ms = 0
        """When somebody last asked whether the process serves."""

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """Do a request (path without the prefix). KeyError: there is no such thing; BadRequest and FaultError say what is wrong."""
        truth = self._truth
        match (method, path):
            case ("GET", "/clock"):
                return self.clock()
            case ("POST", "/clock"):
                return self.post_clock(body)
            case ("GET", "/healthz"):
                return self.health()
        if truth is None:
            raise KeyError(path)
        match (method, path):
            case ("GET", "/faults"):
                return {"faults": truth.faults.rows()}
            case ("POST", "/faults"):
                return {"id": truth.add_fault(faults.parse(_decoded(body)))}
            case ("GET", "/accounts"):
                return {"accounts": truth.accounts()} | ({} if self._oanda is None else {"oanda": self._oanda.account()})
            case ("GET", "/ledger"):
                return truth.ledger() | ({} if self._oanda is None else {"oanda": self._oanda.ledger()})
            case ("GET", "/keys"):
                return {"keys": truth.keyring.rows()}
            case ("POST", "/keys"):
                return self._post_keys(truth, body)
            case ("POST", "/transfer"):
                return self._post_transfer(truth, body)
        if method == "DELETE" and path.startswith("/faults/") and truth.remove_fault(path.removeprefix("/faults/")):
            return {"removed": path.removeprefix("/faults/")}
        raise KeyError(path)

    def clock(self) -> dict[str, Any]:
        """The state of venue time; `achieved` is null while unknown."""
        clock = self._venue.clock
        achieved = clock.achieved()
        return {
            "now": clock.now_ms,
            "speed": clock.speed,
            "achieved": None if achieved is None else round(achieved, 3),
            "start": self._venue.market.start_ms,
            "end": clock.end_ms,
            "held": clock.held,
            "ended": clock.ended,
            "daemons": [one.name for one in self._attachments.live()],
            "late": self._attachments.late,
            **self._about,
        }

    def health(self) -> dict[str, Any]:
        """Enough to see that the process serves. Who looks is about to attach, and is waited for."""
        self.looked_ms = self._wall_ms()
        return {"ok": True, "now": self._venue.now_ms, "clients": len(self._hub.clients), "frames": self._hub.frames, **self._about}

    def post_clock(self, body: bytes) -> dict[str, Any]:
        """Apply one request and answer with the clock; BadRequest otherwise."""
        try:
            request = msgspec.json.decode(body, type=ClockRequest)
        except msgspec.MsgspecError as error:
            raise BadRequest(str(error)) from error
        asked = [name for name in ("register", "unregister", "ack", "speed", "expect") if getattr(request, name) is not None]
        if len(asked) != 1:
            raise BadRequest(f"exactly one of register, unregister, ack, speed, expect is needed, not {', '.join(asked) or 'none'}")
        if request.register is not None:
            self._attachments.register(request.register, request.pid, self._venue.now_ms)
        elif request.unregister is not None:
            self._attachments.unregister(request.unregister)
        elif request.expect is not None:
            self._attachments.expect(request.expect)
        elif request.ack is not None:
            if not self._attachments.ack(request.ack, request.name):
                raise BadRequest("name: " + (f"{request.name} is not registered" if request.name else "say who, or register first"))
        elif request.speed is not None:
            try:
                self._venue.clock.set_speed(request.speed, self._wall_ms())
            except ValueError as error:
                raise BadRequest(str(error)) from error
        return self.clock()

    def _post_keys(self, truth: Truth, body: bytes) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(body, type=KeyRequest)
            if request.revoked is None or self._oanda is None or not self._oanda.revoke(request.key, revoked=request.revoked):
                truth.change_key(request)
        except ValueError as error:  # a body that cannot be read is one as well
            raise BadRequest(str(error)) from error
        return {"keys": truth.keyring.rows()}

    def _post_transfer(self, truth: Truth, body: bytes) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(body, type=TransferRequest)
            found = None if self._oanda is None else self._oanda.transfer(request.account, request.amount)
            return truth.transfer(request.account, request.coin, request.amount) if found is None else found
        except ValueError as error:
            raise BadRequest(str(error)) from error


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
