"""Who may confirm what, how and until when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.confirm import Kind, Outcome, Pending, answer, ask, joined_digits, last_digits, needed, typed_digits
from utils.errors import Refusal

ACCOUNT = "100098765432"


def request(kind: Kind, **more: object) -> Pending:
    """A request of Ada's at 1,000 ms."""
    return ask(kind, "n1", "ada", "do it", 1_000, accounts=[("CRYPTO/LIVE", ACCOUNT)], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("env", "disaster", "opens_live", "asks", "kind"),
    [
        ("simulated", True, False, True, Kind.TWICE),
        ("live", True, True, True, Kind.TWICE),
        ("simulated", False, True, True, Kind.NONE),
        ("simulated", False, False, True, Kind.NONE),
        ("live", False, True, False, Kind.DIGITS),
        ("demo", False, True, True, Kind.DIGITS),
        ("testnet", False, False, True, Kind.ONCE),
        ("live", False, False, False, Kind.NONE),
    ],
)
def test_what_needs_which(env: str, disaster: bool, opens_live: bool, asks: bool, kind: Kind) -> None:
    assert needed(env=env, disaster=disaster, opens_live=opens_live, asks=asks) is kind


@pytest.mark.parametrize(
    ("kind", "last_ms"),
    [(Kind.ONCE, 59_999), (Kind.DIGITS, 299_999), (Kind.TWICE, 29_999)],
)
def test_the_last_moment_is_in_time_and_the_next_is_not(kind: Kind, last_ms: int) -> None:
    waiting = request(kind, tapped=True)
    said = {"typed": "5432"} if kind is Kind.DIGITS else {"token": waiting.token}
    assert answer(waiting, "ada", 1_000 + last_ms, **said)[1] is Outcome.CONFIRMED
    assert answer(waiting, "ada", 1_001 + last_ms, **said) == (waiting, Outcome.EXPIRED)


@pytest.mark.parametrize("kind", [Kind.ONCE, Kind.DIGITS, Kind.TWICE])
def test_only_the_person_who_asked_and_only_once(kind: Kind) -> None:
    waiting = request(kind, tapped=True)
    said = {"typed": "5432"} if kind is Kind.DIGITS else {"token": waiting.token}
    assert answer(waiting, "bob", 2_000, **said) == (waiting, Outcome.WRONG_PERSON)
    done, outcome = answer(waiting, "ada", 2_000, **said)
    assert outcome is Outcome.CONFIRMED
    assert done is not None
    assert done.done
    assert answer(done, "ada", 2_001, **said) == (done, Outcome.ALREADY_DONE)
    assert answer(done, "ada", 10_000_000, **said) == (done, Outcome.ALREADY_DONE)


def test_a_typed_disaster_takes_two_taps_and_the_second_has_thirty_seconds_of_its_own() -> None:
    waiting = request(Kind.TWICE)
    first = waiting.token
    once, outcome = answer(waiting, "ada", 25_000, token=first)
    assert outcome is Outcome.AGAIN
    assert once is not None
    assert answer(once, "ada", 54_999, token=once.token)[1] is Outcome.CONFIRMED
    assert answer(once, "ada", 55_000, token=once.token)[1] is Outcome.EXPIRED
    assert answer(once, "bob", 26_000, token=once.token)[1] is Outcome.WRONG_PERSON


def test_one_tap_delivered_twice_is_not_two() -> None:
    waiting = request(Kind.TWICE)
    once, _ = answer(waiting, "ada", 2_000, token=waiting.token)
    assert answer(once, "ada", 2_001, token=waiting.token) == (once, Outcome.ALREADY_DONE)


def test_a_tap_on_a_button_that_was_never_shown_is_nothing() -> None:
    waiting = request(Kind.TWICE)
    for token in ("n1.1", "n1", "n2.0", "n1.-1", "n1.x", ""):
        assert answer(waiting, "ada", 2_000, token=token) == (waiting, Outcome.UNKNOWN)
    assert answer(None, "ada", 2_000, token="n1.0") == (None, Outcome.UNKNOWN)


def test_bound_to_its_message() -> None:
    waiting = request(Kind.ONCE, where="chat 7, message 9")
    assert answer(waiting, "ada", 2_000, token=waiting.token)[1] is Outcome.UNKNOWN
    assert answer(waiting, "ada", 2_000, token=waiting.token, where="chat 7, message 8")[1] is Outcome.UNKNOWN
    assert answer(waiting, "ada", 2_000, token=waiting.token, where="chat 7, message 9")[1] is Outcome.CONFIRMED


