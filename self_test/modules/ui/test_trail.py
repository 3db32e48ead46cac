"""The journal read backwards and one decision followed to its end, on what the real engine wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from modules.ui import trail
from modules.ui.recent import Recent, Told
from self_test.fakes.stored import COINS, Played


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Recent]]:
    """An hour of the demo, and what an observer remembers of it."""
    bot = Played(tmp_path_factory.mktemp("state"))
    recent = Recent(bot.engine.state)
    bot.runner._observers.append(recent)
    bot.minutes(60)
    bot.chain.journal.sync()
    yield bot.folder, recent
    bot.chain.close()


def page(folder: Path, **asked: object) -> trail.Page:
    ask = msgspec.json.encode({"folder": str(folder), "instruments": list(COINS), **asked})
    return msgspec.json.decode(trail.page(ask), type=trail.Page)


def steps(folder: Path, seq: int, key: str) -> list[trail.Step]:
    ask = trail.ChainAsk(folder=str(folder), instruments=COINS, seq=seq, key=key)
    return msgspec.json.decode(trail.chain(msgspec.json.encode(ask)), type=list[trail.Step])


def test_the_journal_says_what_the_memory_says(played: tuple[Path, Recent]) -> None:
    folder, recent = played
    entered = [one for one in recent.latest if one.what == "entered"]
    found = page(folder, n=1_000, what="entered")
    assert entered
    assert [(one.seq, one.key, one.order_id) for one in reversed(found.told)] == [(one.seq, one.key, one.order_id) for one in entered]
    assert found.before == 0


def test_pages_join_without_a_gap_or_a_repeat(played: tuple[Path, Recent]) -> None:
    folder, _ = played
    whole = page(folder, n=100_000).told
    before = 0
    joined: list[Told] = []
    for _ in range(10_000):
        part = page(folder, n=3, before=before)
        joined += part.told
        before = part.before
        if not before:
            break
    assert tuple(joined) == whole
    assert len(whole) > 10


def test_a_page_is_of_one_instrument(played: tuple[Path, Recent]) -> None:
    folder, _ = played
    found = page(folder, n=20, key="CRYPTO:BBBUSDT")
    assert {one.key for one in found.told} == {"CRYPTO:BBBUSDT"}


def test_a_decision_is_followed_from_its_event_to_the_end_of_the_trade(played: tuple[Path, Recent]) -> None:
    folder, recent = played
    closed = next(one for one in recent.latest if one.what == "closed")
    entered = [one for one in recent.latest if one.what == "entered" and one.key == closed.key and one.seq < closed.seq][-1]
    found = steps(folder, entered.seq, closed.key)
    kinds = [one.kind for one in found]
    assert kinds[:2] == ["event", "order"]
    assert kinds.count("fill") >= 2
    assert (found[-1].kind, found[-1].seq) == ("end", closed.seq)
    assert closed.text in found[-1].text


@pytest.mark.parametrize("what", ["closed", "fill"])
def test_a_closed_trade_and_a_fill_lead_back_to_the_decision_that_caused_them(played: tuple[Path, Recent], what: str) -> None:
    folder, recent = played
    closed = [one for one in recent.latest if one.what == "closed"][-1]
    entered = [one for one in recent.latest if one.what == "entered" and one.key == closed.key and one.seq < closed.seq][-1]
    asked = next(one for one in recent.latest if one.what == what and one.key == closed.key and entered.seq < one.seq <= closed.seq)
    found = steps(folder, asked.seq, asked.key)
    assert found == steps(folder, entered.seq, closed.key)
    assert (found[0].seq, found[1].kind) == (entered.seq, "order") and entered.text in found[1].text
    assert (found[-1].kind, found[-1].seq) == ("end", closed.seq)


def test_a_refusal_is_a_chain_of_its_own(played: tuple[Path, Recent]) -> None:
    folder, recent = played
    refusal = next(one for one in page(folder, n=1_000).told if one.what == "refused")
    assert [one.kind for one in steps(folder, refusal.seq, refusal.key)][:1] == ["event"]
    assert {one.seq for one in steps(folder, refusal.seq, refusal.key)} == {refusal.seq}
    assert recent.latest


def test_a_fill_whose_decision_the_journal_no_longer_has_stands_alone(played: tuple[Path, Recent], tmp_path: Path) -> None:
    folder, recent = played
    fill = next(one for one in recent.latest if one.what == "closed")
    assert trail._opened_at(folder / "journal", fill.seq, fill.key, {"PERPS/LIVE"}) == 0
    assert trail._opened_at(tmp_path / "none", fill.seq, fill.key, {fill.account}) == 0


def test_an_entry_that_is_not_there_has_no_chain(played: tuple[Path, Recent]) -> None:
    assert steps(played[0], 10_000_000, "CRYPTO:AAAUSDT") == []


def test_the_end_of_the_journal_fills_a_memory_that_was_lost(played: tuple[Path, Recent]) -> None:
    folder, recent = played
    ask = msgspec.json.encode(trail.LatelyAsk(folder=str(folder), instruments=COINS))
    found = msgspec.msgpack.decode(trail.lately(ask), type=trail.Lately)
    fresh = Recent(recent.state)
    fresh.fill(found.told, found.bars)
    for one in COINS:
        assert np.array_equal(fresh.bars(one.key, 100)[:, :5], recent.bars(one.key, 100)[:, :5])
        assert [told.seq for told in fresh.by_key[one.key]] == [told.seq for told in recent.by_key[one.key]]


def test_a_torn_line_ends_its_file_and_nothing_else(played: tuple[Path, Recent], tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    for path in sorted((played[0] / "journal").iterdir()):
        (folder / path.name).write_bytes(path.read_bytes())
    last = max(folder.iterdir())
    last.write_bytes(last.read_bytes()[:-7])
    whole, torn = list(trail.backwards(played[0] / "journal")), list(trail.backwards(folder))
    assert torn == whole[1:]
