"""The verdict must see what it is there to see: right ledgers pass, each invariant broken by hand is found and told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from modules.chaos.verdict import Stretch, Told, Verdict, judge
from self_test.modules.chaos.ledgers import PERP_UID, SPOT_UID, Books, good_books


def verdict(books: Books, *injected: Stretch) -> Verdict:
    return judge(books.told, books.venue, injected)


def test_right_ledgers_pass() -> None:
    found = verdict(good_books())
    assert found.broken == [] and found.flat
    assert (found.orders_sent, found.entries, found.venue_fills, found.booked_fills) == (5, 3, 7, 7)
    assert (found.duplicates, found.lost_fills, found.double_counted, found.unprotected_over) == (0, 0, 0, 0)


def lose_a_fill(books: Books) -> None:
    books.told.remove(next(one for one in books.told if one.kind == "fill"))


def book_twice(books: Books) -> None:
    books.told.append(next(one for one in books.told if one.kind == "fill"))


def invent(books: Books) -> None:
    books.booked("fill", 1)["exec_id"] = "never"


def one_decision_twice(books: Books) -> None:
    books.order("linear", "PLabc-AAAUSDT-1f-e2", "Sell", "3", status="Cancelled")


def grow_an_open_position(books: Books) -> None:
    entry, second = books.order("linear", "PLabc-AAAUSDT-5f-e", "Buy", "3"), books.order("linear", "PLabc-AAAUSDT-6f-e", "Buy", "3")
    books.fill(entry, "3", "100")
    books.fill(second, "3", "100")
    books.fill(books.order("linear", "PLabc-AAAUSDT-7f-x", "Sell", "6"), "6", "100")


def lose_a_unit(books: Books) -> None:
    books.booked("cash", 0)["amount"] = "1000.0000000001"


def mix_the_wallets(books: Books) -> None:
    """The sum of both is right, but a fee of one was booked on the other."""
    books.booked("cash", -2)["account"] = "PERPS/LIVE"


def forget_the_fee_in_coin(books: Books) -> None:
    next(one.row for one in books.told if one.row.get("coin") == "AAA")["amount"] = "1.5"


def other_price(books: Books) -> None:
    books.booked("fill", 0)["price"] = "100.01"


def other_account(books: Books) -> None:
    books.booked("fill", 0)["account"] = "PERPS/LIVE"


def stay_naked(books: Books) -> None:
    books.naked(2_001)


def still_naked(books: Books) -> None:
    books.naked(10, to_ts=None)


def keep_a_position(books: Books) -> None:
    books.venue["positions"].append({"account": PERP_UID, "side": "Buy", "size": "1", "symbol": "AAAUSDT"})


def keep_coins(books: Books) -> None:
    books.fill(books.order("spot", "CLabc-AAAUSDT-5f-e", "Buy", "2"), "2", "100", fee="0", base_fee="0.002")


def keep_a_stop(books: Books) -> None:
    books.order("linear", "", "Sell", "1", kind="StopLoss", status="Untriggered")


@pytest.mark.parametrize(
    "damage, said",
    [
        (lose_a_fill, "lost fill: x0 Buy 1.5 spot:AAAUSDT"),
        (book_twice, "execution x0 of CRYPTO/LIVE is booked twice"),
        (invent, "the venue does not know: never"),
        (one_decision_twice, "one decision, 2 orders: PLabc-AAAUSDT-1f-e, PLabc-AAAUSDT-1f-e2"),
        (grow_an_open_position, "PLabc-AAAUSDT-6f-e filled while PLabc-AAAUSDT-5f-e was open"),
        (lose_a_unit, f"wallet {SPOT_UID} USDT: "),
        (mix_the_wallets, f"wallet {PERP_UID} USDT: "),
        (forget_the_fee_in_coin, f"wallet {SPOT_UID} AAA: "),
        (other_price, "execution x0 is booked as"),
        (other_account, "execution x0 is booked as"),
        (stay_naked, "unprotected: spot:AAAUSDT of 100000001 from 2000, 1 uncovered: 2.00 s without a stop, 2.00 s allowed"),
        (still_naked, "unprotected: "),
        (keep_a_position, "not flat: Buy 1 AAAUSDT"),
        (keep_coins, "not flat: 2 of spot:AAAUSDT"),
        (keep_a_stop, "left after flat: order o"),
    ],
)
def test_every_broken_invariant_is_told(damage: Callable[[Books], None], said: str) -> None:
    books = good_books()
    damage(books)
    found = verdict(books)
    assert any(said in line for line in found.broken), found.broken


def test_the_figures_count_what_is_broken() -> None:
    books = good_books()
    for damage in (one_decision_twice, lose_a_fill, stay_naked, keep_a_stop):
        damage(books)
    books.told.append([one for one in books.told if one.kind == "fill"][-1])
    found = verdict(books)
    assert (found.duplicates, found.lost_fills, found.double_counted, found.unprotected_over, found.flat) == (1, 1, 1, 1, False)
    assert (found.unprotected_max_s, found.unprotected_total_s) == (2.001, 2.001)


def test_an_injected_delay_is_allowed_for_where_and_when_it_was() -> None:
    books = good_books()
    books.naked(3_500)
    here = Stretch(from_ts=2_500, to_ts=9_000, delay_s=1.5, account=SPOT_UID)
    assert verdict(books, here).broken == []
    for away in (Stretch(from_ts=3_001, to_ts=9_000, delay_s=9), Stretch(from_ts=0, to_ts=1_999, delay_s=9)):
        assert verdict(books, away).unprotected_over == 1
    assert verdict(books, Stretch(from_ts=0, to_ts=9_000, delay_s=9, account=PERP_UID)).unprotected_over == 1
    assert verdict(books, Stretch(from_ts=0, to_ts=9_000, delay_s=1.4)).unprotected_over == 1


def test_funding_is_cash_and_no_fill() -> None:
    books = good_books()
    row = {"execId": "f", "execType": "Funding", "account": PERP_UID, "category": "linear", "symbol": "AAAUSDT", "orderLinkId": ""}
    books.venue["fills"].append(row)
    books.money("linear", "USDT", "-0.25", "SETTLEMENT", "funding", "f")
    assert verdict(books).broken == []


def test_one_account_of_the_venue_may_hold_both_of_ours() -> None:
    books = good_books()
    for part in ("orders", "fills", "cash"):
        for row in books.venue[part]:
            row["account"] = SPOT_UID
    assert verdict(books).broken == []


def test_paper_rows_and_foreign_orders_are_not_looked_at() -> None:
    books = good_books()
    paper = books.copy()
    for one in paper.told:
        one.row["account"] = one.row["account"].replace("LIVE", "PAPER")
    books.told += paper.told
    books.order("spot", "somebody-else", "Buy", "1", status="Cancelled")
    found = verdict(books)
    assert found.broken == [] and found.orders_sent == 5


def moved(books: Books, amount: str, booked: str, *, ts: int = 9) -> None:
    """Cash that came or left while the bot lived, and what it booked of it."""
    for one in books.told:
        if one.kind == "cash" and one.row["ref"] == "start":
            one.row["ts"] = 5
    kind = "TRANSFER_IN" if Decimal(amount) > 0 else "TRANSFER_OUT"
    books.venue["cash"].append({"ts": ts, "account": SPOT_UID, "coin": "USDT", "amount": amount, "kind": kind, "ref": "row1"})
    if booked != "0":
        books.told.append(
            Told(kind="cash", row={"account": "CRYPTO/LIVE", "kind": kind.lower(), "amount": booked, "ref": "row1", "ts": ts})
        )


@pytest.mark.parametrize(("amount", "booked"), [("200", "0"), ("200", "200"), ("-50", "-50"), ("-50", "-20"), ("-50", "0")])
def test_cash_that_moved_counts_as_far_as_it_was_the_bots(amount: str, booked: str) -> None:
    books = good_books()
    moved(books, amount, booked)
    assert judge(books.told, books.venue).broken == []


@pytest.mark.parametrize(("amount", "booked"), [("-50", "-50.0000000001"), ("-50", "50"), ("50", "51")])
def test_more_than_a_row_says_is_told(amount: str, booked: str) -> None:
    books = good_books()
    moved(books, amount, booked)
    assert any("row1" in line and "is booked as" in line for line in judge(books.told, books.venue).broken)


def test_cash_that_came_before_the_wallet_was_opened_must_be_in_its_opening() -> None:
    books = good_books()
    moved(books, "200", "0", ts=4)
    assert any(line.startswith(f"wallet {SPOT_UID} USDT") for line in judge(books.told, books.venue).broken)


def test_a_withdrawal_that_the_venue_does_not_know_is_told() -> None:
    books = good_books()
    moved(books, "-50", "-50")
    books.venue["cash"].pop()
    assert any(line.startswith(f"wallet {SPOT_UID} USDT") for line in judge(books.told, books.venue).broken)
