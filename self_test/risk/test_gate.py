from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from risk.facts import Book, Facts, Health
from risk.gate import TOLD, refusal, review
from risk.rules import Rule
from self_test.fakes.books import SPOT, Books, books
from state.books import OPEN
from state.intents import Approved, ExitPlan, Intent, OrderType, Refused, Side, order_id
from state.market import Quote
from strategy.base import C1

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_700_000_000_000
KEY = "CRYPTO:AAAUSDT"
PLAN = ExitPlan(stop=9_700, target=11_200, atr=50.0, trail_atr=12.0, max_hold_ms=1)
INTENT = Intent(
    ts=NOW,
    account=SPOT,
    key=KEY,
    strategy="C1",
    arm="base",
    side=Side.LONG,
    steps=4_000,
    order_type=OrderType.MARKET,
    reference=10_000,
    limit=10_020,
    expires_ts=NOW + 300_000,
    exits=PLAN,
)
QUOTE = Quote(KEY, NOW, 9_999, 10_001, 50, 50)
FINE = Health(quote=QUOTE, quote_needed=True, spread_median=2.0, confirm_ms=300_000)


def book(table: Books) -> Book:
    return Book(pos=table.pos, inst=table.inst, acct=table.acct, rules=table.rules, limits=table.limits, i=0, s=C1)


def judge(
    intent: Intent = INTENT, health: Health = FINE, change: Callable[[Books], object] = lambda _: None, balance: float = 1_000
) -> Approved | Refused:
    table = books(balance=balance)
    change(table)
    return review(intent, book(table), health)


def with_exits(**changes: Any) -> Intent:
    return msgspec.structs.replace(INTENT, exits=msgspec.structs.replace(PLAN, **changes))


def _set(name: str, value: int) -> Callable[[Books], object]:
    def change(table: Books) -> None:
        table.acct[0][name] = value

    return change


def test_a_good_intent_is_approved_under_its_own_id() -> None:
    verdict = judge()
    assert verdict == Approved(intent=INTENT, order_id=order_id(SPOT, KEY, NOW, "e"))


@pytest.mark.parametrize(
    "health, rule",
    [
        ({"allowed": False}, Rule.NOT_ALLOWED_HERE),
        ({"paused": True}, Rule.PAUSED),
        ({"switched_on": False}, Rule.SWITCHED_OFF),
        ({"feed_up": False}, Rule.FEED_DOWN),
        ({"account_held": True}, Rule.ACCOUNT_HELD),
        ({"bar_age_ms": 330_001}, Rule.STALE_BAR),
        ({"quote": None}, Rule.STALE_QUOTE),
        ({"surface_missing": True}, Rule.NO_SURFACE),
        ({"surface_age_ms": 86_400_001, "surface_limit_ms": 86_400_000}, Rule.STALE_SURFACE),
        ({"quote": Quote(KEY, NOW, 10_001, 10_001, 5, 5)}, Rule.STALE_QUOTE),
        ({"quote": Quote(KEY, NOW, 9_997, 10_004, 5, 5)}, Rule.WIDE_SPREAD),
    ],
)
def test_what_only_the_running_bot_knows(health: dict[str, Any], rule: Rule) -> None:
    verdict = judge(health=msgspec.structs.replace(FINE, **health))
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule.label


@pytest.mark.parametrize(
    "health",
    [
        {"quote": Quote(KEY, NOW, 9_998, 10_004, 5, 5)},  # exactly three times the median
        {"quote": Quote(KEY, NOW, 9_000, 11_000, 5, 5), "spread_median": 0.0},  # no median yet
        {"quote": None, "quote_needed": False},  # bar replay
        {"surface_age_ms": 86_400_000, "surface_limit_ms": 86_400_000},  # a surface that is exactly a day old
    ],
)
def test_what_the_quote_rules_let_through(health: dict[str, Any]) -> None:
    assert isinstance(judge(health=msgspec.structs.replace(FINE, **health)), Approved)


