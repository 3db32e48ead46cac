"""The counter: what needs a confirmation, whose, until when; and that nothing happens before it, or twice after it."""

import itertools

import pytest

from modules.confirm import Kind
from modules.ui.commands import Wanted, parse
from modules.ui.operator import Answer, Done, MustConfirm, Operator, Who
from state.accounts import Account, Domain, Mode
from utils.clock import FakeClock
from utils.errors import Refusal

pytestmark = pytest.mark.asyncio

LIVE = Account(Domain.CRYPTO, Mode.LIVE)
PERPS_LIVE = Account(Domain.PERPS, Mode.LIVE)
ANNA = Who(name="telegram:7", surface="telegram", person="7", place="m1")
BERT = Who(name="telegram:8", surface="telegram", person="8", place="m1")


class Shelf:
    """Views that answer with what was asked."""

    def look(self, wanted: Wanted) -> Answer:
        return Answer(title=wanted.line)

    async def picture(self, wanted: Wanted) -> Answer:
        return Answer(title=wanted.line, picture=b"png")


class Desk:
    """A daemon that writes down what it does; closing a symbol called NONE is refused; stage 2 opens real money, stage 4 two accounts."""

    def __init__(self) -> None:
        self.did: list[tuple[str, str, str]] = []

    def check(self, wanted: Wanted, who: str) -> None:
        if wanted.args.get("symbol") == "NONE":
            raise Refusal("nothing is held in NONE")

    def opens_live(self, wanted: Wanted) -> tuple[Account, ...]:
        return {"stage 2": (LIVE,), "stage 4": (LIVE, PERPS_LIVE)}.get(wanted.line, ())

    def describe(self, wanted: Wanted) -> str:
        return f"{wanted.line}?"

    async def account_id(self, account: Account) -> str:
        return {LIVE: "1234567", PERPS_LIVE: "0000815"}.get(account, "")

    async def carry_out(self, wanted: Wanted, who: str, digits: str = "") -> str:
        self.did.append((wanted.line, who, digits))
        return f"{wanted.line} done"


def counter(env: str = "live") -> tuple[Operator, Desk, FakeClock]:
    desk, clock, nonces = Desk(), FakeClock(), itertools.count(1)
    return Operator(env, Shelf(), desk, clock, lambda: f"n{next(nonces)}"), desk, clock


async def must(operator: Operator, line: str, who: Who = ANNA) -> MustConfirm:
    found = await operator.ask(parse(line), who)
    assert isinstance(found, MustConfirm)
    return found


async def test_looking_shows_and_a_change_is_not_looked_at() -> None:
    operator, desk, _ = counter()
    assert operator.look(parse("stage")).title == "stage"
    assert (await operator.picture(parse("chart"))).picture == b"png"
    with pytest.raises(Refusal, match="asks for a change"):
        operator.look(parse("stage 2"))
    with pytest.raises(Refusal, match="changes nothing"):
        await operator.ask(parse("stage"), ANNA)
    assert desk.did == []


async def test_what_cannot_be_is_refused_before_anybody_is_asked() -> None:
    operator, desk, _ = counter()
    with pytest.raises(Refusal, match="nothing is held"):
        await operator.ask(parse("close NONE"), ANNA)
    assert desk.did == []


async def test_a_pause_is_done_at_once_with_the_name_of_who_asked() -> None:
    operator, desk, _ = counter()
    assert await operator.ask(parse("pause"), ANNA) == Done("pause done")
    assert desk.did == [("pause", "telegram:7", "")]


async def test_one_confirmation_by_the_same_person_within_its_time_and_once() -> None:
    operator, desk, clock = counter()
    asked = await must(operator, "unpause")
    assert (asked.kind, asked.expires_s) == (Kind.ONCE, 60.0)
    with pytest.raises(Refusal, match="only who asked"):
        await operator.confirm(asked.nonce, BERT)
    assert await operator.confirm(asked.nonce, ANNA) == Done("unpause done")
    with pytest.raises(Refusal, match="already"):
        await operator.confirm(asked.nonce, ANNA)
    late = await must(operator, "unpause")
    await clock.advance(60.0)
    with pytest.raises(Refusal, match="too late"):
        await operator.confirm(late.nonce, ANNA)
    assert len(desk.did) == 1


