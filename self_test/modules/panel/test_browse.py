from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.panel.browse import ROWS, Browser
from modules.ui.beside import Beside
from modules.ui.recent import Recent
from self_test.fakes.stored import Played
from self_test.modules.panel.house import Aside, lively_state, remember
from self_test.telemetry.samples import BTC, T0, refused
from state.messages import Tick
from utils.errors import Refusal

pytestmark = pytest.mark.asyncio
COIN = "CRYPTO:AAAUSDT"


async def test_the_newest_page_is_from_memory_when_it_is_full() -> None:
    recent, aside = Recent(lively_state()), Aside()
    for n in range(ROWS + 5):
        recent(n, Tick(T0 + n), [refused(f"rule {n}", ts=T0 + n)])
    found = await Browser("folder", aside.run).page({"key": BTC, "what": "refused"}, recent)
    assert aside.asked == [] and len(found["told"]) == ROWS
    assert found["told"][0].seq == ROWS + 4 and found["following"] == "/journal?key=CRYPTO%3ABTCUSDT&what=refused&before=5"


async def test_what_memory_lacks_comes_from_disk() -> None:
    recent, aside = Recent(lively_state()), Aside()
    remember(recent)
    found = await Browser("folder", aside.run).page({"account": "CRYPTO/PAPER"}, recent)
    assert [job for job, _ in aside.asked] == ["page"] and found["following"] == ""
    assert aside.asked[0][1]["folder"] == "folder" and aside.asked[0][1]["account"] == "CRYPTO/PAPER"


@pytest.mark.parametrize("before, asked", [("12", 12), ("-3", 0), ("x", 0), ("٣", 0), ("9" * 30, 0), ("", 0)])
async def test_a_place_that_is_none_is_the_newest(before: str, asked: int) -> None:
    aside = Aside()
    await Browser("folder", aside.run).page({"before": before}, Recent(lively_state()))
    assert aside.asked[0][1]["before"] == asked


@pytest.mark.parametrize("query", [{"key": "x"}, {"account": "CRYPTO"}, {"what": "everything"}])
async def test_filters_that_name_nothing_are_refused(query: dict[str, str]) -> None:
    aside = Aside()
    with pytest.raises(Refusal, match="of that name"):
        await Browser("folder", aside.run).page(query, Recent(lively_state()))
    assert aside.asked == []


async def test_a_chain_is_read_or_said_to_be_gone() -> None:
    recent, aside = Recent(lively_state()), Aside()
    browser = Browser("folder", aside.run)
    assert [one.kind for one in (await browser.chain(3, BTC, recent))["steps"]] == ["event", "refusal"]
    with pytest.raises(Refusal, match="nothing of that name"):
        await browser.chain(3, "x", recent)

    async def gone(_job: str, _given: bytes) -> bytes:
        return b"[]"

    with pytest.raises(Refusal, match="no longer holds entry 7"):
        await Browser("folder", gone).chain(7, "", recent)


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Played]:
    """Four hours of the demo."""
    played = Played(tmp_path / "simulated")
    played.minutes(240)
    played.chain.journal.sync()
    yield played
    played.chain.close()


async def test_the_journal_on_disk_is_browsed_page_by_page_and_a_trade_led_back(bot: Played) -> None:
    browser, recent = Browser(str(bot.folder), Beside().run), Recent(bot.engine.state)
    first = await browser.page({"key": COIN}, recent)
    assert len(first["told"]) >= ROWS and {one.key for one in first["told"]} == {COIN}
    older = await browser.page({"key": COIN, "before": first["following"].rpartition("=")[2]}, recent)
    assert older["told"][0].seq < first["told"][-1].seq
    closed = next(one for one in first["told"] if one.what == "closed")
    steps = (await browser.chain(closed.seq, COIN, recent))["steps"]
    assert [one.kind for one in steps][:2] == ["event", "order"]
    assert (steps[-1].kind, steps[-1].seq) == ("end", closed.seq)
