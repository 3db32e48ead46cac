"""What a run begins from: with the broker, without it, and with what was stored of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from config import CONFIG
from modules.accounts import Lineup
from modules.beginning import Foundation, begin
from modules.broker import Broker, Offer
from modules.engine.migrations import open_chain
from modules.environment import Environment
from modules.live_floor import LiveFloor
from modules.options import RunOptions
from self_test.fakes.books import coin
from self_test.modules.test_marketplace import NOW, Venue
from state.accounts import OF_PAIRS, Account, Domain, Mode
from state.instruments import Instrument, option_slot
from state.market import Candle
from state.runtime import RuntimeState

SPOT, FX = Account(Domain.CRYPTO, Mode.PAPER), Account(Domain.FOREX, Mode.PAPER)
BOTH = Lineup(domains=(Domain.CRYPTO, Domain.FOREX), paper=(SPOT, FX), live=())
PAIR = msgspec.structs.replace(coin("EURUSD"), domain=Domain.FOREX, base="EUR", quote="USD")
M15 = 900_000
BARS = [Candle(PAIR.key, NOW - n * M15, 100, 101, 99, 100, 1.0) for n in range(9, 0, -1)]


class Desk:
    """A broker that offers what it was told to, and a live floor without accounts."""

    def __init__(self, offer: Offer) -> None:
        self.said = offer
        self.known: list[bool] = []
        self.wants_options = False

    async def offer(
        self, _config: object, _symbols: object, stored: RuntimeState | None, known: Any, *_rest: object, options: bool = False
    ) -> Offer:
        self.known.append(known(PAIR))
        self.wants_options = options
        if self.said.reason and stored is not None:
            there = tuple(one for one in stored.instruments if one.domain in OF_PAIRS)
            return msgspec.structs.replace(self.said, instruments=there)
        return self.said

    async def introduce(self, lineup: Lineup, _stored: object) -> Lineup:
        return lineup


async def begun(folder: Path, desk: Desk | None, lineup: Lineup = BOTH) -> tuple[Any, list[str]]:
    options = RunOptions(stage=3, env=Environment.SIMULATED, state_dir=folder, symbols=("BTCUSDT",))
    said: list[str] = []
    options.folder.mkdir(parents=True, exist_ok=True)
    chain = open_chain(options.folder)
    try:
        on = Foundation(
            options=options,
            config=CONFIG,
            chain=chain,
            rest=cast(Any, Venue()),
            broker=cast(Broker | None, desk),
            live=cast(LiveFloor, desk or Desk(Offer())),
            chosen=frozenset(),
            say=said.append,
            progress=lambda done, all_: None,
        )
        return await begin(on, lineup), said
    finally:
        chain.close()


def keys(instruments: tuple[Instrument, ...]) -> list[str]:
    return [one.key for one in instruments]


GOOD = Offer(instruments=(PAIR,), before={PAIR.key: []}, candles={PAIR.key: BARS})
GONE = Offer(reason="the broker at http://b does not answer as it should: no answer")


@pytest.mark.asyncio
async def test_with_the_broker_a_run_has_both_markets_each_with_its_past(tmp_path: Path) -> None:
    found, _ = await begun(tmp_path, Desk(GOOD))
    state = found.engine.state
    assert keys(state.instruments) == ["CRYPTO:BTCUSDT", PAIR.key] and found.domains == (Domain.CRYPTO, Domain.FOREX)
    assert [int(row["last_ts"]) for row in state.market] == [NOW - 300_000, NOW - M15], "each row warmed up on its own bars"
    assert found.engine.mandate.switched and not found.resumed
    assert {candle.key for candle in found.past} == {"CRYPTO:BTCUSDT", PAIR.key}


@pytest.mark.asyncio
@pytest.mark.parametrize("desk", [None, Desk(GONE)])
async def test_without_the_broker_forex_is_left_out_by_name_and_crypto_begins(tmp_path: Path, desk: Desk | None) -> None:
    found, _ = await begun(tmp_path, desk)
    assert keys(found.engine.state.instruments) == ["CRYPTO:BTCUSDT"] and found.domains == (Domain.CRYPTO,)
    assert found.lineup.accounts == (SPOT,) and found.lineup.notes[0].startswith("FOREX unavailable: ")


@pytest.mark.asyncio
async def test_what_is_stored_goes_on_while_the_broker_is_away(tmp_path: Path) -> None:
    await begun(tmp_path, Desk(GOOD))
    away = Desk(GONE)
    found, said = await begun(tmp_path, away)
    assert found.resumed and away.known == [True] and any("going on from the stored state" in line for line in said)
    assert keys(found.engine.state.instruments) == ["CRYPTO:BTCUSDT", PAIR.key]
    assert FX in found.lineup.accounts and found.lineup.notes == (f"FOREX goes on from what is stored: {GONE.reason}",)


SLOT = option_slot(PAIR)
OPTIONS = Account(Domain.OPTIONS, Mode.PAPER)
ALL = Lineup(domains=(*BOTH.domains, Domain.OPTIONS), paper=(*BOTH.paper, OPTIONS), live=())
SLOTS = Offer(
    instruments=(PAIR, SLOT),
    before={PAIR.key: [], SLOT.key: []},
    candles={PAIR.key: BARS, SLOT.key: [msgspec.structs.replace(one, key=SLOT.key) for one in BARS]},
)


@pytest.mark.asyncio
async def test_options_come_and_go_on_with_the_broker(tmp_path: Path) -> None:
    desk = Desk(SLOTS)
    found, _ = await begun(tmp_path, desk, ALL)
    assert desk.wants_options and keys(found.engine.state.instruments) == ["CRYPTO:BTCUSDT", PAIR.key, SLOT.key]
    assert found.domains == ALL.domains and found.lineup.notes == () and int(found.engine.state.market[2]["last_ts"]) == NOW - M15
    assert found.engine.mandate.feed_of[SLOT.key] == found.engine.mandate.feed_of[PAIR.key] == "oanda"
    away, _ = await begun(tmp_path, Desk(GONE), ALL)
    assert OPTIONS in away.lineup.accounts and len(away.lineup.notes) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("desk", [None, Desk(GONE)])
async def test_without_the_broker_there_are_no_options(tmp_path: Path, desk: Desk | None) -> None:
    found, _ = await begun(tmp_path, desk, ALL)
    assert found.lineup.accounts == (SPOT,) and [one.split(":")[0] for one in found.lineup.notes] == [
        "FOREX unavailable",
        "OPTIONS unavailable",
    ]


@pytest.mark.asyncio
async def test_where_no_pair_of_the_run_has_options_the_others_trade(tmp_path: Path) -> None:
    found, _ = await begun(tmp_path, Desk(msgspec.structs.replace(GOOD, slotless="there are options on EURUSD")), ALL)
    assert found.lineup.accounts == (SPOT, FX) and found.lineup.notes == ("OPTIONS unavailable: there are options on EURUSD",)


@pytest.mark.asyncio
async def test_a_stage_without_forex_asks_no_broker(tmp_path: Path) -> None:
    desk = Desk(GOOD)
    found, _ = await begun(tmp_path, desk, Lineup(domains=(Domain.CRYPTO,), paper=(SPOT,), live=()))
    assert desk.known == [] and found.domains == (Domain.CRYPTO,)
