"""A list of cash movements as it is remembered: each row once, nothing from before the wallet, bounded."""

from __future__ import annotations

import msgspec

from state.accounts import Account, Domain, Mode
from state.transfers import OVERLAP_MS, CashLog, Movement, wallet_name

SPOT, PERP = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)


def row(ref: str, ts: int) -> Movement:
    return Movement(ref, ts, "transfer_in", 5)


def test_a_row_is_taken_once_and_never_from_before_the_wallet() -> None:
    log = CashLog(since=100)
    assert [log.note(row(ref, ts)) for ref, ts in (("a", 100), ("b", 101), ("b", 101), ("c", 101))] == [False, True, False, True]
    assert [one.ref for one in log.waiting] == ["b", "c"]


def test_two_logs_share_nothing() -> None:
    CashLog(since=0).note(row("a", 1))
    assert CashLog(since=0) == CashLog(since=0, cursor=0, seen={}, waiting=[])


def test_what_the_overlap_may_show_again_is_remembered_and_the_rest_forgotten() -> None:
    log = CashLog(since=0)
    now = 10 * OVERLAP_MS
    for ref, ts in (("old", now - 2 * OVERLAP_MS - 1), ("late", now - 2 * OVERLAP_MS), ("new", now)):
        log.note(row(ref, ts))
    log.advance(now)
    assert set(log.seen) == {"late", "new"} and log.cursor == now
    log.advance(now - 5)
    assert log.cursor == now, "only forward"
    assert len(log.waiting) == 3, "what waits is not forgotten"
    assert msgspec.json.decode(msgspec.json.encode(log), type=CashLog) == log


def test_accounts_of_one_key_have_one_wallet_whoever_speaks() -> None:
    assert wallet_name(SPOT, (PERP,)) == wallet_name(PERP, (SPOT,)) == "CRYPTO/LIVE+PERPS/LIVE"
    assert wallet_name(SPOT) == "CRYPTO/LIVE"