async def test_real_money_takes_the_digits_of_the_account() -> None:
    operator, desk, _ = counter()
    asked = await must(operator, "stage 2")
    assert asked.kind is Kind.DIGITS
    assert "CRYPTO/LIVE" in asked.text
    assert "4567" not in asked.text
    for wrong in ("", "1234"):
        with pytest.raises(Refusal):
            await operator.confirm(asked.nonce, ANNA, wrong)
    assert await operator.confirm(asked.nonce, ANNA, " 4567 ") == Done("stage 2 done")
    assert desk.did == [("stage 2", "telegram:7", "4567")]


async def test_two_accounts_are_opened_with_the_digits_of_each() -> None:
    operator, desk, _ = counter()
    first = await must(operator, "stage 4")
    assert "account 1 of 2" in first.text and "CRYPTO/LIVE" in first.text and "PERPS/LIVE" not in first.text
    second = await operator.confirm(first.nonce, ANNA, "4567")
    assert isinstance(second, MustConfirm)
    assert (second.kind, second.expires_s) == (Kind.DIGITS, 300.0)
    assert "account 2 of 2" in second.text and "id of PERPS/LIVE" in second.text
    for nonce, typed, told in ((first.nonce, "4567", "already"), (second.nonce, "4567", "not the last 4")):
        with pytest.raises(Refusal, match=told):
            await operator.confirm(nonce, ANNA, typed)
    assert desk.did == [], "one of two opens neither"
    assert await operator.confirm(second.nonce, ANNA, "0815") == Done("stage 4 done")
    assert desk.did == [("stage 4", "telegram:7", "4567,0815")]


@pytest.mark.parametrize("env", ["live", "simulated"])
async def test_a_disaster_takes_two_steps_everywhere(env: str) -> None:
    operator, desk, clock = counter(env)
    first = await must(operator, "flatten")
    second = await operator.confirm(first.nonce, ANNA)
    assert isinstance(second, MustConfirm)
    assert (second.kind, second.expires_s) == (Kind.TWICE, 30.0)
    with pytest.raises(Refusal, match="already"):  # the first tap delivered again is not the second
        await operator.confirm(first.nonce, ANNA)
    await clock.advance(29.0)
    assert desk.did == []
    assert await operator.confirm(second.nonce, ANNA) == Done("flatten done")


async def test_a_tapped_button_is_the_first_of_two() -> None:
    operator, desk, _ = counter()
    asked = await operator.ask(parse("flatten"), ANNA, tapped=True)
    assert isinstance(asked, MustConfirm)
    await operator.confirm(asked.nonce, ANNA)
    assert [line for line, _, _ in desk.did] == ["flatten"]


async def test_simulated_asks_only_for_disaster() -> None:
    operator, desk, _ = counter("simulated")
    for line in ("stage 2", "unpause", "promote CRYPTO/swing", "close BTCUSDT"):
        assert isinstance(await operator.ask(parse(line), ANNA), Done)
    assert len(desk.did) == 4


async def test_what_was_cancelled_or_never_asked_cannot_be_confirmed() -> None:
    operator, desk, _ = counter()
    asked = await must(operator, "unpause")
    operator.cancel(asked.nonce, BERT)
    operator.cancel(asked.nonce, ANNA)
    for nonce in (asked.nonce, "", "n9.0", "n1.x"):
        with pytest.raises(Refusal, match="nothing waits"):
            await operator.confirm(nonce, ANNA)
    assert desk.did == []


async def test_what_waits_is_bounded() -> None:
    operator, _, _ = counter()
    first = await must(operator, "unpause")
    for _ in range(100):
        last = await must(operator, "unpause")
    with pytest.raises(Refusal, match="nothing waits"):
        await operator.confirm(first.nonce, ANNA)
    assert isinstance(await operator.confirm(last.nonce, ANNA), Done)


async def test_who_watches_is_told() -> None:
    operator, _, _ = counter()
    watch = operator.watch()
    operator.tell("a notice")
    assert await watch.take() == "a notice"
