"""What the engine is told of an account in every kind of trouble, once each way: keys, strangers, filters, bans, clocks."""

from __future__ import annotations

import pytest

from modules.exchange.reports import KeyRights
from modules.ports import BAD_KEY
from self_test.fakes.account_venue import open_order
from self_test.fakes.books import coin
from self_test.modules.exchange.watching import SPOT_KEY, Scene
from utils.errors import Rejected, Transient
from utils.throttle import Banned

pytestmark = pytest.mark.asyncio


async def test_bad_input_a_key_revoked_while_running_is_told_once_and_asked_for_slowly() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.fault = Rejected("expired", BAD_KEY)
        await scene.clock.advance(15)
        asked = len(scene.venue.asked)
        await scene.clock.advance(600)
        assert scene.words() == ["+reconcile", "-keys"] and "the protection already on the venue stands" in scene.reason("keys")
        assert len(scene.venue.asked) - asked < 20
        scene.venue.fault = None
        await scene.until(lambda: scene.words() == ["+reconcile", "-keys", "+keys"], 61)


async def test_bad_input_a_permission_taken_away_while_running_holds_entries() -> None:
    scene = Scene()
    async with scene.running():
        good, scene.venue.key = scene.venue.key, KeyRights(account_id="1", read_only=False, spot=False, derivatives=True, withdraw=False)
        await scene.until(lambda: "-rights" in scene.words(), 900)
        scene.venue.key = good
        await scene.until(lambda: scene.words() == ["+reconcile", "-rights", "+rights"], 15)


async def test_bad_input_maintenance_is_told_once_on_loss_and_once_on_return() -> None:
    scene = Scene()
    async with scene.running():
        await scene.clock.advance(5)
        scene.venue.fault = Transient("10016 maintenance")
        await scene.clock.advance(14)
        assert scene.words() == ["+reconcile"], "a hiccup is not an outage"
        await scene.clock.advance(3_600)
        assert scene.words() == ["+reconcile", "-venue"] and "10016" in scene.reason("venue")
        scene.venue.fault = None
        await scene.until(lambda: scene.words() == ["+reconcile", "-venue", "+venue"], 15)


async def test_bad_input_a_foreign_order_is_in_every_reading_until_it_is_gone() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.orders = [open_order(SPOT_KEY, "by-hand", price="90")]
        await scene.until(lambda: scene.foreign() != (), 15)
        assert scene.foreign() == ("a foreign order: buy 1 CRYPTO:AAAUSDT at 90, id by-hand",)
        scene.venue.orders = []
        await scene.until(lambda: scene.foreign() == (), 15)


async def test_pain_41_bad_input_a_second_bot_on_the_account_is_found_by_its_tag() -> None:
    scene = Scene()
    scene.venue.orders = [open_order(SPOT_KEY, "CLxyz-AAAUSDT-1-e", price="90")]
    await scene.watch.start()
    assert scene.foreign() == ("another bot trades on this account: buy 1 CRYPTO:AAAUSDT at 90, id CLxyz-AAAUSDT-1-e",)


async def test_pain_41_an_execution_of_somebody_elses_is_foreign_too() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id="by-hand")
        await scene.until(lambda: scene.foreign() == ("an execution of an order that is not ours",), 15)
        assert scene.fills() == []


async def test_bad_input_changed_filters_hold_entries_and_say_what_changed() -> None:
    scene = Scene()
    async with scene.running():
        scene.listed = {**scene.instruments, SPOT_KEY: coin("AAAUSDT", tick=coin("AAAUSDT").tick * 5)}
        await scene.until(lambda: "-filters" in scene.words(), 300)
        assert scene.reason("filters") == "the venue changed its filters, a restart takes them over: CRYPTO:AAAUSDT tick: 0.01 -> 0.05"
        await scene.clock.advance(900)
        assert scene.words() == ["+reconcile", "-filters"]


