"""Which contract is taken, what is said when none is, and that entries stop when the surface is too old."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from config import CONFIG
from modules.engine import candidates
from modules.engine.core import Engine
from modules.engine.desk import fresh_engine
from modules.engine.option_pick import first_fitting, offers_of, signal_of
from modules.settings import BotConfig
from risk.rules import Rule
from self_test.fakes.option_markets import ms, slot
from self_test.forex.smiles import EURUSD, USDJPY
from self_test.scenarios.desk import kinds
from state.accounts import Account, Domain, Mode
from state.intents import Side
from state.market import Candle, Quote
from state.messages import BarsClosed, Command, OrderCancelled, Place, Record, Report, SurfaceSeen
from strategy.base import DEMO, LONG, O1, SHORT

NOW = ms("2025-02-24T12:00")
SPOT = 105_000
M15 = 900_000
DAY = 86_400_000
ACCOUNT = Account(Domain.OPTIONS, Mode.PAPER)
NOTHING = np.zeros(7, np.float32)


def engine_of(*, balance: int = 1_000, config: BotConfig = CONFIG, chosen: int = O1, quotes: bool = False, surface: bool = True) -> Engine:
    """A slot of EURUSD whose last bar has closed just now at `SPOT`, under a surface of this hour."""
    engine, _ = fresh_engine(config, (slot("EURUSD"),), frozenset({chosen}), NOW - M15, quotes=quotes, balance=balance)
    if surface:
        engine.process(SurfaceSeen(NOW, msgspec.structs.replace(EURUSD, ts=NOW)))
    engine.process(BarsClosed(NOW, (bar(NOW),)))
    return engine


def bar(closed: int, spot: int = SPOT) -> Candle:
    return Candle("OPTIONS:EURUSD", closed - M15, spot, spot, spot, spot, 1.0)


def wants(engine: Engine, side: int = LONG, ts: int = NOW, quote: Quote | None = None) -> list[Command]:
    """What comes of O1's signal at `ts`."""
    out: list[Command] = []
    candidates.confirmed(engine.state, engine.mandate, 0, side << (2 * O1), bar(ts), ts, quote, out)
    return out


def rule_of(commands: list[Command]) -> str:
    (found,) = [one.rule for one in kinds(commands, Report) if one.what == "refused"]
    return found


@pytest.mark.parametrize("side, right", [(LONG, 1), (SHORT, -1)])
def test_a_rise_buys_a_call_and_a_fall_a_put_long_at_the_ask(side: int, right: int) -> None:
    engine = engine_of()
    commands = wants(engine, side)
    (intent,) = [one.order.intent for one in kinds(commands, Place)]
    best = offers_of(engine.state.surfaces["EURUSD"], right, NOW, SPOT, SPOT)[0]
    assert intent.contract is not None and int(intent.contract.right) == right and intent.side is Side.LONG
    assert (intent.contract.strike, intent.contract.expiry_ts, intent.reference) == (best["strike"], best["expiry_ts"], best["ask"])
    assert intent.exits.stop == intent.reference - intent.reference // 2 and intent.exits.target == 2 * intent.reference
    assert intent.exits.max_hold_ms == best["expiry_ts"] - 3 * DAY - NOW
    pos = engine.state.pos[0]
    assert (pos["right"], pos["strike"], pos["expiry_ts"], pos["side"]) == (right, best["strike"], best["expiry_ts"], 1)
    assert abs(float(pos["delta"])) == pytest.approx(0.5, abs=0.1) and np.sign(pos["delta"]) == right and 0.07 < pos["vol"] < 0.1
    (report,) = [one for one in kinds(commands, Report) if one.what == "order"]
    assert intent.contract.symbol in report.text
    (row,) = [one.row for one in kinds(commands, Record) if one.kind == "decision"]
    assert row["side"] == right and row["contract"] == intent.contract.symbol and row["spread"] > 0 and row["cost"] == row["spread"]


def test_offers_are_two_to_six_weeks_and_a_quarter_to_a_half_delta_best_first() -> None:
    for surface, spot in ((EURUSD, SPOT), (USDJPY, 150_000)):
        offers = offers_of(surface, -1, NOW, spot, spot)
        left = (offers["expiry_ts"] - NOW) / DAY
        assert len(offers) > 5 and left.min() >= 14 and left.max() <= 42 and (offers["right"] == -1).all()
        assert (offers["bid"] < offers["ask"]).all() and (offers["bid"] > 0).all()
    assert not len(offers_of(msgspec.structs.replace(EURUSD, pair="GBPUSD"), 1, NOW, SPOT, SPOT)), "nothing is listed there"
    short = msgspec.structs.replace(EURUSD, **{name: getattr(EURUSD, name)[:2] for name in ("days", "vols", "r_domestic", "r_foreign")})
    assert not len(offers_of(short, 1, NOW, SPOT, SPOT)), "tenors to 14 days reach round nothing that is listed then"


def fitted(engine: Engine, offers: Any) -> tuple[int, ...]:
    state, mandate = engine.state, engine.mandate
    return first_fitting(offers, state.pos, state.inst, state.acct, mandate.rules, mandate.limits, 0, O1, 1, 0, NOW, 1.0, NOTHING, 0, 1.0)


