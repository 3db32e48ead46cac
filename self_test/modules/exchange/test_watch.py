"""What the engine is told of an account at start, and of what its stream lost."""

from __future__ import annotations

import pytest

from modules.exchange.reports import ExecutionKind, KeyRights, OrderStatus
from modules.ports import BAD_KEY
from self_test.fakes.account_venue import open_order
from self_test.modules.exchange.watching import LIVE_PERP, LIVE_SPOT, PERP_KEY, SPOT_KEY, Scene
from state.accounts import Account
from state.messages import OrderFilled, VenueRead
from utils.errors import ExitCode, Refusal, Rejected, Transient

pytestmark = pytest.mark.asyncio
LINK = "CLabc-AAAUSDT-1-e"
PERP_LINK = "PLabc-AAAUSDT-1-e"


# --- start ---------------------------------------------------------------------------------------------------------------------------


async def test_the_account_may_enter_after_a_reading_at_rest_with_the_stream_up() -> None:
    scene = Scene()
    await scene.watch.start()
    assert scene.words() == [] and len(scene.reads()) == 1
    async with scene.alive():
        await scene.clock.advance(30)
        assert scene.words() == [], "without its stream an account does not enter"
        scene.stream.up()
        await scene.clock.settle()
        assert scene.words() == ["+reconcile"]


async def test_a_start_in_the_middle_of_fills_is_over_soon_after_the_last() -> None:
    """The venue answers, so nothing is gained by growing pauses: a bot that was killed among fifty positions is back within seconds."""
    scene = Scene()
    scene.venue.before = lambda name: scene.venue.trade(SPOT_KEY, 1, "0.01", "1", link_id=LINK) if name == "wallet" else None
    await scene.watch.start()
    async with scene.alive():
        scene.stream.up()
        await scene.clock.advance(3.2)
        assert scene.words() == [] and len(scene.venue.asked) < 200
        scene.venue.before = lambda name: None
        await scene.until(lambda: scene.words() == ["+reconcile"], 1.1)


async def test_a_venue_that_comes_back_while_the_account_waits_to_enter_is_noticed_soon() -> None:
    scene = Scene()
    scene.venue.fault = Transient("no route")
    async with scene.alive():
        scene.stream.up()
        await scene.clock.advance(8)
        assert len(scene.venue.asked) < 10
        scene.venue.fault = None
        await scene.until(lambda: scene.words() == ["+reconcile"], 2.1)


async def test_pain_12_it_has_caught_up_only_when_the_executions_were_told() -> None:
    """The executor waits for it: with a stop that fired meanwhile it would sell, or guard, coins that are not ours any more."""
    scene = Scene(cursor=1)
    scene.venue.trade(SPOT_KEY, -1, "1", "100", link_id=LINK)
    scene.venue.fault = Transient("no route")
    with pytest.raises(Transient):
        await scene.watch.start()
    assert not scene.watch.caught_up.is_set()
    async with scene.alive():
        await scene.clock.advance(5)
        assert not scene.watch.caught_up.is_set() and scene.fills() == []
        scene.venue.fault = None
        await scene.clock.advance(20)
        assert scene.watch.caught_up.is_set() and scene.fills() == ["e0"]


@pytest.mark.parametrize("account", [LIVE_SPOT, LIVE_PERP])
async def test_pain_12_start_up_tells_what_was_filled_meanwhile_before_it_tells_the_figures(account: Account) -> None:
    scene = Scene(account, cursor=1)
    key, link = (SPOT_KEY, LINK) if account == LIVE_SPOT else (PERP_KEY, PERP_LINK)
    scene.venue.orders = [open_order(key, link, venue_id="o1", status=OrderStatus.PARTIAL, filled="2")]
    scene.venue.trade(key, 1, "1", "100", link_id=link)
    scene.venue.trade(key, 1, "1", "101", link_id=link)
    await scene.watch.start()
    assert [type(event) for event in scene.told] == [OrderFilled, OrderFilled, VenueRead]
    assert scene.reads()[0].positions == ({} if account == LIVE_SPOT else {PERP_KEY: 20_000})
    assert scene.venue.orders[0] in scene.executor.items, "the executor sees what is open, to protect what is not"