async def test_bad_input_filters_that_agree_again_let_the_account_enter() -> None:
    scene = Scene()
    async with scene.running():
        scene.watch.doubt()  # an order was refused for its grid, and the listing shows no change
        await scene.clock.advance(15)
        assert scene.words() == ["+reconcile"]
        scene.listed = {**scene.instruments, SPOT_KEY: coin("AAAUSDT", tick=coin("AAAUSDT").tick * 5)}
        scene.watch.doubt()
        await scene.until(lambda: "-filters" in scene.words(), 15)
        scene.listed = dict(scene.instruments)
        scene.watch.doubt()
        await scene.until(lambda: scene.words()[-1] == "+filters", 15)


async def test_bad_input_a_paused_or_delisted_instrument_is_told_once() -> None:
    scene = Scene()
    async with scene.running():
        scene.listed = {SPOT_KEY: coin("AAAUSDT", trading=False)}
        await scene.clock.advance(900)
        assert scene.words() == ["+reconcile", "-not_trading"]
        assert scene.reason("not_trading") == "paused or delisted: CRYPTO:AAAUSDT, CRYPTO:BBBUSDT"
        scene.listed = scene.instruments
        await scene.until(lambda: scene.words()[-1] == "+not_trading", 300)


async def test_pain_31_a_ban_is_told_once_and_is_no_outage_of_the_venue() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.fault = Banned("bybit.ip", 600)
        await scene.clock.advance(600)
        scene.venue.fault = Transient("a hiccup when it is over")
        await scene.clock.advance(10)
        assert scene.words() == ["+reconcile", "-banned"]
        scene.venue.fault = None
        await scene.until(lambda: scene.words() == ["+reconcile", "-banned", "+banned"], 15)


async def test_pain_32_a_clock_that_jumps_is_synced_and_told() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.offset_ms = -10_000
        await scene.until(lambda: "+clock" in scene.words(), 300)
        assert scene.words() == ["+reconcile", "-clock", "+clock"] and "-10000 ms" in scene.reason("clock")
        scene.venue.offset_ms = -10_900
        await scene.clock.advance(900)
        assert scene.words() == ["+reconcile", "-clock", "+clock"], "drift within a second is nobody's business"


async def test_pain_32_a_clock_that_does_not_settle_holds_entries_until_it_does() -> None:
    scene = Scene()
    async with scene.running():

        def drifting(name: str) -> None:
            if name == "sync_clock":
                scene.venue.offset_ms += 5_000

        scene.venue.before = drifting
        await scene.clock.advance(400)
        assert scene.words() == ["+reconcile", "-clock"]
        scene.venue.before = lambda name: None
        await scene.until(lambda: scene.words() == ["+reconcile", "-clock", "+clock"], 15)


async def test_trouble_of_the_checks_beside_does_not_end_the_watch() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.before = lambda name: setattr(scene.venue, "fault", Transient("once") if name in {"rights", "sync_clock"} else None)
        await scene.clock.advance(2_000)
        assert scene.words() == ["+reconcile"]


async def test_a_reading_can_be_asked_for() -> None:
    scene = Scene()
    async with scene.running():
        before = len(scene.reads())
        scene.watch.ask()
        await scene.clock.settle()
        assert len(scene.reads()) == before + 1


async def test_filters_and_rights_are_looked_at_at_once_when_an_order_was_refused_for_them() -> None:
    scene = Scene()
    async with scene.running():
        scene.listed = {**scene.instruments, SPOT_KEY: coin("AAAUSDT", trading=False)}
        scene.watch.doubt()
        await scene.clock.settle()
        assert scene.words() == ["+reconcile", "-not_trading"]
        scene.venue.key = KeyRights(account_id="1", read_only=True, spot=True, derivatives=True, withdraw=False)
        scene.watch.doubt()
        await scene.clock.settle()
        assert scene.words() == ["+reconcile", "-not_trading", "-rights"]


async def test_run_again_after_its_end_does_not_trust_the_link_of_before() -> None:
    scene = Scene()
    async with scene.running():
        scene.stream.lost()
        await scene.clock.settle()
        scene.stream.up()
        scene.venue.fault = Transient("cut")
        await scene.clock.settle()
    scene.venue.fault = None
    async with scene.alive():
        await scene.clock.advance(30)
        assert scene.words() == ["+reconcile", "-stream"], "the stream has not said that it is up"
        scene.stream.up()
        await scene.clock.settle()
        assert scene.words() == ["+reconcile", "-stream", "+stream"]
