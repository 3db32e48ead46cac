"""The weekend of a market that has one: FOREX is made up here (no venue, C1's rules), the calendar is the real one of New York."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from modules.engine.core import Engine
from modules.engine.desk import make_state, wallet_events
from modules.engine.recovery import restore, snapshot_of
from modules.settings import BotConfig, Risk, limit_rows
from self_test.fakes.books import coin
from self_test.fakes.rollout import CONFIGURED, mandate_of
from self_test.scenarios.desk import LEVEL, STOP, TARGET, Desk, kinds, only, refused
from state.accounts import Domain
from state.instruments import Instrument
from state.messages import Close, Command, OrderRejected, Place, Protect, Record, Report
from state.stages import paper_account
from strategy.base import C1

HOUR = 3_600_000


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


FRIDAY, SUNDAY = utc("2025-03-07"), utc("2025-03-09")
"""The close is at 22:00 UTC, the opening, in summer time by then, at 21:00."""
LEAD, CLOSE_TS, OPEN_TS = FRIDAY + 21 * HOUR + HOUR // 2, FRIDAY + 22 * HOUR, SUNDAY + 21 * HOUR


class FxDesk(Desk):
    """The desk over one pair of a domain with a session."""

    def __init__(self, weekend: str = "close", domain: Domain = Domain.FOREX) -> None:
        self.domain = domain
        super().__init__("EURUSD", risk=Risk.model_validate({"weekend": weekend}))

    def set_up(
        self, config: BotConfig, coins: tuple[Instrument, ...], chosen: frozenset[int], balance: int
    ) -> tuple[Engine, list[Command]]:
        pair = coin("EURUSD", self.domain, base="EUR", quote="USD")
        account = paper_account(self.domain)
        settings = CONFIGURED.model_copy(
            update={"risk": config.risk, "domains": {**CONFIGURED.domains, self.domain: CONFIGURED.domains[Domain.PERPS]}}
        )
        terms = {"allowed": {account: frozenset({C1})}, "feed_of": {pair.key: "forex"}, "limits": limit_rows(config.risk)}
        engine = Engine(make_state(settings, (pair,), (account,)), mandate_of((account,), **terms))
        return engine, [one for event in wallet_events(settings, (account,), self.now, balance) for one in engine.process(event)]

    def to(self, ts: int, **changes: Any) -> list[Command]:
        """The bar that closes at `ts`."""
        self.now = ts - 1
        return self.bar(**changes)


def text_of(commands: list[Command]) -> str:
    return only(Report, commands).text


@pytest.mark.parametrize("weekend", ["close", "tighten", "carry"])
def test_pain_43_nothing_is_entered_from_half_an_hour_before_the_close_until_the_market_is_open_again(weekend: str) -> None:
    desk = FxDesk(weekend)
    desk.to(LEAD)
    assert text_of(desk.signal()).endswith("(closes in 30 minutes)")
    desk.later(18 * 60_000)
    assert refused(desk.signal()) == "weekend" and text_of(desk.signal()).endswith("(closes in 12 minutes)")
    desk.now = CLOSE_TS + 12 * HOUR
    desk.tick()
    assert text_of(desk.signal()).endswith("(opens in 35.0 hours)"), "an hour is lost to summer time"
    desk.now = OPEN_TS - 1
    desk.tick()
    assert refused(desk.signal()) == "weekend"
    desk.to(OPEN_TS + 300_000)
    assert refused(desk.signal()) == "daily_break" and text_of(desk.signal()).endswith("(for 10 more minutes)")
    desk.to(OPEN_TS + 900_000)
    assert kinds(desk.signal(), Place)


def test_until_then_friday_is_a_day_like_any_other() -> None:
    desk = FxDesk()
    desk.to(LEAD - 300_000)
    assert kinds(desk.signal(), Place)


def test_pain_43_each_day_has_its_break() -> None:
    desk = FxDesk()
    turn = utc("2025-03-05T22:00")
    desk.to(turn - 600_000)
    order = desk.enter()
    assert order.intent.ts == turn - 600_000
    other = FxDesk()
    other.to(turn - 300_000)
    assert text_of(other.signal()).endswith("(for 20 more minutes)")


@pytest.mark.parametrize("by_bar", [True, False])
def test_what_is_held_is_closed_half_an_hour_before_the_close_once(by_bar: bool) -> None:
    desk = FxDesk()
    desk.to(LEAD - 2 * HOUR)
    desk.open()
    assert not kinds(desk.to(LEAD - 300_000), Close)
    desk.now = LEAD - 1
    assert not kinds(desk.tick(), Close)
    if not by_bar:
        desk.now = LEAD
    close = only(Close, desk.to(LEAD) if by_bar else desk.tick())
    assert close.reduce.reason == "weekend"
    assert not kinds(desk.to(LEAD + 300_000), Close)
    rows = [one.row for one in desk.closed(close, LEVEL - 5) if isinstance(one, Record) and one.kind == "trade"]
    assert [row["reason"] for row in rows] == ["weekend"]


def test_pain_43_a_close_that_failed_is_never_asked_of_a_shut_market_and_goes_at_the_opening() -> None:
    desk = FxDesk()
    desk.to(LEAD - 2 * HOUR)
    desk.open()
    for ts in (CLOSE_TS - 60_000, CLOSE_TS - 1):
        desk.now = ts
        close = only(Close, desk.tick())
        desk.tell(OrderRejected(ts, desk.account, close.reduce.order_id, "MARKET_HALTED"))
    for ts in (CLOSE_TS + 1_000, CLOSE_TS + 20 * HOUR, OPEN_TS - 1):
        desk.now = ts
        assert not kinds(desk.tick(), Close)
    desk.now = OPEN_TS
    assert only(Close, desk.tick()).reduce.reason == "weekend"


def test_a_tightened_position_keeps_its_place_with_a_nearer_stop() -> None:
    desk = FxDesk("tighten")
    desk.to(LEAD - 2 * HOUR)
    desk.open()
    assert desk.pos()["arm"] == 1
    desk.to(LEAD - 300_000, close=LEVEL + 200, high=LEVEL + 220)
    assert int(desk.pos()["stop"]) == STOP
    told = desk.to(LEAD, close=LEVEL + 200)
    assert not kinds(told, Close)
    moved = only(Protect, told)
    assert (moved.stop, moved.target, moved.trailed) == (LEVEL, TARGET, True), "the entry price is nearer than 6 ATR below the best"
    higher = only(Protect, desk.to(LEAD + 300_000, close=LEVEL + 380, high=LEVEL + 400))
    assert higher.stop == LEVEL + 400 - 6 * 50
    told = desk.to(CLOSE_TS, close=LEVEL + 350)
    assert not kinds(told, Protect) and not kinds(told, Close)


def test_what_is_carried_stays_as_it_is() -> None:
    desk = FxDesk("carry")  # options are always carried: `test_options_held.py`
    desk.to(LEAD - 2 * HOUR)
    desk.open()
    for ts in (LEAD, CLOSE_TS - 300_000, CLOSE_TS, OPEN_TS + 300_000, OPEN_TS + HOUR):
        told = desk.to(ts)
        assert not kinds(told, Close) and not kinds(told, Protect)
    assert refused(desk.signal()) == "position_open"


def test_crypto_has_no_weekend() -> None:
    desk = Desk()
    desk.later(LEAD - desk.now - 300_000)
    desk.bar()
    assert kinds(desk.signal(), Place)
    assert not desk.engine.state.inst["close_ts"].any()


def test_a_restart_on_saturday_knows_the_hours_from_the_first_event_on() -> None:
    desk = FxDesk()
    desk.to(LEAD - 2 * HOUR)
    desk.open()
    desk.now = CLOSE_TS + HOUR
    desk.tick()
    engine = restore(snapshot_of(desk.engine, 1))
    assert np.array_equal(engine.state.inst, desk.engine.state.inst)
    for name in ("open_ts", "close_ts", "rest_ts", "rest_until"):
        engine.state.inst[name] = 0  # as after a start with today's filters
    desk.engine = engine
    desk.now += HOUR
    assert not kinds(desk.tick(), Close)
    assert (int(engine.state.inst[0]["close_ts"]), int(engine.state.inst[0]["rest_until"])) == (CLOSE_TS, OPEN_TS)
    desk.now = OPEN_TS + 60_000
    assert only(Close, desk.tick()).reduce.reason == "weekend"


def test_terms_of_before_there_were_weekends_have_none() -> None:
    desk = FxDesk()
    older = desk.engine.mandate.limits.copy()
    older["weekend"] = older["weekend_lead_min"] = 0
    desk.engine = Engine(desk.engine.state, msgspec.structs.replace(desk.engine.mandate, limits=older))
    desk.to(LEAD - 300_000)
    desk.open()
    assert not kinds(desk.to(LEAD), Close)