async def test_pain_12_what_was_told_before_is_not_told_again_by_the_overlap() -> None:
    scene = Scene()
    scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK)
    async with scene.running():
        await scene.clock.advance(120)
    assert scene.fills() == ["e0"]


async def test_pain_46_the_cursor_moves_on_and_always_leaves_an_overlap() -> None:
    scene = Scene()
    began = scene.clock.now_ms()
    assert scene.watch.cursor == began
    async with scene.running():
        await scene.clock.advance(600)
        assert began + 500_000 < scene.watch.cursor < scene.clock.now_ms() - 10_000


async def test_pain_49_the_cursor_does_not_pass_an_execution_that_could_not_be_told() -> None:
    scene = Scene()
    async with scene.running():
        scene.tracker.oldest_untold = waiting = scene.clock.now_ms()
        await scene.clock.advance(600)
        assert scene.watch.cursor == scene.reads()[-1].cursor == waiting, "a restart has to read it again"
        scene.tracker.oldest_untold = None
        assert scene.watch.cursor > waiting


@pytest.mark.parametrize(
    ("rights", "word"),
    [
        (KeyRights(account_id="1", read_only=True, spot=True, derivatives=True, withdraw=False), "read-only"),
        (KeyRights(account_id="1", read_only=False, spot=False, derivatives=True, withdraw=False), "spot"),
        (KeyRights(account_id="1", read_only=False, spot=True, derivatives=True, withdraw=True), "withdraw"),
    ],
)
async def test_bad_input_a_key_with_the_wrong_rights_ends_the_start(rights: KeyRights, word: str) -> None:
    scene = Scene()
    scene.venue.key = rights
    with pytest.raises(Refusal, match=word) as refused:
        await scene.watch.start()
    assert refused.value.code is ExitCode.CREDENTIALS and "--env live" in str(refused.value)
    assert scene.told == []


async def test_a_key_that_can_withdraw_starts_where_the_setting_allows_it() -> None:
    scene = Scene(may_withdraw=True)
    scene.venue.key = KeyRights(account_id="1", read_only=False, spot=True, derivatives=True, withdraw=True)
    await scene.watch.start()
    assert len(scene.reads()) == 1


async def test_bad_input_a_revoked_key_ends_the_start() -> None:
    scene = Scene()
    scene.venue.fault = Rejected("API key is invalid", BAD_KEY)
    with pytest.raises(Refusal, match="API key is invalid") as refused:
        await scene.watch.start()
    assert refused.value.code is ExitCode.CREDENTIALS


@pytest.mark.parametrize("fault", [Transient("no route"), Rejected("params error", 10001)])
async def test_a_venue_that_is_away_at_start_is_tried_by_run_until_it_is_back(fault: Transient | Rejected) -> None:
    scene = Scene()
    scene.venue.fault = fault
    with pytest.raises(Transient):
        await scene.watch.start()
    async with scene.alive():
        scene.stream.up()
        await scene.clock.advance(40)
        assert scene.words() == ["-venue"]
        scene.venue.fault = None
        await scene.until(lambda: scene.words() == ["-venue", "+venue", "+reconcile"], 10)
        assert "rights" in scene.venue.asked, "a key that could not be judged at start is judged then"


async def test_a_key_found_unfit_after_a_failed_start_holds_the_account() -> None:
    scene = Scene()
    scene.venue.key = KeyRights(account_id="1", read_only=True, spot=True, derivatives=True, withdraw=False)
    async with scene.alive():
        scene.stream.up()
        await scene.clock.advance(5)
        assert scene.words() == ["-rights", "+reconcile"] and "read-only" in scene.reason("rights")
        scene.venue.key = KeyRights(account_id="1", read_only=False, spot=True, derivatives=True, withdraw=False)
        await scene.until(lambda: scene.words()[-1] == "+rights", 15)


# --- what the stream lost ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
async def test_pain_10_a_fill_whose_frame_was_lost_is_found_within_30_s(seed: int) -> None:
    scene = Scene(seed=seed)
    async with scene.running():
        await scene.clock.advance(7)
        scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK)
        assert await scene.until(lambda: scene.fills() == ["e0"], 30) <= 10
        assert scene.fills() == ["e0"]


