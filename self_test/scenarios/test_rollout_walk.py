"""The whole rollout in one run: CRYPTO and FOREX walk stages 1 to 5 by evidence and scripted confirmations, then both fall to paper.

What is real: engine, sizing, gates of risk and of evidence, booking, snapshot between the stages, the stage request; EURUSD on the terms of
a broker, in dollars, on margin, with its sessions and its switch. What is made up, and only here: there is no venue (every order fills as
asked), and C1 and F1 are a coin with a planted edge (wins 1 R in 82 of 100 trades, seeded), which no shipped strategy has. A later seed of
losses takes the edge away.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from forex.sessions import is_open
from modules import options, rollout
from modules.engine import choose
from modules.engine.core import Engine
from modules.engine.desk import make_mandate, make_state
from modules.engine.mandate import Mandate
from modules.environment import Environment
from modules.overrides import apply_overrides
from self_test.fakes.books import coin
from self_test.fakes.pairs import pair
from self_test.fakes.rollout import EVERYWHERE, FX_LIVE, FX_PAPER, LIVE, PAPER, Floor, said
from self_test.telemetry.ledgers import HASH, START
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.intents import ExitReason, Side, Signal
from state.market import Candle, Quote
from state.messages import BarsClosed, Command, Event, OrderFilled, Place, Report, StopFilled, VenueRead, encode_commands
from state.orders import Fill
from state.runtime import freeze, thaw
from state.standing import Level
from strategy.base import C1, F1
from telemetry.gate_config import GateConfig
from telemetry.ledger_rows import DAY_MS, read_rows
from utils.errors import ExitCode, Refusal

H4 = 14_400_000
LEVEL, ATR = {Domain.CRYPTO: 10_000, Domain.FOREX: 110_000}, {Domain.CRYPTO: 50.0, Domain.FOREX: 150.0}
"""Ticks."""
COIN = {Domain.CRYPTO: C1, Domain.FOREX: F1}
"""The strategy that the coin goes by."""
INSTRUMENTS = coin("AAAUSDT"), pair("EURUSD")
STILL = apply_overrides(CONFIG, {}, ["risk.max_move=0"])
"""Prices stand still here: there is no deviation that a jump could be measured in."""
EDGE, NONE = 0.82, 0.10
"""Share of winning trades, with and without the planted edge."""
COUNTS = {"bars": 0, "feeds": 1_000, "decisions": 300, "acks": 10, "orders": 10}
STAGE_ACCOUNTS = {1: (PAPER,), 2: (LIVE, PAPER), 3: (LIVE, PAPER, FX_PAPER), 4: EVERYWHERE, 5: EVERYWHERE}


def one_to_one(mandate: Mandate) -> None:
    """The coin's target is as far away as its stop."""
    for s in COIN.values():
        mandate.rules[s]["target_k"][:] = mandate.rules[s]["stop_k"]