@pytest.mark.parametrize(
    "change, rule",
    [
        (_set("halted", 1), Rule.HALTED),
        (_set("level", 2), Rule.DRAWDOWN),
        (_set("day_stopped", 1), Rule.DAILY_LOSS),
        (lambda table: table.hold(0, 10), Rule.POSITION_OPEN),
        (lambda table: (table.hold(1, 140), table.hold(2, 125)), Rule.PORTFOLIO_LIMIT),
    ],
)
def test_what_the_rows_forbid(change: Callable[[Books], object], rule: Rule) -> None:
    verdict = judge(change=change)
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule.label


@pytest.mark.parametrize(
    "intent, rule",
    [
        (with_exits(stop=10_000), Rule.BAD_PLAN),
        (with_exits(stop=10_100), Rule.BAD_PLAN),
        (with_exits(stop=0), Rule.BAD_PLAN),
        (with_exits(target=10_000), Rule.BAD_PLAN),
        (with_exits(target=9_900), Rule.BAD_PLAN),
        (msgspec.structs.replace(INTENT, steps=0), Rule.BAD_PLAN),
        (msgspec.structs.replace(INTENT, steps=5_001), Rule.PAIR_LIMIT),
        (msgspec.structs.replace(INTENT, side=Side.SHORT), Rule.SIDE_NOT_ALLOWED),
    ],
)
def test_what_the_intent_itself_forbids(intent: Intent, rule: Rule) -> None:
    verdict = judge(intent)
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule.label


def test_exactly_the_cap_is_allowed() -> None:
    assert isinstance(judge(msgspec.structs.replace(INTENT, steps=5_000)), Approved)


def test_a_canarys_cap_is_its_own() -> None:
    most = msgspec.structs.replace(INTENT, steps=2_000)
    assert isinstance(judge(most, change=_set("canary", 1)), Approved)
    more = judge(msgspec.structs.replace(INTENT, steps=2_001), change=_set("canary", 1))
    assert isinstance(more, Refused) and more.rule == Rule.PAIR_LIMIT.label


def test_a_live_orders_id_bears_the_bots_tag() -> None:
    table = books()
    verdict = review(INTENT, msgspec.structs.replace(book(table), tag="abc"), FINE)
    assert isinstance(verdict, Approved) and verdict.order_id == order_id(SPOT, KEY, NOW, "e", "abc")


def test_caps_look_at_the_days_start_too() -> None:
    intent = msgspec.structs.replace(INTENT, steps=5_000)
    assert isinstance(judge(intent, change=_set("day_start", 999 * 10**10)), Refused)


def test_the_first_objection_wins() -> None:
    health = msgspec.structs.replace(FINE, paused=True, feed_up=False, quote=None)
    verdict = judge(health=health, change=lambda table: table.pos.__setitem__("status", OPEN))
    assert isinstance(verdict, Refused)
    assert verdict.rule == "paused"


def test_every_rule_has_a_name_and_a_clause_for_people() -> None:
    assert set(TOLD) == set(Rule) - {Rule.OK}
    facts = Facts(book=book(books()), health=FINE, instrument=books().instruments[0], ts=NOW, judged=0.31)
    assert refusal(Rule.COST_TOO_HIGH, facts).reason.endswith("(cost 0.31 R, limit 0.15 R)")
    assert refusal(Rule.PAUSED, facts) == refusal(Rule.PAUSED) == Refused(rule="paused", reason=TOLD[Rule.PAUSED].words)


def test_each_rule_is_told_in_one_file_alone() -> None:
    told = re.compile(r"^    Rule\.(\w+): Told\(|^TOLD = \{Rule\.(\w+): Told\(", re.MULTILINE)
    found = [one or other for path in sorted((ROOT / "risk").glob("*.py")) for one, other in told.findall(path.read_text())]
    assert sorted(found) == sorted(rule.name for rule in TOLD)


def test_only_the_gate_makes_approved() -> None:
    makers = [
        path.relative_to(ROOT).as_posix()
        for folder in ("state", "risk", "strategy", "marketdata", "dataio", "telemetry", "forex", "modules")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if re.search(r"\bApproved\(", path.read_text()) and not path.match("state/intents.py")
    ]
    assert makers == ["risk/gate.py"]