async def test_pain_06_a_stop_that_executed_unheard_is_found_and_precedes_the_figures_that_show_it() -> None:
    scene = Scene(LIVE_PERP)
    scene.venue.trade(PERP_KEY, 1, "1", "100", link_id=PERP_LINK)
    async with scene.running():
        assert scene.reads()[-1].positions == {PERP_KEY: 10_000}
        scene.venue.trade(PERP_KEY, -1, "1", "95", link_id="PLabc-AAAUSDT-1-s")
        await scene.until(lambda: scene.reads()[-1].positions == {}, 30)
        stopped = next(i for i, event in enumerate(scene.told) if isinstance(event, OrderFilled) and event.fill.side < 0)
        flat = next(i for i, event in enumerate(scene.told) if isinstance(event, VenueRead) and event.positions == {})
        assert stopped < flat


@pytest.mark.parametrize("kind", [ExecutionKind.LIQUIDATION, ExecutionKind.ADL])
async def test_pain_07_a_liquidation_reaches_tracker_and_executor_by_request_too(kind: ExecutionKind) -> None:
    scene = Scene(LIVE_PERP)
    async with scene.running():
        seized = scene.venue.trade(PERP_KEY, -1, "1", "50", link_id="PLabc-venue", kind=kind)
        await scene.until(lambda: seized in scene.executor.items, 30)


async def test_a_fill_told_by_stream_and_request_is_told_once() -> None:
    scene = Scene()
    async with scene.running():
        for _ in range(3):
            fill = scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK)
            scene.stream.say(fill, fill)
            await scene.clock.advance(9)
    assert scene.fills() == ["e0", "e1", "e2"]


async def test_pain_29_a_lost_stream_holds_entries_and_is_followed_by_a_full_reading() -> None:
    scene = Scene()
    async with scene.running():
        scene.stream.lost("half-open")
        scene.stream.lost("still")
        await scene.clock.settle()
        assert scene.words() == ["+reconcile", "-stream"] and "half-open" in scene.reason("stream")
        scene.venue.trade(SPOT_KEY, 1, "1", "100", link_id=LINK)
        scene.stream.up()
        await scene.clock.settle()
        assert scene.words() == ["+reconcile", "-stream", "+stream"]
        kinds = [type(event).__name__ for event in scene.told[-3:]]
        assert kinds == ["OrderFilled", "VenueRead", "AccountUp"], "what was missed is told before the account may enter again"


async def test_a_stream_that_is_lost_again_during_the_reading_is_not_back() -> None:
    scene = Scene()
    async with scene.running():
        scene.stream.lost()
        await scene.clock.settle()
        scene.venue.before = lambda name: scene.stream.lost() if name == "wallet" else None
        scene.stream.up()
        await scene.clock.advance(20)
        assert scene.words() == ["+reconcile", "-stream"]


async def test_pain_29_a_silent_stream_is_compared_oftener() -> None:
    scene = Scene()
    async with scene.running():

        async def readings(seconds: float) -> int:
            before = len(scene.reads())
            await scene.clock.advance(seconds)
            return len(scene.reads()) - before

        lively = 0
        for _ in range(6):
            scene.stream.say(await scene.venue.wallet())
            lively += await readings(20)
        await scene.clock.advance(70)
        silent = await readings(120)
        assert 12 <= lively <= 15 and 24 <= silent <= 30


async def test_pain_13_an_unanswered_reading_says_nothing_least_of_all_flat() -> None:
    scene = Scene(LIVE_PERP)
    scene.venue.trade(PERP_KEY, 1, "1", "100", link_id=PERP_LINK)
    async with scene.running():
        before = len(scene.reads())

        def broken(name: str) -> None:
            scene.venue.fault = Transient("cut") if name == "positions" else None

        scene.venue.before = broken
        await scene.clock.advance(60)
        assert len(scene.reads()) == before
        assert scene.words() == ["+reconcile", "-venue"]


async def test_an_account_that_does_not_come_to_rest_may_not_enter() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.before = lambda name: scene.venue.trade(SPOT_KEY, 1, "0.01", "1", link_id=LINK) if name == "wallet" else None
        await scene.until(lambda: scene.words() == ["+reconcile", "-reconcile"], 90)
        scene.venue.before = lambda name: None
        await scene.until(lambda: scene.words() == ["+reconcile", "-reconcile", "+reconcile"], 15)
