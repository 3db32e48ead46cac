"""The bot's ledger against the venue's: what was lost, doubled, left naked or does not add up. Pure.

The venue's document is that of `GET /control/ledger`; the bot's rows are those of its own ledger. Our orders are known by their ids:
letters of domain and mode, a tag, symbol, time, leg. Money is compared exactly.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from utils.fixed import plain

Row = Mapping[str, Any]
ZERO = Decimal(0)
LIMIT_S = 2.0
"""How long a position may stand without a stop, transport time, injected delays apart."""
DOMAINS = {"C": "CRYPTO", "P": "PERPS"}
CATEGORIES = {"spot": "CRYPTO", "linear": "PERPS"}
OUR_ID = re.compile(r"(?P<domain>[CP])L(?P<tag>[A-Za-z0-9]{3})-(?P<symbol>[A-Za-z0-9]+)-(?P<ts>[0-9a-f]+)-(?P<leg>[a-z]\w*)")
CLOSED_STATES = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"})
EXTERNAL_CASH = frozenset({"TRANSFER_IN", "TRANSFER_OUT", "DEPOSIT", "WITHDRAW"})


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the bot's ledger: kind `fill`, `cash`, `trade` or another, and its content."""

    kind: str
    row: dict[str, Any]


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which something was injected: venue time from and to (ms), the delay it brings, and on whom (empty: everybody)."""

    from_ts: int
    to_ts: int
    delay_s: float
    account: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `broken` says in words, one line each, what does not hold; empty when all is well."""

    broken: list[str]
    orders_sent: int
    entries: int
    venue_fills: int
    booked_fills: int
    duplicates: int
    lost_fills: int
    double_counted: int
    unprotected_max_s: float
    unprotected_total_s: float
    unprotected_over: int
    """Times without a stop that lasted longer than the limit and what was injected meanwhile."""
    flat: bool


def judge(told: Sequence[Told], venue: Mapping[str, Any], injected: Sequence[Stretch] = (), *, limit_s: float = LIMIT_S) -> Verdict:
    """Compare everything. The bot is stopped and was flattened before; both ledgers are whole."""
    fills = [one.row for one in told if one.kind == "fill" and one.row["account"].endswith("/LIVE")]
    executions = [one for one in venue["fills"] if one["execType"] != "Funding"]
    sent = [one for one in venue["orders"] if OUR_ID.fullmatch(one.get("orderLinkId", ""))]
    doubles = double_entries(venue)
    lost, invented, differing = compare_fills(fills, executions)
    counted = repeated((one["account"], one["exec_id"]) for one in fills)
    naked = [(one, _allowed(one, injected, limit_s)) for one in venue["unprotected"]]
    over = [
        f"{_where(one)}: {one['wall_ms'] / 1000:.2f} s without a stop, {allowed:.2f} s allowed"
        for one, allowed in naked
        if _over(one, allowed)
    ]
    standing = [*not_flat(venue), *legs(venue)[1]]
    broken = [
        *doubles,
        *(f"lost fill: {one}" for one in lost),
        *(f"the bot booked a fill that the venue does not know: {one}" for one in invented),
        *differing,
        *(f"execution {name} of {account} is booked twice" for account, name in counted),
        *wallets(told, venue),
        *(f"unprotected: {line}" for line in over),
        *standing,
    ]
    seconds = [one["wall_ms"] / 1000 for one in venue["unprotected"]]
    return Verdict(
        broken=broken,
        orders_sent=len(sent),
        entries=sum(_is_entry(one["orderLinkId"]) for one in sent),
        venue_fills=len(executions),
        booked_fills=len(fills),
        duplicates=len(doubles),
        lost_fills=len(lost),
        double_counted=len(counted),
        unprotected_max_s=round(max(seconds, default=0.0), 3),
        unprotected_total_s=round(sum(seconds), 3),
        unprotected_over=len(over),
        flat=not standing,
    )


# --- orders and fills -----------------------------------------------------------------------------------------------------------------


def _is_entry(link_id: str) -> bool:
    found = OUR_ID.fullmatch(link_id)
    return found is not None and found["leg"].startswith("e")