def test_a_wallet_too_small_for_the_best_takes_the_next_that_fits_one_step() -> None:
    offers = offers_of(msgspec.structs.replace(EURUSD, ts=NOW), 1, NOW, SPOT, SPOT)
    least = int(offers["ask"].min())
    assert least < int(offers[0]["ask"])
    balances = {}
    for balance in range(40, 160, 2):
        n, rule, *_ = fitted(engine_of(balance=balance), offers)
        balances[balance] = (n, rule)
    rich = [balance for balance, found in balances.items() if found == (0, Rule.OK)]
    some = [n for n, rule in balances.values() if rule == Rule.OK and n > 0]
    poor = [found for found in balances.values() if found[1] != Rule.OK]
    assert rich and some and poor and all(rule == Rule.BELOW_MIN_ORDER for _, rule in poor)
    for balance, (n, rule) in balances.items():
        if rule == Rule.OK:
            assert all(fitted(engine_of(balance=balance), offers[m : m + 1])[1] != Rule.OK for m in range(n)), "the first that fits"


def test_nothing_that_fits_is_refused_for_its_size_and_leaves_a_row() -> None:
    commands = wants(engine_of(balance=10))
    assert rule_of(commands) == "below_min_order"
    (row,) = [one.row for one in kinds(commands, Record) if one.kind == "decision"]
    assert row["refused"] == "below_min_order" and row["contract"].startswith("EURUSD-2025")


def test_what_costs_too_much_throughout_is_refused_for_that() -> None:
    engine = engine_of()
    engine.mandate.rules["cost_limit"][O1] = 1e-6
    assert rule_of(wants(engine)) == "cost_too_high"


def test_a_slot_that_is_taken_says_so() -> None:
    engine = engine_of()
    assert kinds(wants(engine), Place)
    assert rule_of(wants(engine)) == "position_open"


def test_without_a_surface_nothing_is_bought() -> None:
    assert rule_of(wants(engine_of(surface=False))) == "no_surface"


@pytest.mark.parametrize(
    "quoted, now, rule",
    [
        ("2025-02-24T11:45", "2025-02-25T11:45", ""),
        ("2025-02-24T11:45", "2025-02-25T12:00", "stale_surface"),
        ("2025-02-21T12:00", "2025-02-24T11:45", ""),  # Friday to Monday: the weekend does not count
        ("2025-02-21T12:00", "2025-02-24T12:15", "stale_surface"),
        ("2024-02-21T12:00", "2025-02-24T12:15", "stale_surface"),
    ],
)
def test_a_stale_surface_blocks_entries_and_a_new_one_lets_them_in(quoted: str, now: str, rule: str) -> None:
    engine = engine_of(surface=False)
    at = ms(now)
    engine.process(SurfaceSeen(at, msgspec.structs.replace(EURUSD, ts=ms(quoted))))
    engine.process(BarsClosed(at, (bar(at),)))
    commands = wants(engine, ts=at)
    assert bool(kinds(commands, Place)) == (not rule)
    if rule:
        assert rule_of(commands) == rule
        engine.process(SurfaceSeen(at, msgspec.structs.replace(EURUSD, ts=at)))
        assert kinds(wants(engine, ts=at), Place)


def test_on_quotes_the_pair_s_middle_prices_it_and_the_limit_stands_above_its_ask() -> None:
    engine = engine_of(quotes=True)
    commands = wants(engine, quote=Quote("OPTIONS:EURUSD", NOW, 105_300, 105_310, 1, 1))
    (intent,) = [one.order.intent for one in kinds(commands, Place)]
    best = offers_of(engine.state.surfaces["EURUSD"], 1, NOW, 105_300, 105_310)[0]
    assert intent.reference == best["ask"] and best["ask"] < intent.limit <= best["ask"] * 1.003
    assert intent.scene is not None and (intent.scene.bid, intent.scene.ask, intent.scene.share) == (best["bid"], best["ask"], 0.0)


def test_the_demo_buys_calls_and_puts_in_turn_a_tenth_of_the_premium_either_way() -> None:
    engine = engine_of(chosen=DEMO, quotes=True)
    rights = []
    for n in range(1, 5):
        out: list[Command] = []
        ts = NOW + n * 60_000
        candidates.on_cadence(engine.state, engine.mandate, 0, ts, Quote("OPTIONS:EURUSD", ts, SPOT - 5, SPOT + 5, 1, 1), out)
        ((order, intent),) = [(one.order, one.order.intent) for one in kinds(out, Place)]
        assert intent.contract is not None and intent.steps == 1, "a hundred units"
        rights.append(int(intent.contract.right))
        assert intent.exits.stop == intent.reference - intent.reference // 10 and intent.exits.max_hold_ms == 60_000
        engine.process(OrderCancelled(ts, ACCOUNT, order.order_id, "not today"))
    assert sorted(rights) == [-1, -1, 1, 1] and rights[0] == rights[2] != rights[1]


def test_a_seat_without_a_surface_answers_the_demo_too() -> None:
    engine, out = engine_of(chosen=DEMO, quotes=True, surface=False), list[Command]()
    quote = Quote("OPTIONS:EURUSD", NOW, SPOT, SPOT + 10, 1, 1)
    assert signal_of(engine.state, engine.mandate, 0, DEMO, Side.LONG, NOW, (SPOT, SPOT), 0.1, quote, out) is None
    assert rule_of(out) == "no_surface"
