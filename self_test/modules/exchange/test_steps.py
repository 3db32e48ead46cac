"""Who goes first."""

from __future__ import annotations

from modules.exchange.pending import Write
from modules.exchange.protect import CreateStop
from modules.exchange.steps import (
    Ask,
    CancelEntry,
    CancelExit,
    EndClose,
    Entry,
    Guarding,
    ReadVenue,
    SendClose,
    SendEntry,
    bares,
    order_of,
    urgency_of,
)
from self_test.fakes.live_floor import LiveFloor
from state.intents import OrderType
from utils.throttle import Urgency


def test_what_protects_goes_before_cancels_before_entries() -> None:
    write = Write(order_id="o")
    entry = Entry(write=write)
    for step in (
        SendClose(write, 1),
        EndClose(write, ""),
        Guarding(CreateStop(1, 1)),
        CancelExit("v"),
        ReadVenue(0),
        Ask(write, entry=False),
    ):
        assert urgency_of(step) is Urgency.PROTECTIVE
        assert bares(step) is isinstance(step, CancelExit)
    assert urgency_of(CancelEntry(entry)) < urgency_of(SendEntry(entry)) < urgency_of(Ask(write, entry=True))


def test_an_entry_found_at_start_counts_as_resting() -> None:
    floor = LiveFloor()
    assert Entry(write=Write(order_id="o")).resting
    assert not Entry(write=Write(order_id="o"), approved=floor.approved()).resting
    assert Entry(write=Write(order_id="o"), approved=floor.approved(order_type=OrderType.MAKER)).resting


def test_a_step_names_the_order_that_it_is_about() -> None:
    write = Write(order_id="o")
    entry = Entry(write=write)
    for step in (SendEntry(entry), CancelEntry(entry), Ask(write, entry=False), SendClose(write, 1), EndClose(write, "")):
        assert order_of(step) == "o"
    assert order_of(CancelExit("v")) == order_of(ReadVenue(0)) == order_of(Guarding(CreateStop(1, 2))) == ""