class Walk(Floor):
    """Days go by; every four hours a bar closes, every second bar the coin trades in each domain, wherever its style stands."""

    def __init__(self, folder: Path) -> None:
        state = make_state(STILL, INSTRUMENTS, EVERYWHERE)
        state.market["confirm_ms"] = H4
        self.engine, self.now = Engine(state, self.mandate_on(STAGE_ACCOUNTS[1])), START
        self.folder, self.stage, self.edge = folder, 1, {Domain.CRYPTO: EDGE, Domain.FOREX: EDGE}
        self.chance, self.execs, self.journal = random.Random(7), 0, list[bytes]()
        self.told: list[tuple[int, Report]] = []
        one_to_one(self.mandate)
        self.boot(1)
        self.open(PAPER, 10_000)

    @staticmethod
    def mandate_on(accounts: tuple[Account, ...]) -> Mandate:
        """The shipped one with the coin alone, as a daemon has it; a bootstrap of 100 resamples, for the time it takes."""
        made = make_mandate(STILL, INSTRUMENTS, accounts, frozenset(COIN.values()), quotes=True, switched=True)
        known = {f"{domain}/{style}": HASH for domain in Domain for style in rollout.STYLE_NAMES}
        return msgspec.structs.replace(made, gate=GateConfig(resamples=100), procedures=known)

    def tell(self, event: Event) -> list[Command]:
        out = super().tell(event)
        self.journal.append(encode_commands(out))
        self.told += [(self.day_number, one) for one in out if isinstance(one, Report) and one.what == "rollout"]
        return out

    @property
    def day_number(self) -> int:
        return (self.now - START) // DAY_MS

    def request(self, stage: int) -> None:
        """What `--stage N` goes through; Refusal when it is not earned."""
        options.check(options.RunOptions(stage=stage, env=Environment.SIMULATED, state_dir=self.folder), earned=self.state.earned)

    def enter_stage(self, stage: int) -> None:
        """A restart from the snapshot, on an earned stage; new accounts get their wallets."""
        self.request(stage)
        state, evidence, known = thaw(*freeze(self.state)), self.state.evidence, set(STAGE_ACCOUNTS[self.stage])
        state.evidence = evidence  # the ledger keeps it
        accounts = STAGE_ACCOUNTS[stage]
        self.stage, self.engine = stage, Engine(state, self.mandate_on(accounts))
        one_to_one(self.mandate)
        self.boot(stage)
        for account in accounts:
            if account not in known:
                self.open(account, 10_000)
        if FX_PAPER in accounts:
            self.control("forex", to="on")  # off at every start

    def run_day(self) -> None:
        weekday = (self.now // DAY_MS + 3) % 7
        for step in range(6):
            self.now += H4
            self._bars()
            for m, domain in enumerate((Domain.CRYPTO, Domain.FOREX)):
                if step % 2 == 0 and (domain is Domain.CRYPTO or weekday < 5):
                    self._trade(m, domain)
            if step == 4:
                self._figures()

    def _bars(self) -> None:
        keys = [one.key for one in self.state.instruments]
        quotes = tuple(self._quote(key) for key in keys)
        levels = {one.key: LEVEL[one.domain] for one in self.state.instruments if one.domain is Domain.CRYPTO or is_open(self.now - H4)}
        candles = tuple(Candle(key, self.now - H4, at, at + 5, at - 5, at, 1_000.0) for key, at in levels.items())
        self.tell(BarsClosed(self.now, candles, quotes))

    def _quote(self, key: str) -> Quote:
        level = LEVEL[self.state.instruments[self.state.index[key]].domain]
        return Quote(key, self.now, level - 1, level + 1, 10_000_000, 10_000_000)

    def _figures(self) -> None:
        """The error budget was kept today; the venue's figures of live accounts are those of the book."""
        accounts = STAGE_ACCOUNTS[self.stage]
        self.control("health", **{str(one): msgspec.json.encode(COUNTS).decode() for one in accounts})
        for one in accounts:
            if one.mode is Mode.LIVE:
                self.tell(VenueRead(self.now, one, int(self.acct(one)["cash"]), int(self.acct(one)["cash"])))

    def _trade(self, m: int, domain: Domain) -> None:
        """One trade of the coin, in and out within the bar, on the account where its style stands."""
        state, mandate, key, s, level = self.state, self.mandate, self.state.instruments[m].key, COIN[domain], LEVEL[domain]
        won = self.chance.random() < self.edge[domain]
        for i in state.seats_of[m]:
            if s not in mandate.allowed.get(state.account_of(i), frozenset()) or not rollout.policy_here(state, mandate, i, s):
                continue
            signal = Signal(ts=self.now, key=key, strategy=s, side=Side.LONG, regime=0, atr=ATR[domain], reference=level)
            out: list[Command] = []
            choose.decide(state, mandate, i, s, signal, self._quote(key), 1e9, out)
            for order in [one.order for one in out if isinstance(one, Place)]:
                self.tell(OrderFilled(self.now, self._fill(i, order.order_id, 1, level, order.intent.steps)))
                pos = state.pos[i]
                assert pos["status"] == OPEN
                price = int(pos["target"] if won else pos["stop"])
                trigger = ExitReason.TARGET if won else ExitReason.STOP
                self.now += 1
                self.tell(StopFilled(self.now, self._fill(i, "venue", -1, price, int(pos["steps"])), trigger))
                self.now -= 1

    def _fill(self, i: int, order_id: str, side: int, price: int, steps: int) -> Fill:
        self.execs += 1
        account, instrument = self.state.account_of(i), self.state.instrument(i)
        fee = price * steps * instrument.unit // 5_000
        return Fill(
            ts=self.now, account=account, key=instrument.key, order_id=order_id, exec_id=f"x{self.execs}", side=side, price=price,
            steps=steps, fee=fee,
        )  # fmt: skip

    def days_until(self, wanted: Callable[[], bool], most: int) -> int:
        """Days that pass until `wanted()`; fails after `most`."""
        for n in range(most):
            if wanted():
                return n
            self.run_day()
        raise AssertionError(f"not within {most} days; {self.told[-5:]}")


def test_both_domains_walk_from_stage_1_to_5_and_fall_back_to_paper(tmp_path: Path) -> None:
    walk = Walk(tmp_path)
    refused(walk, 2, "CRYPTO paper passes its gate")

    # Stage 1: crypto on paper until two checkpoints in a row have passed.
    assert walk.days_until(lambda: walk.offered(PAPER), 95) in (90, 91), "the second and the third checkpoint"
    assert walk.level(LIVE) is Level.PAPER and walk.state.earned == 1
    refused(walk, 2, "CRYPTO paper passes its gate")
    walk.control("promote", standing="CRYPTO/swing")

    # Stage 2: real money in canary size; a smaller order than on paper.
    walk.enter_stage(2)
    refused(walk, 3, "CRYPTO's canary ends")
    assert walk.acct(LIVE)["canary"][0] == 1
    assert walk.days_until(lambda: walk.level(LIVE) is Level.LIVE, 30) >= 7
    assert walk.acct(LIVE)["canary_trades"][0] >= 50 and walk.state.earned == 3

    # Stage 3: forex on paper beside.
    walk.enter_stage(3)
    refused(walk, 4, "FOREX paper passes its gate")
    assert walk.days_until(lambda: walk.offered(FX_PAPER), 95) in (90, 91)
    walk.control("promote", standing="FOREX/swing")

    # Stage 4, and 5 at the end of that canary.
    walk.enter_stage(4)
    refused(walk, 5, "FOREX's canary ends")
    walk.days_until(lambda: walk.level(FX_LIVE) is Level.LIVE, 45)
    walk.enter_stage(5)
    earned = [one.text.split(":")[0] for _, one in walk.told if one.rule == "stage"]
    assert earned == [f"stage {n} is earned" for n in (2, 3, 4, 5)]
    assert {str(one) for one in (LIVE, PAPER, FX_LIVE, FX_PAPER)} == {trade.account for trade in read_rows(walk.state.evidence).trades}

    # The edge goes away: each falls to canary first, then to paper, and says why; the stage stays.
    walk.told.clear()
    walk.edge = dict.fromkeys(walk.edge, NONE)
    both = (LIVE, FX_LIVE)
    walk.days_until(lambda: all(walk.level(one) is Level.PAPER for one in both), 60)
    for account in both:
        falls = [one.text for _, one in walk.told if one.rule == "demoted" and one.account == str(account)]
        key = f"{account.domain}/swing"
        assert [text.split(",")[0] for text in falls] == [f"{key}: live -> canary", f"{key}: canary -> paper"]
        assert "20 R" in falls[0] or "8% or more" in falls[0] or "trades lose" in falls[0]
        assert "canary lost" in falls[1] and "more than 0.75%" in falls[1]
        written = b"".join(walk.journal)
        assert all(text.encode() in written for text in falls), "and the journal has it"
        kept = rollout.standing(walk.state, account.domain, "swing").falls
        assert [fall.to for fall in kept] == [Level.CANARY, Level.PAPER]
        assert all(fall.reason in text for fall, text in zip(kept, falls, strict=True))
    assert walk.state.earned == 5
    walk.request(5)

    # Back on paper, in both domains: trades go on there, none is live, nothing is offered, and no request or override lifts it.
    before = len(read_rows(walk.state.evidence).trades)
    walk.edge = dict.fromkeys(walk.edge, EDGE)
    for _ in range(15):
        walk.run_day()
    since = read_rows(walk.state.evidence).trades[before:]
    assert since and {trade.account for trade in since} <= {str(PAPER), str(FX_PAPER)}
    walk.boot(5, override="1")
    assert {walk.level(one) for one in both} == {Level.PAPER}
    assert said(walk.control("promote", standing="CRYPTO/swing"), "refused") and not walk.offered(PAPER)


def refused(walk: Walk, stage: int, need: str) -> None:
    with pytest.raises(Refusal, match=f"stage {stage} is not earned") as stop:
        walk.request(stage)
    assert need in str(stop.value) and stop.value.code is ExitCode.GATE_REFUSED
