"""The engine is told before the executor, and a repeated execution is no news."""

from __future__ import annotations

from collections.abc import Sequence

from modules.exchange.reports import AccountItem
from modules.exchange.teller import Teller
from self_test.fakes.account_venue import AccountVenue, open_order
from self_test.modules.exchange.watching import SPOT_KEY, Scene, ToyExecutor
from state.messages import AccountEvent


def test_the_engine_hears_of_it_before_the_executor() -> None:
    heard: list[str] = []
    scene = Scene()

    class Executor(ToyExecutor):
        def on_reports(self, items: Sequence[AccountItem]) -> None:
            heard.append("executor")

    def emit(events: list[AccountEvent]) -> None:
        heard.append("engine")

    teller = Teller(scene.tracker, Executor(), emit)
    teller.tell([AccountVenue().trade(SPOT_KEY, 1, "1", "100", link_id="CLabc-AAAUSDT-1-e")])
    assert heard == ["engine", "executor"]
    teller.tell([open_order(SPOT_KEY, "CLabc-AAAUSDT-1-e")])
    assert heard == ["engine", "executor", "executor"], "an order's report that is no event reaches the executor all the same"
    teller.tell([])
    assert len(heard) == 3


def test_a_repeat_is_not_heard_twice_until_it_is_too_old_to_be_read_again() -> None:
    scene = Scene()
    told: list[AccountEvent] = []
    teller = Teller(scene.tracker, scene.executor, told.extend)
    fill = AccountVenue(now=lambda: 50).trade(SPOT_KEY, 1, "1", "100", link_id="CLabc-AAAUSDT-1-e")
    teller.tell([fill, fill])
    teller.tell([fill])
    teller.forget(50)
    teller.tell([fill])
    assert teller.heard == 1 and len(told) == 1
    teller.forget(51)
    teller.tell([fill])
    assert teller.heard == 2 and len(told) == 1, "the tracker still knows it"
