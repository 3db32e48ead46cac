from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from modules.cost_store import NAME, CostBook, load_book, read_book, save_book
from risk.cost_model import CostModel, Source
from utils.errors import Refusal

KEY = "CRYPTO:AAAUSDT"
MODEL = CostModel(key=KEY, version=1, source=Source.LIVE, a=0.4, taker_ppm=900, fee_ts=7)


def test_a_book_is_read_as_it_was_written(tmp_path: Path) -> None:
    book = CostBook().with_model(MODEL)
    save_book(tmp_path, book)
    assert load_book(tmp_path) == (book, "") and read_book(tmp_path / NAME) == book


def test_versions_that_are_replaced_are_kept_and_fees_make_no_version() -> None:
    second, third = (msgspec.structs.replace(MODEL, version=version, a=0.4 + version / 10) for version in (2, 3))
    book = CostBook().with_model(MODEL).with_model(msgspec.structs.replace(MODEL, taker_ppm=800))
    assert book.before == {} and book.model(KEY).taker_ppm == 800
    book = book.with_model(second).with_model(third)
    assert [one.version for one in book.before[KEY]] == [1, 2] and book.model(KEY) == third


def test_without_a_file_the_prior_stands(tmp_path: Path) -> None:
    book, warning = load_book(tmp_path)
    assert (book, warning) == (CostBook(), "") and not book.model(KEY).measured


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"schema": 2}',
        b'{"models": {"K": {"key": "K", "a": -0.1}}}',
        b'{"models": {"K": {"key": "L"}}}',
        b'{"models": {"K": {"key": "K", "usual": {"spread_bp": -1}}}}',
        b'{"models": {"K": {"key": "K", "a": "much"}}}',
        b'{"surprise": 1}',
    ],
)
def test_a_damaged_book_is_set_aside_and_the_configured_costs_count(tmp_path: Path, text: bytes) -> None:
    (tmp_path / NAME).write_bytes(text)
    with pytest.raises(Refusal, match=NAME):
        read_book(tmp_path / NAME)
    book, warning = load_book(tmp_path)
    assert book == CostBook() and "set aside" in warning
    assert not (tmp_path / NAME).exists() and list(tmp_path.glob(f"{NAME}.quarantine-1"))


def test_a_missing_file_that_was_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        read_book(tmp_path / "no.json")