def test_wrong_digits_three_times_end_it() -> None:
    waiting: Pending | None = request(Kind.DIGITS)
    for typed in ("5431", "1000", "54321"):
        waiting, outcome = answer(waiting, "ada", 2_000, typed=typed)
        assert outcome is Outcome.WRONG_DIGITS
    assert answer(waiting, "ada", 2_001, typed="5432")[1] is Outcome.EXPIRED


def test_a_tap_is_no_digits_and_a_strangers_digits_cost_no_try() -> None:
    waiting = request(Kind.DIGITS)
    assert answer(waiting, "ada", 2_000, token=waiting.token) == (waiting, Outcome.UNKNOWN)
    assert answer(waiting, "bob", 2_000, typed="0000") == (waiting, Outcome.WRONG_PERSON)
    assert answer(waiting, "ada", 2_000, typed=" 5432\n")[1] is Outcome.CONFIRMED


def test_each_account_is_confirmed_with_its_own_digits_each_in_its_own_time() -> None:
    waiting = ask(Kind.DIGITS, "n1", "ada", "stage 4", 0, accounts=[("CRYPTO/LIVE", ACCOUNT), ("PERPS/LIVE", "0007777")])
    assert waiting.whose == "CRYPTO/LIVE"
    assert answer(waiting, "ada", 1, typed="7777")[1] is Outcome.WRONG_DIGITS
    once, outcome = answer(waiting, "ada", 200_000, token=waiting.token, typed="5432")
    assert once is not None and (outcome, once.whose, once.done) == (Outcome.AGAIN, "PERPS/LIVE", False)
    assert answer(once, "ada", 200_001, token=waiting.token, typed="5432") == (once, Outcome.ALREADY_DONE), "one answer delivered twice"
    assert answer(once, "ada", 200_001, token=once.token, typed="5432")[1] is Outcome.WRONG_DIGITS, "another account's digits"
    assert answer(once, "ada", 500_000, token=once.token, typed="7777")[1] is Outcome.EXPIRED
    done, outcome = answer(once, "ada", 499_999, token=once.token, typed="7777")
    assert done is not None and (outcome, done.whose, done.done) == (Outcome.CONFIRMED, "", True)


def test_digits_of_several_accounts_in_one_text() -> None:
    assert typed_digits("1234, 5678") == ("1234", "5678") and typed_digits(None) == typed_digits("") == ()
    assert joined_digits("1234,5678", None, "5678 0815") == "1234,5678,0815"
    assert joined_digits(None, "") is None


def test_a_clock_that_went_back_confirms_nothing() -> None:
    waiting = request(Kind.ONCE)
    assert answer(waiting, "ada", 999, token=waiting.token) == (waiting, Outcome.EXPIRED)


@pytest.mark.parametrize("account_id", ["", "123"])
def test_an_account_whose_id_is_not_known_cannot_be_confirmed(account_id: str) -> None:
    with pytest.raises(Refusal, match="id is not known"):
        ask(Kind.DIGITS, "n1", "ada", "promote", 0, accounts=[("PERPS/LIVE", "123456"), ("CRYPTO/LIVE", account_id)])
    assert last_digits("1234") == "1234"
    assert last_digits("101-004-1234567-001") == "7001", "a broker's id: the dash and the number of the account within it tell nobody apart"


@pytest.mark.parametrize(
    ("kind", "nonce", "who"), [(Kind.NONE, "n", "a"), (Kind.DIGITS, "n", "a"), (Kind.ONCE, "", "a"), (Kind.ONCE, "n", "")]
)
def test_nothing_to_wait_for(kind: Kind, nonce: str, who: str) -> None:
    with pytest.raises(ValueError, match="nothing to wait for"):
        ask(kind, nonce, who, "x", 0)


@given(
    st.sampled_from([Kind.ONCE, Kind.DIGITS, Kind.TWICE]),
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(["ada", "bob"]),
            st.integers(0, 400_000),
            st.sampled_from(["n1.0", "n1.1", "n1.2", "n2.0", ""]),
            st.sampled_from(["5432", "0000", ""]),
        ),
        max_size=12,
    ),
)
def test_whatever_comes_it_is_confirmed_once_at_most_in_time_and_by_its_person(
    kind: Kind, tapped: bool, said: list[tuple[str, int, str, str]]
) -> None:
    waiting: Pending | None = request(kind, tapped=tapped)
    confirmed = 0
    for who, ts, token, typed in said:
        before = waiting
        assert before is not None
        waiting, outcome = answer(before, who, ts, token=token, typed=typed)
        if outcome is Outcome.CONFIRMED:
            confirmed += 1
            assert who == "ada"
            assert before.asked_ts <= ts < before.expires_ts
            assert kind is not Kind.DIGITS or typed == "5432"
            assert kind is not Kind.TWICE or before.taps == 1
    assert confirmed <= 1