def double_entries(venue: Mapping[str, Any]) -> list[str]:
    """Two entry orders for one decision, and entries that grew a position that another entry had opened."""
    lines = []
    decisions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for order in venue["orders"]:
        if (found := OUR_ID.fullmatch(order.get("orderLinkId", ""))) is not None and found["leg"].startswith("e"):
            decisions[order["account"], found["domain"], found["symbol"], found["ts"]].append(order["orderLinkId"])
    lines += [f"duplicate entry: one decision, {len(links)} orders: {', '.join(links)}" for links in decisions.values() if len(links) > 1]
    return lines + legs(venue)[0]


class _Leg:
    """An open position as the executions tell it."""

    def __init__(self, link_id: str) -> None:
        self.links = {link_id}
        self.held = self.most = ZERO


def legs(venue: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Entries that grew a position which another entry had opened, and positions that are open at the end; each in words.

    A rest below a quarter of what was held is no position: fees taken in coin and the grid leave crumbs that nobody can sell.
    """
    lines: list[str] = []
    legs: dict[tuple[str, str, str], _Leg] = {}
    for one in venue["fills"]:
        where, link = (one["account"], one["category"], one["symbol"]), one["orderLinkId"]
        if one["execType"] == "Funding" or (where not in legs and not _is_entry(link)):
            continue
        leg = legs.setdefault(where, _Leg(link))
        if _is_entry(link) and link not in leg.links:
            lines.append(f"duplicate entry: {link} filled while {', '.join(sorted(leg.links))} was open")
            leg.links.add(link)
        leg.held += (1 if one["side"] == "Buy" else -1) * Decimal(one["execQty"])
        leg.most = max(leg.most, abs(leg.held))
        if abs(leg.held) < leg.most / 4:
            del legs[where]
    return lines, [f"not flat: {plain(leg.held)} of {where[1]}:{where[2]} of {where[0]} by its executions" for where, leg in legs.items()]


def compare_fills(fills: Sequence[Row], executions: Sequence[Row]) -> tuple[list[str], list[str], list[str]]:
    """Executions that the bot never booked, fills that the venue does not know, and those that differ; each in words."""
    booked = {one["exec_id"]: one for one in fills}
    known = {one["execId"]: one for one in executions}
    lost = [_execution(one) for name, one in known.items() if name not in booked]
    invented = [f"{name} of {one['account']} {one['symbol']}" for name, one in booked.items() if name not in known]
    differing = []
    for name in booked.keys() & known.keys():
        ours, theirs = booked[name], known[name]
        qty, price = Decimal(theirs["execQty"]), Decimal(theirs["execPrice"])
        said = (ours["symbol"], ours["side"], Decimal(ours["qty"]), Decimal(ours["price"]), ours["account"].partition("/")[0])
        true = (theirs["symbol"], theirs["side"].lower(), qty, price, CATEGORIES[theirs["category"]])
        if said != true:
            differing.append(f"execution {name} is booked as {said}, the venue says {true}")
    return lost, invented, sorted(differing)


def _execution(one: Row) -> str:
    what = f"{one['side']} {one['execQty']} {one['category']}:{one['symbol']} at {one['execPrice']}"
    return f"{one['execId']} {what}, order {one['orderLinkId'] or one['orderId']}, {one['execType']}"


def repeated(names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What comes up more than once."""
    seen: set[tuple[str, str]] = set()
    twice = []
    for name in names:
        if name in seen:
            twice.append(name)
        seen.add(name)
    return twice


# --- money ----------------------------------------------------------------------------------------------------------------------------


def owners(told: Sequence[Told], venue: Mapping[str, Any]) -> dict[str, set[str]]:
    """Which of the bot's accounts live in which account of the venue, by the orders and executions that both know."""
    live = {one.row["account"] for one in told if one.kind == "cash" and one.row["account"].endswith("/LIVE")}
    uids = {one["account"] for one in venue["cash"]}
    if len(uids) == 1:
        return dict.fromkeys(uids, live)
    found: dict[str, set[str]] = defaultdict(set)
    for order in venue["orders"]:
        if (ours := OUR_ID.fullmatch(order.get("orderLinkId", ""))) is not None:
            found[order["account"]].add(f"{DOMAINS[ours['domain']]}/LIVE")
    return dict(found)


def wallets(told: Sequence[Told], venue: Mapping[str, Any], quote: str = "USDT") -> list[str]:
    """Whether the bot's cash rows sum to the venue's wallet, coin by coin, to the last unit, per account of the venue.

    Base coins: only what trading moved, for others that were there before belong to somebody else. Cash that came or left after the bot had
    opened its wallets counts as far as the bot booked it under the row's own id: the rest was not the bot's.
    """
    ours: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    theirs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in told:
        if one.kind == "cash":
            ours[one.row["account"], one.row.get("coin", quote)] += Decimal(one.row["amount"])
    lines = []
    found = owners(told, venue)
    for row in venue["cash"]:
        amount = Decimal(row["amount"])
        if row["kind"] in EXTERNAL_CASH:
            if row["coin"] != quote:
                continue
            booked, opened = _booked(told, found.get(row["account"], set()), row["ref"], quote)
            if booked or row["ts"] > opened:
                if abs(booked) > abs(amount) or booked * amount < 0:
                    lines.append(f"wallet {row['account']}: {row['kind']} {row['ref']} of {plain(amount)} is booked as {plain(booked)}")
                amount = booked
        theirs[row["account"], row["coin"]] += amount
    for uid, accounts in sorted(found.items()):
        coins = {coin for name, coin in ours if name in accounts} | {coin for name, coin in theirs if name == uid}
        for coin in sorted(coins):
            total = sum((ours[account, coin] for account in accounts), ZERO)
            if total != theirs[uid, coin]:
                names, off = " + ".join(sorted(accounts)) or "nobody", plain(total - theirs[uid, coin])
                said = f"the bot's cash rows ({names}) sum to {plain(total)}, the venue has {plain(theirs[uid, coin])}, off by {off}"
                lines.append(f"wallet {uid} {coin}: {said}")
    return lines


def _booked(told: Sequence[Told], accounts: set[str], ref: str, quote: str) -> tuple[Decimal, float]:
    """What `accounts` booked of the venue's row `ref`, and when (venue ms) the first of their wallets was opened."""
    rows = [one.row for one in told if one.kind == "cash" and one.row["account"] in accounts and one.row.get("coin", quote) == quote]
    opened = min((row["ts"] for row in rows if row["ref"] == "start" and "ts" in row), default=math.inf)
    return sum((Decimal(row["amount"]) for row in rows if row["ref"] == ref != "start"), ZERO), opened


# --- what stands ----------------------------------------------------------------------------------------------------------------------


def _where(one: Row) -> str:
    return f"{one['category']}:{one['symbol']} of {one['account']} from {one['from_ts']}, {one['qty']} uncovered"


def _allowed(one: Row, injected: Sequence[Stretch], limit_s: float) -> float:
    end = one["to_ts"] if one["to_ts"] is not None else one["from_ts"]
    return limit_s + sum(
        part.delay_s
        for part in injected
        if part.from_ts <= end and part.to_ts >= one["from_ts"] and part.account in {"", one["account"]}
    )  # fmt: skip


def _over(one: Row, allowed: float) -> bool:
    return one["to_ts"] is None or one["wall_ms"] / 1000 > allowed


def not_flat(venue: Mapping[str, Any]) -> list[str]:
    """What the venue still shows after a flatten: perpetual positions, and orders of any kind."""
    lines = [
        f"not flat: {one['side']} {one['size']} {one['symbol']} of {one['account']}" for one in venue["positions"] if Decimal(one["size"])
    ]
    lines += [
        f"left after flat: order {one['orderLinkId'] or one['orderId']} ({one['stopOrderType'] or one['orderType']}, {one['orderStatus']}) "
        f"on {one['category']}:{one['symbol']} of {one['account']}"
        for one in venue["orders"]
        if one["orderStatus"] not in CLOSED_STATES
    ]
    return lines
