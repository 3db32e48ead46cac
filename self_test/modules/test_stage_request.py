from __future__ import annotations

from pathlib import Path

import pytest

from modules.stage_request import NAME, StageRequest, digits_of, remember, remembered, resolve
from utils.errors import Refusal


def test_nothing_remembered_is_stage_one(tmp_path: Path) -> None:
    assert remembered(tmp_path) == StageRequest()
    (tmp_path / NAME).write_text("{torn")
    assert remembered(tmp_path) == StageRequest(), "a damaged record opens nothing"


def test_the_last_stage_holds_with_what_a_person_opened(tmp_path: Path) -> None:
    remember(tmp_path, StageRequest(), 4, override=True, real_money="1234")
    assert resolve(remembered(tmp_path), None, override=False, real_money=None) == (4, True, "1234")
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("asked", "found"), [(2, (2, True, "1234")), (3, (3, True, "1234")), (1, (1, False, None)), (4, (4, False, None))])
def test_a_lower_stage_stays_open_and_a_higher_one_has_to_be_opened(asked: int, found: tuple[int, bool, str | None]) -> None:
    last = StageRequest(stage=3, opened=3, real_money="1234")
    assert resolve(last, asked, override=False, real_money=None) == found


def test_digits_typed_now_win(tmp_path: Path) -> None:
    last = StageRequest(stage=3, opened=3, real_money="1234")
    assert resolve(last, None, override=False, real_money="9999") == (3, True, "9999")


def test_going_down_closes_what_lay_above(tmp_path: Path) -> None:
    last = StageRequest(stage=3, opened=3, real_money="1234")
    remember(tmp_path, last, 1, override=False, real_money=None)
    assert remembered(tmp_path) == StageRequest()
    assert resolve(remembered(tmp_path), 2, override=False, real_money=None) == (2, False, None)


def test_the_digits_of_an_earned_stage_hold_without_an_override_and_the_profile_too(tmp_path: Path) -> None:
    last = StageRequest(stage=1, earned=2)
    remember(tmp_path, last, 2, override=False, real_money="1234", profile="spot+perp")
    kept = remembered(tmp_path)
    assert (kept.profile, resolve(kept, None, override=False, real_money=None)) == ("spot+perp", (2, False, "1234"))
    assert resolve(kept, 3, override=False, real_money=None) == (3, False, None)
    remember(tmp_path, kept, 1, override=False, real_money=None)
    assert (remembered(tmp_path).profile, remembered(tmp_path).real_money) == ("spot+perp", None)


def test_whose_digits_are_whose_is_remembered_until_stage_1(tmp_path: Path) -> None:
    remember(tmp_path, StageRequest(), 2, override=True, real_money="1234,5678", accounts={"CRYPTO/LIVE": "1234"})
    last = remembered(tmp_path)
    assert (digits_of(last, "CRYPTO/LIVE"), digits_of(last, "PERPS/LIVE")) == ("1234", "5678")
    remember(tmp_path, last, 2, override=True, real_money="1234,5678")
    assert remembered(tmp_path).accounts == {"CRYPTO/LIVE": "1234"}, "a request without a start has seen no account"
    remember(tmp_path, last, 1, override=False, real_money=None)
    assert digits_of(remembered(tmp_path), "CRYPTO/LIVE") == "" and remembered(tmp_path).accounts == {}


def test_digits_that_no_start_has_matched_yet() -> None:
    assert digits_of(StageRequest(stage=2, real_money="1234"), "PERPS/LIVE") == "1234"
    assert digits_of(StageRequest(stage=2, real_money="1234", accounts={"CRYPTO/LIVE": "1234"}), "PERPS/LIVE") == ""
    with pytest.raises(Refusal, match="start the bot once"):
        digits_of(StageRequest(stage=2, real_money="1234,5678"), "PERPS/LIVE")
